/** How documents are told: with their history, their conflicts and their attachments, as far as somebody asks. */
import type { Document, Listed } from '#server/notebook/document.ts';
import { FAULTS, type Fault } from '#server/notebook/fault.ts';
import { historyOf, leavesOf, newestOf, type RevisionTree, winnerOf } from '#server/notebook/revision.ts';
import type { Book } from '#server/notebook/store.ts';
import * as store from '#server/notebook/store.ts';
import type { Sql } from '#server/platform/database.ts';

/** What shall be told beside the words of a document. */
export interface Telling {
  readonly revs?: boolean;
  readonly revsInfo?: boolean;
  readonly conflicts?: boolean;
  readonly deletedConflicts?: boolean;
  readonly localSequence?: boolean;
  /** Attachments with their bytes instead of their names alone. */
  readonly attachments?: boolean;
}

/** One revision of a document that is asked for. */
export interface Wanted {
  readonly row: store.DocumentRow;
  readonly revision: string;
}

/** Reads revisions all at once; of one whose words are forgotten there is nothing. In the order asked. */
export async function tell(
  tx: Sql,
  book: Book,
  wanted: readonly Wanted[],
  telling: Telling,
): Promise<(Document | undefined)[]> {
  if (wanted.length === 0) return [];
  const bodies = await store.readBodies(
    tx,
    book,
    wanted.map(({ row, revision }) => ({ id: row.id, revision })),
  );
  const byName = new Map(bodies.map((body) => [`${body.id} ${body.revision}`, body]));
  const files = telling.attachments ? await filesOf(tx, book, bodies) : undefined;
  const statuses = telling.revsInfo ? await keptRevisions(tx, book, wanted) : undefined;
  return wanted.map(({ row, revision }) => {
    const body = byName.get(`${row.id} ${revision}`);
    return body && documentOf({ row, revision }, body, telling, files, statuses);
  });
}

async function filesOf(tx: Sql, book: Book, bodies: readonly store.BodyRow[]): Promise<Map<string, Uint8Array>> {
  const digests = bodies.flatMap(({ attachments }) => Object.values(listIn(attachments)).map(({ digest }) => digest));
  const rows = digests.length === 0 ? [] : await store.readAttachments(tx, book, [...new Set(digests)]);
  return new Map(rows.map(({ digest, data }) => [digest, data]));
}

async function keptRevisions(tx: Sql, book: Book, wanted: readonly Wanted[]): Promise<Set<string>> {
  const lines = wanted.flatMap(({ row, revision }) =>
    lineOf(treesOf(row), revision).map((one) => ({ id: row.id, revision: one })),
  );
  return new Set((await store.readBodies(tx, book, lines)).map((body) => `${body.id} ${body.revision}`));
}

/** The trees of a document. */
export function treesOf(row: Pick<store.DocumentRow, 'tree'>): readonly RevisionTree[] {
  return JSON.parse(row.tree) as readonly RevisionTree[];
}

function listIn(attachments: string | null): Readonly<Record<string, Listed>> {
  return attachments === null ? {} : (JSON.parse(attachments) as Readonly<Record<string, Listed>>);
}

function lineOf(trees: readonly RevisionTree[], revision: string): string[] {
  const history = historyOf(trees, revision);
  return history ? history.ids.map((id, at) => `${history.start - at}-${id}`) : [];
}

function documentOf(
  { row, revision }: Wanted,
  body: store.BodyRow,
  telling: Telling,
  files: ReadonlyMap<string, Uint8Array> | undefined,
  kept: ReadonlySet<string> | undefined,
): Document {
  const trees = treesOf(row);
  const leaves = leavesOf(trees);
  const deleted = leaves.find((leaf) => leaf.revision === revision)?.deleted ?? false;
  const others = leaves.slice(1);
  const conflicts = others.filter((leaf) => !leaf.deleted).map((leaf) => leaf.revision);
  const gone = others.filter((leaf) => leaf.deleted).map((leaf) => leaf.revision);
  const list = Object.entries(listIn(body.attachments));
  const line = telling.revsInfo ? lineOf(trees, revision) : [];
  const infos = line.map((rev, at) => ({
    rev,
    status: kept?.has(`${row.id} ${rev}`) ? (at === 0 && deleted ? 'deleted' : 'available') : 'missing',
  }));
  return {
    ...(JSON.parse(body.body) as Document),
    _id: row.id,
    _rev: revision,
    ...(deleted ? { _deleted: true } : {}),
    ...(list.length > 0 ? { _attachments: Object.fromEntries(list.map((one) => attachmentOf(one, files))) } : {}),
    ...(telling.revs ? { _revisions: historyOf(trees, revision) } : {}),
    ...(telling.revsInfo ? { _revs_info: infos } : {}),
    ...(telling.conflicts && conflicts.length > 0 ? { _conflicts: conflicts } : {}),
    ...(telling.deletedConflicts && gone.length > 0 ? { _deleted_conflicts: gone } : {}),
    ...(telling.localSequence ? { _local_seq: row.sequence } : {}),
  };
}

function attachmentOf(
  [name, listed]: readonly [string, Listed],
  files: ReadonlyMap<string, Uint8Array> | undefined,
): [string, object] {
  const { content_type, revpos, digest, length } = listed;
  const data = files?.get(digest);
  if (!data) return [name, { content_type, revpos, digest, length, stub: true }];
  return [name, { content_type, revpos, digest, data: Buffer.from(data).toString('base64') }];
}

