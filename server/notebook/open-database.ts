/** One database of an open notebook, as the CouchDB protocol speaks to it: what is asked of the whole. */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { type Written, write } from '#server/notebook/book.ts';
import { compact } from '#server/notebook/compact.ts';
import type { Document } from '#server/notebook/document.ts';
import { FAULTS, Fault } from '#server/notebook/fault.ts';
import { type ListAsked, listDocuments } from '#server/notebook/list.ts';
import type { Room } from '#server/notebook/open.ts';
import { answerChanges } from '#server/notebook/open-changes.ts';
import { answerDocument } from '#server/notebook/open-document.ts';
import { answerMap } from '#server/notebook/open-view.ts';
import { type Get, missingRevisions, readMany, type Telling } from '#server/notebook/read.ts';
import type { Book } from '#server/notebook/store.ts';
import * as store from '#server/notebook/store.ts';

/** One request, its path taken apart and decoded. */
export interface Call {
  readonly method: string;
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Aborted when the caller hangs up. */
  readonly left: AbortSignal;
  /** Takes the answer over, to write it bit by bit. */
  readonly stream: () => ServerResponse;
}

/** What goes back: JSON, or bytes as they are. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly bytes?: Uint8Array;
}

type Answered = Promise<Answer | Fault | undefined>;

const NAME = /^[a-z][a-z0-9_$()+/-]*$/;
const NOT_JSON = new Fault(400, 'bad_request', 'invalid UTF-8 JSON');
const NOT_ALLOWED = new Fault(405, 'method_not_allowed', 'That is not done here.');
const badName = (name: string) =>
  new Fault(
    400,
    'illegal_database_name',
    `Name: '${name}'. Only lowercase characters (a-z), digits (0-9), and any of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter.`,
  );

/** The JSON of a body. */
export function jsonOf({ body }: Pick<Call, 'body'>): unknown | Fault {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return NOT_JSON;
  }
}

/** Whether the query says `name=true`. */
export function says({ query }: Pick<Call, 'query'>, name: string): boolean {
  return query.get(name) === 'true';
}

/** What of a document is asked for. */
export function tellingOf(call: Pick<Call, 'query'>): Telling {
  return {
    revs: says(call, 'revs'),
    revsInfo: says(call, 'revs_info'),
    conflicts: says(call, 'conflicts') || says(call, 'meta'),
    deletedConflicts: says(call, 'deleted_conflicts') || says(call, 'meta'),
    localSequence: says(call, 'local_seq'),
    attachments: says(call, 'attachments'),
  };
}

/** Answers what is asked of the database `name`. */
export async function answerDatabase(room: Room, name: string, call: Call): Answered {
  const book = { region: room.region, book: name };
  const { database } = room.parts;
  if (call.path.length === 0 && call.method === 'PUT') {
    if (!NAME.test(name)) return badName(name);
    const made = await store.insertBook(database, book, room.parts.rules.revisionsMost);
    return made ? { status: 201, body: { ok: true }, headers: { location: `/${name}` } } : FAULTS.bookExists;
  }
  const held = await store.readBook(database, book);
  if (!held) return FAULTS.noBook;
  if (call.path.length === 0) return await answerWhole(room, book, held, call);
  const [first = ''] = call.path;
  if (first.startsWith('_') && !['_design', '_local'].includes(first) && !/^_(?:design|local)\//.test(first)) {
    return await answerSpecial(room, book, held, call, first);
  }
  return await answerDocument(room, book, call);
}

async function answerWhole(room: Room, book: Book, held: store.BookRow, call: Call): Answered {
  const { database } = room.parts;
  switch (call.method) {
    case 'GET':
    case 'HEAD':
      return { body: await infoOf(room, book, held) };
    case 'POST': {
      const json = jsonOf(call);
      if (json instanceof Fault) return json;
      return writtenAnswer(await write(room.parts, book, [json], { edits: true }), 201);
    }
    case 'DELETE':
      await database.transaction((tx) => store.deleteBook(tx, book));
      room.bell.ring(book);
      return { body: { ok: true } };
    default:
      return NOT_ALLOWED;
  }
}

async function infoOf(room: Room, book: Book, held: store.BookRow): Promise<object> {
  const { living, deleted } = await store.countDocuments(room.parts.database, book);
  return {
    db_name: book.book,
    doc_count: living,
    doc_del_count: deleted,
    update_seq: held.sequence,
    purge_seq: 0,
    compact_running: false,
    sizes: { file: held.bytes, external: held.bytes, active: held.bytes },
    instance_start_time: '0',
    disk_format_version: 8,
    committed_update_seq: held.sequence,
  };
}

/** The answer to one written document. */
export function writtenAnswer(written: readonly Written[] | Fault, status: number): Answer | Fault {
  if (written instanceof Fault) return written;
  const [one] = written;
  if (!one) return FAULTS.noDocuments;
  if ('fault' in one) return one.fault;
  return { status, body: { ok: true, id: one.id, rev: one.rev }, headers: { etag: `"${one.rev}"` } };
}

