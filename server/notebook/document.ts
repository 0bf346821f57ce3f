/** A document as it comes and as it is told: what a client wrote, its members of the protocol apart. */
import { createHash } from 'node:crypto';
import { badMember, FAULTS, Fault } from '#server/notebook/fault.ts';
import { type History, readRevision } from '#server/notebook/revision.ts';

/** Any JSON object. */
export type Document = Readonly<Record<string, unknown>>;

/** One attachment as a revision lists it. */
export interface Listed {
  readonly content_type: string;
  readonly digest: string;
  readonly length: number;
  /** The generation it came with. */
  readonly revpos: number;
}

/** An attachment as it comes: its bytes, or (`stub`) the word that the house has them. */
export type Brought =
  | { readonly content_type: string; readonly data: Uint8Array; readonly revpos?: number }
  | { readonly content_type?: string; readonly stub: true; readonly digest?: string; readonly revpos?: number };

/** A document as it came. */
export interface Incoming {
  readonly id: string;
  /** The revision it stands on (an edit) or is (a copy). */
  readonly revision: string | undefined;
  /** How a copy came about. */
  readonly history: History | undefined;
  readonly deleted: boolean;
  /** What it says. */
  readonly body: Document;
  readonly attachments: Readonly<Record<string, Brought>>;
}

/** Members that mean something to the protocol; those told by the house alone are read over. */
const MEMBERS = new Set([
  '_id',
  '_rev',
  '_deleted',
  '_attachments',
  '_revisions',
  '_revs_info',
  '_conflicts',
  '_deleted_conflicts',
  '_local_seq',
  '_rev_tree',
]);

/** Reads what a client wrote; `bytesOf` finds attachments that came beside it (multipart). */
export function readIncoming(
  json: unknown,
  newId: () => string,
  bytesOf: (name: string) => Uint8Array | undefined = () => undefined,
): Incoming | Fault {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return FAULTS.noObject;
  const document = json as Document;
  const id = document._id ?? newId();
  const wrongId = faultOfId(id);
  if (wrongId) return wrongId;
  const foreign = Object.keys(document).find((name) => name.startsWith('_') && !MEMBERS.has(name));
  if (foreign !== undefined) return badMember(foreign);
  const revision = document._rev ?? undefined;
  if (revision !== undefined && (typeof revision !== 'string' || !isRevision(id as string, revision))) {
    return FAULTS.badRevision;
  }
  // Of a document that stays where it is nobody has a history: whatever is told of one is read over, as CouchDB does.
  const history = (id as string).startsWith('_local/') ? undefined : readHistory(document._revisions);
  const attachments = readAttachments(document._attachments, bytesOf);
  if (history instanceof Fault) return history;
  if (attachments instanceof Fault) return attachments;
  const body = Object.fromEntries(Object.entries(document).filter(([name]) => !name.startsWith('_')));
  return {
    id: id as string,
    revision,
    history,
    deleted: document._deleted === true,
    body,
    attachments,
  };
}

function faultOfId(id: unknown): Fault | undefined {
  if (typeof id !== 'string' || id.includes('\0')) return FAULTS.badId;
  if (id === '') return FAULTS.badId;
  return id.startsWith('_') && !/^_(?:design|local)\/./s.test(id) ? FAULTS.reservedId : undefined;
}

function isRevision(id: string, text: string): boolean {
  return id.startsWith('_local/') ? /^0-\d+$/.test(text) : readRevision(text) !== undefined;
}

function readHistory(told: unknown): History | undefined | Fault {
  if (told === undefined || told === null) return undefined;
  const { start, ids } = told as Partial<History>;
  const isTold =
    Number.isSafeInteger(start) &&
    Array.isArray(ids) &&
    ids.length > 0 &&
    ids.length <= (start ?? 0) &&
    ids.every((id) => typeof id === 'string' && id.length <= 200);
  return isTold ? (told as History) : FAULTS.badRevision;
}

function readAttachments(
  told: unknown,
  bytesOf: (name: string) => Uint8Array | undefined,
): Readonly<Record<string, Brought>> | Fault {
  if (told === undefined || told === null) return {};
  if (typeof told !== 'object' || Array.isArray(told)) return FAULTS.attachmentData;
  const read: Record<string, Brought> = {};
  for (const [name, one] of Object.entries(told)) {
    if (name.startsWith('_')) return FAULTS.attachmentName;
    const brought = readAttachment(one, () => bytesOf(name));
    if (!brought) return FAULTS.attachmentData;
    read[name] = brought;
  }
  return read;
}

function readAttachment(told: unknown, bytes: () => Uint8Array | undefined): Brought | undefined {
  if (typeof told !== 'object' || told === null) return undefined;
  const { stub, follows, data, digest, content_type: type, revpos } = told as Record<string, unknown>;
  const at = Number.isSafeInteger(revpos) ? { revpos: revpos as number } : {};
  const content_type = typeof type === 'string' ? type : 'application/octet-stream';
  if (stub === true) return { stub, ...(typeof digest === 'string' ? { digest } : {}), content_type, ...at };
  if (follows === true) {
    const followed = bytes();
    return followed && { content_type, data: followed, ...at };
  }
  if (typeof data !== 'string') return undefined;
  const decoded = Buffer.from(data, 'base64');
  const isBase64 = decoded.toString('base64').replace(/=+$/, '') === data.replace(/=+$/, '');
  return isBase64 ? { content_type, data: decoded, ...at } : undefined;
}

/** The name of these bytes. */
export function digestOf(bytes: Uint8Array): string {
  // The protocol names attachments so; inside a notebook it is its owner alone who could make two of one name.
  return `md5-${createHash('md5').update(bytes).digest('base64')}`;
}
