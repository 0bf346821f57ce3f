/**
 * What this process posted lately, so that a follower who reads on at once need not ask the database what it says.
 * Invariant: a transfer is told for a place only when the journal has its seal there: what was never committed is not.
 */
import type { Transfer } from '#server/ledger/transfer.ts';
import { openRecent, type Recent } from '#server/platform/recent.ts';

/** Transfers by their places. */
export interface Recall {
  /** `seal` in hexadecimal. */
  readonly keep: (cursor: number, transfer: Transfer, seal: string) => void;
  /** The transfer of `region` kept for `cursor`, when `seal` is its own. */
  readonly find: (region: string, cursor: number, seal: string) => Transfer | undefined;
}

/** Transfers remembered of a region, at about 1 kB each: those posted while a window tells of the batch before. */
const RECALLED_LEAST = 3_000;

interface Kept {
  readonly transfer: Transfer;
  readonly seal: string;
}

/** Remembers the last transfers of each region. */
export function openRecall(): Recall {
  // By number: a new text as a name costs more to look up than all else a transfer costs here.
  const regions = new Map<string, Recent<Kept, number>>();
  const of = (region: string): Recent<Kept, number> => {
    const recent = regions.get(region) ?? openRecent<Kept, number>(RECALLED_LEAST);
    regions.set(region, recent);
    return recent;
  };
  return {
    keep: (cursor, transfer, seal) => of(transfer.region).keep(cursor, { transfer, seal }),
    find(region, cursor, seal) {
      const kept = of(region).find(cursor);
      return kept?.seal === seal ? kept.transfer : undefined;
    },
  };
}