async function answerSpecial(room: Room, book: Book, held: store.BookRow, call: Call, name: string): Answered {
  const json = call.method === 'POST' || call.method === 'PUT' ? (call.body.length > 0 ? jsonOf(call) : {}) : {};
  if (json instanceof Fault) return json;
  switch (name) {
    case '_bulk_docs':
      return await bulkDocs(room, book, json);
    case '_bulk_get':
      return await bulkGet(room, book, call, json);
    case '_all_docs':
      return await allDocs(room, book, held, call, json);
    case '_changes':
      return await answerChanges(room, book, call, json);
    case '_revs_diff':
      return { body: await missingRevisions(room.parts.database, book, json as Record<string, string[]>) };
    case '_missing_revs': {
      const missing = await missingRevisions(room.parts.database, book, json as Record<string, string[]>);
      const revisions = Object.entries(missing).map(([id, one]) => [id, one.missing]);
      return { body: { missing_revs: Object.fromEntries(revisions) } };
    }
    case '_revs_limit':
      if (call.method === 'GET') return { body: held.revisions_most };
      if (!Number.isSafeInteger(json) || (json as number) < 1) return NOT_JSON;
      await store.limitRevisions(room.parts.database, book, Math.min(json as number, 2 ** 31 - 1));
      return { body: { ok: true } };
    case '_compact':
      await compact(room.parts.database, book);
      return { status: 202, body: { ok: true } };
    case '_temp_view':
      return await answerMap(room, book, call, String((json as { map?: unknown }).map));
    case '_view_cleanup':
      return { status: 202, body: { ok: true } };
    case '_ensure_full_commit':
      return { status: 201, body: { ok: true, instance_start_time: '0' } };
    case '_security':
      return { body: call.method === 'PUT' ? { ok: true } : {} };
    default:
      return FAULTS.missing;
  }
}

async function bulkDocs(room: Room, book: Book, json: unknown): Answered {
  const asked = (typeof json === 'object' && json !== null ? json : {}) as { docs?: unknown; new_edits?: unknown };
  if (!Array.isArray(asked.docs)) return FAULTS.noDocuments;
  if (asked.docs.some((one) => typeof one !== 'object' || one === null || Array.isArray(one))) return FAULTS.noObject;
  const edits = asked.new_edits !== false;
  const written = await write(room.parts, book, edits ? asked.docs : asked.docs.map(asCopy), { edits });
  if (written instanceof Fault) return written;
  // Documents that cannot be read at all spoil the whole: nobody could tell which of them was meant.
  const spoiled = written.find((one) => 'fault' in one && SPOILS.has(one.fault.error));
  if (spoiled && 'fault' in spoiled) return spoiled.fault;
  const rows = written.map((one) =>
    'rev' in one
      ? { ok: true, id: one.id, rev: one.rev }
      : // Without the status PouchDB takes the no for a fault of the server.
        { id: one.id, error: one.fault.error, reason: one.fault.reason, status: one.fault.status },
  );
  return { status: 201, body: edits ? rows : rows.filter((one) => 'error' in one) };
}

/**
 * A copy as its history names it: where a document tells another revision beside that, CouchDB reads over it, and PouchDB
 * does tell one when two generations have one name.
 */
export function asCopy(document: Document): Document {
  if (document._revisions === undefined) return document;
  const { _rev: _, ...told } = document;
  return told;
}

const SPOILS = new Set(['bad_request', 'illegal_docid', 'doc_validation', 'missing_stub']);

async function bulkGet(room: Room, book: Book, call: Call, json: unknown): Answered {
  const { docs } = json as { docs?: unknown };
  if (!Array.isArray(docs)) return FAULTS.noDocuments;
  const gets = docs.filter((one): one is Get => typeof (one as Get | null)?.id === 'string');
  const asked = { ...tellingOf(call), latest: says(call, 'latest') };
  return { body: { results: await readMany(room.parts.database, book, gets, asked) } };
}

const KEYS_MOST = 1_000_000_000;

async function allDocs(room: Room, book: Book, held: store.BookRow, call: Call, json: unknown): Answered {
  const asked = listAsked(call, json as Record<string, unknown>);
  if (asked instanceof Fault) return asked;
  const list = await listDocuments(room.parts.database, book, asked);
  return { body: says(call, 'update_seq') ? { ...list, update_seq: held.sequence } : list };
}

function listAsked(call: Call, body: Record<string, unknown>): ListAsked | Fault {
  const keyed = (name: string): unknown => {
    const text = call.query.get(name);
    return text === null ? body[name] : (JSON.parse(text) as unknown);
  };
  const textOf = (...names: string[]): string | undefined => {
    const value = names.map(keyed).find((one) => one !== undefined && one !== null);
    return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
  };
  try {
    const keys = keyed('keys');
    const key = textOf('key');
    const number = (name: string, usual: number) => Number(call.query.get(name) ?? body[name] ?? usual);
    return {
      ...tellingOf(call),
      withDocuments: says(call, 'include_docs') || body.include_docs === true,
      ...(Array.isArray(keys) ? { keys: keys.map(String) } : {}),
      range: {
        from: key ?? textOf('startkey', 'start_key'),
        to: key ?? textOf('endkey', 'end_key'),
        withTo: key !== undefined || call.query.get('inclusive_end') !== 'false',
        back: says(call, 'descending') || body.descending === true,
        skip: number('skip', 0),
        most: number('limit', KEYS_MOST),
      },
    };
  } catch {
    return NOT_JSON;
  }
}
