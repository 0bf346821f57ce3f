/**
 * The one request between a phone and the house: the outbox goes up; answers, bills, allowance and lists come down.
 * Every list is idempotent: sending it again, in parts or in another order, is the same act.
 * Signed messages travel as unpadded base64url of their bytes (see shared/protocol).
 */
import Type, { type Static } from 'typebox';
import { Bill } from '#shared/api/bill.ts';
import { TransferNews, UploadedNote } from '#shared/api/transfer.ts';

const Signed = Type.String({ maxLength: 4096, pattern: '^[A-Za-z0-9_-]+$' });
const Minor = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Numbers given out by the house; a larger one than it can hold was never given out. */
const Version = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Whole seconds since the epoch, to the end of the year 9999. */
const Seconds = Type.Integer({ minimum: 0, maximum: 253_402_300_799 });

/**
 * What the phone sends. `have` lists the versions it holds, so that only what changed comes back; `have.status` is the
 * epoch number of the status list held of each region. `want.passkey` is the credential id (base64url) of the passkey at
 * hand, for the allowance to name; one the house does not know, or no payee could check, leaves the choice to the house.
 */
export const SyncRequest = Type.Object({
  cursor: Version,
  payments: Type.Array(Signed, { maxItems: 100 }),
  closings: Type.Array(Signed, { maxItems: 8 }),
  receipts: Type.Array(Signed, { maxItems: 100 }),
  forks: Type.Array(Signed, { maxItems: 8 }),
  /** The notes that payments nobody asked for name; an app from before them sends none. */
  notes: Type.Optional(Type.Array(UploadedNote, { maxItems: 100 })),
  want: Type.Optional(
    Type.Object({
      key: Type.String({ pattern: '^[A-Za-z0-9_-]{44}$' }),
      currency: Type.String({ minLength: 3, maxLength: 3 }),
      total: Type.Optional(Minor),
      count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
      payee: Type.Optional(Type.String()),
      wrapped: Type.Boolean(),
      passkey: Type.Optional(Type.String({ maxLength: 1366, pattern: '^[A-Za-z0-9_-]+$' })),
    }),
  ),
  have: Type.Object({
    status: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Z]{2}-[A-Z0-9]{1,3}$' }), Version, {
        maxProperties: 64,
        additionalProperties: false,
      }),
    ),
    keySet: Type.Optional(Version),
    certificateUntil: Type.Optional(Seconds),
  }),
});
/** What the phone sends. */
export type SyncRequest = Static<typeof SyncRequest>;

/**
 * What became of one uploaded payment (`id`: base64url of its 32-byte payment id).
 * settled: posted and spendable. arriving: paid by the guarantee, spendable after the claim window.
 * disputed: kept as a case, nothing posted. refused: not a valid payment; `code` says why. Repeats answer the same.
 */
export const PaymentAnswer = Type.Object({
  id: Type.String(),
  outcome: Type.Union([
    Type.Literal('settled'),
    Type.Literal('arriving'),
    Type.Literal('disputed'),
    Type.Literal('refused'),
  ]),
  code: Type.Optional(Type.String()),
  finality: Type.Optional(Signed),
});
/** What became of one uploaded payment. */
export type PaymentAnswer = Static<typeof PaymentAnswer>;

/**
 * The status list of one region, with the epoch card that names it: `list` is base64url of its compressed bits, `epoch`
 * the number of the card it began with. A payee meets payers of every region, so the lists of all of them come.
 */
export const RegionStatus = Type.Object({
  region: Type.String(),
  card: Signed,
  epoch: Type.Integer(),
  list: Type.String(),
});
/** The status list of one region. */
export type RegionStatus = Static<typeof RegionStatus>;

/** The four parts of a wallet, in minor units; they and `owed` add up to its accounts in the ledger. */
export const Balance = Type.Object({
  currency: Type.String(),
  available: Minor,
  setAside: Minor,
  arriving: Minor,
  frozen: Minor,
  owed: Minor,
});
/** The four parts of a wallet. */
export type Balance = Static<typeof Balance>;

/** What the region lets its payees do: lengths in seconds, `staleEach` in minor units of the home currency. */
export const PayeeTermsView = Type.Object({
  invoiceLifetime: Type.Integer({ minimum: 1, maximum: 3600 }),
  statusAge: Type.Integer({ minimum: 0 }),
  staleEach: Minor,
});
/** What the region lets its payees do. */
export type PayeeTermsView = Static<typeof PayeeTermsView>;

/**
 * What comes back. `more` asks the phone to sync again at once from the new `cursor`. `status` brings the lists that
 * changed: one that is left out is still the newest of its region at the time of `epoch`. `alarms`: so many things out of the
 * ordinary wait for the person's word.
 */
export const SyncAnswer = Type.Object({
  epoch: Signed,
  answers: Type.Array(PaymentAnswer),
  bills: Type.Array(Bill),
  cursor: Type.Integer({ minimum: 0 }),
  more: Type.Boolean(),
  balances: Type.Array(Balance),
  allowance: Type.Optional(Signed),
  allowanceRefused: Type.Optional(Type.String()),
  closed: Type.Array(Type.String()),
  certificate: Type.Optional(Signed),
  status: Type.Optional(Type.Array(RegionStatus)),
  keySet: Type.Optional(Signed),
  payeeTerms: Type.Optional(PayeeTermsView),
  transfers: Type.Optional(TransferNews),
  alarms: Type.Optional(Type.Integer({ minimum: 0 })),
});
/** What comes back. */
export type SyncAnswer = Static<typeof SyncAnswer>;
