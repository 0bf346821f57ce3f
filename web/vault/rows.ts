/**
 * What stands in each store of the vault.
 * Byte strings of signed messages are kept as they came; ids of messages are base64url of their 32-byte hash.
 * Times are milliseconds since the epoch by this phone's clock unless said otherwise; amounts are minor units.
 */
import type { Bill } from '#shared/api/bill.ts';
import type { DeviceView } from '#shared/api/identity.ts';
import type { Opinion, OpinionType } from '#shared/api/notebook.ts';
import type { CaseFile } from '#shared/api/payment.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { PaymentCore } from '#shared/protocol/payment.ts';

/** One private key. `device` signs requests, invoices and receipts; `allowance` signs payments and closings. */
export interface KeyRow {
  /** The device id, or base64url of the public key of an allowance key. */
  id: string;
  use: 'device' | 'allowance';
  /** The 33-byte compressed P-256 point. */
  public: Uint8Array;
  /** The key itself, when this phone has no passkey that can wrap it. Not exportable, but not bound to the phone either. */
  plain?: CryptoKey;
  /** The key sealed to the lock of this phone (see lock.ts). */
  sealed?: SealedKey;
  /** For an allowance key: the one payee its allowance shall be locked to. */
  payee?: string;
  /** For an allowance key: the passkey (base64url credential id) its allowance shall name. */
  passkey?: string;
  madeAt: number;
}

/** A private key sealed to the phone's lock: only a passkey with PRF opens it. */
export interface SealedKey {
  /** Raw point of the one-time ECDH key. */
  sender: Uint8Array;
  iv: Uint8Array;
  bytes: Uint8Array;
}

/** One allowance: money set aside by the region that this phone may spend with no network. */
export interface AllowanceRow {
  /** Base64url of the id (32 bytes) of the signed allowance. */
  id: string;
  bytes: Uint8Array;
  /** The id text the server knows it by. */
  serial: string;
  region: string;
  /** The key that signs its payments: id in `keys`. */
  key: string;
  state: 'live' | 'closing' | 'closed' | 'revoked';
  currency: Currency;
  total: number;
  most: number;
  spent: number;
  count: number;
  /** What the next payment names as its previous one (16 bytes): the anchor before the first. */
  previous: Uint8Array;
  /** Set when only this payee may be paid with it (id text). */
  payee?: string;
  notBeforeSeconds: number;
  expiresSeconds: number;
  keptAt: number;
  /** When its closing was signed. */
  closedAt?: number;
}

/** How far a payment of this phone has come. Only `reserved` may be taken back. */
export type PaymentState = 'reserved' | 'signed' | 'handed' | 'arriving' | 'settled' | 'disputed' | 'refused';

/** One payment this phone promises. */
export interface PaymentRow {
  /** Base64url of the payment id (the hash of the signed core). */
  id: string;
  /** Base64url of the invoice hash: one invoice is paid at most once from this phone. */
  invoice: string;
  allowance: string;
  number: number;
  amount: number;
  cumulative: number;
  currency: Currency;
  payee: { id: string; name: string; region: string };
  memo?: string;
  match: string;
  core: PaymentCore;
  /** The signed payment; absent while reserved. */
  bytes?: Uint8Array;
  state: PaymentState;
  /** What the server said when it did not simply settle. */
  code?: string;
  /** The invoice; of what nobody asked for the payer's own note. */
  invoiceBytes: Uint8Array;
  /** Nobody asked for it: the payee was found here or by the house, or stood on a code on paper or in a link. */
  unasked?: 'found' | 'code';
  certificateBytes: Uint8Array;
  /** The payee's receipt or the house's finality, once it came. */
  receipt?: Uint8Array;
  reservedAt: number;
  signedAt?: number;
  handedAt?: number;
  uploadedAt?: number;
  settledAt?: number;
}

/** One invoice this payee made; the payment must name it. */
export interface InvoiceRow {
  /** Base64url of the hash of the signed invoice. */
  id: string;
  bytes: Uint8Array;
  amount: number;
  currency: Currency;
  memo?: string;
  match: string;
  madeAt: number;
  expiresAt: number;
  /** Base64url of the payment id that paid it. */
  paidBy?: string;
}

/** How far a received payment has come. */
export type ReceivedState = 'kept' | 'uploaded' | 'arriving' | 'settled' | 'disputed' | 'refused';

