/** Whether a document fits a selector: what of CouchDB's Mango syntax filters changes. */
import type { Document } from '#server/notebook/document.ts';

/** A selector as it comes: members that must hold together. */
export type Selector = Readonly<Record<string, unknown>>;

/** Whether everything the selector asks holds of the document. */
export function fitsSelector(document: unknown, selector: Selector): boolean {
  return Object.entries(selector).every(([name, asked]) => {
    if (name === '$and') return listOf(asked).every((one) => fitsSelector(document, one));
    if (name === '$or') return listOf(asked).some((one) => fitsSelector(document, one));
    if (name === '$nor') return !listOf(asked).some((one) => fitsSelector(document, one));
    if (name === '$not') return !fitsSelector(document, asked as Selector);
    return fitsValue(valueAt(document, name), asked);
  });
}

function listOf(asked: unknown): readonly Selector[] {
  return Array.isArray(asked) ? (asked as Selector[]) : [];
}

/** `a.b` looks into `a`; a dot of the name itself is written `\.`. */
function valueAt(document: unknown, path: string): unknown {
  let value = document;
  for (const name of path.split(/(?<!\\)\./).map((one) => one.replaceAll('\\.', '.'))) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Document)[name];
  }
  return value;
}

function fitsValue(value: unknown, asked: unknown): boolean {
  if (typeof asked !== 'object' || asked === null || Array.isArray(asked)) return same(value, asked);
  const entries = Object.entries(asked);
  if (!entries.some(([name]) => name.startsWith('$'))) return fitsSelector(value, asked as Selector);
  return entries.every(([name, wanted]) => OPERATORS[name]?.(value, wanted) ?? false);
}

const OPERATORS: Readonly<Record<string, (value: unknown, wanted: unknown) => boolean>> = {
  $eq: same,
  $ne: (value, wanted) => !same(value, wanted),
  $gt: (value, wanted) => value !== undefined && compare(value, wanted) > 0,
  $gte: (value, wanted) => value !== undefined && compare(value, wanted) >= 0,
  $lt: (value, wanted) => value !== undefined && compare(value, wanted) < 0,
  $lte: (value, wanted) => value !== undefined && compare(value, wanted) <= 0,
  $exists: (value, wanted) => (value !== undefined) === wanted,
  $in: (value, wanted) => each(wanted).some((one) => each(value, [value]).some((mine) => same(mine, one))),
  $nin: (value, wanted) => !each(wanted).some((one) => each(value, [value]).some((mine) => same(mine, one))),
  $all: (value, wanted) => each(wanted).every((one) => each(value).some((mine) => same(mine, one))),
  $size: (value, wanted) => Array.isArray(value) && value.length === wanted,
  $elemMatch: (value, wanted) => each(value).some((mine) => fitsValue(mine, wanted)),
  $not: (value, wanted) => !fitsValue(value, wanted),
  $type: (value, wanted) => kindOf(value) === wanted,
  $mod: (value, wanted) => {
    const [by = 0, rest] = each(wanted) as number[];
    return Number.isInteger(value) && (value as number) % by === rest;
  },
};

function each(value: unknown, otherwise: readonly unknown[] = []): readonly unknown[] {
  return Array.isArray(value) ? value : otherwise;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

const ORDER = ['null', 'boolean', 'number', 'string', 'array', 'object'];

/** By kind, then by value, as CouchDB orders keys. */
export function compare(left: unknown, right: unknown): number {
  const apart = ORDER.indexOf(kindOf(left)) - ORDER.indexOf(kindOf(right));
  if (apart !== 0) return apart;
  if (typeof left === 'number' || typeof left === 'boolean') return Number(left) - Number(right);
  const [a, b] = typeof left === 'string' ? [left, String(right)] : [JSON.stringify(left), JSON.stringify(right)];
  return a < b ? -1 : a > b ? 1 : 0;
}

function same(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null) return left === right;
  const names = Object.keys(left);
  return (
    Array.isArray(left) === Array.isArray(right) &&
    names.length === Object.keys(right).length &&
    names.every((name) => same((left as Document)[name], (right as Document)[name]))
  );
}
