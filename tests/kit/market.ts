/**
 * People who pay each other, over the real ledger, regions, allowances, payments and bills; only who they are is made up.
 * The clock stands still until it is moved, and everything can be made to come out the same for one seed.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Allowances, allowanceSchema, openAllowances } from '#server/allowance/allowance.ts';
import { type Bills, billSchema, openBills } from '#server/bill/bill.ts';
import type { Device, Person } from '#server/identity/identity.ts';
import { arriving, available, outside, receivable } from '#server/ledger/chart.ts';
import { type Ledger, openLedger } from '#server/ledger/ledger.ts';
import { logbookSchema } from '#server/logbook/logbook.ts';
import { fundOwed, openPayments, type Payments, paymentSchema } from '#server/payment/payment.ts';
import { openSignatures, type Signatures } from '#server/payment/signatures.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { openRegions, type RegionParts, type Regions, regionSchema } from '#server/region/region.ts';
import { syncSchema } from '#server/sync/sync.ts';
import { openTransfers, type Transfers, transferSchema } from '#server/transfer/transfer.ts';
import { fromBase64url, joinBytes, toBase64url, toHex } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { ok } from '#shared/base/result.ts';
import { type Clock, type Duration, instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { money } from '#shared/money/money.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { closingMessage } from '#shared/protocol/closing.ts';
import { referenceOf, type Signed } from '#shared/protocol/message.ts';
import { encodeCore, type PaymentCore, paymentIdOf, readPayment, signPayment } from '#shared/protocol/payment.ts';
import { FIRST_RECEIPT_PREVIOUS, type ReceiptStatus, receiptMessage } from '#shared/protocol/receipt.ts';
import type { Signer } from '#shared/protocol/signature.ts';
import { knownAllowance } from '#shared/protocol/trust.ts';
import { DEFAULT_POLICIES, type Policy, type Tier } from '#shared/rules/policy.ts';
import { LEDGER_SCHEMA } from '#tests/kit/ledger.ts';

/** A signed payment as it travels. */
export interface Paid {
  readonly id: Uint8Array;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly core: PaymentCore;
}

/** A person with one device. */
export interface Trader {
  readonly name: string;
  readonly wallet: Id;
  readonly region: string;
  readonly device: Device;
  readonly signer: Signer;
}

/** What is told of a payment that is to differ from the honest next one. */
export interface Twist {
  readonly number?: number;
  readonly total?: number;
  readonly previous?: Uint8Array;
  readonly epoch?: number;
  readonly invoice?: Uint8Array;
  readonly signer?: Signer;
  readonly time?: number;
  readonly allowance?: Uint8Array;
}

/** An allowance in its owner's hand: signs payment after payment, and what a cheat would sign. */
export interface Purse {
  readonly owner: Trader;
  readonly allowance: Signed<Allowance>;
  readonly signer: Signer;
  /** The next honest payment. */
  readonly pay: (to: Trader, amount: number, twist?: Twist) => Promise<Paid>;
  /** A copy of this purse as it is now: both go on from here, each as if the other were not there. */
  readonly clone: () => Purse;
  /** What was signed so far by this copy. */
  readonly signed: () => readonly Paid[];
}

/** The whole market. */
export interface Market {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly regions: Regions;
  readonly allowances: Allowances;
  readonly payments: Payments;
  readonly transfers: Transfers;
  readonly bills: Bills;
  readonly clock: Clock;
  readonly pass: (length: Duration) => void;
  /** Somebody with a phone and a proved name, where no other `tier` is said. */
  readonly person: (name: string, region?: string, tier?: Tier) => Promise<Trader>;
  readonly topUp: (who: Trader, minor: number) => Promise<void>;
  readonly purse: (owner: Trader, total: number, more?: { payee?: Id }) => Promise<Purse>;
  readonly receipt: (payee: Trader, payment: Uint8Array, status: ReceiptStatus) => Promise<Uint8Array>;
  readonly upload: (who: Trader, ...paid: readonly Paid[]) => ReturnType<Payments['reconcile']>;
  /** available / arriving / owed of a person, in minor units. */
  readonly purseOf: (who: Trader) => Promise<{ available: number; arriving: number; owed: number }>;
  /** Every balance that is not zero and every transfer, sorted, without the order in which they came. */
  readonly books: () => Promise<string>;
  /** What is wrong with the ledger; empty when all sums are zero, every balance is its moves and no floor is broken. */
  readonly faults: () => Promise<string[]>;
  readonly close: () => Promise<void>;
}

