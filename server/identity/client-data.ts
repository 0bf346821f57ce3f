/**
 * Reads clientDataJSON (WebAuthn L3 section 5.8.1) for the checks SimpleWebAuthn leaves to its caller.
 * Invariant: what is read here is what the library reads, because text with a key twice is refused.
 */
import { plainJson } from '#server/platform/json.ts';
import { fromBase64url } from '#shared/base/bytes.ts';

/** The parts of clientDataJSON our own checks need. */
export interface ClientData {
  readonly challenge: string;
  readonly crossOrigin: boolean;
  readonly topOrigin: boolean;
}

/** The client data in `text` (base64url of JSON), or undefined when it is no object, says a key twice or has no challenge. */
export function readClientData(text: string): ClientData | undefined {
  const bytes = fromBase64url(text);
  if (!bytes) return undefined;
  try {
    const data: unknown = JSON.parse(plainJson(bytes) ?? '');
    if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
    const { challenge, crossOrigin, topOrigin } = data as Record<string, unknown>;
    if (typeof challenge !== 'string') return undefined;
    return {
      challenge,
      crossOrigin: crossOrigin !== undefined && crossOrigin !== false,
      topOrigin: topOrigin !== undefined,
    };
  } catch {
    return undefined;
  }
}
