/**
 * The app's only way to the server: JSON both ways, a deadline on every request, refusals instead of exceptions.
 * A request can speak for this device by its key, so that sync works with no signed-in session.
 */

import { REFUSALS, type Refusal, type RefusalCode } from '#shared/api/refusal.ts';
import { utf8 } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, type Duration, duration } from '#shared/base/time.ts';
import { deviceClock } from '#web/sync/clock.ts';
import { signRequest } from '#web/vault/device-key.ts';
import { keepSetting } from '#web/vault/settings.ts';
import { type Vault, vault } from '#web/vault/vault.ts';

/** One request. `path` begins with `/` and includes its query. */
export interface Asked {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Signed by the device key. */
  readonly signed?: boolean;
  /** How long the whole exchange may take; 10 s when not said. */
  readonly timeout?: Duration;
  /** Gives up early. */
  readonly signal?: AbortSignal;
}

/** Asks the server. No answer in time, or none at all, is the refusal `house.unreachable`. */
export type Ask = <Answer = unknown>(asked: Asked) => Promise<Result<Answer, Refusal>>;

/** What a client needs: a vault for the device key, the clock, and the way out. */
export interface ClientNeeds {
  readonly vault: Vault;
  readonly clock: Clock;
  readonly send: (url: string, init: RequestInit) => Promise<Response>;
}

const PATIENCE = duration(10, 's');

/** Makes a client. */
export function createClient(needs: ClientNeeds): Ask {
  return async <Answer>(asked: Asked) => {
    const first = await exchange<Answer>(needs, asked);
    const serverTime = first.ok ? undefined : first.error.detail?.serverTime;
    if (first.ok || first.error.code !== ('device.clock-skew' as RefusalCode) || typeof serverTime !== 'number') {
      return first;
    }
    // The phone's clock is off: remember by how much, and say it once more in the server's time.
    await keepSetting(needs.vault, 'clockAhead', serverTime - needs.clock());
    return await exchange<Answer>(needs, asked);
  };
}

/** The app's own client. */
export const ask: Ask = createClient({ vault, clock: deviceClock, send: (url, init) => fetch(url, init) });

async function exchange<Answer>(needs: ClientNeeds, asked: Asked): Promise<Result<Answer, Refusal>> {
  const body = asked.body === undefined ? undefined : utf8(JSON.stringify(asked.body));
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body) headers['content-type'] = 'application/json';
  if (asked.signed) {
    const word = await signRequest(
      needs.vault,
      { method: asked.method, path: asked.path, body: body ?? new Uint8Array() },
      needs.clock(),
    );
    if (word) headers.authorization = word;
  }
  const deadline = AbortSignal.timeout(asked.timeout ?? PATIENCE);
  const signal = asked.signal ? AbortSignal.any([deadline, asked.signal]) : deadline;
  try {
    const response = await needs.send(asked.path, {
      method: asked.method,
      headers,
      signal,
      credentials: 'same-origin',
      cache: 'no-store',
      ...(body ? { body } : {}),
    });
    return await readResponse<Answer>(response);
  } catch {
    return refuse({ code: 'house.unreachable' });
  }
}

/** Asks the server for a file. */
export type AskFile = (path: string) => Promise<Result<Blob, Refusal>>;

/** A file may be large and the road slow. */
const FILE_PATIENCE = duration(120, 's');

/** The app's own way to files of the house. */
export const askFile: AskFile = async (path) => {
  const signal = AbortSignal.timeout(FILE_PATIENCE);
  try {
    const response = await fetch(path, { signal, credentials: 'same-origin', cache: 'no-store' });
    if (!response.ok) return await readResponse<Blob>(response);
    return ok(await response.blob());
  } catch {
    return refuse({ code: 'house.unreachable' });
  }
};

async function readResponse<Answer>(response: Response): Promise<Result<Answer, Refusal>> {
  if (response.status === 204) return ok(undefined as Answer);
  const isJson = /^application\/(?:problem\+)?json\b/.test(response.headers.get('content-type') ?? '');
  // Something other than the house answered (a hotel's sign-in page, a proxy): that is no connection.
  if (!isJson) return refuse({ code: response.status === 503 ? 'house.busy' : 'house.unreachable' });
  const answer: unknown = await response.json();
  return response.ok ? ok(answer as Answer) : refuse(refusalIn(answer));
}

/** The refusal in a problem+json body (RFC 9457); an unknown code reads as a fault of the house. */
export function refusalIn(problem: unknown): Refusal {
  if (typeof problem !== 'object' || problem === null) return { code: 'house.fault' };
  const {
    code,
    type: _type,
    title: _title,
    status: _status,
    remedy: _remedy,
    detail: _detail,
    ...rest
  } = problem as Record<string, unknown>;
  if (typeof code !== 'string' || !Object.hasOwn(REFUSALS, code)) return { code: 'house.fault' };
  const detail = Object.fromEntries(
    Object.entries(rest).filter((entry): entry is [string, string | number] =>
      ['string', 'number'].includes(typeof entry[1]),
    ),
  );
  return { code: code as RefusalCode, ...(Object.keys(detail).length > 0 ? { detail } : {}) };
}
