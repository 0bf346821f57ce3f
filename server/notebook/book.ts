/**
 * One notebook: documents that are edited apart and brought together again, as the CouchDB protocol has it.
 * Invariant: every change has the next number of its notebook, in the order of the commits; no leaf is ever lost.
 */
import { randomUUID } from 'node:crypto';
import {
  type Brought,
  type Document,
  digestOf,
  type Incoming,
  type Listed,
  readIncoming,
} from '#server/notebook/document.ts';
import { FAULTS, Fault, missingStub } from '#server/notebook/fault.ts';
import {
  branchOf,
  grow,
  type History,
  leavesOf,
  nameEdit,
  type RevisionTree,
  readRevision,
  revisionsIn,
  winnerOf,
} from '#server/notebook/revision.ts';
import type { Book } from '#server/notebook/store.ts';
import * as store from '#server/notebook/store.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import { assert } from '#shared/base/assert.ts';

/** Judges a document before it is written. */
export type Judge = (document: Document) => Fault | undefined;
/** Judges a document beside what its winner said, if it lives. */
export type JudgeOfChange = (document: Document, old: Document | undefined) => Fault | undefined;

/** What a notebook takes. */
export interface BookRules {
  readonly revisionsMost: number;
  /** Keeps what older revisions said until it is told to compact. */
  readonly keepsOld: boolean;
  /** Bytes of one document as JSON, and of all together. */
  readonly documentBytes: number;
  readonly bookBytes: number;
  /** Revisions of one document that are known of, in all its lines. */
  readonly treeMost: number;
  /** Lines of edits that stand beside each other: every further one makes all that follows dearer. */
  readonly linesMost: number;
  /** Documents that clients keep for themselves. */
  readonly localsMost: number;
  readonly localBytes: number;
  /** Takes those by themselves alone, never among copies. */
  readonly localsApart: boolean;
  readonly judge?: Judge;
  /** The judge that the notebook's own design documents make. */
  readonly judgeBy?: (designs: readonly Document[]) => JudgeOfChange | undefined;
}

/** What notebooks stand on. */
export interface BookParts {
  readonly database: Database;
  readonly rules: BookRules;
  /** Called after every commit that changed a notebook. */
  readonly changed: (book: Book) => void;
}

/** An answer to one document. */
export type Written = { readonly id: string; readonly rev: string } | { readonly id: string; readonly fault: Fault };

/** Writes documents: as edits of what is there, or as the copies that they are. Answers in their order. */
export async function write(
  parts: BookParts,
  book: Book,
  documents: readonly unknown[],
  options: { readonly edits: boolean; readonly bytesOf?: (name: string) => Uint8Array | undefined },
): Promise<Written[] | Fault> {
  const incoming = documents.map((one) => readIncoming(one, newDocumentId, options.bytesOf));
  const answer = await parts.database
    .transaction(async (tx) => {
      const held = await store.readBook(tx, book, true);
      if (!held) return FAULTS.noBook;
      return await writeAll(parts, tx, book, held, incoming, options.edits);
    })
    .catch(faultThrown);
  if (!(answer instanceof Fault) && answer.some((one) => 'rev' in one)) parts.changed(book);
  return answer;
}

/** Thrown to undo a transaction whose answer is a no. */
class Undone extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.error);
    this.fault = fault;
  }
}

function faultThrown(error: unknown): Fault {
  if (error instanceof Undone) return error.fault;
  throw error;
}

const newDocumentId = () => randomUUID().replaceAll('-', '');

/** A document while it is written. */
interface Draft {
  trees: readonly RevisionTree[];
  readonly before: readonly string[];
  readonly bytes: number;
  readonly treeBytes: number;
  changed: boolean;
}

/** What one writing gathers, to be saved at once. */
interface Work {
  readonly drafts: Map<string, Draft>;
  readonly bodies: store.BodyRow[];
  readonly attachments: Map<string, Uint8Array>;
  readonly forgotten: store.Which[];
}

