/** How notebooks are remembered: everything by lists, for a phone that was away long brings thousands of documents at once. */
import type { Sql } from '#server/platform/database.ts';

/** Which notebook. */
export interface Book {
  readonly region: string;
  readonly book: string;
}

/** The notebook itself. */
export interface BookRow {
  readonly sequence: number;
  readonly bytes: number;
  readonly revisions_most: number;
}

/** A document as its tree of revisions (JSON); what they say stands in {@link BodyRow}. */
export interface DocumentRow {
  readonly id: string;
  readonly sequence: number;
  readonly revision: string;
  readonly deleted: boolean;
  readonly tree: string;
  readonly bytes: number;
}

/** What one revision says (JSON), and its attachments by name (JSON). */
export interface BodyRow {
  readonly id: string;
  readonly revision: string;
  readonly body: string;
  readonly attachments: string | null;
}

/** An attachment, known by its digest. */
export interface AttachmentRow {
  readonly digest: string;
  readonly data: Uint8Array;
}

/** What a client keeps beside the documents and nobody replicates. */
export interface LocalRow {
  readonly id: string;
  readonly version: number;
  readonly body: string;
}

/** Makes the notebook; false when it is there. */
export async function insertBook(tx: Sql, { region, book }: Book, revisionsMost: number): Promise<boolean> {
  const made = await tx.query(
    `insert into notebook (region, book, revisions_most) values ($1, $2, $3)
     on conflict (region, book) do nothing returning book`,
    [region, book, revisionsMost],
  );
  return made.length === 1;
}

/** Takes the notebook away with all that stands in it; false when there is none. */
export async function deleteBook(tx: Sql, { region, book }: Book): Promise<boolean> {
  const gone = await tx.query('delete from notebook where region = $1 and book = $2 returning book', [region, book]);
  await tx.query('delete from notebook_document where region = $1 and book = $2', [region, book]);
  await tx.query('delete from notebook_revision where region = $1 and book = $2', [region, book]);
  await tx.query('delete from notebook_attachment where region = $1 and book = $2', [region, book]);
  await tx.query('delete from notebook_local where region = $1 and book = $2', [region, book]);
  return gone.length === 1;
}

/** The names of all notebooks of a region. */
export async function bookNames(tx: Sql, region: string): Promise<string[]> {
  const rows = await tx.query<{ book: string }>('select book from notebook where region = $1 order by book', [region]);
  return rows.map(({ book }) => book);
}

/** The notebook; locked until the transaction ends when `lock`, so that its numbers come in the order of its commits. */
export async function readBook(tx: Sql, { region, book }: Book, lock = false): Promise<BookRow | undefined> {
  const rows = await tx.query<BookRow>(
    `select sequence, bytes, revisions_most from notebook where region = $1 and book = $2${lock ? ' for update' : ''}`,
    [region, book],
  );
  return rows[0];
}

/** The last numbers of these notebooks, as `region book`. */
export async function lastSequences(tx: Sql, books: readonly Book[]): Promise<Map<string, number>> {
  const rows = await tx.query<Book & { sequence: number }>(
    `select n.region, n.book, n.sequence from notebook n
     join (select unnest($1::text[]) as region, unnest($2::text[]) as book) as asked
       on n.region = asked.region and n.book = asked.book`,
    [books.map(({ region }) => region), books.map(({ book }) => book)],
  );
  return new Map(rows.map(({ region, book, sequence }) => [`${region} ${book}`, sequence]));
}

/** Writes how far the notebook has come. */
export async function saveBook(tx: Sql, { region, book }: Book, sequence: number, bytes: number): Promise<void> {
  await tx.query('update notebook set sequence = $3, bytes = $4 where region = $1 and book = $2', [
    region,
    book,
    sequence,
    bytes,
  ]);
}

/** Says how many revisions of a line the notebook keeps from now on. */
export async function limitRevisions(tx: Sql, { region, book }: Book, most: number): Promise<void> {
  await tx.query('update notebook set revisions_most = $3 where region = $1 and book = $2', [region, book, most]);
}

const DOCUMENT = 'id, sequence, revision, deleted, tree, bytes';

/** The documents among `ids`. */
export function readDocuments(tx: Sql, { region, book }: Book, ids: readonly string[]): Promise<DocumentRow[]> {
  return tx.query<DocumentRow>(
    `select ${DOCUMENT} from notebook_document where region = $1 and book = $2 and id = any($3::text[])`,
    [region, book, ids],
  );
}

/** All documents. */
export function everyDocument(tx: Sql, { region, book }: Book): Promise<DocumentRow[]> {
  return tx.query<DocumentRow>(`select ${DOCUMENT} from notebook_document where region = $1 and book = $2`, [
    region,
    book,
  ]);
}

