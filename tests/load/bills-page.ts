/** The part of the bills' bench that runs in the page: the app's own code over the browser's own database. */

import { readMonth } from '#web/bill/month.ts';
import { openReader } from '#web/bill/reader.ts';
import { followFeed } from '#web/sync/feed.ts';
import { createLink } from '#web/sync/state.ts';
import { monthOf, totalsOf } from '#web/vault/tally.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';
import { holdWords, releaseWords } from '#web/vault/words.ts';

const BOTH = ['house', 'brought'] as const;

/** What the bench asks of the page. */
export interface BillsPage {
  /** Reads a feed of `count` bills to its end. */
  readonly fill: (count: number) => Promise<void>;
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

const page: BillsPage = {
  async fill(count) {
    vault = openVault('bench');
    await vault.open();
    await followFeed({
      vault,
      link: createLink(),
      ask: async <Answer>({ path }: { path: string }) => {
        const answer = await fetch(`${path}&count=${count}`);
        return { ok: true, value: (await answer.json()) as Answer } as const;
      },
    });
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
