/** Proves bills: their numbers have no gaps, and each says what its payment or its transfer says. */
import type { Sql } from '#server/platform/database.ts';
import { type Find, PAGE, pages } from '#server/proof/finding.ts';
import { type FindPosted, type Posted, readPosted } from '#server/proof/posted.ts';
import * as store from '#server/proof/store.ts';
import { toBase64url } from '#shared/base/bytes.ts';

type Last = Pick<store.AuditBill, 'region' | 'wallet' | 'sequence' | 'head'>;

/** Reads all bills; answers how many there are. */
export async function proveBills(tx: Sql, find: Find): Promise<number> {
  let count = 0;
  let last: Last | null = null;
  const read = (before?: store.AuditBill) => store.billPage(tx, before ?? null, PAGE);
  for await (const page of pages(read)) {
    count += page.length;
    const posted = await readPosted(tx, page.filter(isOfTransfer));
    for (const bill of page) {
      if (last?.wallet !== bill.wallet) proveEnd(last, find);
      const before = last?.wallet === bill.wallet ? last.sequence : 0;
      if (bill.sequence !== before + 1) {
        find('bill-gap', bill.region, nameOf(bill), bill.sequence - before - 1, `follows number ${before}`);
      }
      const wrong = bill.kind === 'payment' ? paymentFault(bill) : transferFault(bill, posted);
      if (wrong) find('bill', bill.region, nameOf(bill), 0, wrong);
      last = bill;
    }
  }
  proveEnd(last, find);
  for (const { region, wallet, sequence } of await store.emptyHeads(tx)) {
    find('bill-gap', region, `bills of ${wallet}`, sequence, `${sequence} are said to be there, none is`);
  }
  return count;
}

function nameOf({ wallet, sequence }: Pick<store.AuditBill, 'wallet' | 'sequence'>): string {
  return `bill ${wallet}/${sequence}`;
}

function proveEnd(last: Last | null, find: Find): void {
  if (last === null || last.head === last.sequence) return;
  const off = (last.head ?? 0) - last.sequence;
  find(
    'bill-gap',
    last.region,
    `bills of ${last.wallet}`,
    off,
    `end at ${last.sequence}, ${last.head} are said to be there`,
  );
}

function isOfTransfer({ kind, id }: store.AuditBill): boolean {
  return kind !== 'payment' && /^[0-9a-f-]{36}$/.test(id);
}

function paymentFault(bill: store.AuditBill): string | undefined {
  const { payment, payer, payee, paid, paid_state: state } = bill;
  if (payment === null || paid === null) return 'tells of a payment that does not exist';
  if (bill.id !== toBase64url(payment)) return `is called ${bill.id}, not as its payment`;
  if (bill.amount !== paid || bill.currency !== bill.paid_currency) {
    return `says ${bill.amount} ${bill.currency}, the payment ${paid} ${bill.paid_currency}`;
  }
  const isPayer = bill.wallet === payer;
  if (!isPayer && bill.wallet !== payee) return 'is of a wallet the payment has nothing to do with';
  const direction = payer === payee ? 'neutral' : isPayer ? 'out' : 'in';
  if (bill.direction !== direction) return `goes ${bill.direction}, the payment ${direction}`;
  if (bill.peer !== (isPayer ? payee : payer)) return `names ${bill.peer} on the other side`;
  return state !== null && mayBe(bill, state, isPayer) ? undefined : `is ${bill.state}, the payment ${state}`;
}

/** A bill may be older than what became of its payment, and never ahead of it. */
function mayBe(bill: store.AuditBill, state: store.AuditPayment['state'], isPayer: boolean): boolean {
  if (bill.state === 'disputed') return state === 'disputed';
  if (bill.state === 'reversed') return state === 'reversed';
  const isOnWay = !isPayer && (bill.guaranteed ?? 0) > 0;
  if (bill.state === 'arriving') return isOnWay && state !== 'disputed' && state !== 'voided';
  if (bill.state !== 'settled') return false;
  return state === 'settled' || state === 'reversed' || (state === 'arriving' && !isOnWay);
}

function transferFault(bill: store.AuditBill, posted: FindPosted): string | undefined {
  const transfer = isOfTransfer(bill) ? posted(bill.region, bill.id) : undefined;
  if (transfer === undefined) return `tells of the transfer ${bill.id}, which does not exist`;
  if (movesOf(transfer, bill).includes(bill.amount)) return undefined;
  return `says ${bill.amount} ${bill.currency}, which transfer ${bill.id} does not move for this wallet`;
}

/** What a transfer moved for a wallet, as one may tell it: out of its purse, into it, to others and from them, off a debt. */
function movesOf({ moves }: Posted, { wallet, currency }: store.AuditBill): number[] {
  const own = moves.filter((move) => move.currency === currency);
  const sum = (fits: (move: store.AuditPosting) => boolean): number =>
    own.filter(fits).reduce((all, { amount }) => all + amount, 0);
  const isPurse = (account: string | null): boolean => account?.startsWith(`available/${wallet}/`) ?? false;
  return [
    sum(({ debit }) => isPurse(debit)),
    sum(({ credit }) => isPurse(credit)),
    sum((move) => move.debit_owner === wallet && move.credit_owner !== wallet),
    sum((move) => move.credit_owner === wallet && move.debit_owner !== wallet),
    ...own.filter(({ credit }) => credit?.startsWith(`receivable/${wallet}/`)).map(({ amount }) => amount),
  ].filter((amount) => amount > 0);
}
