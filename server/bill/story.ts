/** What a transfer means to each wallet it touches, as bills. Pure. */
import type { NewBill } from '#server/bill/store.ts';
import type { JournalTransfer } from '#server/ledger/ledger.ts';
import type { PaymentStory } from '#server/payment/payment.ts';
import type { Bill } from '#shared/api/bill.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';

/** The bills of `transfer` for wallets of its region; `stories` holds the payments by base64url of their ids. */
export function storyBills(transfer: JournalTransfer, stories: ReadonlyMap<string, PaymentStory>): NewBill[] {
  const { kind } = transfer;
  if (kind === 'reverse' && transfer.about.funding !== undefined) return takenBackBills(transfer);
  if (kind === 'claim' || kind === 'shortfall' || kind === 'late-claim' || kind === 'mature' || kind === 'reverse') {
    const story = stories.get(String(transfer.about.payment ?? ''));
    return story === undefined ? [] : paymentBills(transfer, story);
  }
  if (kind === 'recover' || kind === 'release') return debtBills(transfer);
  if (kind === 'give-back') return givenBackBills(transfer, stories.get(String(transfer.about.payment ?? '')));
  if (kind === 'top-up') return purseBills(transfer, 'top-up', 'neutral', 'credit');
  if (kind === 'withdraw') return purseBills(transfer, 'withdrawal', 'neutral', 'debit');
  if (kind === 'fee') return purseBills(transfer, 'fee', 'neutral', 'debit');
  return kind === 'refund' ? purseBills(transfer, 'refund', 'in', 'credit') : [];
}

/** Bills of payments for which nothing was posted, for wallets of `region`. */
export function disputeBills(rows: readonly PaymentStory[], region: string): NewBill[] {
  return rows.flatMap((row) => billsOf(row, sidesOf(row, region), () => 'disputed', null));
}

function paymentBills(transfer: JournalTransfer, story: PaymentStory): NewBill[] {
  const { kind, region, at } = transfer;
  if (kind === 'mature') return billsOf(story, ['payee'], () => 'settled', at);
  return billsOf(
    story,
    sidesOf(story, region),
    (side) => (kind === 'reverse' ? 'reversed' : kind === 'shortfall' && side === 'payee' ? 'arriving' : 'settled'),
    at,
  );
}

type Side = 'payer' | 'payee';

/** Whose bill is told by this region's journal. Who pays himself gets one. */
function sidesOf(story: PaymentStory, region: string): Side[] {
  const sides: Side[] = [];
  if (story.region === region) sides.push('payer');
  if (story.payee_region === region && story.payee !== story.payer) sides.push('payee');
  return sides;
}

/** One payment as the bills of `sides`, each in its own state. */
function billsOf(
  story: PaymentStory,
  sides: readonly Side[],
  stateOf: (side: Side) => Bill['state'],
  postedAt: number | null,
): NewBill[] {
  const id = toBase64url(story.id);
  const own = story.payer === story.payee;
  return sides.map((side) => ({
    wallet: story[side],
    id,
    kind: 'payment',
    direction: own ? 'neutral' : side === 'payer' ? 'out' : 'in',
    state: stateOf(side),
    amount: story.amount,
    currency: story.currency,
    peer: side === 'payer' ? story.payee : story.payer,
    peer_region: side === 'payer' ? story.payee_region : story.region,
    payment: story.id,
    // Only the phone that made it can make anything of it.
    invoice: side === 'payee' ? story.invoice : null,
    reason: story.code,
    signed_at: story.signed_at,
    uploaded_at: story.uploaded_at,
    posted_at: postedAt,
  }));
}

function debtBills(transfer: JournalTransfer): NewBill[] {
  return transfer.moves.flatMap((move) => {
    if (move.credit.kind !== 'receivable' || move.credit.owner === null) return [];
    return [plainBill(transfer, move.credit.owner as Id, 'debt', 'out', move.amount, move.currency)];
  });
}

function purseBills(
  transfer: JournalTransfer,
  kind: Bill['kind'],
  direction: Bill['direction'],
  side: 'debit' | 'credit',
): NewBill[] {
  const sums = new Map<string, { wallet: Id; amount: number; currency: string }>();
  for (const move of transfer.moves) {
    const { kind: account, owner } = move[side];
    if (account !== 'available' || owner === null) continue;
    const sum = sums.get(owner) ?? { wallet: owner as Id, amount: 0, currency: move.currency };
    sum.amount += move.amount;
    sums.set(owner, sum);
  }
  return [...sums.values()].map((one) => plainBill(transfer, one.wallet, kind, direction, one.amount, one.currency));
}

/** What a payee gave back of a payment that went to the wrong person, for whichever of the two lives here. */
function givenBackBills(transfer: JournalTransfer, story: PaymentStory | undefined): NewBill[] {
  if (story === undefined) return [];
  return (['payer', 'payee'] as const).flatMap((side) => {
    const [own, peer] = side === 'payer' ? (['credit', 'debit'] as const) : (['debit', 'credit'] as const);
    const moves = transfer.moves.filter((move) => move[own].owner === story[side] && move[peer].owner !== story[side]);
    const amount = moves.reduce((sum, move) => sum + move.amount, 0);
    if (amount === 0) return [];
    const bill = plainBill(transfer, story[side], 'refund', side === 'payer' ? 'in' : 'out', amount, story.currency);
    const [other, region] =
      side === 'payer' ? [story.payee, story.payee_region] : ([story.payer, story.region] as const);
    return [{ ...bill, peer: other, peer_region: region, payment: story.id }];
  });
}

/** A withdrawal the bank sent back, or cash a counter gave back: the first bill once more, as one that moved nothing. */
function takenBackBills(transfer: JournalTransfer): NewBill[] {
  const { was, reason } = transfer.about;
  const kind = was === 'withdrawal' || was === 'fee' ? was : 'top-up';
  return purseBills(transfer, kind, 'neutral', kind === 'top-up' ? 'debit' : 'credit').map((bill) => ({
    ...bill,
    id: transfer.reverses ?? bill.id,
    state: 'reversed',
    reason: typeof reason === 'string' ? reason : null,
  }));
}

function plainBill(
  transfer: JournalTransfer,
  wallet: Id,
  kind: Bill['kind'],
  direction: Bill['direction'],
  amount: number,
  currency: string,
): NewBill {
  return {
    wallet,
    id: transfer.id,
    kind,
    direction,
    state: 'settled',
    amount,
    currency,
    peer: null,
    peer_region: null,
    payment: null,
    invoice: null,
    reason: null,
    signed_at: null,
    uploaded_at: null,
    posted_at: transfer.at,
  };
}
