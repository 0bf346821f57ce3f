/** The changes of an open notebook, as the CouchDB protocol tells them: at once, when there are some, or for as long as one listens. */
import { setTimeout as pause } from 'node:timers/promises';
import { type ChangesAsked, type ChangesPage, type Filter, readChanges } from '#server/notebook/changes.ts';
import { compileFilter, compileMap } from '#server/notebook/design.ts';
import type { Document } from '#server/notebook/document.ts';
import { FAULTS, Fault } from '#server/notebook/fault.ts';
import type { Room } from '#server/notebook/open.ts';
import { type Answer, type Call, says, tellingOf } from '#server/notebook/open-database.ts';
import { readDocument } from '#server/notebook/read.ts';
import { fitsSelector, type Selector } from '#server/notebook/selector.ts';
import { type Book, readBook } from '#server/notebook/store.ts';

const HEARTBEAT_MS = 60_000;
const TIMEOUT_MS = 60_000;
const EVERYTHING = 1_000_000_000;
const NO_LIST = new Fault(400, 'bad_request', '`doc_ids` filter parameter is not a list.');
const missingKey = (key: string) => new Fault(404, 'not_found', `missing json key: ${key}`);

/** Answers `_changes`. */
export async function answerChanges(
  room: Room,
  book: Book,
  call: Call,
  json: unknown,
): Promise<Answer | Fault | undefined> {
  const filter = await filterOf(room, book, call, json as Record<string, unknown>);
  if (filter instanceof Fault) return filter;
  const asked = await askedOf(room, book, call, filter);
  if (asked instanceof Fault) return asked;
  const feed = call.query.get('feed') ?? 'normal';
  if (feed === 'normal' || asked.back) return { body: bodyOf(await pageOf(room, book, asked)) };
  if (feed === 'longpoll') return await longpoll(room, book, call, asked);
  await listen(room, book, call, asked, feed === 'eventsource');
  return undefined;
}

async function askedOf(room: Room, book: Book, call: Call, filter: Filter | undefined): Promise<ChangesAsked | Fault> {
  const { query } = call;
  const held = await readBook(room.parts.database, book);
  const told = query.get('since') ?? (query.get('last-event-id') || '0');
  const since = told === 'now' ? (held?.sequence ?? 0) : Number(told.replaceAll('"', ''));
  const limit = Number(query.get('limit') ?? EVERYTHING);
  if (!Number.isSafeInteger(since) || !Number.isSafeInteger(limit)) {
    return new Fault(400, 'bad_request', 'since and limit are numbers');
  }
  const back = says(call, 'descending');
  return {
    ...tellingOf(call),
    // Backwards everything is told, wherever the caller has come to: so does CouchDB.
    since: back ? 0 : Math.max(since, 0),
    most: Math.max(limit, 1),
    back,
    allLeaves: query.get('style') === 'all_docs',
    withDocuments: says(call, 'include_docs'),
    ...(filter ? { filter } : {}),
  };
}

async function pageOf(room: Room, book: Book, asked: ChangesAsked): Promise<ChangesPage> {
  const held = await readBook(room.parts.database, book);
  return await readChanges(room.parts.database, book, held?.sequence ?? 0, asked);
}

function bodyOf({ results, last, pending }: ChangesPage): object {
  return { results, last_seq: last, pending };
}

/** How long one waits for a change, and after what silence something is said. */
function patienceOf({ query }: Call): { readonly timeout: number; readonly heartbeat: number | undefined } {
  const told = query.get('heartbeat');
  const heartbeat = told === null ? undefined : told === 'true' ? HEARTBEAT_MS : Math.max(Number(told) || 0, 10);
  const timeout = Number(query.get('timeout') ?? TIMEOUT_MS) || TIMEOUT_MS;
  // As long as it is heard to be alive, nobody is sent away.
  return { heartbeat, timeout: heartbeat === undefined ? timeout : Number.MAX_SAFE_INTEGER };
}

const TURN_MS = 5_000;

/** Waits for a page with something in it; empty when the time is over or the caller has gone. */
async function waitForPage(
  room: Room,
  book: Book,
  call: Call,
  asked: ChangesAsked,
  timeout: number,
): Promise<ChangesPage> {
  const until = performance.now() + timeout;
  for (let since = asked.since; ; ) {
    const page = await pageOf(room, book, { ...asked, since });
    const left = until - performance.now();
    if (page.results.length > 0 || left <= 0 || call.left.aborted || !room.bell.hasRoom()) return page;
    since = page.last;
    await room.bell.heard(book, page.last, Math.min(left, TURN_MS), call.left);
    if (!(await readBook(room.parts.database, book))) return page;
  }
}

