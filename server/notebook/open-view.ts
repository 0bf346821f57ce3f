/** The views of an open notebook: every document mapped anew each time it is asked, in the order of the keys. */
import { compileMap, type Emitted } from '#server/notebook/design.ts';
import type { Document } from '#server/notebook/document.ts';
import { Fault } from '#server/notebook/fault.ts';
import type { Room } from '#server/notebook/open.ts';
import { type Answer, type Call, jsonOf, says } from '#server/notebook/open-database.ts';
import { readDocument, tell } from '#server/notebook/read.ts';
import { compare } from '#server/notebook/selector.ts';
import { type Book, everyDocument } from '#server/notebook/store.ts';

/** Answers a view of a design document as a filter of changes may need it: its map by one key, without reducing and without many keys. */
export async function answerView(
  room: Room,
  book: Book,
  call: Call,
  design: string,
  view: string,
): Promise<Answer | Fault> {
  const found = await readDocument(room.parts.database, book, `_design/${design}`, {});
  if (found instanceof Fault) return found;
  const source = (found.views as Record<string, { map?: string }> | undefined)?.[view]?.map;
  if (source === undefined) return new Fault(404, 'not_found', 'missing_named_view');
  return await answerMap(room, book, call, source);
}

/** Answers a map that is told with the question. */
export async function answerMap(room: Room, book: Book, call: Call, source: string): Promise<Answer | Fault> {
  const { database } = room.parts;
  const rows = (await everyDocument(database, book)).filter(
    ({ id, deleted }) => !deleted && !id.startsWith('_design/'),
  );
  const documents = await tell(
    database,
    book,
    rows.map((row) => ({ row, revision: row.revision })),
    { conflicts: true },
  );
  try {
    const map = compileMap(source);
    const lines = documents.flatMap((document) => (document ? linesOf(document, map(document), call) : []));
    const wanted = call.query.get('key');
    const key = wanted === null ? undefined : jsonOf({ body: Buffer.from(wanted) });
    const asked = lines.filter((line) => key === undefined || compare(line.key, key) === 0);
    asked.sort((left, right) => compare(left.key, right.key) || compare(left.id, right.id));
    if (says(call, 'descending')) asked.reverse();
    const skip = Number(call.query.get('skip') ?? 0);
    const limit = Number(call.query.get('limit') ?? asked.length);
    return { body: { total_rows: lines.length, offset: skip, rows: asked.slice(skip, skip + limit) } };
  } catch (error) {
    return new Fault(500, 'compilation_error', String(error));
  }
}

function linesOf(document: Document, said: readonly Emitted[], call: Call) {
  const { _conflicts: conflicts, ...plain } = document;
  const doc = says(call, 'conflicts') && conflicts !== undefined ? document : plain;
  const id = String(document._id);
  return said.map(({ key, value }) => ({ id, key, value, ...(says(call, 'include_docs') ? { doc } : {}) }));
}
