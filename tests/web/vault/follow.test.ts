/** A question to a vault that changes: answered at once, answered again, and answered while somebody writes without a pause. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followVault } from '#web/vault/follow.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

let vault: Vault;
let stop: (() => void) | undefined;
beforeEach(() => {
  vault = openVault(`follow-${crypto.randomUUID()}`);
});
afterEach(() => {
  stop?.();
  vault.close();
  indexedDB.deleteDatabase(vault.name);
});

const say = async (value: number) => void (await vault.settings.put({ name: 'cursor', value }));
const heard = async () => (await vault.settings.get('cursor'))?.value;
const noFault = (fault: unknown) => expect.unreachable(String(fault));
const pause = async (ms: number) => await new Promise((done) => setTimeout(done, ms));

test('what changed is read again, each time', async () => {
  const answers: unknown[] = [];
  stop = followVault(heard, { next: (value) => answers.push(value), error: noFault });
  await expect.poll(() => answers).toEqual([undefined]);
  for (const value of [1, 2, 3]) {
    await say(value);
    await expect.poll(() => answers.at(-1)).toBe(value);
  }
  expect(answers).toEqual([undefined, 1, 2, 3]);
});

test('a slow reading is answered while others write on, its thread rests between, and the last word is heard', async () => {
  const answers: unknown[] = [];
  let readings = 0;
  const slowly = async () => {
    readings += 1;
    const before = await heard();
    for (let step = 0; step < 20; step += 1) await vault.bills.count();
    return before;
  };
  stop = followVault(slowly, { next: (value) => answers.push(value), error: noFault });
  await expect.poll(() => answers).toEqual([undefined]);
  const LAST = 200;
  for (let value = 1; value <= LAST; value += 1) {
    await say(value);
    await pause(2);
  }
  expect(answers.length).toBeGreaterThan(2);
  await expect.poll(() => answers.at(-1), { timeout: 10_000 }).toBe(LAST);
  expect(readings).toBeLessThan(LAST / 3);
  await expect.poll(() => answers.length).toBe(readings);
});

test('a quick reading is asked now and then while others write on, for what is drawn of it is not as quick', async () => {
  const answers: unknown[] = [];
  stop = followVault(heard, { next: (value) => answers.push(value), error: noFault });
  await expect.poll(() => answers).toEqual([undefined]);
  const begun = performance.now();
  const LAST = 40;
  for (let value = 1; value <= LAST; value += 1) {
    await say(value);
    await pause(25);
  }
  await expect.poll(() => answers.at(-1), { timeout: 5_000 }).toBe(LAST);
  // Rests of 0.09, 0.18, 0.36 … up to two seconds.
  const seconds = (performance.now() - begun) / 1_000;
  expect(answers.length).toBeLessThan(5 + seconds);
});

test('a reading that fails is told, and nobody who has gone is answered', async () => {
  const faults: unknown[] = [];
  stop = followVault(async () => await Promise.reject(new Error('unreadable')), {
    next: () => expect.unreachable(),
    error: (fault) => faults.push(fault),
  });
  await expect.poll(() => faults).toEqual([new Error('unreadable')]);

  const answers: unknown[] = [];
  const leave = followVault(heard, { next: (value) => answers.push(value), error: noFault });
  leave();
  await say(1);
  await pause(50);
  expect(answers).toEqual([]);
});
