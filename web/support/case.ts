/**
 * A case told to somebody who knows nothing of protocols: how it stands for them, and the two payments beside each other.
 * What is signed is read from the proof itself; names stand only where the house has told them.
 */
import type { CaseEvent, CaseFile } from '#shared/api/payment.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { readFork } from '#shared/protocol/fork.ts';
import type { SignedPayment } from '#shared/protocol/payment.ts';

/**
 * How a case stands for who reads it. As payer: `owes` the guarantee fund, or is `clear`. As payee: is `paid`, has
 * part of it `arriving`, or is `unpaid` in a dispute.
 */
export type Standing = 'owes' | 'clear' | 'paid' | 'arriving' | 'unpaid';

/** How a case stands; `sum` in minor units is what is owed, arriving, unpaid, or what the payee has. */
export interface CaseStanding {
  readonly kind: Standing;
  readonly sum: number;
  /** When what is arriving can be spent. */
  readonly at?: number;
}

/** One of the two payments. */
export interface PairSide {
  /** Base64url of the payment id. */
  readonly payment: string;
  /** Whom it paid (to the payer) or who signed it (to the payee); undefined where that is not told. */
  readonly name: string | undefined;
  /** Whether the house tells the reader about this payment: it is the reader's own. */
  readonly own: boolean;
  readonly number: number;
  readonly amount: number;
  readonly signedAt: number;
}

/** Two payments that cannot both be honest, and the proof of it. */
export interface Pair {
  readonly kind: CaseFile['kind'];
  readonly sides: readonly [PairSide, PairSide];
  readonly proof: Uint8Array<ArrayBuffer>;
}

/** The steps by which a payee is paid. */
export const PAID: readonly CaseEvent['code'][] = ['paid-from-allowance', 'paid-by-guarantee', 'paid-late'];

/** How `file` stands at `now`. */
export function standingOf(file: CaseFile, now: number): CaseStanding {
  if (file.role === 'payer') {
    const owed = sumOf(file, ['owed']);
    return { kind: owed > 0 ? 'owes' : 'clear', sum: owed };
  }
  const unpaid = sumOf(file, ['disputed']);
  if (unpaid > 0) return { kind: 'unpaid', sum: unpaid };
  const coming = file.timeline.filter(({ code, at }) => code === 'spendable' && at > now);
  if (coming.length > 0) return { kind: 'arriving', sum: sum(coming), at: Math.max(...coming.map(({ at }) => at)) };
  return { kind: 'paid', sum: sumOf(file, PAID) };
}

/** What the steps of these kinds come to. */
export function sumOf(file: CaseFile, codes: readonly CaseEvent['code'][]): number {
  return sum(file.timeline.filter(({ code }) => codes.includes(code)));
}

function sum(events: readonly CaseEvent[]): number {
  return events.reduce((total, { amount = 0 }) => total + amount, 0);
}

/** The pairs of `file`, each with the reader's own payment first, then the one signed earlier; unreadable proofs are left out. */
export function pairsOf(file: CaseFile): Pair[] {
  const told = new Map(
    file.timeline.flatMap((event) =>
      event.code === 'signed' && event.payment ? [[event.payment, event] as const] : [],
    ),
  );
  return file.proofs.flatMap(({ kind, proof: text }): Pair[] => {
    const proof = fromBase64url(text);
    const read = proof && readFork(proof);
    if (!proof || !read?.ok) return [];
    const [one, other] = [sideOf(read.value.left, told), sideOf(read.value.right, told)].toSorted(
      (left, right) => Number(right.own) - Number(left.own) || left.signedAt - right.signedAt,
    );
    return one && other ? [{ kind, sides: [one, other], proof }] : [];
  });
}

function sideOf(signed: SignedPayment, told: ReadonlyMap<string, CaseEvent>): PairSide {
  const payment = toBase64url(signed.id);
  const event = told.get(payment);
  const { number, amount, time } = signed.message;
  return { payment, name: event?.name, own: event !== undefined, number, amount, signedAt: time };
}

/** The name of a file in which something of `file` is saved: `piaohao-case-0190f3a2`. */
export function fileNameOf(file: CaseFile): string {
  return `piaohao-case-${file.id.replaceAll('-', '').slice(-8)}`;
}
