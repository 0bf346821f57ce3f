/**
 * A world without database and without signatures, fast enough for millions of events: the production checks of payee and
 * server, the production postings and the production rule of the guarantee, over books in memory.
 * What is replaced: a signature is good when it names the signer's key; the few lines of server/payment/settle.ts that say
 * whether hold, guarantee or balance pays. The signed world (world.ts) runs those lines themselves.
 */
import { arriving, available, holdOf, outside, receivable } from '#server/ledger/chart.ts';
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
import {
  type GuaranteeFault,
  guaranteeFault,
  guaranteeOf,
  hasGuarantee,
  reservedFor,
} from '#shared/rules/guarantee.ts';
import { DEFAULT_POLICIES, type Tier } from '#shared/rules/policy.ts';
import { type Chance, chanceOf } from '#tests/simulation/chance.ts';
import { type FundPaid, fundFaults } from '#tests/simulation/fund.ts';

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
  'pays who pays himself',
  'pays payees without a grade',
  'pays for payers without a proved name',
  'promises the guarantee to payers without a proved name',
  'pays whoever never looked at the lists',
  'pays claims that come too late',
  'lets one payer owe without end',
  'pays more for an allowance than it set aside',
  'pays beyond what the fund has',
  'issues beyond what the fund has',
  'forgets what it is owed when it issues',
  'forgets allowances that were closed when it issues',
  'forgets allowances that have expired when it issues',
  'lets a closed account be paid',
] as const;
/** One planted mistake. */
export type Slip = (typeof SLIPS)[number];

/** What one world came to. */
export interface Outcome {
  readonly accepted: number;
  readonly settled: number;
  readonly forks: number;
  readonly guaranteePaid: number;
  /** Claims the fund did not pay, and wishes for an allowance it had no room for. */
  readonly unpaid: Readonly<Partial<Record<GuaranteeFault, number>>>;
  readonly unissued: number;
  readonly closed: number;
  readonly gangs: GangFigures;
  /** A hash over every act and what became of every payment: one seed, one hash. */
  readonly traceHash: string;
  readonly violations: readonly string[];
}

/** What gangs took out less what they had put in, in minor units. */
export interface GangFigures {
  readonly count: number;
  /** All of them together, and the one that got most. */
  readonly gain: number;
  readonly most: number;
  /** The most of any, less what its payer owes under his proved name. */
  readonly net: number;
}

const POLICY = DEFAULT_POLICIES.unproved;
/** What the fund of this world promises. */
export const GUARANTEE = {
  epochAge: POLICY.guaranteeEpochAge,
  payeeCap: 250_00,
  payerCap: 300_00,
  window: duration(1, 'd'),
};
/** Copies of an allowance the fund reckons with, and what it may be owed in each region for every wallet: many a world is scarce of it. */
const CLONES_ASSUMED = 1;
const FUND_CAPS = { ample: 2000_00, scarce: 550_00 };
const LIFE: Duration = duration(72, 'h');
const WINDOW: Duration = duration(14, 'd');
/** Gangs that come to one world at most. */
const GANGS_MOST = 3;
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
  readonly maturesAt: Instant;
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

/** A payer and his friends: nothing comes in after the first sum, everything that can be had is taken out at once. */
interface Gang {
  readonly payer: Phone;
  readonly friends: readonly Phone[];
  readonly purses: Purse[];
  /** From when on the friends bring in what they were paid, some of them too late. */
  readonly comesAt: Instant;
}

interface Phone {
  readonly wallet: Id;
  readonly device: Id;
  readonly region: string;
  readonly certificate: Certificate;
  readonly isGraded: boolean;
  readonly tier: Tier;
  readonly outbox: Paper[];
  readonly took: Paper[];
  readonly held: Map<Purse, HeldPayment[]>;
  cardAt: Instant;
  given: number;
  purse: Purse | undefined;
  stopped: boolean;
  leaving: boolean;
  closed: boolean;
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

  /** What payers of each region owe, kept apart: it is asked often, and few owe anything. */
  private readonly debts = new Map<string, Entry[]>();

  /** What all payers of `region` owe its fund. */
  owed(region: string): number {
    return (this.debts.get(region) ?? []).reduce((sum, one) => sum + one.balance, 0);
  }

