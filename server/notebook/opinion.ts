/** What the house's notebooks take: opinions of the known kinds and their tombstones, and nothing that could be taken for a fact. */
import { Compile } from 'typebox/schema';
import type { BookRules } from '#server/notebook/book.ts';
import type { Document } from '#server/notebook/document.ts';
import { FAULTS, type Fault } from '#server/notebook/fault.ts';
import { DOCUMENT_BYTES, NOTEBOOK_BYTES, OPINIONS, type OpinionType, REVISIONS_MOST } from '#shared/api/notebook.ts';

const TYPES = Object.keys(OPINIONS) as OpinionType[];
const readers = new Map(TYPES.map((type) => [type as string, Compile(OPINIONS[type])]));
/** The kind stands at the beginning of the id, and what it is about behind it. */
const ID = new RegExp(`^(${TYPES.join('|')}):[\\w.:-]{1,100}$`);

/** Whether a document is an opinion under its own id; a tombstone says nothing but that it is one. */
export function judgeOpinion(document: Document): Fault | undefined {
  const { _rev: _, _deleted: deleted, _attachments: attachments, ...opinion } = document;
  const kind = ID.exec(String(opinion._id))?.[1];
  if (kind === undefined || attachments !== undefined) return FAULTS.notAnOpinion;
  if (deleted === true) return Object.keys(opinion).length === 1 ? undefined : FAULTS.notAnOpinion;
  const isWhole = opinion.type === kind && readers.get(kind)?.Check(opinion) === true;
  return isWhole && opinion._id === idOf(opinion) ? undefined : FAULTS.notAnOpinion;
}

function idOf({ type, _id, bill, category }: Document): unknown {
  if (bill !== undefined) return `${String(type)}:${String(bill)}`;
  return type === 'category' ? `${type}:${String(category)}` : _id;
}

/** The rules of a wallet's notebook. */
export const HOUSE_RULES: BookRules = {
  revisionsMost: REVISIONS_MOST,
  keepsOld: false,
  documentBytes: DOCUMENT_BYTES,
  bookBytes: NOTEBOOK_BYTES,
  treeMost: REVISIONS_MOST,
  linesMost: 50,
  localsMost: 200,
  localBytes: 8 * 1024,
  localsApart: true,
  judge: judgeOpinion,
};
