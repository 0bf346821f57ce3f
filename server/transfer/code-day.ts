/**
 * The cap on what a payer sends to codes on paper and in links in a day. Who stuck a code there is not known, so a swapped
 * one shall not cost more. Each phone holds to it before it signs; the house counts over all phones of the wallet, tells
 * every one of them, and sets nothing more aside for a wallet that went beyond. Payments already signed stand: their payee
 * took them in good faith.
 */
import { byRegion } from '#server/ledger/by-region.ts';
import { findTogether } from '#server/platform/batch.ts';
import { type Owner, type TransferParts, windowOf } from '#server/transfer/parts.ts';
import * as store from '#server/transfer/store.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { TransferNews } from '#shared/api/transfer.ts';

/** The days of all wallets. */
export interface CodeDays {
  /** The day's cap, when that day began, and what has been sent since. */
  readonly of: (owner: Owner) => Promise<Pick<TransferNews, 'codeDay' | 'codeFrom' | 'codeSpent'>>;
  /** Why nothing more is set aside for `owner` today: its phones have sent more to codes than its region allows. */
  readonly over: (owner: Owner) => Promise<Refusal | undefined>;
}

/** Opens them. */
export function openCodeDays(parts: TransferParts): CodeDays {
  const find = findTogether((owners: readonly Owner[]) => readDays(parts, owners), {
    nameOf: ({ wallet }) => wallet,
    keyOf: (row) => row.wallet,
  });
  const dayOf = async (owner: Owner) => {
    const [day] = await find(owner);
    const codeFrom = day?.from ?? windowOf(parts.clock(), 1);
    return { codeDay: parts.terms(owner.region).codeDay, codeFrom, codeSpent: day?.sum ?? 0 };
  };
  return {
    of: dayOf,
    async over(owner) {
      const { codeDay, codeSpent } = await dayOf(owner);
      return codeSpent > codeDay ? { code: 'allowance.code-day' } : undefined;
    },
  };
}

function readDays(parts: TransferParts, owners: readonly Owner[]) {
  const from = windowOf(parts.clock(), 1);
  return byRegion(owners, async (code, some) => {
    const region = await parts.regions.find(code);
    if (region === undefined) return [];
    const wallets = some.map(({ wallet }) => wallet);
    const sums = await store.sumToCodes(parts.database, code, wallets, from, region.currency);
    return sums.map((row) => ({ ...row, from }));
  });
}
