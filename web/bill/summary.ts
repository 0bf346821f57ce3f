/** What a list comes to: read to its end in pieces, so that nothing on the screen waits for it. */
import { flowOf, isCounted } from '#shared/rules/bill.ts';
import type { Reader } from '#web/bill/reader.ts';
import { afterOthers } from '#web/ui/idle.ts';

/** Sums of a list in one currency; minor units. */
export interface Summary {
  readonly currency: string;
  readonly in: number;
  readonly out: number;
  readonly neutral: number;
  readonly count: number;
}

/** The sums of everything `reader` reads, one a currency, the largest first; undefined when `signal` ends it. */
export async function sumUp(reader: Reader, signal: AbortSignal): Promise<Summary[] | undefined> {
  const sums = new Map<string, Summary>();
  for (let key: string | undefined = reader.first; key !== undefined; ) {
    const leaf: Awaited<ReturnType<Reader['read']>> = await reader.read(key);
    if (signal.aborted) return undefined;
    for (const entry of leaf.entries.filter(isCounted)) {
      const { currency, amount } = entry;
      const sum = sums.get(currency) ?? { currency, in: 0, out: 0, neutral: 0, count: 0 };
      const flow = flowOf(entry);
      sums.set(currency, { ...sum, [flow]: sum[flow] + amount, count: sum.count + 1 });
    }
    key = leaf.next;
    await afterOthers();
  }
  return [...sums.values()].sort((left, right) => right.count - left.count);
}
