/** The part of the bills' bench that runs in the page: the app's own code over the browser's own database. */

import { readMonth } from '#web/bill/month.ts';
import { openReader } from '#web/bill/reader.ts';
import { followFeed } from '#web/sync/feed.ts';
import { createLink } from '#web/sync/state.ts';
import type { SyncNeeds } from '#web/sync/sync.ts';
import { monthOf, totalsOf } from '#web/vault/tally.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';
import { holdWords, releaseWords } from '#web/vault/words.ts';

const BOTH = ['house', 'brought'] as const;

/** What the bench asks of the page. */
export interface BillsPage {
  /** Reads a feed of `count` bills to its end. Answers seconds, and the longest time in ms the page could not answer. */
  readonly firstSync: (name: string, count: number) => Promise<{ seconds: number; longest: number; over50: number }>;
  /** Milliseconds of each question, asked once. */
  readonly firstPage: () => Promise<number>;
  readonly laterPage: () => Promise<number>;
  readonly search: (text: string) => Promise<{ ms: number; found: number }>;
  /** What the page does when the person goes to the field; milliseconds. */
  readonly hold: () => Promise<number>;
  readonly monthTotals: () => Promise<number>;
  readonly month: () => Promise<number>;
}

let vault: Vault;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Pings the page's own queue without end; the longest wait between two answers is the longest task. */
function watchTasks(): () => { longest: number; over50: number } {
  const { port1, port2 } = new MessageChannel();
  let last = performance.now();
  let longest = 0;
  let over50 = 0;
  let isOn = true;
  port1.onmessage = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    if (now - last > 50) over50 += 1;
    last = now;
    // A breath between pings, or the watch itself would be the load.
    if (isOn) setTimeout(() => port2.postMessage(0), 2);
  };
  port2.postMessage(0);
  return () => {
    isOn = false;
    return { longest, over50 };
  };
}

const page: BillsPage = {
  async firstSync(name, count) {
    vault = openVault(name);
    await vault.open();
    const needs: SyncNeeds = {
      vault,
      link: createLink(),
      clock: () => Date.now() as ReturnType<SyncNeeds['clock']>,
      ask: async <Answer>({ path }: { path: string }) => {
        const answer = await fetch(`${path}&count=${count}`);
        return { ok: true, value: (await answer.json()) as Answer } as const;
      },
    };
    const stop = watchTasks();
    const ms = await timed(() => followFeed(needs));
    return { seconds: ms / 1_000, ...stop() };
  },
  async firstPage() {
    const reader = openReader(vault, { sources: BOTH });
    return await timed(() => reader.read(reader.first));
  },
  async laterPage() {
    // The oldest end of the list, where counting from the top would cost most.
    const oldest = await vault.bills.orderBy('at').first();
    const reader = openReader(vault, { sources: BOTH });
    return await timed(() => reader.read(String((oldest?.at ?? 0) + 86_400_000)));
  },
  async search(text) {
    const reader = openReader(vault, { sources: BOTH }, text);
    let found = 0;
    const ms = await timed(async () => {
      found = (await reader.read(reader.first)).entries.length;
    });
    return { ms, found };
  },
  async hold() {
    releaseWords();
    return await timed(() => holdWords(vault));
  },
  async monthTotals() {
    const newest = await vault.bills.orderBy('at').last();
    return await timed(() => totalsOf(vault, monthOf(newest?.at ?? 0), BOTH));
  },
  async month() {
    const newest = await vault.bills.orderBy('at').last();
    return await timed(() => readMonth(vault, monthOf(newest?.at ?? 0), BOTH, 'CNY'));
  },
};

Object.assign(globalThis, { billsPage: page });