async function writeAll(
  parts: BookParts,
  tx: Sql,
  book: Book,
  held: store.BookRow,
  incoming: readonly (Incoming | Fault)[],
  edits: boolean,
): Promise<Written[]> {
  const { rules } = parts;
  const whole = incoming.filter((one): one is Incoming => !(one instanceof Fault));
  const rows = await store.readDocuments(tx, book, [...new Set(whole.map(({ id }) => id))]);
  const drafts = new Map(rows.map((row) => [row.id, draftOf(row)]));
  const work: Work = { drafts, bodies: [], attachments: new Map(), forgotten: [] };
  const known = await knownAttachments(tx, book, whole, drafts);
  const judge = await judgeOf(rules, tx, book, rows);
  const bench: Bench = { rules, work, known, judge, most: held.revisions_most, edits };
  const answers: Written[] = [];
  for (const one of incoming) {
    if (one instanceof Fault) {
      answers.push({ id: '', fault: one });
      continue;
    }
    const isLocal = one.id.startsWith('_local/');
    const written = !isLocal
      ? writeOne(bench, one)
      : rules.localsApart && !edits
        ? FAULTS.reservedId
        : await writeLocal(rules, tx, book, one);
    answers.push(written instanceof Fault ? { id: one.id, fault: written } : { id: one.id, rev: written.rev });
  }
  await save(rules, tx, book, held, work);
  return answers;
}

function draftOf(row: store.DocumentRow): Draft {
  const trees = JSON.parse(row.tree) as readonly RevisionTree[];
  return {
    trees,
    before: leavesOf(trees).map(({ revision }) => revision),
    bytes: row.bytes,
    treeBytes: Buffer.byteLength(row.tree),
    changed: false,
  };
}

interface Bench {
  readonly rules: BookRules;
  readonly work: Work;
  readonly known: KnownAttachments;
  readonly judge: Judge;
  readonly most: number;
  readonly edits: boolean;
}

function writeOne(bench: Bench, one: Incoming): { readonly rev: string } | Fault {
  const { rules, work, known } = bench;
  const draft = work.drafts.get(one.id);
  const place = bench.edits ? placeOfEdit(draft, one) : placeOfCopy(draft, one);
  if (place instanceof Fault || 'rev' in place) return place;
  const listed = listAttachments(one, place, known, work);
  if (listed instanceof Fault) return listed;
  const body = JSON.stringify(one.body);
  if (Buffer.byteLength(body) > rules.documentBytes) return FAULTS.tooLarge;
  const names = Object.keys(listed);
  const content = names.length === 0 ? one.body : [one.body, names.map((name) => [name, listed[name]?.digest])];
  const history = place.history ?? editedHistory(place.parent, nameEdit(place.parent, one.deleted, content));
  const rev = `${history.start}-${history.ids[0]}`;
  const refused = bench.judge(documentOf(one, rev, listed));
  if (refused) return refused;
  const grown = grow(draft?.trees ?? [], branchOf(history, one.deleted), bench.most);
  if (bench.edits && grown.how !== 'new_leaf' && draft) return FAULTS.conflict;
  const isWide = leavesOf(grown.trees).length > rules.linesMost;
  if (isWide || revisionsIn(grown.trees).length > rules.treeMost) return FAULTS.tooManyRevisions;
  const start = draft ?? { before: [], bytes: 0, treeBytes: 0 };
  work.drafts.set(one.id, { ...start, trees: grown.trees, changed: true });
  const attachments = names.length === 0 ? null : JSON.stringify(listed);
  work.bodies.push({ id: one.id, revision: rev, body, attachments });
  work.forgotten.push(...grown.forgotten.map((revision) => ({ id: one.id, revision })));
  return { rev };
}

type Files = Readonly<Record<string, Listed>>;

function documentOf(one: Incoming, rev: string, files: Files): Document {
  return {
    _id: one.id,
    _rev: rev,
    ...one.body,
    ...(one.deleted ? { _deleted: true } : {}),
    ...(Object.keys(files).length > 0 ? { _attachments: files } : {}),
  };
}

/** Where a document grows: on `parent`, or as its own `history` says. */
interface Place {
  readonly parent: string | undefined;
  readonly history?: History;
}

function placeOfEdit(draft: Draft | undefined, one: Incoming): Place | Fault {
  if (!draft) return one.revision === undefined ? { parent: undefined } : FAULTS.conflict;
  const winner = winnerOf(draft.trees);
  // What was deleted may be written anew by somebody who does not know of it.
  const parent = one.revision ?? (winner.deleted && !one.deleted ? winner.revision : undefined);
  const isLeaf = leavesOf(draft.trees).some(({ revision }) => revision === parent);
  return parent !== undefined && isLeaf ? { parent } : FAULTS.conflict;
}

