/**
 * One breath between a phone and the house: the outbox is taken in, and what changed goes back.
 * Order: notes -> payments -> receipts and fork proofs -> closings -> a new allowance -> bills -> the answer. What is uploaded
 * counts before what is asked for, so that a phone closes the old and gets the new allowance in one request.
 * Invariant: each part stands by itself; one that fails is logged and left out, and the phone brings it again.
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Allowances } from '#server/allowance/allowance.ts';
import type { Bills } from '#server/bill/bill.ts';
import type { Device, Identity } from '#server/identity/identity.ts';
import type { Ledger, WalletAccount } from '#server/ledger/ledger.ts';
import type { Payments } from '#server/payment/payment.ts';
import { gatherOrEach } from '#server/platform/batch.ts';
import { type Database, Unavailable } from '#server/platform/database.ts';
import type { Regions } from '#server/region/region.ts';
import { passable, settleWaiting } from '#server/sync/border.ts';
import type { Transfers } from '#server/transfer/transfer.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type {
  Balance,
  PayeeTermsView,
  PaymentAnswer,
  RegionStatus,
  SyncAnswer,
  SyncRequest,
} from '#shared/api/sync.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Result } from '#shared/base/result.ts';
import { type Clock, fromSeconds } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';

/** What this capability remembers. */
export const syncSchema = {
  name: 'sync',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** What sync puts together. */
export interface SyncParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, 'walletAccounts'>;
  readonly regions: Pick<Regions, 'all' | 'find' | 'list' | 'keySet' | 'lists' | 'policyHeld'>;
  readonly allowances: Pick<Allowances, 'close' | 'issue' | 'certificate' | 'lockMany' | 'payees'>;
  readonly payments: Pick<Payments, 'reconcile' | 'takeReceipts' | 'takeForks' | 'heldPayments' | 'finality'>;
  readonly transfers: Pick<Transfers, 'takeNotes' | 'news' | 'overCodeDay'>;
  readonly bills: Pick<Bills, 'catchUp' | 'feed'>;
  readonly watch: Pick<Identity['watch'], 'open'>;
  /** Told of every part that failed by a fault of our own. */
  readonly report: (error: unknown, part: string) => void;
}

/** The front door. */
export interface Sync {
  /** Takes in what `device` brings and answers with what changed. */
  readonly take: (device: Device, request: SyncRequest) => Promise<SyncAnswer>;
  /** Settles what waited at a border that is open again; periodic work. Answers how many payments that were. */
  readonly settleWaiting: () => Promise<number>;
}

/** Bills in one answer: a month of an ordinary wallet; the phone comes again for more. */
const BILLS_AT_ONCE = 200;

/** Finality receipts go along only with so few payments: then the payer stands before a payee who has no signal. */
const FINALITIES_MOST = 2;

/** Allowances closed in one transaction: more gains little, and a payment of one of them waits for all. */
const CLOSED_AT_ONCE = 100;

/** Opens sync. */
export function openSync(parts: SyncParts): Sync {
  const close = gatherOrEach<Uint8Array, Result<Id, Refusal>>(
    (closings) => parts.allowances.close(closings, parts.payments.heldPayments),
    { most: CLOSED_AT_ONCE },
  );
  return {
    settleWaiting: () => settleWaiting(parts, parts.payments),
    async take(device, request) {
      const { wallet } = device;
      // Before their payments, so that the first bill of one already says what it was for.
      const notes = request.notes ?? [];
      if (notes.length > 0) await part(parts, 'notes', undefined, () => parts.transfers.takeNotes(device, notes));
      const answers = await takePayments(parts, device, request.payments);
      await part(parts, 'receipts', [], () => parts.payments.takeReceipts(wallet, bytesOf(request.receipts)));
      await part(parts, 'forks', [], () => parts.payments.takeForks(wallet, bytesOf(request.forks)));
      const closed = await takeClosings(parts, close, request.closings);
      const issued = await issue(parts, device, request.want);
      await part(parts, 'bills', undefined, () => parts.bills.catchUp());
      return { ...(await changes(parts, device, request)), answers, closed, ...issued };
    },
  };
}

/** Runs one part; a fault of ours in it leaves the others alone, but a house that cannot serve at all says so. */
async function part<Value>(
  parts: SyncParts,
  name: string,
  otherwise: Value,
  run: () => Promise<Value>,
): Promise<Value> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Unavailable) throw error;
    parts.report(error, name);
    return otherwise;
  }
}

function bytesOf(texts: readonly string[]): Uint8Array[] {
  return texts.flatMap((text) => fromBase64url(text) ?? []);
}

async function takePayments(parts: SyncParts, device: Device, texts: readonly string[]): Promise<PaymentAnswer[]> {
  const read = texts.map((text) => fromBase64url(text));
  const broken = texts.filter((_, at) => read[at] === undefined).map(refusedText);
  const readable = read.filter((bytes) => bytes !== undefined);
  const from = { home: device.region, uploader: device.wallet, at: parts.clock() };
  const payments = await part(parts, 'border', [], () => passable(parts, from, readable));
  if (payments.length === 0) return broken;
  const together = await part(parts, 'payments', undefined, () => parts.payments.reconcile(device.wallet, payments));
  const answers = together ?? (await oneByOne(parts, device, payments));
  return [...(await withFinality(parts, answers)), ...broken];
}

/** When a batch fails by a fault of ours, the payment that is to blame must not keep the others from their money. */
async function oneByOne(parts: SyncParts, device: Device, payments: readonly Uint8Array[]): Promise<PaymentAnswer[]> {
  const answers: PaymentAnswer[] = [];
  for (const payment of payments) {
    answers.push(...(await part(parts, 'payment', [], () => parts.payments.reconcile(device.wallet, [payment]))));
  }
  return answers;
}

