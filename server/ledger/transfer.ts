/**
 * What is posted: transfers made of moves, and the seal by which a repeat is told from a reuse and a change is seen.
 * Invariant: a seal covers everything a transfer says except the place it gets in the journal.
 */
import type { Account } from '#server/ledger/chart.ts';
import { sha256 } from '#server/platform/digest.ts';
import { assert } from '#shared/base/assert.ts';
import { type Id, idFromBytes, readId } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { Money } from '#shared/money/money.ts';

/** Why money moved; only ever appended to. */
export type TransferKind =
  | 'issue'
  | 'claim'
  | 'shortfall'
  | 'mature'
  | 'recover'
  | 'close'
  | 'release'
  | 'late-claim'
  | 'refund'
  | 'reverse'
  | 'top-up'
  | 'withdraw'
  | 'fee'
  | 'exchange'
  | 'clear'
  | 'freeze'
  | 'unfreeze'
  | 'endow'
  | 'give-back';

/** One amount from one account to another of the same region and currency; it balances by itself. */
export interface Move {
  readonly debit: Account;
  readonly credit: Account;
  readonly amount: Money;
}

/** Figures and names a follower needs to tell the story; no personal data. */
export type About = Readonly<Record<string, string | number>>;

/**
 * Moves that belong together, inside one region. `id` is made by whoever starts the act and kept before sending.
 * `at` is when it happened for the house; it is not part of what makes a repeat a repeat.
 */
export interface Transfer {
  readonly region: string;
  readonly id: Id;
  readonly kind: TransferKind;
  readonly moves: readonly Move[];
  readonly at: Instant;
  readonly about?: About;
  /** The transfer this one takes back; a transfer is taken back once at most. */
  readonly reverses?: Id;
}

/**
 * The id of the transfer by which `act` happens to the thing `subject` names: made from both alone, so that the ledger
 * itself refuses a second one. Version 8 of a UUID, whose bits are the maker's own (RFC 9562 section 5.8).
 */
export function actId(act: string, subject: Uint8Array): Id {
  const named = Buffer.allocUnsafe(act.length + subject.length);
  named.write(act, 'latin1');
  named.set(subject, act.length);
  const bytes = sha256(named);
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return idFromBytes(bytes);
}

/** The parts of a transfer that its seal covers, as they stand in the journal. */
export interface Sealed {
  readonly region: string;
  readonly id: string;
  readonly kind: string;
  readonly at: number;
  readonly about: About | null;
  readonly reverses: string | null;
  readonly moves: readonly { debit: string; credit: string; amount: number; currency: Currency }[];
}

/** SHA-256 over all a transfer says, `at` included; 32 bytes. */
export function sealOf(transfer: Sealed): Uint8Array {
  const about = transfer.about
    ? Object.entries(transfer.about).sort(([left], [right]) => (left < right ? -1 : 1))
    : null;
  const text = JSON.stringify([
    'piaohao-transfer-v1',
    transfer.region,
    transfer.id,
    transfer.kind,
    transfer.at,
    about,
    transfer.reverses,
    transfer.moves.map((move) => [move.debit, move.credit, move.amount, move.currency]),
  ]);
  return sha256(text);
}

/** `transfer` in the form its seal covers; `at` may be the one it was first posted with. */
export function asSealed(transfer: Transfer, at: number = transfer.at): Sealed {
  return {
    region: transfer.region,
    id: transfer.id,
    kind: transfer.kind,
    at,
    about: transfer.about ?? null,
    reverses: transfer.reverses ?? null,
    moves: transfer.moves.map((move) => ({
      debit: move.debit.id,
      credit: move.credit.id,
      amount: move.amount.minor,
      currency: move.amount.currency,
    })),
  };
}

/** Stops at a transfer that only a bug of ours can make. */
export function assertWellFormed(transfer: Transfer): void {
  assert(readId(transfer.id) !== undefined, `not an id: ${transfer.id}`);
  assert(
    transfer.moves.length > 0 && transfer.moves.length <= 1_000,
    `${transfer.id} has ${transfer.moves.length} moves`,
  );
  for (const { debit, credit, amount } of transfer.moves) {
    assert(amount.minor > 0, `${transfer.id} moves ${amount.minor}`);
    assert(debit.id !== credit.id, `${transfer.id} moves from ${debit.id} to itself`);
    for (const side of [debit, credit]) {
      assert(side.region === transfer.region, `${transfer.id} of ${transfer.region} touches ${side.region}`);
      assert(side.currency === amount.currency, `${transfer.id} puts ${amount.currency} into ${side.id}`);
    }
  }
}