  private entry(account: Account): Entry {
    const region = this.entries.get(account.region) ?? new Map<string, Entry>();
    const known = region.get(account.id);
    if (known !== undefined) return known;
    const entry = { account, balance: 0 };
    if (account.kind === 'receivable') {
      this.debts.set(account.region, [...(this.debts.get(account.region) ?? []), entry]);
    }
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
  /** Who is at the market now; everybody who ever was; and those who came to cheat the fund. */
  private readonly phones: Phone[] = [];
  private readonly everyone: Phone[] = [];
  private readonly gangs: Gang[] = [];
  private readonly fundCap: number;
  private readonly caps = new Map<string, number>();
  private readonly purses: Purse[] = [];
  private readonly rows = new Map<number, Row>();
  /** Rows the guarantee has paid; purses whose claim window is open. */
  private readonly guaranteed: Row[] = [];
  private readonly paid: { readonly row: Row; readonly fact: FundPaid }[] = [];
  private live: Purse[] = [];
  private readonly papers = new Map<number, Paper>();
  private readonly voids = new Set<number>();
  private readonly slip: Slip | undefined;
  private now = START;
  private serial = 0;
  private accepted = 0;
  private forks = 0;
  private unissued = 0;
  private readonly trace = openTrace();
  private forksLeft: number;

  constructor(seed: number, wallets: number, forks: number, slip: Slip | undefined) {
    this.chance = chanceOf(seed);
    this.forksLeft = forks;
    this.slip = slip;
    this.fundCap = wallets * (this.chance.percent(60) ? FUND_CAPS.ample : FUND_CAPS.scarce);
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

  private join(region: string): Phone {
    const phone = this.open(region, !this.chance.percent(10), !this.chance.percent(15));
    this.phones.push(phone);
    this.topUp(phone, 200_00 + this.chance.below(500_00));
    return phone;
  }

  private open(region: string, isGraded: boolean, isProved: boolean): Phone {
    const [wallet, device] = [this.fresh(), this.fresh()];
    const phone: Phone = {
      wallet: wallet.id,
      device: device.id,
      region,
      certificate: { payee: device.id } as Certificate,
      isGraded,
      tier: isProved ? 'real-name' : 'unproved',
      cardAt: this.now,
      given: 0,
      purse: undefined,
      outbox: [],
      took: [],
      held: new Map(),
      stopped: false,
      leaving: false,
      closed: false,
    };
    this.everyone.push(phone);
    return phone;
  }

  private move(kind: TransferKind, region: string, debit: Account, credit: Account, minor: number): boolean {
    const moves = minor > 0 ? [{ debit, credit, amount: money(minor, 'CNY') }] : [];
    return this.books.post([{ region, id: this.fresh().id, kind, moves, at: this.now }]);
  }

  step(): void {
    const phone = this.chance.one(this.phones);
    const act = this.chance.below(1000);
    this.trace.add(act);
    if (act < 500) this.pay(phone);
    else if (act < 780) this.meet(phone);
    else if (act < 830) this.topUp(phone, 1 + this.chance.below(100_00));
    else if (act < 850) this.collude(phone);
    else if (act < 880) this.giveUp(phone);
    else if (act < 910) this.close(phone);
    else if (act < 950) this.pass(duration(1 + this.chance.below(30), 'h'));
    else if (act < 978) this.clone(phone);
    else if (act < 981) this.conspire();
    else if (act < 987) this.tighten();
    else if (act < 988) this.leave(phone);
    else this.collect();
  }

  /** Whoever looks after the fund leaves it hardly more than it is owed for a few hours, and then gives it all of it again. */
  private tighten(): void {
    for (const region of ['CN-SX', 'CN-BJ']) {
      this.caps.set(region, this.books.owed(region) + this.chance.below(20_00));
    }
  }

  private capOf(region: string): number {
    return this.caps.get(region) ?? this.fundCap;
  }

  /** Wants to close the account: sets nothing aside any more, and goes when nothing is on its way to it or from it. */
  private leave(phone: Phone): void {
    phone.leaving = true;
  }

  private goIfDone(phone: Phone): void {
    const { region, wallet } = phone;
    const isBusy =
      phone.outbox.length > 0 ||
      this.books.balance(receivable(region, wallet, 'CNY')) > 0 ||
      this.live.some((one) => one.owner === phone) ||
      this.guaranteed.some((row) => row.payee === wallet && row.state === 'arriving');
    if (isBusy || phone.closed || phone.stopped) return;
    this.takeOut(phone, this.books.balance(available(region, wallet, 'CNY')));
    phone.closed = true;
    if (this.slip === 'lets a closed account be paid') return;
    const newcomer = this.join(region);
    this.phones.pop();
    this.phones[this.phones.indexOf(phone)] = newcomer;
  }

  private takeOut(phone: Phone, minor: number): void {
    const { region, wallet } = phone;
    phone.given -= minor;
    this.move('withdraw', region, available(region, wallet, 'CNY'), outside(region, 'bank', 'CNY'), minor);
  }

  /**
   * A gang comes: a payer with one sum of money and a phone copied for each friend, all of whom are paid in full from one
   * allowance after the other. Now and then he closes it as if nothing had been spent and has the money a second time. What
   * can be had is taken out, and the debt stays behind.
   */
  private conspire(): void {
    if (this.gangs.length >= GANGS_MOST) return;
    const region = this.chance.percent(70) ? 'CN-SX' : 'CN-BJ';
    const friends = Array.from({ length: 2 + this.chance.below(19) }, () => this.open(region, true, true));
    const comesAt = after(this.now, duration(this.chance.below(21 * 24), 'h'));
    const payer = this.open(region, true, this.chance.percent(70));
    const gang: Gang = { payer, friends, purses: [], comesAt };
    this.gangs.push(gang);
    this.topUp(gang.payer, 50_00 + this.chance.below(550_00));
    for (let more = 1 + this.chance.below(4); more > 0; more -= 1) this.copyFor(gang);
    this.cashOut(gang);
  }

  private copyFor({ payer, friends, purses }: Gang): void {
    const purse = this.fill(payer);
    if (purse === undefined) return;
    purses.push(purse);
    purse.honest = false;
    const { total, anchor } = purse.allowance.message;
    for (const friend of friends) {
      const paper = this.sign(purse, { number: 0, total: 0, last: anchor }, friend, total, this.now);
      this.papers.set(paper.name, paper);
      friend.outbox.push(paper);
    }
    if (this.chance.percent(60)) this.giveBack(purse, total, 'close');
  }

  /** Takes out all that can be had, after what it owes was collected, as a house does before it lets money go. */
  private cashOut({ payer, friends }: Gang): void {
    for (const member of [payer, ...friends]) {
      this.payDebt(member);
      this.takeOut(member, this.books.balance(available(member.region, member.wallet, 'CNY')));
    }
  }

  private topUp(phone: Phone, minor: number): void {
    phone.given += minor;
    const own = available(phone.region, phone.wallet, 'CNY');
    this.move('top-up', phone.region, outside(phone.region, 'bank', 'CNY'), own, minor);
  }

  private fill(phone: Phone): Purse | undefined {
    const own = available(phone.region, phone.wallet, 'CNY');
    const total = Math.min(this.books.balance(own), 50_00 + this.chance.below(600_00));
    if (total < 1_00 || phone.stopped || phone.leaving) return undefined;
    const guarantee =
      this.slip === 'promises the guarantee to payers without a proved name' ? 'full' : guaranteeOf(phone.tier);
    if (guarantee !== 'none' && !this.mayIssue(phone.region, total)) {
      this.unissued += 1;
      return undefined;
    }
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
      guarantee,
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
    if (guarantee !== 'none') this.auditIssue(phone.region);
    return purse;
  }

  /** What the house reckons with before it issues; the rule of server/allowance/issue.ts. */
  private mayIssue(region: string, more: number): boolean {
    if (this.slip === 'issues beyond what the fund has') return true;
    let outstanding = more;
    for (const { allowance, returned, owner } of this.live) {
      if (!hasGuarantee(allowance.message)) continue;
      const { claimUntil, expires, total } = allowance.message;
      const ends = this.slip === 'forgets allowances that have expired when it issues' ? expires : claimUntil;
      const isGone = this.slip === 'forgets allowances that were closed when it issues' && returned > 0;
      if (owner.region === region && ends >= this.now && !isGone) outstanding += total;
    }
    const owed = this.slip === 'forgets what it is owed when it issues' ? 0 : this.books.owed(region);
    const exposed = owed + reservedFor({ total: outstanding, isLocked: false }, CLONES_ASSUMED);
    return exposed <= this.capOf(region);
  }

  /** After issuing: what is owed, and what every copy reckoned with could still ask for, is there. */
  private auditIssue(region: string): void {
    let exposed = this.books.owed(region);
    for (const { allowance, owner } of this.live) {
      const open = owner.region === region && allowance.message.claimUntil >= this.now;
      if (open && owner.tier !== 'unproved') exposed += CLONES_ASSUMED * allowance.message.total;
    }
    const cap = this.capOf(region);
    if (exposed > cap) this.fault(`issued while the fund of ${cap} could come to be owed ${exposed}`);
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
    const friend = this.chance.percent(20) ? payer : this.chance.one(this.phones);
    if (purse === undefined || original === undefined || this.forksLeft < 3) return;
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
    this.trace.add(name, row.state.length, row.held, row.guaranteed, row.late);
    if ((quarrel || short) && !purse.released) this.stop(purse);
    if (!purse.honest && !purse.released && !purse.suspect) this.auditChain(purse);
  }

  private bookAgain(row: Row): void {
    const from = outside(row.payee_region, 'nowhere', 'CNY');
    this.move('claim', row.payee_region, from, available(row.payee_region, row.payee, 'CNY'), row.amount);
  }

  private stop(purse: Purse): void {
    const { owner } = purse;
    purse.suspect = true;
    for (const one of this.live) if (one.owner === owner) one.stopped = true;
    owner.purse = undefined;
    // Whoever is stopped stays so; somebody new comes to the market.
    if (!owner.stopped && !this.gangs.some(({ payer }) => payer === owner)) this.join(owner.region);
    owner.stopped = true;
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
      maturesAt: terms.claimUntil,
      held: 0,
      guaranteed: 0,
      late: 0,
      state: 'disputed' as State,
      fault: undefined,
    };
    if (this.voids.has(paper.name) && this.slip !== 'honours what was given up') return { ...blank, state: 'voided' };
    if (purse.released) {
      if (purse.owner === payee) return { ...blank, fault: 'guarantee.linked' };
      return this.late({ ...blank, late: amount, state: 'settled' });
    }
    const held = Math.min(amount, terms.total - purse.claimed - purse.returned);
    const guaranteed = amount - held;
    const fault = guaranteed > 0 ? this.judge(paper, guaranteed) : undefined;
    if (fault !== undefined) return { ...blank, fault };
    if (this.slip !== 'does not reckon what a hold has paid') purse.claimed += held;
    const row: Row = { ...blank, held, guaranteed, state: guaranteed > 0 ? 'arriving' : 'settled' };
    if (!this.books.post(claimUnit(row, this.now))) this.fault('a claim within the hold was not posted');
    if (guaranteed > 0) this.notePaid(paper, row);
    return row;
  }

  private notePaid({ name, purse, payee, signed, cardAt }: Paper, row: Row): void {
    const { id, total, claimUntil } = purse.allowance.message;
    const { region, wallet } = purse.owner;
    this.guaranteed.push(row);
    const fact: FundPaid = {
      payment: `payment ${name}`,
      region,
      payer: wallet,
      payee: payee.wallet,
      isGraded: payee.isGraded,
      isProved: purse.owner.tier !== 'unproved',
      allowance: id,
      reserved: CLONES_ASSUMED * total,
      amount: row.guaranteed,
      signedAt: signed.message.time,
      paidAt: this.now,
      claimUntil,
      cardAt,
      owedByPayer: this.books.balance(receivable(region, wallet, 'CNY')),
      owed: this.books.owed(region),
      cap: this.capOf(region),
    };
    this.paid.push({ row, fact });
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
    const { region, wallet } = purse.owner;
    const { id, total, claimUntil } = purse.allowance.message;
    let [paidToPayee, paidForAllowance] = [0, 0];
    for (const row of this.guaranteed) {
      if (row.state === 'reversed') continue;
      if (row.allowance === id) paidForAllowance += row.guaranteed;
      const counts = row.payee === payee.wallet && row.region === region && row.paidAt > this.now - GUARANTEE.window;
      if (counts) paidToPayee += row.guaranteed;
    }
    const { slip } = this;
    const none = Number.MAX_SAFE_INTEGER;
    return guaranteeFault(
      {
        shortfall,
        signedAt: signed.message.time,
        uploadedAt: slip === 'pays claims that come too late' ? START : this.now,
        claimUntil,
        epochTime: slip === 'believes lists nobody made' ? (cardAt ?? this.now) : cardAt,
        linked: purse.owner === payee && slip !== 'pays who pays himself',
        graded: payee.isGraded || slip === 'pays payees without a grade',
        answerable: hasGuarantee(purse.allowance.message) || slip === 'pays for payers without a proved name',
        paidToPayee,
        owedByPayer: this.books.balance(receivable(region, wallet, 'CNY')),
        paidForAllowance,
        reserved:
          slip === 'pays more for an allowance than it set aside'
            ? none
            : reservedFor({ total, isLocked: false }, CLONES_ASSUMED),
        owed: this.books.owed(region),
      },
      {
        ...GUARANTEE,
        ...(slip === 'pays whoever never looked at the lists' ? { epochAge: duration(9000, 'd') } : {}),
        ...(slip === 'pays a payee without a cap' ? { payeeCap: none } : {}),
        ...(slip === 'lets one payer owe without end' ? { payerCap: none } : {}),
        fundCap: slip === 'pays beyond what the fund has' ? none : this.capOf(region),
      },
    );
  }

  private giveUp(phone: Phone): void {
    const paper = phone.took.length > 0 && this.chance.percent(40) ? this.chance.one(phone.took) : undefined;
    if (paper === undefined) return;
    const row = this.rows.get(paper.name);
    if (row === undefined) this.voids.add(paper.name);
    if (row?.state !== 'settled' && row?.state !== 'arriving') return;
    // To somebody whose account is closed it is given back by hand.
    if (paper.purse.owner.closed) return;
    const owed = this.books.balance(receivable(row.region, row.payer, 'CNY'));
    if (this.books.post(reverseUnit(row, row.state === 'settled', owed, this.now))) {
      this.trace.add(paper.name);
      row.state = 'reversed';
    }
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
    if (this.chance.percent(50)) this.caps.clear();
    for (const row of this.guaranteed) {
      if (row.state !== 'arriving' || row.maturesAt > this.now) continue;
      if (!this.books.post([...matureUnit(row, this.now)])) this.fault('what arrives is not there');
      row.state = 'settled';
    }
    // The job that releases comes round when it does: claims that are too late still find the allowance there.
    for (const purse of this.live) {
      const { claimUntil, total } = purse.allowance.message;
      if (claimUntil >= this.now || this.chance.percent(60)) continue;
      purse.released = true;
      this.giveBack(purse, total - purse.claimed - purse.returned, 'release');
    }
    this.live = this.live.filter((purse) => !purse.released);
    for (const [at, phone] of this.phones.entries()) {
      if (this.chance.percent(at % 3 === 2 ? 8 : 60)) phone.cardAt = this.now;
    }
    for (const phone of this.phones.filter((one) => one.leaving)) this.goIfDone(phone);
    for (const gang of this.gangs) {
      if (gang.comesAt <= this.now) for (const friend of gang.friends) this.upload(friend, false);
      this.cashOut(gang);
    }
  }

  private collect(): void {
    for (const phone of this.everyone) this.payDebt(phone);
  }

  private payDebt({ region, wallet }: Phone): void {
    if (this.slip === 'collects no debts') return;
    const debt = receivable(region, wallet, 'CNY');
    const owed = this.books.balance(debt);
    if (owed === 0) return;
    const own = available(region, wallet, 'CNY');
    this.move('recover', region, own, debt, Math.min(owed, this.books.balance(own)));
  }

  /** All roads are good: every outbox must empty within a few rounds, and everything that must hold does. */
  heal(): void {
    for (let round = 0; round < 400 && this.everyone.some((one) => one.outbox.length > 0); round += 1) {
      for (const phone of this.everyone) this.upload(phone, true);
    }
    if (this.everyone.some((one) => one.outbox.length > 0)) this.fault('an outbox does not empty');
    // Gangs wait until nothing more can ripen, and then they are gone.
    for (let times = 0; times < 40; times += 1) this.pass(duration(24, 'h'));
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
    this.auditGangs();
  }

  /**
   * Whatever a gang takes out beyond what it put in, its payer owes under a name he has proved; and that is no more than one
   * payer may owe, nor than was set aside for its allowances.
   */
  private auditGangs(): void {
    for (const gang of this.gangs) {
      const gain = gainOf(gang);
      if (this.netOf(gang) > 0) this.fault(`a gang of ${gang.friends.length} gained ${gain} that no known person owes`);
      const reserved = gang.purses.reduce((sum, one) => sum + CLONES_ASSUMED * one.allowance.message.total, 0);
      if (gain > Math.min(GUARANTEE.payerCap, reserved)) this.fault(`a gang of ${gang.friends.length} gained ${gain}`);
    }
  }

  /** What a gang gained, less what can be asked back of somebody who is known. */
  private netOf(gang: Gang): number {
    const { region, wallet, tier } = gang.payer;
    const owed = tier === 'unproved' ? 0 : this.books.balance(receivable(region, wallet, 'CNY'));
    return gainOf(gang) - owed;
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

  /**
   * What each has, less what it owes, is what it put in and was paid, less what it paid and took out. What a gang makes of not
   * paying a debt does not show here: auditGangs counts its cash and asks who owes it.
   */
  private auditWealth(): void {
    const should = new Map<string, number>(this.everyone.map((one) => [one.wallet, one.given]));
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
    const paid = this.paid.flatMap(({ row, fact }) => (row.state === 'reversed' ? [] : [fact]));
    for (const fault of fundFaults(paid, GUARANTEE)) this.fault(fault);
    for (const { region, wallet, closed } of this.everyone) {
      const own = this.books.balance(available(region, wallet, 'CNY'));
      const owed = this.books.balance(receivable(region, wallet, 'CNY'));
      if (owed > 0 && own > 0) this.fault(`${wallet} keeps what it owes`);
      const arrives = this.books.balance(arriving(region, wallet, 'CNY'));
      if (closed && own + arrives + owed > 0) this.fault(`${wallet} was closed and has ${own}/${arrives}/${owed}`);
    }
  }

  outcome(): Outcome {
    const rows = [...this.rows.values()];
    const gains = this.gangs.map(gainOf);
    const unpaid: Partial<Record<GuaranteeFault, number>> = {};
    for (const { fault } of rows) {
      if (fault !== undefined && fault !== 'uncovered') unpaid[fault] = (unpaid[fault] ?? 0) + 1;
    }
    return {
      accepted: this.accepted,
      settled: rows.filter((row) => row.state === 'settled' || row.state === 'arriving').length,
      forks: this.forks,
      guaranteePaid: rows.reduce((sum, row) => sum + row.guaranteed, 0),
      unpaid,
      unissued: this.unissued,
      closed: this.everyone.filter((one) => one.closed).length,
      gangs: {
        count: gains.length,
        gain: gains.reduce((sum, one) => sum + one, 0),
        most: Math.max(0, ...gains),
        net: Math.max(...this.gangs.map((gang) => this.netOf(gang))),
      },
      traceHash: this.trace.hash(),
      violations: this.violations,
    };
  }
}

/** What a gang took out, less what it put in. */
function gainOf({ payer, friends }: Gang): number {
  return -[payer, ...friends].reduce((sum, one) => sum + one.given, 0);
}

/** A running hash of whole numbers (two lanes of FNV-1a): told apart by it are worlds, not enemies. */
function openTrace(): { readonly add: (...numbers: readonly number[]) => void; readonly hash: () => string } {
  let [left, right] = [0x811c9dc5, 0x9dc5811c];
  return {
    add(...numbers) {
      for (const one of numbers) {
        left = Math.imul(left ^ one, 0x01000193);
        right = Math.imul(right ^ (one + 1), 0x01000193) ^ (left >>> 15);
      }
    },
    hash: () => [left, right].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join(''),
  };
}