/** Text that is not the canonical form of any bytes is named by the hash of itself. */
function refusedText(text: string): PaymentAnswer {
  return { id: hash('sha256', text, 'base64url'), outcome: 'refused', code: 'message.malformed' };
}

async function withFinality(parts: SyncParts, answers: PaymentAnswer[]): Promise<PaymentAnswer[]> {
  if (answers.length > FINALITIES_MOST) return answers;
  return Promise.all(
    answers.map(async (answer) => {
      const id = answer.outcome === 'settled' ? fromBase64url(answer.id) : undefined;
      if (id === undefined) return answer;
      const finality = await part(parts, 'finality', undefined, () => parts.payments.finality(id));
      return finality === undefined ? answer : { ...answer, finality: toBase64url(finality) };
    }),
  );
}

/** The ids of the allowances that are closed now. A refused closing is dropped by the phone: it can never count. */
async function takeClosings(
  parts: SyncParts,
  close: (closing: Uint8Array) => Promise<Result<Id, Refusal>>,
  texts: readonly string[],
): Promise<string[]> {
  const taken = await Promise.all(
    bytesOf(texts).map((closing) => part(parts, 'closing', undefined, () => close(closing))),
  );
  return taken.flatMap((one) => (one?.ok ? [one.value] : []));
}

async function issue(
  parts: SyncParts,
  device: Device,
  want: SyncRequest['want'],
): Promise<Pick<SyncAnswer, 'allowance' | 'allowanceRefused'>> {
  if (want === undefined) return {};
  const over = await part(parts, 'code day', undefined, () => parts.transfers.overCodeDay(device));
  if (over !== undefined) return { allowanceRefused: over.code };
  const issued = await part(parts, 'allowance', undefined, () => parts.allowances.issue(device, want));
  if (issued === undefined) return { allowanceRefused: 'house.fault' };
  return issued.ok ? { allowance: toBase64url(issued.value.bytes) } : { allowanceRefused: issued.error.code };
}

async function changes(
  parts: SyncParts,
  device: Device,
  { have, cursor }: SyncRequest,
): Promise<Omit<SyncAnswer, 'answers' | 'closed' | 'allowance' | 'allowanceRefused'>> {
  const { region } = device;
  const until = have.certificateUntil === undefined ? undefined : fromSeconds(have.certificateUntil);
  const [page, balances, certificate, { card }, status, keySet, news, alarms] = await Promise.all([
    parts.bills.feed(device, cursor, BILLS_AT_ONCE),
    balancesOf(parts, device),
    part(parts, 'certificate', undefined, () => parts.allowances.certificate(device, until)),
    parts.regions.lists(region),
    statusChanges(parts, have.status ?? {}),
    parts.regions.keySet(),
    part(parts, 'news', undefined, () => parts.transfers.news(device)),
    part(parts, 'alarms', undefined, () => parts.watch.open(device)),
  ]);
  return {
    epoch: toBase64url(card.bytes),
    bills: page.bills,
    cursor: page.cursor,
    more: page.more,
    balances,
    ...(certificate === undefined ? {} : { certificate: toBase64url(certificate) }),
    ...(status.length === 0 ? {} : { status }),
    ...(have.keySet === keySet.message.epoch ? {} : { keySet: toBase64url(keySet.bytes) }),
    payeeTerms: payeeTerms(parts, region),
    ...(news === undefined ? {} : { transfers: news }),
    ...(alarms === undefined ? {} : { alarms }),
  };
}

/** Payees of a region are alike in this, whoever they are: the terms stand in the policy of its first tier. */
function payeeTerms(parts: SyncParts, region: string): PayeeTermsView {
  const { invoiceLifetime, statusAge, staleEach } = parts.regions.policyHeld(region, 'unproved');
  return { invoiceLifetime: invoiceLifetime / 1000, statusAge: statusAge / 1000, staleEach };
}

/** The status lists that are newer than those the phone holds, of every region whose payers it could meet. */
async function statusChanges(parts: SyncParts, held: Readonly<Record<string, number>>): Promise<RegionStatus[]> {
  const all = await Promise.all(
    parts.regions.list().map(async ({ region }) => ({ region, ...(await parts.regions.lists(region)) })),
  );
  return all
    .filter(({ region, status }) => (held[region] ?? 0) < status.epoch)
    .map(({ region, card, status }) => ({
      region,
      card: toBase64url(card.bytes),
      epoch: status.epoch,
      list: toBase64url(status.packed),
    }));
}

const PARTS = {
  available: 'available',
  hold: 'setAside',
  arriving: 'arriving',
  frozen: 'frozen',
  receivable: 'owed',
} as const satisfies Partial<Record<WalletAccount['kind'], keyof Balance>>;

/** The parts of the wallet by currency, as they stand in the ledger; the home currency always, others when they moved. */
async function balancesOf(parts: SyncParts, { region, wallet }: Device): Promise<Balance[]> {
  const [home, accounts] = await Promise.all([parts.regions.find(region), parts.ledger.walletAccounts(region, wallet)]);
  const balances = new Map<Currency, Balance>();
  const of = (currency: Currency): Balance => {
    const known = balances.get(currency);
    if (known !== undefined) return known;
    const fresh = { currency, available: 0, setAside: 0, arriving: 0, frozen: 0, owed: 0 };
    balances.set(currency, fresh);
    return fresh;
  };
  if (home !== undefined) of(home.currency);
  for (const { kind, currency, balance } of accounts) {
    if (kind in PARTS) of(currency)[PARTS[kind as keyof typeof PARTS]] += balance;
  }
  return [...balances.values()];
}