/** Writes documents over what they were. */
export async function saveDocuments(tx: Sql, { region, book }: Book, rows: readonly DocumentRow[]): Promise<void> {
  await tx.query(
    `insert into notebook_document (region, book, id, sequence, revision, deleted, tree, bytes)
     select $1, $2, i.* from unnest($3::text[], $4::bigint[], $5::text[], $6::boolean[], $7::text[], $8::bigint[]) as i
     on conflict (region, book, id) do update set sequence = excluded.sequence, revision = excluded.revision,
       deleted = excluded.deleted, tree = excluded.tree, bytes = excluded.bytes`,
    [
      region,
      book,
      rows.map(({ id }) => id),
      rows.map(({ sequence }) => sequence),
      rows.map(({ revision }) => revision),
      rows.map(({ deleted }) => deleted),
      rows.map(({ tree }) => tree),
      rows.map(({ bytes }) => bytes),
    ],
  );
}

/** What a revision is called by. */
export interface Which {
  readonly id: string;
  readonly revision: string;
}

/** What these revisions say; those whose words are forgotten are left out. */
export function readBodies(tx: Sql, { region, book }: Book, which: readonly Which[]): Promise<BodyRow[]> {
  return tx.query<BodyRow>(
    `select r.id, r.revision, r.body, r.attachments from notebook_revision r
     join unnest($3::text[], $4::text[]) as asked(id, revision) on r.id = asked.id and r.revision = asked.revision
     where r.region = $1 and r.book = $2`,
    [region, book, which.map(({ id }) => id), which.map(({ revision }) => revision)],
  );
}

/** Bytes of what these revisions say, by document. */
export async function weighBodies(
  tx: Sql,
  { region, book }: Book,
  which: readonly Which[],
): Promise<Map<string, number>> {
  const rows = await tx.query<{ id: string; bytes: number }>(
    `select r.id, octet_length(r.body) as bytes from notebook_revision r
     join unnest($3::text[], $4::text[]) as asked(id, revision) on r.id = asked.id and r.revision = asked.revision
     where r.region = $1 and r.book = $2`,
    [region, book, which.map(({ id }) => id), which.map(({ revision }) => revision)],
  );
  const sums = new Map<string, number>();
  for (const { id, bytes } of rows) sums.set(id, (sums.get(id) ?? 0) + bytes);
  return sums;
}

/** Keeps what revisions say. */
export async function saveBodies(tx: Sql, { region, book }: Book, rows: readonly BodyRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `insert into notebook_revision (region, book, id, revision, body, attachments)
     select $1, $2, i.* from unnest($3::text[], $4::text[], $5::text[], $6::text[]) as i
     on conflict (region, book, id, revision) do nothing`,
    [
      region,
      book,
      rows.map(({ id }) => id),
      rows.map(({ revision }) => revision),
      rows.map(({ body }) => body),
      rows.map(({ attachments }) => attachments),
    ],
  );
}

/** Forgets what these revisions said. */
export async function dropBodies(tx: Sql, { region, book }: Book, which: readonly Which[]): Promise<void> {
  if (which.length === 0) return;
  await tx.query(
    `delete from notebook_revision r using unnest($3::text[], $4::text[]) as gone(id, revision)
     where r.region = $1 and r.book = $2 and r.id = gone.id and r.revision = gone.revision`,
    [region, book, which.map(({ id }) => id), which.map(({ revision }) => revision)],
  );
}

/** How the attachments of all kept revisions are listed (JSON). */
export async function attachmentLists(tx: Sql, { region, book }: Book): Promise<string[]> {
  const rows = await tx.query<{ attachments: string }>(
    'select attachments from notebook_revision where region = $1 and book = $2 and attachments is not null',
    [region, book],
  );
  return rows.map(({ attachments }) => attachments);
}

/** The attachments among `digests`. */
export function readAttachments(tx: Sql, { region, book }: Book, digests: readonly string[]): Promise<AttachmentRow[]> {
  return tx.query<AttachmentRow>(
    'select digest, data from notebook_attachment where region = $1 and book = $2 and digest = any($3::text[])',
    [region, book, digests],
  );
}

/** How long the attachments among `digests` are. */
export function attachmentLengths(
  tx: Sql,
  { region, book }: Book,
  digests: readonly string[],
): Promise<{ readonly digest: string; readonly length: number }[]> {
  return tx.query(
    `select digest, length(data) as length from notebook_attachment
     where region = $1 and book = $2 and digest = any($3::text[])`,
    [region, book, digests],
  );
}

/** Keeps attachments; one that is there already is the same. */
export async function saveAttachments(tx: Sql, { region, book }: Book, rows: readonly AttachmentRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `insert into notebook_attachment (region, book, digest, data)
     select $1, $2, i.* from unnest($3::text[], $4::bytea[]) as i on conflict (region, book, digest) do nothing`,
    [region, book, rows.map(({ digest }) => digest), rows.map(({ data }) => data)],
  );
}

