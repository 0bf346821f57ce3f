/** One document of an open notebook, and its attachments, as the CouchDB protocol speaks of them. */
import { write } from '#server/notebook/book.ts';
import type { Document } from '#server/notebook/document.ts';
import { FAULTS, Fault } from '#server/notebook/fault.ts';
import { readRelated } from '#server/notebook/multipart.ts';
import type { Room } from '#server/notebook/open.ts';
import {
  type Answer,
  asCopy,
  type Call,
  jsonOf,
  says,
  tellingOf,
  writtenAnswer,
} from '#server/notebook/open-database.ts';
import { answerView } from '#server/notebook/open-view.ts';
import { readAttachment, readDocument, readOpen } from '#server/notebook/read.ts';
import { type Book, readLocal } from '#server/notebook/store.ts';

type Answered = Promise<Answer | Fault | undefined>;

/** Answers what is asked of a document (`_design/x` and `_local/x` too) or of one of its attachments. */
export async function answerDocument(room: Room, book: Book, call: Call): Answered {
  const [first = '', second, ...rest] = call.path;
  const isNamed = first === '_design' || first === '_local';
  const id = isNamed ? `${first}/${second ?? ''}` : first;
  const name = (isNamed ? rest : second === undefined ? [] : [second, ...rest]).join('/');
  if (first === '_design' && rest[0] === '_view')
    return await answerView(room, book, call, second ?? '', rest[1] ?? '');
  if (name !== '') return await answerAttachment(room, book, call, id, name);
  if (call.method === 'GET' || call.method === 'HEAD') {
    return id.startsWith('_local/') ? await getLocal(room, book, id) : await getDocument(room, book, call, id);
  }
  if (call.method === 'PUT') return await putDocument(room, book, call, id);
  if (call.method === 'DELETE') return await deleteDocument(room, book, call, id);
  return new Fault(405, 'method_not_allowed', 'Only DELETE, GET, HEAD and PUT are allowed.');
}

/** The revision a request names: in its address, or as the entity it must match. */
function revisionOf({ query, headers }: Call): string | undefined {
  return query.get('rev') ?? headers['if-match']?.replaceAll('"', '') ?? undefined;
}

async function getDocument(room: Room, book: Book, call: Call, id: string): Answered {
  const open = call.query.get('open_revs');
  const telling = { ...tellingOf(call), latest: says(call, 'latest') };
  if (open !== null) {
    const revisions = readRevisions(open);
    if (revisions instanceof Fault) return revisions;
    const answers = await readOpen(room.parts.database, book, id, revisions, telling);
    return answers instanceof Fault ? answers : { body: answers };
  }
  const revision = call.query.get('rev');
  const asked = revision === null ? telling : { ...telling, revision };
  const document = await readDocument(room.parts.database, book, id, asked);
  if (document instanceof Fault) return document;
  return { body: document, headers: { etag: `"${String(document._rev)}"` } };
}

function readRevisions(open: string): readonly string[] | 'all' | Fault {
  if (open === 'all') return open;
  const json = jsonOf({ body: Buffer.from(open) });
  return Array.isArray(json) ? json.map(String) : new Fault(400, 'bad_request', 'open_revs is a list or `all`');
}

async function getLocal(room: Room, book: Book, id: string): Answered {
  const row = await readLocal(room.parts.database, book, id.slice('_local/'.length));
  if (!row) return FAULTS.missing;
  return { body: { _id: id, _rev: `0-${row.version}`, ...(JSON.parse(row.body) as Document) } };
}

async function putDocument(room: Room, book: Book, call: Call, id: string): Answered {
  const type = call.headers['content-type'] ?? '';
  const related = /^multipart\/related/i.test(type) ? readRelated(type, call.body) : undefined;
  const json = jsonOf({ body: related ? Buffer.from(related.json) : call.body });
  if (json instanceof Fault) return json;
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return FAULTS.noObject;
  const revision = revisionOf(call);
  const document: Document = {
    ...json,
    _id: id,
    ...(revision === undefined || '_rev' in json ? {} : { _rev: revision }),
  };
  const edits = call.query.get('new_edits') !== 'false' && document.new_edits !== false;
  const files = filesOf(document, related?.files ?? []);
  const { new_edits: _, ...clean } = document;
  const written = await write(room.parts, book, [edits ? clean : asCopy(clean)], {
    edits,
    bytesOf: (name) => files.get(name),
  });
  return writtenAnswer(written, call.query.get('batch') === 'ok' ? 202 : 201);
}

/** Parts say their own name, or come in the order in which the document says that they follow. */
function filesOf(
  { _attachments: told }: Document,
  files: readonly { readonly name: string | undefined; readonly data: Uint8Array }[],
): ReadonlyMap<string, Uint8Array> {
  const following = Object.entries((told ?? {}) as Record<string, { follows?: unknown }>)
    .filter(([, one]) => one?.follows === true)
    .map(([name]) => name);
  return new Map(files.map(({ name, data }, at) => [name ?? following[at] ?? '', data]));
}

async function deleteDocument(room: Room, book: Book, call: Call, id: string): Answered {
  const revision = revisionOf(call);
  if (!id.startsWith('_local/')) {
    const document = await readDocument(room.parts.database, book, id, {});
    if (document === FAULTS.missing) return FAULTS.missing;
    if (revision === undefined) return document instanceof Fault ? document : FAULTS.conflict;
  }
  const gone = { _id: id, _deleted: true, ...(revision === undefined ? {} : { _rev: revision }) };
  return writtenAnswer(await write(room.parts, book, [gone], { edits: true }), 200);
}

async function answerAttachment(room: Room, book: Book, call: Call, id: string, name: string): Answered {
  if (id.startsWith('_local/')) return FAULTS.localAttachment;
  const revision = revisionOf(call);
  if (call.method === 'GET' || call.method === 'HEAD') {
    const file = await readAttachment(room.parts.database, book, id, name, revision);
    if (file instanceof Fault) return file;
    const { content_type, digest } = file.listed;
    const headers = { 'content-type': content_type, etag: `"${digest}"`, 'content-md5': digest.slice('md5-'.length) };
    return { bytes: file.data, headers };
  }
  const held = await readDocument(room.parts.database, book, id, revision === undefined ? {} : { revision });
  if (held instanceof Fault && (call.method === 'DELETE' || revision !== undefined)) {
    return held === FAULTS.missing && call.method === 'PUT' ? FAULTS.conflict : held;
  }
  const document: Document = held instanceof Fault ? { _id: id } : held;
  const { [name]: old, ...others } = (document._attachments ?? {}) as Record<string, unknown>;
  if (call.method !== 'PUT' && old === undefined) return FAULTS.noAttachment;
  const file = {
    content_type: call.headers['content-type'] ?? 'application/octet-stream',
    data: call.body.toString('base64'),
  };
  const changed = {
    ...withRevision(document, revision),
    _attachments: call.method === 'PUT' ? { ...others, [name]: file } : others,
  };
  return writtenAnswer(await write(room.parts, book, [changed], { edits: true }), call.method === 'PUT' ? 201 : 200);
}

/** Without naming the revision one changes, one may only make a document. */
function withRevision({ _rev, ...document }: Document, revision: string | undefined): Document {
  return revision === undefined ? document : { ...document, _rev };
}
