/**
 * Reading bills so that whoever watches is told by the day. The ids of bills are random, and a writer of many tells of one
 * range of them, in which every bill stands that was ever read; but the words of a day are written with each of its bills.
 */
import { Dexie, type Table } from 'dexie';
import type { BillRow, Source } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Days (`2026-11-24`) from `first` to `last`, both included, of what some sources brought. */
export interface Days {
  readonly sources: readonly Source[];
  readonly first: string;
  readonly last: string;
}

/** Before every day there is, and after it. */
export const EVER: Omit<Days, 'sources'> = { first: '', last: '9999-99-99' };

/**
 * What `reading` answers. Whoever watches is told when a bill of the days of the answer was written, or anything in
 * `also`; and of nothing else that was read.
 */
export async function readByDay<Value>(
  vault: Vault,
  reading: () => Promise<Value>,
  daysOf: (value: Value) => Days,
  also: readonly Table[] = [],
): Promise<Value> {
  const value = await unwatched(reading);
  const { sources, first, last } = daysOf(value);
  // What is asked here nobody needs: Dexie tells of the whole of what was asked for, however little was read of it.
  await vault.transaction('r', [vault.words, ...also], async () => {
    const days = sources.map((source) =>
      vault.words.where('[source+day]').between([source, first], [source, last], true, true),
    );
    await Promise.all([...days, ...also].map((asked) => asked.limit(1).toArray()));
  });
  return value;
}

/** Where what `source` brought is kept. */
export function tableOf(vault: Vault, source: Source): Vault['bills'] | Vault['brought'] {
  return source === 'house' ? vault.bills : vault.brought;
}

/** The bills of a month (`2026-11`) that `sources` brought. */
export async function billsOfMonth(vault: Vault, month: string, sources: readonly Source[]): Promise<BillRow[]> {
  const reading = async () => {
    const rows = sources.map((source) =>
      tableOf(vault, source).where('[month+at]').between([month, 0], [month, Infinity]).toArray(),
    );
    return (await Promise.all(rows)).flat();
  };
  return await readByDay(vault, reading, () => ({ sources, first: `${month}-`, last: `${month}-\uffff` }));
}

/** Dexie knows by whose call a reading was begun; one begun by a timer is nobody's. */
async function unwatched<Value>(reading: () => Promise<Value>): Promise<Value> {
  return await new Dexie.Promise<Value>((done, fail) => {
    setTimeout(() => reading().then(done, fail));
  });
}