async function longpoll(room: Room, book: Book, call: Call, asked: ChangesAsked): Promise<Answer | undefined> {
  const { timeout, heartbeat } = patienceOf(call);
  if (heartbeat === undefined) return { body: bodyOf(await waitForPage(room, book, call, asked, timeout)) };
  const first = await pageOf(room, book, asked);
  if (first.results.length > 0) return { body: bodyOf(first) };
  const out = call.stream();
  const beat = setInterval(() => out.write('\n'), heartbeat);
  const page = await waitForPage(room, book, call, asked, timeout).finally(() => clearInterval(beat));
  out.end(`${JSON.stringify(bodyOf(page))}\n`);
  return undefined;
}

/** Tells every change as a line of its own until the caller hangs up, nothing comes for too long, or enough was told. */
async function listen(room: Room, book: Book, call: Call, asked: ChangesAsked, asEvents: boolean): Promise<void> {
  const { timeout, heartbeat } = patienceOf(call);
  const out = call.stream();
  const beat =
    heartbeat === undefined
      ? undefined
      : setInterval(() => out.write(asEvents ? 'event: heartbeat\ndata: \n\n' : '\n'), heartbeat);
  let { since, most } = asked;
  while (!call.left.aborted && most > 0) {
    const page = await waitForPage(room, book, call, { ...asked, since, most }, timeout);
    for (const change of page.results) {
      const line = JSON.stringify(change);
      out.write(asEvents ? `data: ${line}\nid: ${change.seq}\n\n` : `${line}\n`);
    }
    since = page.last;
    most -= page.results.length;
    if (page.results.length === 0) break;
    await pause(0);
  }
  clearInterval(beat);
  out.end(asEvents ? '' : `${JSON.stringify({ last_seq: since, pending: 0 })}\n`);
}

async function filterOf(
  room: Room,
  book: Book,
  { query }: Call,
  body: Record<string, unknown>,
): Promise<Filter | Fault | undefined> {
  const name = query.get('filter');
  if (name === null) return undefined;
  if (name === '_doc_ids') return idFilter(body.doc_ids ?? query.get('doc_ids'));
  if (name === '_design') return (document) => String(document._id).startsWith('_design/');
  if (name === '_selector') {
    const { selector } = body;
    if (typeof selector !== 'object' || selector === null || Array.isArray(selector)) return FAULTS.noSelector;
    return (document) => fitsSelector(document, selector as Selector);
  }
  const [designName = '', member = ''] = (name === '_view' ? (query.get('view') ?? '') : name).split('/');
  if (member === '') return new Fault(400, 'bad_request', 'a filter is named as designname/filtername');
  const design = await readDocument(room.parts.database, book, `_design/${designName}`, {});
  if (design instanceof Fault) return design === FAULTS.deleted ? FAULTS.deleted : FAULTS.missing;
  return name === '_view' ? viewFilter(design, member) : writtenFilter(design, member, query);
}

function idFilter(told: unknown): Filter | Fault {
  let ids: unknown;
  try {
    ids = typeof told === 'string' ? JSON.parse(told) : told;
  } catch {
    return NO_LIST;
  }
  if (!Array.isArray(ids)) return NO_LIST;
  const wanted = new Set(ids);
  return ({ _id }) => wanted.has(_id);
}

function viewFilter(design: Document, member: string): Filter | Fault {
  const { views } = design as { views?: Record<string, { map?: string }> };
  if (!views) return missingKey('views');
  const source = views[member]?.map;
  if (source === undefined) return missingKey(member);
  return compiled(() => {
    const map = compileMap(source);
    return (document) => map(document).length > 0;
  });
}

function writtenFilter(design: Document, member: string, query: URLSearchParams): Filter | Fault {
  const { filters } = design as { filters?: Record<string, string> };
  if (!filters) return missingKey('filters');
  const source = filters[member];
  return source === undefined ? missingKey(member) : compiled(() => compileFilter(source, Object.fromEntries(query)));
}

function compiled(make: () => Filter): Filter | Fault {
  try {
    return make();
  } catch (error) {
    return new Fault(500, 'compilation_error', String(error));
  }
}
