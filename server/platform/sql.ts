/**
 * What every part of the house may ask of a database, and how values cross to it, the same for both engines.
 * Values go as text in PostgreSQL's own input form, the casts of the statement give them their type; lists go in binary form.
 */
import { encodeList, listTypes } from '#server/platform/list.ts';
import type { RefusalCode } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { fromHex, toHex } from '#shared/base/bytes.ts';

/** Something that answers SQL: the database itself, or a transaction on it. */
export interface Sql {
  /**
   * Runs one statement. int8 and whole numeric come back as number (a Fault when unsafe), bytea as Uint8Array, jsonb as object.
   * An array goes as an SQL array, a plain object as JSON (a JSON array: hand in its text and cast it).
   */
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** A database of either kind. */
export interface Database extends Sql {
  readonly kind: 'pglite' | 'postgres';
  /**
   * Runs `work` in one transaction and answers only when it is safe on disk. Throws away everything when `work` throws.
   * `work` runs again from its start after a deadlock or a serialization failure, so it touches nothing but `tx`.
   */
  transaction<Answer>(work: (tx: Sql) => Promise<Answer>): Promise<Answer>;
  /** Whether it takes writes now; throws {@link Unavailable} or the engine's error when not. */
  probe(): Promise<void>;
  /** Lets running work end, then closes. */
  close(): Promise<void>;
}

/** Thrown when the house cannot serve just now; a door answers it with `code` and nothing has been written. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** The SQLSTATE of `error` (PostgreSQL appendix A), or undefined when it is no database error. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}

/**
 * From here on `tx` finds rows by their keys and plans a statement once. A planner that does not know yet how large a
 * table has grown reads it from end to end to find a batch in it; one that looks at each batch anew finds the same plan.
 * A cluster has to look: the region handed in says which node is asked, and a plan made without it asks none.
 */
export async function findByKey(tx: Sql): Promise<void> {
  await tx.query(
    `select set_config('enable_seqscan', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true)
     where not exists (select 1 from pg_extension where extname = 'citus')`,
  );
}

/** What the statements seen so far say of their lists; there are as many as the house has statements. */
const lists = new Map<string, readonly (string | undefined)[]>();

/** The values of a statement as they go to the engine: lists in binary form where the statement says of what, all else as text. */
export function encodeValues(statement: string, values: readonly unknown[]): (string | Uint8Array | null)[] {
  if (values.length === 0) return [];
  let types = lists.get(statement);
  if (types === undefined) {
    types = listTypes(statement);
    lists.set(statement, types);
  }
  return values.map((value, at) => {
    const type = types[at];
    const list = type !== undefined && Array.isArray(value) ? encodeList(type, value) : undefined;
    return list ?? encodeText(value);
  });
}

/** `value` in PostgreSQL's text input form. */
export function encodeText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number') {
    assert(Number.isFinite(value), `not a number for the database: ${value}`);
    return String(value);
  }
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return `\\x${toHex(value)}`;
  if (Array.isArray(value)) return encodeElements(value);
  return JSON.stringify(value);
}

function encodeElements(values: readonly unknown[]): string {
  let text = '{';
  for (const value of values) text += text.length === 1 ? encodeElement(value) : `,${encodeElement(value)}`;
  return `${text}}`;
}

/** Ids, names of kinds and the like stand in a list as they are. */
const PLAIN = /^[\w/:.-]+$/;

function encodeElement(value: unknown): string {
  const text = encodeText(value);
  if (text === null) return 'NULL';
  if (typeof value === 'number' || Array.isArray(value)) return text;
  // Four letters may be the word null, which a list reads as nothing.
  if (text.length !== 4 && PLAIN.test(text)) return text;
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** The safe whole number in `text`; a Fault when JavaScript cannot hold it exactly. */
export function decodeInteger(text: string): number {
  const value = Number(text);
  assert(Number.isSafeInteger(value), `not a safe integer from the database: ${text}`);
  return value;
}

/** A numeric: a whole one (a sum of bigints) as number, any other as the decimal text it is. */
export function decodeNumeric(text: string): number | string {
  return text.includes('.') ? text : decodeInteger(text);
}

/** The bytes in the `\x…` form of a bytea. */
export function decodeBytes(text: string): Uint8Array {
  const bytes = fromHex(text.slice(2));
  assert(text.startsWith('\\x') && bytes !== undefined, 'not a bytea from the database');
  return bytes;
}

const WRITES =
  /\b(?:insert|update|delete|merge|create|alter|drop|truncate|comment|grant|revoke|nextval|setval|vacuum|checkpoint)\b/i;
const READS = /^\s*(?:select|with|show|explain|values|table|declare|fetch|close|set)\b/i;

/** Whether `text` may change anything; in doubt yes. */
export function isWrite(text: string): boolean {
  return !READS.test(text) || WRITES.test(text);
}