/** What a market may be given instead of chance, threads and the usual policy. */
export interface MarketOptions {
  readonly start?: number;
  readonly policy?: Partial<Policy>;
  readonly terms?: NonNullable<RegionParts['terms']>;
  readonly random?: (length: number) => Uint8Array;
  readonly newSigner?: () => Signer;
  readonly openSigner?: RegionParts['openSigner'];
  readonly signatures?: Signatures;
  /** Puts something between the house and its parts: what a simulation breaks on purpose. */
  readonly tamper?: {
    readonly ledger?: (ledger: Ledger) => Ledger;
    readonly allowances?: (allowances: Allowances) => Allowances;
    readonly payments?: (payments: Payments) => Payments;
    readonly bills?: (bills: Bills) => Bills;
  };
}

const CNY: Currency = 'CNY';
const START = Date.UTC(2026, 0, 5, 8);

/** A policy without a passkey and with room, so that a test says what it means and nothing else. */
const ROOMY: Partial<Policy> = {
  total: 10_000_00,
  perPayment: 10_000_00,
  perPayee: 10_000_00,
  perDay: 100_000_00,
  maxCount: 1000,
  noPasskeyEach: 10_000_00,
  noPasskeySum: 10_000_00,
  spend: { most: 1_000_000_00, per: 'life' },
};

/** Terms likewise: a fund that reckons with more copies than any test makes, and has enough for them. */
const ROOMY_TERMS = { clonesAssumed: 19, fundCap: 100_000_000_00 };

/** A signer over a fresh key of node:crypto. */
export function freshSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const [across, up] = [fromBase64url(x), fromBase64url(y)];
  if (!across || !up) throw new Error('no point');
  return {
    key: joinBytes(Uint8Array.of(2 + ((up[31] ?? 0) & 1)), across),
    sign: async (message) => sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
  };
}

/** The word of a phone that pays no more on `allowance`, of which `last` is the last payment it made, if any. */
export function signClosing(
  { id, message }: Signed<Allowance>,
  signer: Signer,
  last?: { readonly core: PaymentCore; readonly id: Uint8Array },
): Promise<Uint8Array> {
  const closing = {
    ...{ allowance: referenceOf(id), lastNumber: last?.core.number ?? 0, lastTotal: last?.core.total ?? 0 },
    last: last ? referenceOf(last.id) : message.anchor,
  };
  return closingMessage.sign(closing, signer);
}