/** One document: its winner, or the `revision` asked for (`latest`: or what grew out of it). */
export async function readDocument(
  tx: Sql,
  book: Book,
  id: string,
  asked: Telling & { readonly revision?: string; readonly latest?: boolean },
): Promise<Document | Fault> {
  const [row] = await store.readDocuments(tx, book, [id]);
  if (!row) return FAULTS.missing;
  if (asked.revision === undefined && row.deleted) return FAULTS.deleted;
  const trees = treesOf(row);
  const revision = asked.revision ?? row.revision;
  const newest = asked.latest ? (newestOf(trees, revision)[0] ?? revision) : revision;
  const [document] = await tell(tx, book, [{ row, revision: newest }], asked);
  return document ?? FAULTS.missing;
}

/** Several revisions of one document (all its leaves when none are named), or the word that one is missing. */
export async function readOpen(
  tx: Sql,
  book: Book,
  id: string,
  revisions: readonly string[] | 'all',
  asked: Telling & { readonly latest?: boolean },
): Promise<({ readonly ok: Document } | { readonly missing: string })[] | Fault> {
  const [row] = await store.readDocuments(tx, book, [id]);
  if (!row) return revisions === 'all' ? FAULTS.missing : revisions.map((missing) => ({ missing }));
  const trees = treesOf(row);
  const named = revisions === 'all' ? leavesOf(trees).map(({ revision }) => revision) : revisions;
  const meant = asked.latest ? named.flatMap((one) => orItself(newestOf(trees, one), one)) : named;
  const unique = [...new Set(meant)];
  const documents = await tell(
    tx,
    book,
    unique.map((revision) => ({ row, revision })),
    asked,
  );
  return documents.map((ok, at) => (ok ? { ok } : { missing: unique[at] ?? '' }));
}

function orItself(found: readonly string[], itself: string): readonly string[] {
  return found.length === 0 ? [itself] : found;
}

/** One question of a bulk of them. */
export interface Get {
  readonly id: string;
  readonly rev?: string | undefined;
}

/** An answer of a bulk: what was asked for, or why it is not told. */
export interface Got {
  readonly id: string;
  readonly docs: readonly ({ readonly ok: Document } | { readonly error: object })[];
}

/** Many revisions of many documents, read at once. */
export async function readMany(
  tx: Sql,
  book: Book,
  gets: readonly Get[],
  asked: Telling & { readonly latest?: boolean },
): Promise<Got[]> {
  const rows = await store.readDocuments(tx, book, [...new Set(gets.map(({ id }) => id))]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const wanted = gets.map(({ id, rev }): Wanted[] => {
    const row = byId.get(id);
    if (!row) return [];
    const revision = rev ?? row.revision;
    const meant = asked.latest ? orItself(newestOf(treesOf(row), revision), revision) : [revision];
    return meant.map((one) => ({ row, revision: one }));
  });
  const told = await tell(tx, book, wanted.flat(), asked);
  let at = 0;
  return gets.map(({ id, rev }, place) => {
    const mine = wanted[place] ?? [];
    const missing = { error: { id, rev: rev ?? 'undefined', error: 'not_found', reason: 'missing' } };
    if (mine.length === 0) return { id, docs: [missing] };
    const documents = told.slice(at, at + mine.length);
    at += mine.length;
    return { id, docs: documents.map((ok) => (ok ? { ok } : missing)) };
  });
}

/** Which of these revisions are not here, and what of ours they may stand on. */
export async function missingRevisions(
  tx: Sql,
  book: Book,
  asked: Readonly<Record<string, readonly string[]>>,
): Promise<Record<string, { readonly missing: string[]; readonly possible_ancestors?: string[] }>> {
  const rows = await store.readDocuments(tx, book, Object.keys(asked));
  const byId = new Map(rows.map((row) => [row.id, treesOf(row)]));
  const answer: Record<string, { missing: string[]; possible_ancestors?: string[] }> = {};
  for (const [id, revisions] of Object.entries(asked)) {
    const trees = byId.get(id);
    const missing = revisions.filter((one) => !trees || historyOf(trees, one) === undefined);
    if (missing.length === 0) continue;
    const ancestors = trees ? ancestorsFor(trees, missing) : [];
    answer[id] = ancestors.length > 0 ? { missing, possible_ancestors: ancestors } : { missing };
  }
  return answer;
}

function ancestorsFor(trees: readonly RevisionTree[], missing: readonly string[]): string[] {
  const newest = Math.max(...missing.map((one) => Number.parseInt(one, 10)));
  return leavesOf(trees)
    .map(({ revision }) => revision)
    .filter((revision) => Number.parseInt(revision, 10) < newest);
}

/** The bytes of one attachment, and how it is listed. */
export async function readAttachment(
  tx: Sql,
  book: Book,
  id: string,
  name: string,
  revision: string | undefined,
): Promise<{ readonly listed: Listed; readonly data: Uint8Array } | Fault> {
  const [row] = await store.readDocuments(tx, book, [id]);
  if (!row) return FAULTS.missing;
  if (revision === undefined && row.deleted) return FAULTS.deleted;
  const [body] = await store.readBodies(tx, book, [{ id, revision: revision ?? winnerOf(treesOf(row)).revision }]);
  if (!body) return FAULTS.missing;
  const listed = Object.entries(listIn(body.attachments)).find(([one]) => one === name)?.[1];
  const [file] = listed ? await store.readAttachments(tx, book, [listed.digest]) : [];
  return listed && file ? { listed, data: file.data } : FAULTS.noAttachment;
}
