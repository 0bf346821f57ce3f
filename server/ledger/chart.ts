/**
 * The chart of accounts: which accounts there are, on which side each grows, and how low it may go.
 * An account opens by being named in a move; its id says what it is, so that an auditor can read it.
 */
import type { Id } from '#shared/base/id.ts';
import type { Currency } from '#shared/money/currency.ts';

/** What an account is for. The first five belong to a wallet. */
export type AccountKind =
  | 'available'
  | 'hold'
  | 'arriving'
  | 'frozen'
  | 'receivable'
  | 'guarantee-fund'
  | 'clearing'
  | 'outside'
  | 'fee-income'
  | 'fx-income';

/**
 * One account. `owner` is the wallet, the other region or the channel. A `credit` account is what the house owes,
 * a `debit` account what it owns or is owed. The balance, in the sense of its normal side, never falls below `floor`
 * (minor units; null: no bound).
 */
export interface Account {
  readonly id: string;
  readonly region: string;
  readonly kind: AccountKind;
  readonly owner: string | null;
  readonly currency: Currency;
  readonly normal: 'debit' | 'credit';
  readonly floor: number | null;
}

/** How accounts of each kind are made: the auditor holds every row against it. */
export const CHART: Readonly<Record<AccountKind, Pick<Account, 'normal' | 'floor'> & { readonly owned: boolean }>> = {
  available: { normal: 'credit', floor: 0, owned: true },
  hold: { normal: 'credit', floor: 0, owned: true },
  arriving: { normal: 'credit', floor: 0, owned: true },
  frozen: { normal: 'credit', floor: 0, owned: true },
  receivable: { normal: 'debit', floor: 0, owned: true },
  'guarantee-fund': { normal: 'credit', floor: 0, owned: false },
  clearing: { normal: 'credit', floor: null, owned: true },
  outside: { normal: 'debit', floor: null, owned: true },
  'fee-income': { normal: 'credit', floor: null, owned: false },
  'fx-income': { normal: 'credit', floor: null, owned: false },
};

/** What a wallet can spend. */
export function available(region: string, wallet: Id, currency: Currency): Account {
  return account(region, 'available', wallet, wallet, currency);
}

/** What is set aside for one offline allowance of a wallet. */
export function holdOf(region: string, allowance: string, currency: Currency, wallet: Id): Account {
  return account(region, 'hold', allowance, wallet, currency);
}

/** What the guarantee has paid a payee and the claim window still keeps. */
export function arriving(region: string, wallet: Id, currency: Currency): Account {
  return account(region, 'arriving', wallet, wallet, currency);
}

/** What of a wallet's money one claim keeps from being spent until it is over. */
export function frozen(region: string, claim: string, currency: Currency, wallet: Id): Account {
  return account(region, 'frozen', claim, wallet, currency);
}

/** What a wallet owes the guarantee fund. */
export function receivable(region: string, wallet: Id, currency: Currency): Account {
  return account(region, 'receivable', wallet, wallet, currency);
}

/** The money that stands behind offline payments; it never pays what it does not have. */
export function guaranteeFund(region: string, currency: Currency): Account {
  return account(region, 'guarantee-fund', 'house', null, currency);
}

/** What this region owes another (positive) or is owed by it (negative); both together are zero. */
export function clearing(region: string, other: string, currency: Currency): Account {
  return account(region, 'clearing', other, other, currency);
}

/** Money of this house that lies with a bank, card network or counter: what came in by that channel less what left. */
export function outside(region: string, channel: string, currency: Currency): Account {
  return account(region, 'outside', channel, channel, currency);
}

/** Fees earned. */
export function feeIncome(region: string, currency: Currency): Account {
  return account(region, 'fee-income', 'house', null, currency);
}

function account(
  region: string,
  kind: AccountKind,
  subject: string,
  owner: string | null,
  currency: Currency,
): Account {
  const { normal, floor } = CHART[kind];
  return { id: `${kind}/${subject}/${currency}`, region, kind, owner, currency, normal, floor };
}