function placeOfCopy(draft: Draft | undefined, one: Incoming): Place | { readonly rev: string } | Fault {
  const told = one.revision === undefined ? undefined : readRevision(one.revision);
  const history = one.history ?? (told && { start: told.generation, ids: [told.id] });
  if (!history) return FAULTS.badRevision;
  const rev = `${history.start}-${history.ids[0]}`;
  if (one.revision !== undefined && one.revision !== rev) return FAULTS.badRevision;
  if (draft && revisionsIn(draft.trees).includes(rev)) return { rev };
  return { parent: history.ids.length > 1 ? `${history.start - 1}-${history.ids[1]}` : undefined, history };
}

function editedHistory(parent: string | undefined, rev: string): History {
  const made = readRevision(rev);
  assert(made !== undefined, 'an edit is named as a revision');
  const below = parent === undefined ? undefined : readRevision(parent);
  return { start: made.generation, ids: below ? [made.id, below.id] : [made.id] };
}

/** What is known of attachments before anything is written. */
interface KnownAttachments {
  /** By `id revision`: how the parents list them. */
  readonly lists: ReadonlyMap<string, Files>;
  readonly lengths: ReadonlyMap<string, number>;
}

async function knownAttachments(
  tx: Sql,
  book: Book,
  incoming: readonly Incoming[],
  drafts: ReadonlyMap<string, Draft>,
): Promise<KnownAttachments> {
  const stubbed = incoming.filter(({ attachments }) => Object.values(attachments).some((one) => 'stub' in one));
  if (stubbed.length === 0) return { lists: new Map(), lengths: new Map() };
  const parents = stubbed.flatMap((one) => {
    const lines = one.history?.ids.map((id, at) => `${(one.history?.start ?? 0) - at}-${id}`) ?? [];
    const known = [...lines, ...(one.revision ? [one.revision] : []), ...(drafts.get(one.id)?.before ?? [])];
    return known.map((revision) => ({ id: one.id, revision }));
  });
  const rows = await store.readBodies(tx, book, parents);
  const digests = stubbed.flatMap(({ attachments }) =>
    Object.values(attachments).flatMap((one) => ('stub' in one && one.digest ? [one.digest] : [])),
  );
  const lengths = await store.attachmentLengths(tx, book, digests);
  return {
    lists: new Map(rows.map((row) => [`${row.id} ${row.revision}`, JSON.parse(row.attachments ?? '{}') as Files])),
    lengths: new Map(lengths.map(({ digest, length }) => [digest, length])),
  };
}

function listAttachments(one: Incoming, place: Place, known: KnownAttachments, work: Work): Files | Fault {
  const generation = place.history?.start ?? (place.parent ? (readRevision(place.parent)?.generation ?? 0) + 1 : 1);
  const listed: Record<string, Listed> = {};
  for (const [name, brought] of Object.entries(one.attachments)) {
    const file =
      'stub' in brought ? heldFile(one, place, name, brought, known, work) : newFile(brought, place, generation, work);
    if (!file) return missingStub(one.id, name);
    listed[name] = file;
  }
  return listed;
}

function newFile(
  brought: Exclude<Brought, { stub: true }>,
  { history }: Place,
  generation: number,
  work: Work,
): Listed {
  const digest = digestOf(brought.data);
  work.attachments.set(digest, brought.data);
  const { content_type, data } = brought;
  // An edit brings its bytes itself, whatever it says of those that it was made from; a copy says when they came.
  const revpos = history ? (brought.revpos ?? generation) : generation;
  return { content_type, digest, length: data.length, revpos };
}

function heldFile(
  one: Incoming,
  place: Place,
  name: string,
  stub: Extract<Brought, { stub: true }>,
  known: KnownAttachments,
  work: Work,
): Listed | undefined {
  const lines = place.history?.ids.map((id, at) => `${(place.history?.start ?? 0) - at}-${id}`) ?? [place.parent ?? ''];
  const file = lines.map((line) => known.lists.get(`${one.id} ${line}`)?.[name]).find((found) => found !== undefined);
  if (file && (stub.digest === undefined || stub.digest === file.digest)) return file;
  if (stub.digest === undefined) return undefined;
  const length = known.lengths.get(stub.digest) ?? work.attachments.get(stub.digest)?.length;
  if (length === undefined) return undefined;
  const content_type = stub.content_type ?? 'application/octet-stream';
  return { content_type, digest: stub.digest, length, revpos: stub.revpos ?? 1 };
}

