/**
 * The guarantee: whether the fund pays a shortfall, when what it paid becomes spendable, and how payers pay it back.
 * Invariant: `payment_fund.owed` = all receivables of the region, once the follower has caught up.
 */
import { available, receivable } from '#server/ledger/chart.ts';
import { follow } from '#server/ledger/follow.ts';
import type { JournalTransfer, Transfer } from '#server/ledger/ledger.ts';
import type { PaymentParts } from '#server/payment/parts.ts';
import { matureUnit } from '#server/payment/posting.ts';
import * as store from '#server/payment/store.ts';
import type { Sql } from '#server/platform/database.ts';
import { assert } from '#shared/base/assert.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { type Duration, duration, type Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { money } from '#shared/money/money.ts';
import { type GuaranteeFault, type GuaranteePolicy, guaranteeFault, reservedFor } from '#shared/rules/guarantee.ts';

/**
 * What the fund pays one payee in a day, and what one payer may owe it, when a region starts, in minor units; from then on its
 * row says. A payer may owe what a person's allowances may come to in a day: a copy costs the fund no more than that.
 */
const FIRST_TERMS = { payee_cap: 2000_00, payer_cap: 1000_00, window_ms: duration(1, 'd') };

/** Epoch cards are noted this often: a payee's freshness is known to the hour, always to its favour being older. */
const EPOCH_STEP: Duration = duration(1, 'h');

/** Payments that ripen in one transaction. */
const MATURED_AT_ONCE = 200;

/** A shortfall to be judged. */
export interface Shortfall {
  readonly region: string;
  readonly currency: Currency;
  readonly amount: number;
  readonly payer: Id;
  readonly allowance: { readonly id: Id; readonly total: number; readonly isLocked: boolean };
  readonly payee: Id;
  readonly payeeRegion: string;
  readonly epoch: number;
  readonly signedAt: Instant;
  readonly claimUntil: Instant;
  readonly linked: boolean;
  readonly graded: boolean;
  readonly answerable: boolean;
}

/** Judges shortfalls one after the other inside one transaction, remembering what it has promised so far. */
export function openJudge(parts: PaymentParts, tx: Sql, now: Instant, newest: ReadonlyMap<string, number>) {
  const promised = openPromises();
  const policies = new Map<string, RegionPolicy | undefined>();

  async function policyOf(region: string, currency: Currency): Promise<RegionPolicy | undefined> {
    const key = `${region} ${currency}`;
    if (!policies.has(key)) policies.set(key, await readPolicy(parts, tx, region, currency));
    return policies.get(key);
  }

  /** Why the fund does not pay; undefined when it does, and then it owes that much more room. */
  return async (one: Shortfall): Promise<GuaranteeFault | undefined> => {
    const policy = await policyOf(one.region, one.currency);
    if (policy === undefined) return 'guarantee.not-promised';
    const { region, currency, allowance } = one;
    // From here on this fund pays one shortfall after the other, whichever process asks it.
    const owed = await store.lockFund(tx, region, currency);
    const since = now - policy.window;
    const paidToPayee = await store.guaranteedSince(tx, region, one.payee, currency, since);
    const [owedByPayer = 0] = await parts.ledger.balances(region, [receivable(region, one.payer, currency)], tx);
    const paidForAllowance = await store.guaranteedOf(tx, region, allowance.id);
    const names = {
      payee: `to ${region} ${currency} ${one.payee}`,
      payer: `by ${region} ${currency} ${one.payer}`,
      allowance: `of ${allowance.id}`,
    };
    const fault = guaranteeFault(
      {
        shortfall: one.amount,
        signedAt: one.signedAt,
        uploadedAt: now,
        claimUntil: one.claimUntil,
        epochTime: isIssued(one, newest) ? await store.epochTime(tx, one.payeeRegion, one.epoch) : undefined,
        linked: one.linked,
        graded: one.graded,
        answerable: one.answerable,
        paidToPayee: paidToPayee + promised.of(names.payee),
        owedByPayer: owedByPayer + promised.of(names.payer),
        paidForAllowance: paidForAllowance + promised.of(names.allowance),
        reserved: reservedFor(allowance, policy.clonesAssumed),
        owed,
      },
      policy,
    );
    if (fault !== undefined) return fault;
    for (const name of Object.values(names)) promised.add(name, one.amount);
    await store.addOwed(tx, region, currency, one.amount);
    return undefined;
  };
}

/** Sums by name: what this transaction has promised and not written yet. */
function openPromises(): { readonly of: (name: string) => number; readonly add: (name: string, sum: number) => void } {
  const sums = new Map<string, number>();
  const of = (name: string) => sums.get(name) ?? 0;
  return { of, add: (name, sum) => void sums.set(name, of(name) + sum) };
}

/** Another process may have signed this many cards that this one has not seen yet. */
const UNSEEN_CARDS = 2;

/** A number beyond the newest card was invented: nobody can have held it. */
function isIssued(one: Shortfall, newest: ReadonlyMap<string, number>): boolean {
  return one.epoch <= (newest.get(one.payeeRegion) ?? 0) + UNSEEN_CARDS;
}

/** The policy of a region, and the copies of an allowance it set something aside for. */
interface RegionPolicy extends GuaranteePolicy {
  readonly clonesAssumed: number;
}