/** Opens a market on a fresh `database`. */
export async function openMarket(database: Database, options: MarketOptions = {}): Promise<Market> {
  await migrate(database, [
    LEDGER_SCHEMA,
    logbookSchema,
    regionSchema,
    allowanceSchema,
    paymentSchema,
    transferSchema,
    billSchema,
    syncSchema,
  ]);
  let now = options.start ?? START;
  const clock: Clock = () => instant(now);
  const random = options.random ?? ((length: number) => randomBytes(length));
  const newSigner = options.newSigner ?? freshSigner;
  const keysDir = mkdtempSync(join(tmpdir(), 'piaohao-keys-'));
  const policy = (of: Policy): Policy => ({ ...of, ...ROOMY, ...options.policy });
  const regions = await openRegions({
    database,
    clock,
    keysDir,
    rpId: 'localhost',
    origins: ['http://localhost:3000'],
    ...(options.openSigner ? { openSigner: options.openSigner } : {}),
    terms: { ...ROOMY_TERMS, ...options.terms },
    policies: {
      unproved: policy(DEFAULT_POLICIES.unproved),
      'real-name': policy(DEFAULT_POLICIES['real-name']),
      'two-factor': policy(DEFAULT_POLICIES['two-factor']),
    },
  });
  const { tamper = {} } = options;
  const asIs = <Part>(part: Part): Part => part;
  const ledger = (tamper.ledger ?? asIs)(openLedger({ database }));
  const people = new Map<Id, Person>();
  const devices: Device[] = [];
  const identity = {
    person: async (wallet: Id) => people.get(wallet),
    people: async (wallets: readonly Id[]) =>
      new Map(wallets.flatMap((wallet) => [people.get(wallet) ?? []].flat().map((one) => [wallet, one] as const))),
    passkeysOf: async () => [],
    onDeviceRevoked: () => undefined,
    onPasskeyRevoked: () => undefined,
    onFrozen: () => undefined,
    onEased: () => undefined,
    isFrozen: async () => false,
    authorise: async () => ok('free' as const),
    devicesOf: async (wallet: Id) => devices.filter((device) => device.wallet === wallet),
    // In the market a person's number is their name behind a `#`, which no nickname has.
    personByPhone: async (region: string, number: string) =>
      [...people.values()].find((person) => person.region === region && `#${person.name}` === number),
    limitShare: async () => 100,
    freeSet: async () => undefined,
    moneyStop: async () => undefined,
    watch: { onAlarm: () => undefined, weigh: async () => ({ raised: false }) },
  };
  const allowances = (tamper.allowances ?? asIs)(
    openAllowances({ database, ledger, clock, regions, identity, fundOwed }),
  );
  const opened = await openPayments({
    database,
    ledger,
    clock,
    regions,
    allowances,
    identity,
    epochAge: () => (options.policy?.guaranteeEpochAge ?? DEFAULT_POLICIES.unproved.guaranteeEpochAge) as Duration,
    signatures: options.signatures ?? openSignatures(0),
    random,
  });
  const payments = (tamper.payments ?? asIs)(opened);
  const transfers = await openTransfers({ database, ledger, clock, regions, identity, allowances, payments });
  const bills = (tamper.bills ?? asIs)(openBills({ database, ledger, regions, identity, payments, transfers }));
  const counters = new Map<Id, { counter: number; previous: Uint8Array }>();

  const market: Market = {
    database,
    ledger,
    regions,
    allowances,
    payments,
    transfers,
    bills,
    clock,
    pass(length) {
      now += length;
    },
    async person(name, region = 'CN-SX', tier = 'real-name') {
      const wallet = newId(clock(), random(10));
      const signer = newSigner();
      const person = { wallet, region, name, verifiedName: name, tier, phoneMasked: '138****0000' };
      people.set(wallet, person as Person);
      const device: Device = {
        region,
        id: newId(clock(), random(10)),
        wallet,
        key: signer.key,
        name: `${name}的手机`,
        createdAt: clock(),
        seenAt: clock(),
        revokedAt: undefined,
      };
      devices.push(device);
      const certificate = await allowances.certificate(device, undefined);
      if (!certificate || !certificateMessage.read(certificate).ok) throw new Error('no certificate');
      return { name, wallet, region, device, signer };
    },
    async topUp(who, minor) {
      const debit = outside(who.region, 'bank', CNY);
      const credit = available(who.region, who.wallet, CNY);
      const posted = await ledger.post([
        {
          region: who.region,
          id: newId(clock(), random(10)),
          kind: 'top-up',
          moves: [{ debit, credit, amount: money(minor, CNY) }],
          at: clock(),
        },
      ]);
      if (!posted.ok) throw new Error(posted.error.code);
    },
    async purse(owner, total, more = {}) {
      const signer = newSigner();
      const want = { key: toBase64url(signer.key), currency: CNY, total, wrapped: true, ...more };
      const issued = await allowances.issue(owner.device, want);
      if (!issued.ok) throw new Error(`no allowance: ${issued.error.code}`);
      const read = knownAllowance(issued.value.bytes);
      if (!read.ok) throw new Error(read.error.code);
      return purseOver(market, owner, read.value, signer, [], random);
    },
    async receipt(payee, payment, status) {
      const last = counters.get(payee.wallet) ?? { counter: 0, previous: FIRST_RECEIPT_PREVIOUS };
      const counter = last.counter + 1;
      const message = { payment, status, time: clock(), counter, previous: last.previous };
      const bytes = await receiptMessage.sign(message, payee.signer);
      const read = receiptMessage.read(bytes);
      if (read.ok) counters.set(payee.wallet, { counter, previous: referenceOf(read.value.id) });
      return bytes;
    },
    upload: (who, ...paid) =>
      payments.reconcile(
        who.wallet,
        paid.map((one) => one.bytes),
      ),
    async purseOf({ region, wallet }) {
      const accounts = [available, arriving, receivable].map((account) => account(region, wallet, CNY));
      const [spendable = 0, coming = 0, owed = 0] = await ledger.balances(region, accounts);
      return { available: spendable, arriving: coming, owed };
    },
    books: () => booksOf(database),
    faults: () => faultsOf(database),
    async close() {
      await payments.close();
      rmSync(keysDir, { recursive: true, force: true });
    },
  };
  return market;
}

