/** What a payment moves: the settlement table of the protocol as transfers. Pure. */
import {
  type Account,
  arriving,
  available,
  clearing,
  guaranteeFund,
  holdOf,
  receivable,
} from '#server/ledger/chart.ts';
import type { Move, Transfer, TransferKind } from '#server/ledger/ledger.ts';
import { actId } from '#server/ledger/transfer.ts';
import type { PaymentRow } from '#server/payment/store.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';

/** What can happen to a payment in the ledger; each at most once, in each region it touches. */
type Act = 'claim' | 'mature' | 'reverse';

/**
 * The id of the transfer by which `act` happens to a payment in a region: made from the payment id alone, so that the
 * ledger itself refuses a second one, whoever asks and whatever went wrong above it.
 */
export function transferId(payment: Uint8Array, act: Act, place: 'payer' | 'payee'): Id {
  return actId(`piaohao-${act}-${place}`, payment);
}

/** What the postings of a payment need to know of it. */
export type Postable = Pick<
  PaymentRow,
  'region' | 'id' | 'allowance' | 'currency' | 'payer' | 'payee' | 'payee_region' | 'held' | 'guaranteed' | 'late'
>;

/** The two accounts that nearly every claim moves between. */
interface ClaimAccounts {
  readonly holdOf: typeof holdOf;
  readonly available: typeof available;
}

/** Accounts made once for a batch: the payments of one allowance, or to one payee, name the same ones again and again. */
export function rememberedAccounts(): ClaimAccounts {
  const made = new Map<string, Account>();
  const remember = (subject: string, fits: (account: Account) => boolean, make: () => Account): Account => {
    const known = made.get(subject);
    if (known !== undefined && fits(known)) return known;
    const account = make();
    made.set(subject, account);
    return account;
  };
  return {
    holdOf: (region, allowance, currency, wallet) =>
      remember(
        allowance,
        (one) => one.kind === 'hold' && one.region === region && one.currency === currency && one.owner === wallet,
        () => holdOf(region, allowance, currency, wallet),
      ),
    available: (region, wallet, currency) =>
      remember(
        wallet,
        (one) => one.kind === 'available' && one.region === region && one.currency === currency,
        () => available(region, wallet, currency),
      ),
  };
}

/** What the caller of {@link claimUnit} has at hand already: base64url of the payment's id, and accounts made before. */
interface AtHand {
  readonly name?: string;
  readonly accounts?: ClaimAccounts;
}

/** Credits the payee in full: from the hold, from the guarantee fund, or after the release from the payer's balance. */
export function claimUnit(row: Postable, at: Instant, atHand: AtHand = {}): Transfer[] {
  const kind: TransferKind = row.late > 0 ? 'late-claim' : row.guaranteed > 0 ? 'shortfall' : 'claim';
  const { region, currency } = row;
  if (kind === 'claim' && region === row.payee_region) {
    // The plain case, as nearly all are: one move, without the drafts of the others.
    const { name = toBase64url(row.id), accounts = { holdOf, available } } = atHand;
    const debit = accounts.holdOf(region, row.allowance, currency, row.payer);
    const credit = accounts.available(region, row.payee, currency);
    const moves = [{ debit, credit, amount: money(row.held, currency) }];
    return [{ region, id: transferId(row.id, 'claim', 'payer'), kind, moves, at, about: { payment: name } }];
  }
  const fund = guaranteeFund(region, currency);
  return acrossRegions(row, 'claim', kind, at, [
    [holdOf(region, row.allowance, currency, row.payer), { payee: 'available' }, row.held],
    [available(region, row.payer, currency), { payee: 'available' }, row.late],
    [fund, { payee: 'arriving' }, row.guaranteed],
    [receivable(region, row.payer, currency), fund, row.guaranteed],
  ]);
}

/** What the guarantee paid becomes spendable. */
export function matureUnit(row: Postable, at: Instant): Transfer[] {
  const { payee_region: region, currency, payee } = row;
  const moves = move(row, arriving(region, payee, currency), available(region, payee, currency), row.guaranteed);
  return [{ region, id: transferId(row.id, 'mature', 'payee'), kind: 'mature', moves, at, about: about(row) }];
}

/**
 * Gives a posted payment back: to the payer, and what the fund paid to the fund. `owed` is what of the payer's debt
 * still stands; what was recovered before goes to the payer.
 */
export function reverseUnit(row: Postable, matured: boolean, owed: number, at: Instant): Transfer[] {
  const { region, currency, payer } = row;
  const forgiven = Math.min(owed, row.guaranteed);
  const fund = guaranteeFund(region, currency);
  const back = available(region, payer, currency);
  const guaranteed: Payee = { payee: matured ? 'available' : 'arriving' };
  return acrossRegions(row, 'reverse', 'reverse', at, [
    [{ payee: 'available' }, back, row.held + row.late],
    [guaranteed, fund, forgiven],
    [fund, receivable(region, payer, currency), forgiven],
    [guaranteed, back, row.guaranteed - forgiven],
  ]);
}

type PayeeSide = 'available' | 'arriving';

/** Stands in a draft for the payee's account, wherever that is. */
interface Payee {
  readonly payee: PayeeSide;
}

/** One leg of a draft: `minor` units from one to the other. */
type Leg = readonly [debit: Account | Payee, credit: Account | Payee, minor: number];

/**
 * One transfer when both live in one region. Otherwise two in one unit: in the payer's region the clearing account
 * stands for the payee, and in the payee's region for the payer.
 */
function acrossRegions(
  row: Postable,
  act: 'claim' | 'reverse',
  kind: TransferKind,
  at: Instant,
  legs: readonly Leg[],
): Transfer[] {
  const { region, currency, payee, payee_region: other } = row;
  const own = (side: PayeeSide): Account =>
    side === 'available' ? available(other, payee, currency) : arriving(other, payee, currency);
  const transfer = (place: 'payer' | 'payee', moves: readonly Move[]): Transfer => ({
    region: place === 'payer' ? region : other,
    id: transferId(row.id, act, place),
    kind,
    moves,
    at,
    about: about(row),
  });
  const drawn = (resolve: (side: PayeeSide) => Account): Move[] =>
    legs.flatMap(([debit, credit, minor]) =>
      move(row, isPayee(debit) ? resolve(debit.payee) : debit, isPayee(credit) ? resolve(credit.payee) : credit, minor),
    );
  if (region === other) return [transfer('payer', drawn(own))];

  const ours = clearing(region, other, currency);
  const theirs = clearing(other, region, currency);
  const away = legs.flatMap(([debit, credit, minor]) => {
    if (isPayee(credit)) return move(row, theirs, own(credit.payee), minor);
    return isPayee(debit) ? move(row, own(debit.payee), theirs, minor) : [];
  });
  return [
    transfer(
      'payer',
      drawn(() => ours),
    ),
    transfer('payee', away),
  ];
}

function isPayee(side: Account | Payee): side is Payee {
  return 'payee' in side;
}

function move(row: Postable, debit: Account, credit: Account, minor: number): Move[] {
  // Who pays himself and takes it back moves nothing.
  return minor === 0 || debit.id === credit.id ? [] : [{ debit, credit, amount: money(minor, row.currency) }];
}

function about(row: Postable): { readonly payment: string } {
  return { payment: toBase64url(row.id) };
}