async function judgeOf(rules: BookRules, tx: Sql, book: Book, rows: readonly store.DocumentRow[]): Promise<Judge> {
  const always: Judge = rules.judge ?? (() => undefined);
  if (!rules.judgeBy) return always;
  const designs = (await store.readDesigns(tx, book)).map((row) => JSON.parse(row.body) as Document);
  const byDesign = rules.judgeBy(designs);
  if (!byDesign) return always;
  const winners = await store.readBodies(
    tx,
    book,
    rows.filter(({ deleted }) => !deleted),
  );
  const old = new Map(winners.map(({ id, body }) => [id, { _id: id, ...(JSON.parse(body) as Document) }]));
  return (document) => always(document) ?? byDesign(document, old.get(String(document._id)));
}

/** Bytes a document counts for beside its words and its tree: its row and its places in the indexes. */
const DOCUMENT_COSTS = 200;

async function save(rules: BookRules, tx: Sql, book: Book, held: store.BookRow, work: Work): Promise<void> {
  const changed = [...work.drafts].filter(([, draft]) => draft.changed);
  if (changed.length === 0) return;
  const gone = rules.keepsOld ? work.forgotten : [...work.forgotten, ...overwritten(changed)];
  const lost = gone.length === 0 ? new Map<string, number>() : await store.weighBodies(tx, book, gone);
  const gained = new Map<string, number>();
  for (const { id, body } of work.bodies) gained.set(id, (gained.get(id) ?? 0) + Buffer.byteLength(body));
  const rows = changed.map(([id, draft], at): store.DocumentRow => {
    const { revision, deleted } = winnerOf(draft.trees);
    const tree = JSON.stringify(draft.trees);
    const before = draft.bytes === 0 ? DOCUMENT_COSTS : draft.bytes - draft.treeBytes;
    const bytes = before + Buffer.byteLength(tree) + (gained.get(id) ?? 0) - (lost.get(id) ?? 0);
    return { id, sequence: held.sequence + at + 1, revision, deleted, tree, bytes };
  });
  const bytes = changed.reduce((sum, [, draft], at) => sum - draft.bytes + (rows[at]?.bytes ?? 0), held.bytes);
  // What makes a full notebook smaller is always taken.
  if (bytes > rules.bookBytes && bytes > held.bytes) throw new Undone(FAULTS.bookFull);
  await store.saveAttachments(
    tx,
    book,
    [...work.attachments].map(([digest, data]) => ({ digest, data })),
  );
  await store.saveBodies(tx, book, work.bodies);
  await store.dropBodies(tx, book, gone);
  await store.saveDocuments(tx, book, rows);
  await store.saveBook(tx, book, held.sequence + rows.length, bytes);
}

/** Leaves that something newer stands on now. */
function overwritten(changed: readonly (readonly [id: string, draft: Draft])[]): store.Which[] {
  return changed.flatMap(([id, { before, trees }]) => {
    const now = new Set(leavesOf(trees).map(({ revision }) => revision));
    return before.filter((revision) => !now.has(revision)).map((revision) => ({ id, revision }));
  });
}

/** Documents that a client keeps for itself: a number instead of a tree, and nobody replicates them. */
async function writeLocal(
  rules: BookRules,
  tx: Sql,
  book: Book,
  one: Incoming,
): Promise<{ readonly rev: string } | Fault> {
  const id = one.id.slice('_local/'.length);
  const held = await store.readLocal(tx, book, id);
  const before = one.revision === undefined ? 0 : Number(one.revision.slice(2));
  if (one.deleted) {
    if (!held) return FAULTS.missing;
    if (held.version !== before) return FAULTS.conflict;
    await store.dropLocal(tx, book, id);
    return { rev: '0-0' };
  }
  if ((held?.version ?? 0) !== before) return FAULTS.conflict;
  const body = JSON.stringify(one.body);
  if (Buffer.byteLength(body) > rules.localBytes) return FAULTS.tooLarge;
  if (!held && (await store.countLocals(tx, book)) >= rules.localsMost) return FAULTS.bookFull;
  await store.saveLocal(tx, book, { id, version: before + 1, body });
  return { rev: `0-${before + 1}` };
}