function purseOver(
  market: Market,
  owner: Trader,
  allowance: Signed<Allowance>,
  signer: Signer,
  before: readonly Paid[],
  random: (length: number) => Uint8Array,
): Purse {
  const chain = [...before];
  return {
    owner,
    allowance,
    signer,
    signed: () => chain,
    clone: () => purseOver(market, owner, allowance, signer, chain, random),
    async pay(to, amount, twist = {}) {
      const last = chain.at(-1);
      const epoch = twist.epoch ?? (await market.regions.epoch(to.region)).message.number;
      const core: PaymentCore = {
        allowance: twist.allowance ?? referenceOf(allowance.id),
        number: twist.number ?? (last?.core.number ?? 0) + 1,
        amount,
        total: twist.total ?? (last?.core.total ?? 0) + amount,
        payee: to.device.id,
        previous: twist.previous ?? (last ? referenceOf(last.id) : allowance.message.anchor),
        invoice: twist.invoice ?? Uint8Array.from(random(16)),
        time: instant(Math.floor((twist.time ?? market.clock()) / 1000) * 1000),
        epoch,
      };
      const id = paymentIdOf(core);
      const bytes = await signPayment(core, twist.signer ?? signer);
      const paid = { id, name: toBase64url(id), bytes, core };
      chain.push(paid);
      return paid;
    },
  };
}

/** The twin of a signed payment, (r, n - s): the other signature of the same key over the same core. */
export function twinOf(paid: Paid): Uint8Array {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const read = readPayment(paid.bytes);
  if (!read.ok) throw new Error(read.error.code);
  const s = BigInt(`0x${toHex(read.value.signature.subarray(32))}`);
  const twin = Uint8Array.from(paid.bytes);
  twin.set(fromHexBig(order - s), paid.bytes.length - 32);
  return twin;
}

function fromHexBig(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(64, '0'), 'hex'));
}

/** The core of a payment with one more byte behind it: another wrapping of the same words. */
export function paddedOf(paid: Paid): Uint8Array {
  return joinBytes(paid.bytes, encodeCore(paid.core).subarray(0, 1));
}

async function booksOf(database: Database): Promise<string> {
  const balances = await database.query(
    'select region, id, balance from ledger_account where balance <> 0 order by region, id',
  );
  const transfers = await database.query<{ region: string; id: string; kind: string; moves: unknown }>(
    `select t.region, t.id, t.kind, t.about, jsonb_agg(jsonb_build_array(m.debit, m.credit, m.amount) order by m.line) as moves
     from ledger_transfer t join ledger_move m on m.region = t.region and m.cursor = t.cursor
     group by t.region, t.id, t.kind, t.about order by t.region, t.id`,
  );
  return JSON.stringify({ balances, transfers }, null, 1);
}

async function faultsOf(database: Database): Promise<string[]> {
  const sums = await database.query<{ region: string; currency: string; sum: number }>(
    `select region, currency, sum(case normal when 'debit' then balance else -balance end)::bigint as sum
     from ledger_account group by region, currency having sum(case normal when 'debit' then balance else -balance end) <> 0`,
  );
  const wrong = await database.query<{ region: string; id: string; balance: number; moved: number }>(
    `select a.region, a.id, a.balance, coalesce(m.moved, 0)::bigint as moved from ledger_account a
     left join (
       select region, id, sum(amount) as moved from (
         select x.region, x.debit as id, case d.normal when 'debit' then x.amount else -x.amount end as amount
         from ledger_move x join ledger_account d on d.region = x.region and d.id = x.debit
         union all
         select x.region, x.credit, case c.normal when 'credit' then x.amount else -x.amount end
         from ledger_move x join ledger_account c on c.region = x.region and c.id = x.credit) each group by region, id
     ) m on m.region = a.region and m.id = a.id
     where a.balance <> coalesce(m.moved, 0) or a.balance < a.floor`,
  );
  const holds = await database.query<{ id: string; rest: number; balance: number }>(
    `select a.id, a.total - a.claimed - a.returned as rest, coalesce(l.balance, 0)::bigint as balance from allowance a
     left join ledger_account l on l.region = a.region and l.id = 'hold/' || a.id || '/' || a.currency
     where a.total - a.claimed - a.returned <> coalesce(l.balance, 0)`,
  );
  const clearing = await database.query<{ currency: string; net: number }>(
    `select currency, sum(balance)::bigint as net from ledger_account where kind = 'clearing'
     group by currency having sum(balance) <> 0`,
  );
  return [
    ...sums.map((row) => `${row.region} ${row.currency} sums to ${row.sum}`),
    ...wrong.map((row) => `${row.region} ${row.id} says ${row.balance}, its moves say ${row.moved}`),
    ...holds.map((row) => `hold of ${row.id} has ${row.balance}, its row says ${row.rest}`),
    ...clearing.map((row) => `clearing in ${row.currency} nets to ${row.net}`),
  ];
}
