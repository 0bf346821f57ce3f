/**
 * Money between people beside the payment itself: whom it goes to, what it was for, who asked for it, and what is claimed
 * back when it went to the wrong person.
 * Invariant: sending is a payment and nothing else; this capability moves money only for claims, and only by posting.
 */
import { readFileSync } from 'node:fs';
import type { Session } from '#server/identity/identity.ts';
import { findTogether } from '#server/platform/batch.ts';
import type { Sql } from '#server/platform/database.ts';
import { askFor, cancel, decline, listAsks, listSplits, remind, settleAsks, splitBill } from '#server/transfer/ask.ts';
import { answerClaim, claimBack, endDueClaims, listClaims, withdrawClaim } from '#server/transfer/claim.ts';
import { openCodeDays } from '#server/transfer/code-day.ts';
import { addressOf, chooseNickname, findPerson, readNicknameOf } from '#server/transfer/find.ts';
import { notesOf, takeNotes } from '#server/transfer/note.ts';
import type { Owner, TransferNeeds, TransferParts } from '#server/transfer/parts.ts';
import * as store from '#server/transfer/store.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type {
  Ask,
  AskRequest,
  Claim,
  ClaimAnswer,
  ClaimRequest,
  NicknameView,
  Split,
  SplitRequest,
  TransferFeed,
  TransferNews,
  UploadedNote,
} from '#shared/api/transfer.ts';
import { assert } from '#shared/base/assert.ts';
import type { Id } from '#shared/base/id.ts';
import type { Result } from '#shared/base/result.ts';
import { duration, instant } from '#shared/base/time.ts';

export type { Owner } from '#server/transfer/parts.ts';

/** What this capability remembers. */
export const transferSchema = {
  name: 'transfer',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** What a payer wrote of a payment nobody asked for. */
export interface Told {
  readonly memo: string | null;
}

/** The front door. */
export interface Transfers {
  /** The address of whoever has exactly this number or nickname; tries are counted. */
  readonly find: (owner: Owner, who: string) => Promise<Result<Uint8Array, Refusal>>;
  /** Where money for `wallet` may be sent at any time. Refusal: `transfer.not-ready`. */
  readonly addressOf: (wallet: Id) => Promise<Result<Uint8Array, Refusal>>;
  readonly nickname: (owner: Owner) => Promise<NicknameView>;
  readonly chooseNickname: (owner: Owner, typed: string) => Promise<Result<NicknameView, Refusal>>;
  /** Keeps the notes of payments, any number of times; what is none is left out. */
  readonly takeNotes: (owner: Owner, notes: readonly UploadedNote[]) => Promise<void>;
  /** What payers wrote of these payments, by base64url of their ids; payments somebody asked for are absent. */
  readonly told: (tx: Sql, payments: readonly Uint8Array[]) => Promise<ReadonlyMap<string, Told>>;
  readonly ask: (owner: Owner, request: AskRequest) => Promise<Result<Ask, Refusal>>;
  readonly split: (owner: Owner, request: SplitRequest) => Promise<Result<Split, Refusal>>;
  readonly decline: (owner: Owner, id: Id, reason: string | undefined) => Promise<Result<Ask, Refusal>>;
  readonly cancel: (owner: Owner, id: Id) => Promise<Result<Ask, Refusal>>;
  readonly remind: (owner: Owner, id: Id) => Promise<Result<Ask, Refusal>>;
  readonly claim: (owner: Session, request: ClaimRequest) => Promise<Result<Claim, Refusal>>;
  readonly answer: (owner: Session, id: Id, answer: ClaimAnswer) => Promise<Result<Claim, Refusal>>;
  readonly withdraw: (owner: Owner, id: Id) => Promise<Result<Claim, Refusal>>;
  /** Everything that concerns `owner`, the newest first. */
  readonly feed: (owner: Owner) => Promise<TransferFeed>;
  /** What waits for the word of `owner`, and how much of the day's cap their phones have sent to codes on paper. */
  readonly news: (owner: Owner) => Promise<TransferNews>;
  /** `allowance.code-day` when the phones of `owner` have sent more to codes today than their region allows. */
  readonly overCodeDay: (owner: Owner) => Promise<Refusal | undefined>;
  /** Marks paid requests, ends those nobody paid and claims nobody answered; periodic work. */
  readonly runDue: () => Promise<void>;
}

/** Opens money between people on a migrated database; the terms of the regions are read once. */
export async function openTransfers(needs: TransferNeeds): Promise<Transfers> {
  const terms = new Map((await store.readTerms(needs.database)).map((row) => [row.region, row]));
  const parts: TransferParts = {
    ...needs,
    terms: (region) => {
      const found = terms.get(region);
      assert(found !== undefined, `no terms for money between people in ${region}`);
      return found;
    },
  };
  const codeDays = openCodeDays(parts);
  const findWaiting = findTogether(
    (wallets: readonly Id[]) => store.countWaiting(parts.database, wallets, parts.clock()),
    { nameOf: (wallet) => wallet, keyOf: (row) => row.wallet },
  );
  return {
    find: (owner, who) => findPerson(parts, owner, who),
    addressOf: (wallet) => addressOf(parts, wallet),
    nickname: (owner) => readNicknameOf(parts, owner),
    chooseNickname: (owner, typed) => chooseNickname(parts, owner, typed),
    takeNotes: (owner, notes) => takeNotes(parts, owner, notes),
    told: (tx, payments) => notesOf(parts, tx, payments),
    ask: (owner, request) => askFor(parts, owner, request),
    split: (owner, request) => splitBill(parts, owner, request),
    decline: (owner, id, reason) => decline(parts, owner, id, reason),
    cancel: (owner, id) => cancel(parts, owner, id),
    remind: (owner, id) => remind(parts, owner, id),
    claim: (owner, request) => claimBack(parts, owner, request),
    answer: (owner, id, answer) => answerClaim(parts, owner, id, answer),
    withdraw: (owner, id) => withdrawClaim(parts, owner, id),
    feed: async (owner) => {
      const [asks, splits, claims] = await Promise.all([
        listAsks(parts, owner),
        listSplits(parts, owner),
        listClaims(parts, owner),
      ]);
      return { asks, splits, claims };
    },
    async news(owner) {
      const [waiting, day] = await Promise.all([findWaiting(owner.wallet), codeDays.of(owner)]);
      const countOf = (what: 'asks' | 'claims') => waiting.find((row) => row.what === what)?.count ?? 0;
      return { asks: countOf('asks'), claims: countOf('claims'), ...day };
    },
    overCodeDay: codeDays.over,
    async runDue() {
      await settleAsks(parts);
      await endDueClaims(parts);
      await store.forgetCounts(parts.database, instant(parts.clock() - duration(62, 'd')));
    },
  };
}