/** One payment another phone signed for this payee, verified and kept. */
export interface ReceivedRow {
  id: string;
  invoice: string;
  allowance: string;
  number: number;
  amount: number;
  cumulative: number;
  currency: Currency;
  /** The payer's region; the payer's name is not told offline. */
  region: string;
  /** How new the status list of that region was that the payer was looked up in; absent when there was none. */
  statusAsOf?: number;
  memo?: string;
  payee: string;
  bytes: Uint8Array;
  allowanceBytes: Uint8Array;
  receipt?: Uint8Array;
  /** The house's word that it is final, once it came. */
  finality?: Uint8Array;
  state: ReceivedState;
  code?: string;
  signedAt: number;
  keptAt: number;
  uploadedAt?: number;
  settledAt?: number;
}

/** One signed thing waiting to be carried to the server; it stays until the server answers for it. */
export interface OutboxRow {
  order?: number;
  kind: 'payment' | 'receipt' | 'closing' | 'fork' | 'note';
  /** Id of what it carries; with `kind` unique, so that nothing is queued twice. */
  id: string;
  /** The signed bytes; absent while a payment is only reserved. */
  bytes?: Uint8Array;
  queuedAt: number;
  tries: number;
}

/** A bill as the server made it, with what lists and totals are read by. */
export type BillRow = Bill & {
  /** Milliseconds: when it was signed, else when it was posted. */
  at: number;
  /** The month it counts in, `2026-11`, by the phone's own zone when it came. */
  month: string;
  /** The day likewise, `2026-11-24`; rows of before have none, see `dayOfRow`. */
  day?: string;
  /** What the house knows of its way beside the times of the bill (see web/bill/life.ts); goes when the bill changes. */
  life?: { readonly handed?: number; readonly uploadedBy: 'payer' | 'payee' | 'another'; readonly spendable?: number };
  /** The house's word that it is final, asked for when the payment itself is on another phone; goes when the bill changes. */
  finality?: Uint8Array;
};

/** Who says so: `house` the server, whose bills are facts; `brought` the person, from another wallet's export. */
export type Source = 'house' | 'brought';

/** The wallets whose exports can be brought in. */
export type Origin = 'alipay' | 'wechat';

/** A bill of another wallet that the person brought in: an opinion, which no ledger knows. `id` is its origin and number there. */
export type BroughtRow = BillRow & {
  origin: Origin;
  /** The category that wallet gave it, in its own words. */
  filed?: string;
  broughtAt: number;
};

/** What a month (`2026-11`) or a day (`2026-11-24`) came to in one currency; kept in the transaction that keeps its bills. */
export interface TotalRow {
  source: Source;
  span: string;
  currency: string;
  in: number;
  out: number;
  neutral: number;
  count: number;
}

/** The words of a day's bills, a line each, and their ids, line for line (see words.ts). */
export interface WordsRow {
  source: Source;
  day: string;
  words: string;
  ids: string;
}

/** Somebody this person has paid or been paid by. */
export interface ContactRow {
  id: string;
  name: string;
  region: string;
  lastAt: number;
  /** Their certificate when they were last paid: money can be sent there again while it is good. */
  certificate?: Uint8Array;
}

/** One top-up or withdrawal (channel `payout`) the person has started, kept before it is sent: `id` is made here. */
export interface TopUpRow {
  id: string;
  channel: string;
  amount: number;
  currency: string;
  state: string;
  startedAt: number;
  detail?: Record<string, unknown>;
}

/** One case that concerns this person, as the server last told it. */
export interface CaseRow {
  id: string;
  openedAt: number;
  file: CaseFile;
  /** 1 while the first screen shall speak of it (see cases.ts); a number, because it is an index. */
  notice: 0 | 1;
  /** When the person has opened it. */
  readAt?: number;
  keptAt: number;
}

/** One device of the wallet as the server last told it (see devices.ts). */
export interface DeviceRow extends DeviceView {
  /** Its place in the server's list. */
  readonly place: number;
}

/** The newest verified copy of one public message; there is a status list of each region (`status:CN-SX`). */
export interface ListRow {
  name: 'epoch' | 'keySet' | 'certificate' | `status:${string}`;
  bytes: Uint8Array;
  /** The certificate's end in seconds; of the others the epoch number. */
  version: number;
  keptAt: number;
  /** Of a status list: the newest moment, signed by a server, at which it was known to be the region's newest. */
  asOf?: number;
}

/** The notebook's newest word on one thing (see opinions.ts). */
export interface OpinionRow {
  /** The document's id: `note:<bill>`, `rule:<id>`. */
  id: string;
  type: OpinionType;
  /** The bill it is about, where it is about one. */
  bill?: string;
  opinion: Opinion;
  /** The revision that says it: who changes it says which word they had before them. */
  revision?: string;
  /** 1 while another phone's word on the same thing stands beside it; a number, because it is an index. */
  disputed: 0 | 1;
}
