/** The case file of an allowance that promised more than it held: what happened, in order, for those it concerns. */
import { receivable } from '#server/ledger/chart.ts';
import type { PaymentParts } from '#server/payment/parts.ts';
import * as store from '#server/payment/store.ts';
import type { CaseEvent, CaseFile, CaseSummary } from '#shared/api/payment.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';

/** Cases in one list: far more than an honest person ever sees. */
const LIST_MOST = 100;

/** The cases that concern `wallet`, newest first. */
export async function listCases(parts: PaymentParts, wallet: Id): Promise<CaseSummary[]> {
  const cases = await store.casesOf(parts.database, wallet, LIST_MOST);
  return Promise.all(
    cases.map(async (row) =>
      summaryOf(row, wallet, await store.paymentsOfAllowance(parts.database, row.region, row.allowance)),
    ),
  );
}

/** The case `id` as `wallet` may read it; undefined when there is none that concerns it. */
export async function readCase(
  parts: PaymentParts,
  wallet: Id,
  id: Id,
  names: (wallets: readonly Id[]) => Promise<ReadonlyMap<Id, string>>,
): Promise<CaseFile | undefined> {
  const row = await store.caseOf(parts.database, wallet, id);
  if (row === undefined) return undefined;
  const all = await store.paymentsOfAllowance(parts.database, row.region, row.allowance);
  const summary = summaryOf(row, wallet, all);
  const own = summary.role === 'payer' ? all : all.filter((one) => one.payee === wallet);
  const ours = new Set(own.map((one) => toBase64url(one.id)));
  const named = await names([...new Set(own.map((one) => (summary.role === 'payer' ? one.payee : one.payer)))]);
  const proofs = (await store.proofsOf(parts.database, row.region, row.allowance)).filter(
    (proof) => ours.has(toBase64url(proof.payment)) || ours.has(toBase64url(proof.other)),
  );
  const numbers = new Map(all.map((one) => [toBase64url(one.id), one.number]));
  const timeline = [
    ...own.flatMap((one) => paymentEvents(one, named.get(summary.role === 'payer' ? one.payee : one.payer))),
    ...proofs.map((proof) => foundEvent(proof, ours, numbers)),
    { at: row.opened_at, code: 'stopped' as const },
    ...(summary.role === 'payer' ? await debtEvents(parts, row, summary.currency) : []),
  ];
  return {
    ...summary,
    timeline: timeline.sort((left, right) => left.at - right.at),
    proofs: proofs.map((proof) => ({
      payment: toBase64url(proof.payment),
      other: toBase64url(proof.other),
      kind: proof.kind,
      proof: toBase64url(proof.bytes),
    })),
  };
}

function summaryOf(row: store.CaseRow, wallet: Id, payments: readonly store.PaymentRow[]): CaseSummary {
  const role = row.payer === wallet ? 'payer' : 'payee';
  const mine = role === 'payer' ? payments : payments.filter((one) => one.payee === wallet);
  const atStake = mine.reduce(
    (sum, one) => sum + (role === 'payer' ? one.guaranteed : one.state === 'disputed' ? one.amount : one.guaranteed),
    0,
  );
  return {
    id: row.id,
    kind: row.kind,
    role,
    region: row.region,
    openedAt: row.opened_at,
    amount: atStake,
    currency: payments[0]?.currency ?? 'CNY',
  };
}

function paymentEvents(row: store.PaymentRow, name: string | undefined): CaseEvent[] {
  const about = { payment: toBase64url(row.id), number: row.number, ...(name === undefined ? {} : { name }) };
  const event = (at: number, code: CaseEvent['code'], amount: number): CaseEvent[] =>
    amount > 0 ? [{ at, code, ...about, amount }] : [];
  const at = row.uploaded_at;
  return [
    ...event(row.signed_at, 'signed', row.amount),
    ...event(at, 'uploaded', row.amount),
    ...event(at, 'paid-from-allowance', row.held),
    ...event(at, 'paid-by-guarantee', row.guaranteed),
    ...event(at, 'paid-late', row.late),
    ...(row.matures_at === null ? [] : event(row.matures_at, 'spendable', row.guaranteed)),
    ...(row.state === 'disputed'
      ? [{ at, code: 'disputed' as const, ...about, amount: row.amount, ...(row.code ? { reason: row.code } : {}) }]
      : []),
    ...(row.state === 'voided' || row.state === 'reversed' ? event(at, 'voided', row.amount) : []),
  ];
}

function foundEvent(proof: store.ProofRow, ours: ReadonlySet<string>, numbers: ReadonlyMap<string, number>): CaseEvent {
  const [one, other] = [toBase64url(proof.payment), toBase64url(proof.other)];
  const payment = ours.has(one) ? one : other;
  const number = numbers.get(payment);
  return { at: proof.found_at, code: 'conflict-found', payment, ...(number === undefined ? {} : { number }) };
}

async function debtEvents(parts: PaymentParts, row: store.CaseRow, currency: string): Promise<CaseEvent[]> {
  const home = parts.regions.list().find((one) => one.region === row.region);
  const known = home?.currencies.find((one) => one === currency);
  if (known === undefined) return [];
  const [owed = 0] = await parts.ledger.balances(row.region, [receivable(row.region, row.payer, known)]);
  return owed > 0 ? [{ at: parts.clock(), code: 'owed', amount: owed }] : [];
}