/** Forgets all attachments but those of `digests`. */
export async function keepAttachments(tx: Sql, { region, book }: Book, digests: readonly string[]): Promise<void> {
  await tx.query('delete from notebook_attachment where region = $1 and book = $2 and digest <> all($3::text[])', [
    region,
    book,
    digests,
  ]);
}

/** At most `most` documents changed after number `since`, in the order of their last change or (`back`) against it. */
export function changedAfter(
  tx: Sql,
  { region, book }: Book,
  { since, most, back }: { readonly since: number; readonly most: number; readonly back: boolean },
): Promise<DocumentRow[]> {
  return tx.query<DocumentRow>(
    `select ${DOCUMENT} from notebook_document where region = $1 and book = $2 and sequence > $3
     order by sequence${back ? ' desc' : ''} limit $4`,
    [region, book, since, most],
  );
}

/** How many documents were changed after number `since`. */
export async function countChangedAfter(tx: Sql, { region, book }: Book, since: number): Promise<number> {
  const rows = await tx.query<{ count: number }>(
    'select count(*) as count from notebook_document where region = $1 and book = $2 and sequence > $3',
    [region, book, since],
  );
  return rows[0]?.count ?? 0;
}

/** Which of the living documents are asked for, by their ids. */
export interface Range {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly withTo: boolean;
  readonly back: boolean;
  readonly skip: number;
  readonly most: number;
}

/** The living documents of a range, and how many stand before it. */
export async function readRange(
  tx: Sql,
  { region, book }: Book,
  { from, to, withTo, back, skip, most }: Range,
): Promise<{ readonly rows: DocumentRow[]; readonly before: number }> {
  const [begins, ends] = back ? ['<=', withTo ? '>=' : '>'] : ['>=', withTo ? '<=' : '<'];
  const rows = await tx.query<DocumentRow>(
    `select ${DOCUMENT} from notebook_document where region = $1 and book = $2 and not deleted
       and ($3::text is null or id ${begins} $3::text) and ($4::text is null or id ${ends} $4::text)
     order by id${back ? ' desc' : ''} offset $5 limit $6`,
    [region, book, from ?? null, to ?? null, skip, most],
  );
  if (from === undefined) return { rows, before: skip };
  const counted = await tx.query<{ count: number }>(
    `select count(*) as count from notebook_document where region = $1 and book = $2 and not deleted
       and id ${back ? '>' : '<'} $3::text`,
    [region, book, from],
  );
  return { rows, before: skip + (counted[0]?.count ?? 0) };
}

/** How many documents live, and how many are deleted. */
export async function countDocuments(tx: Sql, { region, book }: Book): Promise<{ living: number; deleted: number }> {
  const rows = await tx.query<{ living: number; deleted: number }>(
    `select count(*) filter (where not deleted) as living, count(*) filter (where deleted) as deleted
     from notebook_document where region = $1 and book = $2`,
    [region, book],
  );
  return rows[0] ?? { living: 0, deleted: 0 };
}

/** The living design documents and what they say. */
export function readDesigns(tx: Sql, { region, book }: Book): Promise<BodyRow[]> {
  return tx.query<BodyRow>(
    `select r.id, r.revision, r.body, r.attachments from notebook_document d
     join notebook_revision r on r.region = d.region and r.book = d.book and r.id = d.id and r.revision = d.revision
     where d.region = $1 and d.book = $2 and d.id >= '_design/' and d.id < '_design0' and not d.deleted`,
    [region, book],
  );
}

/** A document of one client. */
export async function readLocal(tx: Sql, { region, book }: Book, id: string): Promise<LocalRow | undefined> {
  const rows = await tx.query<LocalRow>(
    'select id, version, body from notebook_local where region = $1 and book = $2 and id = $3',
    [region, book, id],
  );
  return rows[0];
}

/** How many documents of clients there are. */
export async function countLocals(tx: Sql, { region, book }: Book): Promise<number> {
  const rows = await tx.query<{ count: number }>(
    'select count(*) as count from notebook_local where region = $1 and book = $2',
    [region, book],
  );
  return rows[0]?.count ?? 0;
}

/** Keeps a document of one client. */
export async function saveLocal(tx: Sql, { region, book }: Book, { id, version, body }: LocalRow): Promise<void> {
  await tx.query(
    `insert into notebook_local (region, book, id, version, body) values ($1, $2, $3, $4, $5)
     on conflict (region, book, id) do update set version = excluded.version, body = excluded.body`,
    [region, book, id, version, body],
  );
}

/** Forgets a document of one client. */
export async function dropLocal(tx: Sql, { region, book }: Book, id: string): Promise<void> {
  await tx.query('delete from notebook_local where region = $1 and book = $2 and id = $3', [region, book, id]);
}
