/**
 * The notebook's way to the server: PouchDB's requests, each signed by this device as every sync is, with a deadline.
 * What is brought is cut into pieces a house reads; their answers are put together again.
 */
import { NOTEBOOK_PATH } from '#shared/api/notebook.ts';
import { utf8 } from '#shared/base/bytes.ts';
import { duration } from '#shared/base/time.ts';
import type { ClientNeeds } from '#web/sync/client.ts';
import { deviceClock } from '#web/sync/clock.ts';
import { signRequest } from '#web/vault/device-key.ts';
import { vault } from '#web/vault/vault.ts';

/** Longer than the house lets anybody wait for news. */
const PATIENCE = duration(40, 's');
/** Bytes of one request, below the half megabyte the house reads. */
const PIECE_BYTES = 400_000;

/** How PouchDB asks: as `fetch` does. */
export type NotebookFetch = (url: string, init: RequestInit) => Promise<Response>;

/** Makes that way. */
export function createNotebookFetch(needs: ClientNeeds): NotebookFetch {
  const ask = (url: string, init: RequestInit) => exchange(needs, url, init);
  return async (url, init) => {
    // Which server this is, PouchDB asks at its root, where a house has nothing: it goes by the notebook's own address.
    if (new URL(url).pathname === `${NOTEBOOK_PATH}/`) return Response.json({});
    // What a notebook says of itself stands at its name; PouchDB asks there with a stroke behind it.
    if (url.endsWith('/')) return await ask(url.slice(0, -1), init);
    if (isMark(url) && (init.method ?? 'GET') === 'GET') return await askForMark(ask, url, init);
    const pieces = /\/_bulk_docs$/.test(url) && typeof init.body === 'string' ? piecesOf(init.body) : undefined;
    if (!pieces) return await ask(url, init);
    const told: unknown[] = [];
    for (const body of pieces) {
      const answer = await ask(url, { ...init, body });
      if (!answer.ok) return answer;
      told.push(...((await answer.json()) as unknown[]));
    }
    return Response.json(told, { status: 201 });
  };
}

/** Where one side marks how far it has come; PouchDB asks for it before it is there. */
function isMark(url: string): boolean {
  return /\/_local\/[^/?]+$/.test(url);
}

/** That there is no mark yet is no fault: the house is asked to say so in a way that no browser prints as one. */
async function askForMark(ask: NotebookFetch, url: string, init: RequestInit): Promise<Response> {
  const answer = await ask(`${url}?none=204`, init);
  if (answer.status !== 204) return answer;
  return Response.json({ error: 'not_found', reason: 'missing' }, { status: 404 });
}

/** The app's own way. */
export const notebookFetch: NotebookFetch = createNotebookFetch({
  vault,
  clock: deviceClock,
  send: (url, init) => fetch(url, init),
});

async function exchange(needs: ClientNeeds, url: string, init: RequestInit): Promise<Response> {
  const { pathname, search } = new URL(url);
  const path = pathname + search;
  const method = init.method ?? 'GET';
  const body = typeof init.body === 'string' ? utf8(init.body) : undefined;
  const headers = new Headers(init.headers);
  if (!body) headers.delete('content-type');
  const word = await signRequest(needs.vault, { method, path, body: body ?? new Uint8Array() }, needs.clock());
  if (word) headers.set('authorization', word);
  const deadline = AbortSignal.timeout(PATIENCE);
  return await needs.send(path, {
    method,
    headers,
    signal: init.signal ? AbortSignal.any([deadline, init.signal]) : deadline,
    credentials: 'same-origin',
    cache: 'no-store',
    ...(body ? { body } : {}),
  });
}

/** The body in several, or undefined when one will do. */
function piecesOf(body: string): string[] | undefined {
  if (utf8(body).length <= PIECE_BYTES) return undefined;
  const { docs, ...rest } = JSON.parse(body) as { docs: unknown[] };
  const pieces: unknown[][] = [];
  let room = 0;
  for (const one of docs) {
    const bytes = utf8(JSON.stringify(one)).length + 1;
    if (bytes > room) {
      pieces.push([]);
      room = PIECE_BYTES;
    }
    pieces.at(-1)?.push(one);
    room -= bytes;
  }
  return pieces.map((piece) => JSON.stringify({ ...rest, docs: piece }));
}