async function readPolicy(
  parts: PaymentParts,
  tx: Sql,
  region: string,
  currency: Currency,
): Promise<RegionPolicy | undefined> {
  const terms = await store.readTerms(tx, region, currency);
  const home = parts.regions.list().find((one) => one.region === region);
  if (terms === undefined || home === undefined) return undefined;
  return {
    epochAge: parts.epochAge(region),
    payeeCap: terms.payee_cap,
    payerCap: terms.payer_cap,
    window: terms.window_ms,
    fundCap: home.terms.fundCap,
    clonesAssumed: home.terms.clonesAssumed,
  };
}

/** Writes the first terms of every region, and notes its epochs from now on. */
export async function seedGuarantee(parts: PaymentParts): Promise<void> {
  for (const { region, currency } of parts.regions.list()) {
    await store.seedTerms(parts.database, { region, currency, ...FIRST_TERMS });
    const noted = await store.newestNoted(parts.database, region);
    if (noted === undefined) await store.noteEpoch(parts.database, region, 0, parts.clock());
  }
  await noteEpochs(parts);
}

/** Notes the newest card of each region whose last note is {@link EPOCH_STEP} old. */
export async function noteEpochs(parts: PaymentParts): Promise<void> {
  const { database, regions, clock } = parts;
  for (const { region } of regions.list()) {
    const noted = await store.newestNoted(database, region);
    if (noted !== undefined && noted.number > 0 && clock() - noted.time_at < EPOCH_STEP) continue;
    const { number, time } = (await regions.epoch(region)).message;
    await store.noteEpoch(database, region, number, time);
  }
}

/** The number of each region's newest card. */
export async function newestEpochs(parts: PaymentParts): Promise<Map<string, number>> {
  const numbers = new Map<string, number>();
  for (const { region } of parts.regions.list()) {
    numbers.set(region, (await parts.regions.epoch(region)).message.number);
  }
  return numbers;
}

/** Makes spendable what the guarantee paid and the claim window no longer keeps; answers how many payments. */
export async function matureDue(parts: PaymentParts): Promise<number> {
  let matured = 0;
  for (const { region } of parts.regions.list()) {
    for (let last = MATURED_AT_ONCE; last === MATURED_AT_ONCE; matured += last) {
      last = await parts.database.transaction((tx) => matureSome(parts, tx, region));
    }
  }
  return matured;
}

async function matureSome(parts: PaymentParts, tx: Sql, region: string): Promise<number> {
  const now = parts.clock();
  const due = await store.lockMaturing(tx, region, now, MATURED_AT_ONCE);
  if (due.length === 0) return 0;
  for (const posted of await parts.ledger.postWithin(
    tx,
    due.map((row) => matureUnit(row, now)),
  )) {
    assert(posted.ok, 'what arrives is there to become spendable');
  }
  await store.writeMatured(
    tx,
    region,
    due.map((row) => row.id),
  );
  return due.length;
}

/** Followers that let every credit of a wallet pay its debt first; the function brings all regions up to date. */
export function openRecovery(parts: PaymentParts): () => Promise<void> {
  const { database, ledger } = parts;
  const followers = parts.regions.list().map(({ region }) =>
    follow({
      database,
      ledger,
      name: 'payment-recovery',
      region,
      step: (tx, transfers) => recover(parts, tx, region, transfers),
    }),
  );
  return async () => {
    for (const catchUp of followers) await catchUp();
  };
}

async function recover(
  parts: PaymentParts,
  tx: Sql,
  region: string,
  transfers: readonly JournalTransfer[],
): Promise<void> {
  const credited = new Map<string, { wallet: Id; currency: Currency }>();
  const repaid = new Map<Currency, number>();
  for (const { moves } of transfers) {
    for (const { credit, amount, currency } of moves) {
      if (credit.kind === 'receivable') repaid.set(currency, (repaid.get(currency) ?? 0) + amount);
      if (credit.kind !== 'available' || credit.owner === null) continue;
      const wallet = credit.owner as Id;
      credited.set(`${wallet} ${currency}`, { wallet, currency });
    }
  }
  for (const [currency, amount] of repaid) await store.addOwed(tx, region, currency, -amount);
  await payDebts(parts, tx, region, [...credited.values()]);
}

async function payDebts(
  parts: PaymentParts,
  tx: Sql,
  region: string,
  wallets: readonly { wallet: Id; currency: Currency }[],
): Promise<void> {
  if (wallets.length === 0) return;
  const debts = wallets.map((one) => receivable(region, one.wallet, one.currency));
  const purses = wallets.map((one) => available(region, one.wallet, one.currency));
  const balances = await parts.ledger.balances(region, [...debts, ...purses], tx);
  const at = parts.clock();
  const units = wallets.flatMap(({ wallet, currency }, place): Transfer[][] => {
    const paid = Math.min(balances[place] ?? 0, balances[wallets.length + place] ?? 0);
    const [debit, credit] = [purses[place], debts[place]];
    if (paid <= 0 || debit === undefined || credit === undefined) return [];
    const moves = [{ debit, credit, amount: money(paid, currency) }];
    return [[{ region, id: newId(at, parts.random(10)), kind: 'recover', moves, at, about: { wallet } }]];
  });
  // A purse spent meanwhile is no fault: its next credit comes by here again.
  if (units.length > 0) await parts.ledger.postWithin(tx, units);
}
