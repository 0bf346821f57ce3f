/** A worker that writes without a pause is heard now and then, and whoever watches what it wrote hears of it all. */
import { Dexie, liveQuery } from 'dexie';
import { afterEach, describe, expect, test } from 'vitest';
import { SeldomChannel } from '#web/sync/seldom.ts';

const NAME = 'seldom-test';
const close: (() => void)[] = [];
afterEach(() => {
  for (const one of close.splice(0)) one();
});

type Told = Parameters<SeldomChannel['postMessage']>[0];
type Tree = Extract<Told[string], { readonly from: unknown }>;

function open(name = NAME): { channel: SeldomChannel; told: Told[]; heard: (count: number) => Promise<void> } {
  const channel = new SeldomChannel(name);
  const ear = new BroadcastChannel(name);
  const told: Told[] = [];
  ear.addEventListener('message', ({ data }) => told.push(data));
  close.push(
    () => channel.close(),
    () => ear.close(),
  );
  return { channel, told, heard: (count) => expect.poll(() => told.length).toBe(count) };
}

/** Ranges in order, as Dexie tells them: each with those before it on its left. */
const chain = (...ranges: readonly (readonly [from: IDBValidKey, to: IDBValidKey])[]): Tree =>
  ranges.reduce<object | null>((l, [from, to], at) => ({ d: at + 1, from, to, l, r: null }), null) as Tree;
const range = (from: IDBValidKey, to = from) => chain([from, to]);

describe('what is told', () => {
  test('the first change at once, what follows together', async () => {
    const { channel, told, heard } = open();
    channel.postMessage({ bills: range('a'), totals: range(1) });
    for (const key of ['m', 'c', 'x']) channel.postMessage({ bills: range(key) });
    channel.postMessage({ words: range([2, 'w']) });
    await heard(2);
    expect(told).toEqual([
      { bills: range('a'), totals: range(1) },
      { bills: chain(['c', 'c'], ['m', 'm'], ['x', 'x']), words: range([2, 'w']) },
    ]);
  });

  const ALL = range(Number.NEGATIVE_INFINITY, [[]]);
  test.each([
    ['one key', [range(4)], range(4)],
    [
      'few keys apart',
      [{ ...range(4), d: 3, l: { ...range(2), d: 2, l: range(1) }, r: range(7, 9) }],
      chain([1, 1], [2, 2], [4, 4], [7, 9]),
    ],
    [
      'keys told twice, and ranges that touch',
      [chain([1, 3], [5, 7]), chain([3, 4], [5, 6], [9, 9])],
      chain([1, 4], [5, 7], [9, 9]),
    ],
    [
      'many keys as what they span',
      [chain(...Array.from({ length: 9 }, (_, at): [number, number] => [at, at]))],
      range(0, 8),
    ],
    ['all there is', [range(3), ALL, range('x')], ALL],
  ])('of an index: %s', async (_, changes, expected) => {
    const { channel, told, heard } = open();
    channel.postMessage({ first: range(0) });
    for (const index of changes) channel.postMessage({ index });
    await heard(2);
    expect(told.at(1)).toEqual({ index: expected });
  });

  test('nothing of an index nothing was changed in', async () => {
    const { channel, told, heard } = open();
    channel.postMessage({ gone: { d: 0 } });
    channel.postMessage({ bills: range(1), gone: { d: 0 } });
    await heard(1);
    expect(told).toEqual([{ bills: range(1) }]);
  });

  test('at the end what is held, at once', async () => {
    const { channel, told, heard } = open();
    channel.postMessage({ bills: range(1) });
    channel.postMessage({ bills: range(2) });
    channel.tellHeld();
    channel.close();
    await heard(2);
    expect(told.at(1)).toEqual({ bills: range(2) });
  });
});

test('a question to Dexie is asked again when what it read was changed, and only then', async () => {
  const db = new Dexie(`seldom-${crypto.randomUUID()}`);
  db.version(1).stores({ bills: 'id' });
  const answers: number[] = [];
  const seen = liveQuery(() => db.table('bills').where('id').between('c', 'f').count()).subscribe((count) => {
    answers.push(count);
  });
  close.push(
    () => seen.unsubscribe(),
    () => db.close(),
  );
  await expect.poll(() => answers).toEqual([0]);
  // As another thread writes it: this one's Dexie knows nothing of it.
  const keep = (id: string) =>
    new Promise<void>((resolve, reject) => {
      const tx = db.backendDB().transaction('bills', 'readwrite');
      tx.objectStore('bills').put({ id });
      tx.oncomplete = () => resolve();
      tx.onerror = () => reject(tx.error);
    });
  // The channel of Dexie 4, on which its tabs hear of each other's writes.
  const { channel, told } = open('x-storagemutated-1');
  const index = `idb://${db.name}/bills/`;
  const changed = (id: string) => channel.postMessage({ [index]: range(id) });
  await keep('d');
  changed('x');
  // Other files of tests may be heard on it as well.
  await expect.poll(() => told.some((one) => index in one)).toBe(true);
  expect(answers).toEqual([0]);
  changed('b');
  changed('d');
  changed('g');
  await expect.poll(() => answers).toEqual([0, 1]);
});
