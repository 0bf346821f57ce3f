/**
 * A world without database and without signatures, fast enough for millions of events: the production checks of payee and
 * server, the production postings and the production rule of the guarantee, over books in memory.
 * What is replaced: a signature is good when it names the signer's key; the few lines of server/payment/settle.ts that say
 * whether hold, guarantee or balance pays. The signed world (world.ts) runs those lines themselves.
 */
import { available, holdOf, outside, receivable } from '#server/ledger/chart.ts';
import type { Account, Move, Transfer, TransferKind } from '#server/ledger/ledger.ts';
import { claimUnit, matureUnit, type Postable, reverseUnit } from '#server/payment/posting.ts';
import { sameBytes } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { after, type Duration, duration, type Instant, instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import type { Certificate } from '#shared/protocol/certificate.ts';
import { type HeldPayment, heldOf } from '#shared/protocol/chain.ts';
import type { Invoice } from '#shared/protocol/invoice.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import { referenceOf, type Signed } from '#shared/protocol/message.ts';
import type { SignedPayment } from '#shared/protocol/payment.ts';
import { type SignatureQuestion, verifySync } from '#shared/protocol/signature.ts';
import type { Verified } from '#shared/protocol/trust.ts';
import { type PaymentContext, paymentChecks } from '#shared/protocol/verify.ts';
import { type GuaranteeFault, guaranteeFault } from '#shared/rules/guarantee.ts';
import { DEFAULT_POLICIES } from '#shared/rules/policy.ts';
import { type Chance, chanceOf } from '#tests/simulation/chance.ts';

/** Mistakes planted in this world's house; each must be found. */
export const SLIPS = [
  'books a repeat again',
  'forgets what it has seen of an allowance',
  'pays a payee without a cap',
  'believes lists nobody made',
  'pays late claims out of nothing',
  'does not reckon what a hold has paid',
  'collects no debts',
  'honours what was given up',
] as const;
/** One planted mistake. */
export type Slip = (typeof SLIPS)[number];

/** What one world came to. */
export interface Outcome {
  readonly accepted: number;
  readonly settled: number;
  readonly forks: number;
  readonly guaranteePaid: number;
  readonly violations: readonly string[];
}

const POLICY = DEFAULT_POLICIES.unproved;
const GUARANTEE = {
  epochAge: POLICY.guaranteeEpochAge,
  payeeCap: 100_00,
  window: duration(1, 'd'),
  fundCap: 5000_00,
};
const LIFE: Duration = duration(72, 'h');
const WINDOW: Duration = duration(14, 'd');
const START = instant(Date.UTC(2026, 0, 5, 8));
const KEY_SET: KeySet = {
  epoch: 1,
  issued: START,
  expires: after(START, duration(9000, 'd')),
  rpId: 'world.example',
  origins: ['https://world.example'],
  issuers: [],
};

type State = 'settled' | 'arriving' | 'disputed' | 'voided' | 'reversed';

interface Row extends Postable {
  state: State;
  readonly amount: number;
  readonly paidAt: Instant;
  readonly fault: GuaranteeFault | 'uncovered' | undefined;
}

interface Paper {
  readonly signed: SignedPayment;
  readonly name: number;
  readonly purse: Purse;
  readonly payee: Phone;
  /** When the card was issued whose number the payment names; undefined for a number nobody gave out. */
  readonly cardAt: Instant | undefined;
}

interface Copy {
  number: number;
  total: number;
  last: Uint8Array;
}

interface Purse {
  readonly owner: Phone;
  readonly allowance: Verified<Allowance>;
  readonly copies: Copy[];
  readonly held: HeldPayment[];
  honest: boolean;
  claimed: number;
  returned: number;
  released: boolean;
  stopped: boolean;
  suspect: boolean;
}

interface Phone {
  readonly wallet: Id;
  readonly device: Id;
  readonly region: string;
  readonly certificate: Certificate;
  readonly outbox: Paper[];
  readonly took: Paper[];
  readonly held: Map<Purse, HeldPayment[]>;
  cardAt: Instant;
  given: number;
  purse: Purse | undefined;
  stopped: boolean;
}

/** An account in memory: its balance in the sense of its normal side. */
interface Entry {
  readonly account: Account;
  balance: number;
}

/** Double entry in memory: a unit is posted whole or not at all, once, and breaks no floor. */
class Books {
  private readonly entries = new Map<string, Map<string, Entry>>();
  private readonly posted = new Set<Id>();
  /** Whose a hold is, by the id of its account. */
  readonly holders = new Map<string, string>();

  post(unit: readonly Transfer[]): boolean {
    const [first] = unit;
    if (first === undefined || this.posted.has(first.id)) return true;
    const touched: Entry[] = [];
    for (const { moves } of unit) for (const move of moves) touched.push(...this.apply(move, 1));
    const sound = touched.every(({ account, balance }) => account.floor === null || balance >= account.floor);
    if (sound) for (const one of unit) this.posted.add(one.id);
    else for (const { moves } of unit) for (const move of moves) this.apply(move, -1);
    return sound;
  }

  private apply({ debit, credit, amount }: Move, sign: number): [Entry, Entry] {
    const [left, right] = [this.entry(debit), this.entry(credit)];
    left.balance += debit.normal === 'debit' ? sign * amount.minor : -sign * amount.minor;
    right.balance += credit.normal === 'credit' ? sign * amount.minor : -sign * amount.minor;
    return [left, right];
  }

  private entry(account: Account): Entry {
    const region = this.entries.get(account.region) ?? new Map<string, Entry>();
    const known = region.get(account.id);
    if (known !== undefined) return known;
    const entry = { account, balance: 0 };
    this.entries.set(account.region, region.set(account.id, entry));
    return entry;
  }

  balance(account: Account): number {
    return this.entries.get(account.region)?.get(account.id)?.balance ?? 0;
  }

  private *all(): Generator<Entry> {
    for (const region of this.entries.values()) yield* region.values();
  }

  /** Sum over accounts of `kind` (all when left out), debit less credit. */
  sum(kind?: Account['kind']): number {
    let sum = 0;
    for (const { account, balance } of this.all()) {
      if (kind === undefined || account.kind === kind) sum += account.normal === 'debit' ? balance : -balance;
    }
    return sum;
  }

  /** What belongs to each wallet: everything it has, less what it owes. */
  wealth(): Map<string, number> {
    const wealth = new Map<string, number>();
    for (const { account, balance } of this.all()) {
      const { kind, owner, id } = account;
      if (kind !== 'available' && kind !== 'hold' && kind !== 'arriving' && kind !== 'receivable') continue;
      const wallet = kind === 'hold' ? (this.holders.get(id) ?? '') : (owner ?? '');
      wealth.set(wallet, (wealth.get(wallet) ?? 0) + (kind === 'receivable' ? -balance : balance));
    }
    return wealth;
  }
}

function good(question: SignatureQuestion): boolean {
  return sameBytes(question.signature, question.key);
}

/** One world; `events` acts from its seed on, then all roads heal. */
export function runUnsigned(seed: number, wallets: number, events: number, forks: number, slip?: Slip): Outcome {
  const world = new Unsigned(seed, wallets, forks, slip);
  for (let event = 1; event <= events && world.violations.length === 0; event += 1) world.step();
  world.heal();
  return world.outcome();
}

class Unsigned {
  readonly violations: string[] = [];
  private readonly chance: Chance;
  private readonly books = new Books();
  private readonly phones: Phone[] = [];
  private readonly purses: Purse[] = [];
  private readonly rows = new Map<number, Row>();
  /** Rows the guarantee has paid; purses whose claim window is open. */
  private readonly guaranteed: Row[] = [];
  private live: Purse[] = [];
  private readonly papers = new Map<number, Paper>();
  private readonly voids = new Set<number>();
  private readonly slip: Slip | undefined;
  private now = START;
  private serial = 0;
  private accepted = 0;
  private forks = 0;
  private forksLeft: number;

  constructor(seed: number, wallets: number, forks: number, slip: Slip | undefined) {
    this.chance = chanceOf(seed);
    this.forksLeft = forks;
    this.slip = slip;
    for (let at = 0; at < wallets; at += 1) this.join(this.chance.percent(70) ? 'CN-SX' : 'CN-BJ');
  }

  private fault(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }

  /** A name no other thing has, as text and as 32 bytes. */
  private fresh(): { name: number; id: Id; bytes: Uint8Array<ArrayBuffer> } {
    this.serial += 1;
    const bytes = new Uint8Array(33);
    for (let at = 0, rest = this.serial; rest > 0; at += 1, rest = Math.floor(rest / 256)) bytes[at] = rest % 256;
    return { name: this.serial, id: `x${this.serial}` as Id, bytes: bytes.subarray(0, 32) };
  }

  private join(region: string): void {
    const [wallet, device] = [this.fresh(), this.fresh()];
    const certificate = { payee: device.id } as Certificate;
    this.phones.push({
      wallet: wallet.id,
      device: device.id,
      region,
      certificate,
      cardAt: this.now,
      given: 0,
      purse: undefined,
      outbox: [],
      took: [],
      held: new Map(),
      stopped: false,
    });
    const phone = this.phones.at(-1);
    if (phone) this.topUp(phone, 200_00 + this.chance.below(500_00));
  }

  private move(kind: TransferKind, region: string, debit: Account, credit: Account, minor: number): boolean {
    const moves = minor > 0 ? [{ debit, credit, amount: money(minor, 'CNY') }] : [];
    return this.books.post([{ region, id: this.fresh().id, kind, moves, at: this.now }]);
  }

  step(): void {
    const phone = this.chance.one(this.phones);
    const act = this.chance.below(100);
    if (act < 50) this.pay(phone);
    else if (act < 78) this.meet(phone);
    else if (act < 83) this.topUp(phone, 1 + this.chance.below(100_00));
    else if (act < 85) this.collude(phone);
    else if (act < 88) this.giveUp(phone);
    else if (act < 91) this.close(phone);
    else if (act < 95) this.pass(duration(1 + this.chance.below(30), 'h'));
    else if (act < 98) this.clone(phone);
    else this.collect();
  }

  private topUp(phone: Phone, minor: number): void {
    phone.given += minor;
    const own = available(phone.region, phone.wallet, 'CNY');
    this.move('top-up', phone.region, outside(phone.region, 'bank', 'CNY'), own, minor);
  }

  private fill(phone: Phone): Purse | undefined {
    const own = available(phone.region, phone.wallet, 'CNY');
    const total = Math.min(this.books.balance(own), 50_00 + this.chance.below(600_00));
    if (total < 1_00 || phone.stopped) return undefined;
    const { id, bytes, name } = this.fresh();
    const hold = holdOf(phone.region, id, 'CNY', phone.wallet);
    this.books.holders.set(hold.id, phone.wallet);
    this.move('issue', phone.region, own, hold, total);
    const expires = after(this.now, LIFE);
    const message: Allowance = {
      version: 1,
      region: phone.region,
      id,
      pseudonym: bytes,
      notBefore: this.now,
      expires,
      claimUntil: after(expires, WINDOW),
      deviceKey: bytes,
      currency: 'CNY',
      total,
      perPayment: total,
      perPayee: total,
      maxCount: 65_535,
      noPasskeyEach: total,
      noPasskeySum: total,
      statusIndex: name,
      policyEpoch: 1,
      anchor: bytes.subarray(0, 16),
    };
    const allowance = { message, id: bytes, kid: bytes } as unknown as Verified<Allowance>;
    const purse: Purse = {
      owner: phone,
      allowance,
      copies: [{ number: 0, total: 0, last: message.anchor }],
      held: [],
      honest: true,
      claimed: 0,
      returned: 0,
      released: false,
      stopped: false,
      suspect: false,
    };
    this.purses.push(purse);
    this.live.push(purse);
    return purse;
  }

  private sign(purse: Purse, copy: Copy, payee: Phone, amount: number, cardAt: Instant | undefined): Paper {
    const { bytes: id, name } = this.fresh();
    const { allowance } = purse;
    copy.number += 1;
    copy.total += amount;
    const signed = {
      message: {
        allowance: referenceOf(allowance.id),
        number: copy.number,
        amount,
        total: copy.total,
        payee: payee.device,
        previous: copy.last,
        invoice: id.subarray(0, 16),
        time: this.now,
        epoch: 1,
      },
      id,
      signature: allowance.message.deviceKey,
      signedBytes: id,
      payload: id,
      kid: id,
      bytes: id,
    };
    copy.last = referenceOf(id);
    return { signed, name, purse, payee, cardAt };
  }

  private pay(payer: Phone): void {
    const live = payer.purse;
    if (live === undefined || this.now > live.allowance.message.expires) payer.purse = this.fill(payer);
    const { purse } = payer;
    const payee = this.chance.one(this.phones);
    if (purse === undefined || payee === payer) return;
    const copy = this.chance.one(purse.copies);
    const room = purse.allowance.message.total - copy.total;
    if (room < 1) return;
    const paper = this.sign(purse, copy, payee, 1 + this.chance.below(Math.min(room, 30_00)), payee.cardAt);
    const code = this.takes(payee, paper);
    if (code !== undefined) {
      if (purse.honest) this.fault(`an honest payment was refused: ${code}`);
      return;
    }
    this.accepted += 1;
    this.hand(payer, payee, paper);
  }

  private hand(payer: Phone, payee: Phone, paper: Paper): void {
    this.papers.set(paper.name, paper);
    payer.outbox.push(paper);
    payee.outbox.push(paper);
    payee.took.push(paper);
  }

  /** Why the payee's phone refuses it; undefined when it takes it. */
  private takes(payee: Phone, { signed, purse }: Paper): string | undefined {
    const { message } = signed;
    const held = payee.held.get(purse) ?? [];
    const asked = { ...message, id: message.payee, currency: 'CNY', lifetime: 120 } as unknown as Invoice;
    const invoice = { message: asked, id: signed.id } as Signed<Invoice>;
    const times = { now: this.now, floor: payee.cardAt };
    const context: PaymentContext = {
      role: 'payee',
      keySet: KEY_SET,
      held,
      certificate: payee.certificate,
      invoice,
      ...times,
    };
    const checked = verifySync(paymentChecks({ payment: signed, known: purse.allowance }, context), good);
    if (!checked.ok) return checked.error.code;
    if (held.length === 0) payee.held.set(purse, held);
    held.push(heldOf(signed));
    return undefined;
  }

  private clone({ purse }: Phone): void {
    const [original] = purse?.copies ?? [];
    if (this.forksLeft === 0 || purse === undefined || original === undefined) return;
    this.forksLeft -= 1;
    this.forks += 1;
    purse.copies.push({ ...original });
    purse.honest = false;
  }

  /** Copies of one purse all pay an accomplice who checks nothing and may claim lists that were never made. */
  private collude(payer: Phone): void {
    const { purse } = payer;
    const [original] = purse?.copies ?? [];
    const friend = this.chance.one(this.phones);
    if (purse === undefined || original === undefined || friend === payer || this.forksLeft < 3) return;
    const room = purse.allowance.message.total - original.total;
    if (room < 1 || this.now > purse.allowance.message.expires) return;
    const clones = [{ ...original }, { ...original }, { ...original }];
    this.forksLeft -= 3;
    this.forks += 3;
    purse.copies.push(...clones);
    purse.honest = false;
    const cardAt = this.chance.percent(30) ? undefined : friend.cardAt;
    const amount = 1 + this.chance.below(room);
    for (const copy of [original, ...clones]) this.hand(payer, friend, this.sign(purse, copy, friend, amount, cardAt));
  }

  /** Every third lives where there is next to no signal: what they promise each other comes in late. */
  private meet(phone: Phone): void {
    if (this.phones.indexOf(phone) % 3 < 2 || this.chance.percent(3)) this.upload(phone, false);
  }

  private upload(phone: Phone, healed: boolean): void {
    const road = healed ? 99 : this.chance.below(100);
    let load = phone.outbox.slice(0, 1 + this.chance.below(20));
    // Lost on the way, the answer lost, doubled, in another order.
    if (load.length === 0 || road < 10) return;
    if (road >= 18 && road < 28) load = [...load, ...load];
    if (road >= 28 && road < 38) load = this.chance.shuffled(load);
    for (const paper of load) this.settle(paper);
    if (road >= 18) phone.outbox.splice(0, new Set(load).size);
  }

  /** What the house does with one payment; the order of server/payment/settle.ts. */
  private settle(paper: Paper): void {
    const { signed, purse, name } = paper;
    const known = this.rows.get(name);
    if (known !== undefined) {
      if (this.slip === 'books a repeat again' && known.state === 'settled') this.bookAgain(known);
      return;
    }
    const held = this.slip === 'forgets what it has seen of an allowance' ? [] : purse.held;
    const context: PaymentContext = { role: 'server', keySet: KEY_SET, now: this.now, floor: START, held };
    const checked = verifySync(paymentChecks({ payment: signed, known: purse.allowance }, context), good);
    if (!checked.ok) {
      this.fault(`the house refused what a payee took: ${checked.error.code}`);
      return;
    }
    const alarms = checked.value.repeat ? [] : checked.value.alarms;
    const quarrel = alarms.some((one) => one.kind === 'fork' || one.kind === 'inconsistent');
    const row = this.funded(paper);
    purse.held.push(heldOf(signed));
    this.rows.set(name, row);
    const short = row.guaranteed > 0 || (row.fault !== undefined && row.fault !== 'uncovered');
    if ((quarrel || short) && !purse.released) this.stop(purse);
    if (!purse.honest && !purse.released && !purse.suspect) this.auditChain(purse);
  }

  private bookAgain(row: Row): void {
    const from = outside(row.payee_region, 'nowhere', 'CNY');
    this.move('claim', row.payee_region, from, available(row.payee_region, row.payee, 'CNY'), row.amount);
  }

  private stop(purse: Purse): void {
    purse.suspect = true;
    purse.owner.stopped = true;
    for (const one of this.purses) if (one.owner === purse.owner) one.stopped = true;
    purse.owner.purse = undefined;
    // Whoever is stopped stays so; somebody new comes to the market.
    this.join(purse.owner.region);
  }

  private funded(paper: Paper): Row {
    const { purse, payee, signed } = paper;
    const { amount } = signed.message;
    const { message: terms } = purse.allowance;
    const blank = {
      region: terms.region,
      id: signed.id as Row['id'],
      allowance: terms.id,
      currency: 'CNY' as const,
      amount,
      payer: purse.owner.wallet,
      payee: payee.wallet,
      payee_region: payee.region,
      paidAt: this.now,
      held: 0,
      guaranteed: 0,
      late: 0,
      state: 'disputed' as State,
      fault: undefined,
    };
    if (this.voids.has(paper.name) && this.slip !== 'honours what was given up') return { ...blank, state: 'voided' };
    if (purse.released) return this.late({ ...blank, late: amount, state: 'settled' });
    const held = Math.min(amount, terms.total - purse.claimed - purse.returned);
    const guaranteed = amount - held;
    const fault = guaranteed > 0 ? this.judge(paper, guaranteed) : undefined;
    if (fault !== undefined) return { ...blank, fault };
    if (this.slip !== 'does not reckon what a hold has paid') purse.claimed += held;
    const row: Row = { ...blank, held, guaranteed, state: guaranteed > 0 ? 'arriving' : 'settled' };
    if (!this.books.post(claimUnit(row, this.now))) this.fault('a claim within the hold was not posted');
    if (guaranteed > 0) this.guaranteed.push(row);
    return row;
  }

  private late(row: Row): Row {
    const nowhere = outside(row.payee_region, 'nowhere', 'CNY');
    const own = available(row.payee_region, row.payee, 'CNY');
    if (this.books.post(claimUnit(row, this.now))) return row;
    if (this.slip === 'pays late claims out of nothing') {
      this.move('late-claim', row.payee_region, nowhere, own, row.amount);
      return row;
    }
    return { ...row, late: 0, state: 'disputed', fault: 'uncovered' };
  }

  private judge({ purse, payee, signed, cardAt }: Paper, shortfall: number): GuaranteeFault | undefined {
    let paidToPayee = 0;
    for (const row of this.guaranteed) {
      const counts = row.payee === payee.wallet && row.state !== 'reversed';
      if (counts && row.region === purse.owner.region && row.paidAt > this.now - GUARANTEE.window) {
        paidToPayee += row.guaranteed;
      }
    }
    const { message: terms } = purse.allowance;
    const believed = this.slip === 'believes lists nobody made' ? (cardAt ?? this.now) : cardAt;
    return guaranteeFault(
      {
        shortfall,
        signedAt: signed.message.time,
        uploadedAt: this.now,
        claimUntil: terms.claimUntil,
        epochTime: believed,
        linked: purse.owner === payee,
        graded: true,
        paidToPayee,
        exposure: this.books.sum('receivable'),
      },
      this.slip === 'pays a payee without a cap' ? { ...GUARANTEE, payeeCap: Number.MAX_SAFE_INTEGER } : GUARANTEE,
    );
  }

  private giveUp(phone: Phone): void {
    const paper = phone.took.length > 0 && this.chance.percent(40) ? this.chance.one(phone.took) : undefined;
    if (paper === undefined) return;
    const row = this.rows.get(paper.name);
    if (row === undefined) this.voids.add(paper.name);
    if (row?.state !== 'settled' && row?.state !== 'arriving') return;
    const owed = this.books.balance(receivable(row.region, row.payer, 'CNY'));
    if (this.books.post(reverseUnit(row, row.state === 'settled', owed, this.now))) row.state = 'reversed';
  }

  private close(phone: Phone): void {
    const { purse } = phone;
    const [copy] = purse?.copies ?? [];
    if (!purse?.honest || purse.stopped || purse.released || copy === undefined) return;
    phone.purse = undefined;
    this.giveBack(purse, Math.max(0, purse.allowance.message.total - Math.max(copy.total, purse.claimed)), 'close');
  }

  private giveBack(purse: Purse, minor: number, kind: 'close' | 'release'): void {
    const { region, id, claimUntil } = purse.allowance.message;
    const { wallet } = purse.owner;
    const [hold, own] = [holdOf(region, id, 'CNY', wallet), available(region, wallet, 'CNY')];
    const debt = receivable(region, wallet, 'CNY');
    const repaid = kind === 'release' && claimUntil < this.now ? Math.min(minor, this.books.balance(debt)) : 0;
    purse.returned += minor;
    this.move('recover', region, hold, debt, repaid);
    if (!this.move(kind, region, hold, own, minor - repaid)) this.fault(`what is left of ${id} is not there`);
  }

  private pass(length: Duration): void {
    this.now = after(this.now, length);
    for (const row of this.guaranteed) {
      if (row.state !== 'arriving' || row.paidAt + LIFE + WINDOW > this.now) continue;
      if (!this.books.post([...matureUnit(row, this.now)])) this.fault('what arrives is not there');
      row.state = 'settled';
    }
    for (const purse of this.live) {
      const { claimUntil, total } = purse.allowance.message;
      if (claimUntil >= this.now) continue;
      purse.released = true;
      this.giveBack(purse, total - purse.claimed - purse.returned, 'release');
    }
    this.live = this.live.filter((purse) => !purse.released);
    for (const [at, phone] of this.phones.entries()) {
      if (this.chance.percent(at % 3 === 2 ? 8 : 60)) phone.cardAt = this.now;
    }
  }

  private collect(): void {
    if (this.slip === 'collects no debts') return;
    for (const { region, wallet } of this.phones) {
      const [own, debt] = [available(region, wallet, 'CNY'), receivable(region, wallet, 'CNY')];
      const paid = Math.min(this.books.balance(own), this.books.balance(debt));
      if (paid > 0) this.move('recover', region, own, debt, paid);
    }
  }

  /** All roads are good: every outbox must empty within a few rounds, and everything that must hold does. */
  heal(): void {
    for (let round = 0; round < 400 && this.phones.some((one) => one.outbox.length > 0); round += 1) {
      for (const phone of this.phones) this.upload(phone, true);
    }
    if (this.phones.some((one) => one.outbox.length > 0)) this.fault('an outbox does not empty');
    this.collect();
    this.audit();
  }

  private audit(): void {
    const { books } = this;
    if (books.sum() !== 0) this.fault(`the books sum to ${books.sum()}`);
    if (books.sum('clearing') !== 0) this.fault(`clearing nets to ${books.sum('clearing')}`);
    if (books.sum('guarantee-fund') !== 0) this.fault('the fund was paid or paid without a debt');
    for (const { allowance, claimed, returned, owner } of this.purses) {
      const { region, id, total } = allowance.message;
      const balance = books.balance(holdOf(region, id, 'CNY', owner.wallet));
      if (balance !== total - claimed - returned) this.fault(`hold ${id} has ${balance}`);
    }
    this.auditPayments();
    this.auditWealth();
    this.auditFund();
  }

  /** Each payment that was taken is decided once; what a hold did not cover was a cheat's, who is stopped. */
  private auditPayments(): void {
    for (const [name, { purse }] of this.papers) {
      const row = this.rows.get(name);
      if (row === undefined) this.fault(`payment ${name} was taken and never decided`);
      else if (this.voids.has(name) && row.state !== 'voided') this.fault(`payment ${name} was given up and counts`);
      else if (row.guaranteed > 0 && (purse.honest || !purse.owner.stopped)) this.fault(`${name} goes unpunished`);
    }
    if (this.purses.some((one) => one.suspect && one.honest)) this.fault('an honest payer was stopped');
  }

  private auditChain({ held }: Purse): void {
    if (new Set(held.map((one) => one.number)).size < held.length) this.fault('a fork went unseen');
  }

  /** Nobody, and no gang, has more than was put in and dealt: copies of a purse gain nothing. */
  private auditWealth(): void {
    const should = new Map<string, number>(this.phones.map((one) => [one.wallet, one.given]));
    for (const { state, payer, payee, amount } of this.rows.values()) {
      if (state !== 'settled' && state !== 'arriving') continue;
      should.set(payer, (should.get(payer) ?? 0) - amount);
      should.set(payee, (should.get(payee) ?? 0) + amount);
    }
    const has = this.books.wealth();
    for (const [wallet, sum] of should) {
      if ((has.get(wallet) ?? 0) !== sum) this.fault(`${wallet} is worth ${has.get(wallet)}, dealings say ${sum}`);
    }
  }

  private auditFund(): void {
    const paid = this.guaranteed.filter((row) => row.state !== 'reversed');
    for (const last of paid) {
      const since = last.paidAt - GUARANTEE.window;
      const sum = paid.reduce((total, row) => {
        const counts = row.payee === last.payee && row.region === last.region;
        return counts && row.paidAt <= last.paidAt && row.paidAt > since ? total + row.guaranteed : total;
      }, 0);
      if (sum > GUARANTEE.payeeCap) this.fault(`the fund paid ${sum} to one payee in a day`);
    }
    const debt = this.phones.reduce((sum, { region, wallet }) => {
      const owed = this.books.balance(receivable(region, wallet, 'CNY'));
      if (owed > 0 && this.books.balance(available(region, wallet, 'CNY')) > 0)
        this.fault(`${wallet} keeps what it owes`);
      return sum + owed;
    }, 0);
    if (debt > GUARANTEE.fundCap) this.fault(`the fund is owed ${debt}`);
    for (const [name, { cardAt }] of this.papers) {
      if (cardAt === undefined && (this.rows.get(name)?.guaranteed ?? 0) > 0) this.fault(`${name} lied and was paid`);
    }
  }

  outcome(): Outcome {
    const rows = [...this.rows.values()];
    return {
      accepted: this.accepted,
      settled: rows.filter((row) => row.state === 'settled' || row.state === 'arriving').length,
      forks: this.forks,
      guaranteePaid: rows.reduce((sum, row) => sum + row.guaranteed, 0),
      violations: this.violations,
    };
  }
}
