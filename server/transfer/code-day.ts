/**
 * The cap on what a payer sends to codes on paper and in links in a day. Who stuck a code there is not known, so a swapped
 * one shall not cost more. Each phone holds to it before it signs; the house counts over all phones of the wallet, tells
 * every one of them, and sets nothing more aside for a wallet that went beyond. Payments already signed stand: their payee
 * took them in good faith.
 */
import { type Owner, type TransferParts, windowOf } from '#server/transfer/parts.ts';
import * as store from '#server/transfer/store.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { TransferNews } from '#shared/api/transfer.ts';

/** The day's cap, when that day began, and what has been sent since. */
export async function codeDayOf(
  parts: TransferParts,
  owner: Owner,
): Promise<Pick<TransferNews, 'codeDay' | 'codeFrom' | 'codeSpent'>> {
  const codeFrom = windowOf(parts.clock(), 1);
  const region = await parts.regions.find(owner.region);
  const codeSpent = region ? await store.sumToCodes(parts.database, owner, codeFrom, region.currency) : 0;
  return { codeDay: parts.terms(owner.region).codeDay, codeFrom, codeSpent };
}

/** Why nothing more is set aside for `owner` today: its phones have sent more to codes than its region allows. */
export async function overCodeDay(parts: TransferParts, owner: Owner): Promise<Refusal | undefined> {
  const { codeDay, codeSpent } = await codeDayOf(parts, owner);
  return codeSpent > codeDay ? { code: 'allowance.code-day' } : undefined;
}
