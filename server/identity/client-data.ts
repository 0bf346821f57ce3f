/**
 * Reads clientDataJSON (WebAuthn L3 section 5.8.1) for the checks SimpleWebAuthn leaves to its caller.
 * Invariant: what is read here is what the library reads, because text with a key twice is refused.
 */
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
    const json = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const data: unknown = JSON.parse(json);
    if (typeof data !== 'object' || data === null || Array.isArray(data) || saysKeyTwice(json)) return undefined;
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

/** Whether any object in `json` (already known to parse) says one key twice: two readers could then see two values. */
export function saysKeyTwice(json: string): boolean {
  const open: Set<string>[] = [];
  for (const match of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g)) {
    const [token, colon] = match;
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const key: string = JSON.parse(token.slice(0, token.length - colon.length));
      const seen = open.at(-1);
      if (seen?.has(key)) return true;
      seen?.add(key);
    }
  }
  return false;
}
