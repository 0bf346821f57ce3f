/**
 * A seeded world: people, their phones and purses, and one house, with a clock that only the world moves.
 * Phones decide by the protocol's own checks, the house is the production code, and the model is told everything.
 */
import { createHash } from 'node:crypto';
import { nodeVerifier } from '#server/payment/verifier.ts';
import { auditPayments } from '#server/proof/proof.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { duration, instant } from '#shared/base/time.ts';
import { type Certificate, certificateMessage } from '#shared/protocol/certificate.ts';
import type { HeldPayment } from '#shared/protocol/chain.ts';
import { heldOf } from '#shared/protocol/chain.ts';
import type { Epoch } from '#shared/protocol/epoch.ts';
import { type Invoice, invoiceMessage } from '#shared/protocol/invoice.ts';
import { leafHash, nodeHash } from '#shared/protocol/merkle.ts';
import { referenceOf, type Signed } from '#shared/protocol/message.ts';
import { verifySync } from '#shared/protocol/signature.ts';
import { paymentChecks } from '#shared/protocol/verify.ts';
import { DEFAULT_POLICIES } from '#shared/rules/policy.ts';
import { type Market, type Paid, type Purse, signClosing, type Trader } from '#tests/kit/market.ts';
import { type Chance, chanceOf } from '#tests/simulation/chance.ts';
import { type BadHabit, Crash, drawRoad, type Mortal } from '#tests/simulation/faults.ts';
import { Model, type ModelPayment } from '#tests/simulation/model.ts';

interface Phone {
  readonly who: Trader;
  readonly name: string;
  readonly certificate: Certificate;
  /** What it knows of the world since its last contact. */
  epoch: { readonly card: Epoch; readonly learnedAt: number };
  /** Payments it has to bring to the house. */
  outbox: Paid[];
  /** What it took, by base64url of the allowance. */
  readonly held: Map<string, HeldPayment[]>;
  readonly took: Paid[];
  /** Its purse and copies of it; the first is the honest one. */
  purses: { readonly key: string; readonly copies: Purse[]; honest: boolean } | undefined;
}

/** How many of each act came about. */
export interface Tally {
  accepted: number;
  forks: number;
}

const verifier = nodeVerifier();
const PAYEE_CAP = 2000_00;
const PAYER_CAP = 1000_00;
/** Copies of an allowance a market's regions reckon with. */
const CLONES_ASSUMED = 19;

/** One run of the world. */
export class World {
  readonly model: Model;
  readonly violations: string[] = [];
  readonly tally: Tally = { accepted: 0, forks: 0 };
  private readonly market: Market;
  private readonly mortal: Mortal;
  private readonly chance: Chance;
  private readonly habit: BadHabit | undefined;
  private readonly trace = createHash('sha256');
  private readonly phones: Phone[] = [];
  private readonly told = new Map<string, ModelPayment>();
  private readonly answers = new Map<string, string>();
  private names = 0;
  private forksLeft: number;

  constructor(market: Market, mortal: Mortal, seed: number, forks: number, habit?: BadHabit) {
    this.habit = habit;
    this.market = market;
    this.mortal = mortal;
    this.chance = chanceOf(seed);
    this.forksLeft = forks;
    this.model = new Model({
      epochAge: DEFAULT_POLICIES.unproved.guaranteeEpochAge,
      payeeCap: PAYEE_CAP,
      payerCap: PAYER_CAP,
      clonesAssumed: CLONES_ASSUMED,
      window: duration(1, 'd'),
    });
  }

  private note(...words: (string | number)[]): void {
    this.trace.update(`${words.join(' ')}\n`);
  }

  /** The hash of everything that happened so far. */
  traceHash(): string {
    return this.trace.copy().digest('hex');
  }

  private fault(what: string): void {
    if (this.violations.length < 20) this.violations.push(what);
  }

  async populate(wallets: number): Promise<void> {
    for (let at = 0; at < wallets; at += 1) {
      const name = `p${at}`;
      const who = await this.market.person(name, this.chance.percent(70) ? 'CN-SX' : 'CN-BJ');
      const bytes = await this.market.database.query<{ bytes: Uint8Array }>(
        'select bytes from allowance_certificate where payee = $1',
        [who.device.id],
      );
      const read = certificateMessage.read(bytes[0]?.bytes ?? new Uint8Array());
      if (!read.ok) throw new Error('a person has a certificate');
      const card = (await this.market.regions.epoch(who.region)).message;
      this.phones.push({
        who,
        name,
        certificate: read.value.message,
        epoch: { card, learnedAt: this.market.clock() },
        outbox: [],
        held: new Map(),
        took: [],
        purses: undefined,
      });
      this.model.person(name);
      this.model.homes.set(name, who.region);
      await this.topUp(this.phone(at), 200_00 + this.chance.below(500_00));
    }
  }

  private phone(at: number): Phone {
    const phone = this.phones[at];
    if (!phone) throw new Error(`no phone ${at}`);
    return phone;
  }

  async step(): Promise<void> {
    const phone = this.chance.one(this.phones);
    const act = this.chance.below(100);
    if (act < 50) await this.pay(phone);
    else if (act < 76) await this.upload(phone, false);
    else if (act < 80) await this.topUp(phone, 1 + this.chance.below(100_00));
    else if (act < 82) await this.clone(phone);
    else if (act < 84) await this.collude(phone);
    else if (act < 88) await this.giveUp(phone);
    else if (act < 91) await this.close(phone);
    else if (act < 97) await this.pass();
    else await this.collect();
  }

  private async topUp(phone: Phone, amount: number): Promise<void> {
    await this.market.topUp(phone.who, amount);
    this.model.topUp(phone.name, amount);
    this.given.set(phone.name, (this.given.get(phone.name) ?? 0) + amount);
    this.note('top-up', phone.name, amount);
  }

  private async fill(phone: Phone): Promise<void> {
    const rest = this.model.wallet(phone.name).available;
    const total = Math.min(rest, 50_00 + this.chance.below(200_00));
    if (total < 1_00) return;
    try {
      const purse = await this.market.purse(phone.who, total);
      const key = `a${this.names++}`;
      if (this.model.wallet(phone.name).stopped) this.fault(`${phone.name} was stopped and got ${key}`);
      this.model.issue(key, phone.name, total, purse.allowance.message.claimUntil);
      phone.purses = { key, copies: [purse], honest: true };
      this.note('issue', phone.name, key, total);
    } catch (error) {
      if (!String(error).includes('no allowance')) throw error;
      this.note('no-allowance', phone.name);
    }
  }

  private async pay(payer: Phone): Promise<void> {
    const now = this.market.clock();
    const live = payer.purses?.copies[0]?.allowance.message;
    if (!live || now > live.expires) payer.purses = undefined;
    if (!payer.purses) await this.fill(payer);
    if (!payer.purses) return;
    const { copies } = payer.purses;
    if (this.habit === 'payer forgets' && this.chance.percent(10) && copies[0]) copies[0] = this.restored(copies[0]);
    const purse = this.chance.one(copies);
    const payee = this.chance.one(this.phones);
    const spent = purse.signed().at(-1)?.core.total ?? 0;
    const room = purse.allowance.message.total - spent;
    if (room < 1 || payee === payer) return;
    const amount = 1 + this.chance.below(Math.min(room, 80_00));
    const invoice = await invoiceMessage.sign(
      {
        payee: payee.who.device.id,
        id: payee.who.device.id,
        amount,
        currency: 'CNY',
        time: instant(Math.floor(now / 1000) * 1000),
        lifetime: 120,
        epoch: payee.epoch.card.number,
      },
      payee.who.signer,
    );
    const read = invoiceMessage.read(invoice);
    if (!read.ok) throw new Error('an invoice can be read');
    const paid = await purse.pay(payee.who, amount, {
      invoice: Uint8Array.from(referenceOf(read.value.id)),
      epoch: payee.epoch.card.number,
    });
    const taken = await this.take(payee, purse, paid, read.value);
    this.note('pay', payer.name, payee.name, amount, taken);
    if (taken !== 'accepted') {
      if (payer.purses.honest) this.fault(`an honest payment of ${payer.name} was refused: ${taken}`);
      return;
    }
    this.tally.accepted += 1;
    this.tell(payer, payee, paid, payer.purses.key, now - payee.epoch.learnedAt);
    payer.outbox.push(paid);
    payee.outbox.push(paid);
    payee.took.push(paid);
  }

  private async take(payee: Phone, purse: Purse, paid: Paid, invoice: Signed<Invoice>): Promise<string> {
    const name = toBase64url(purse.allowance.id);
    const held = payee.held.get(name) ?? [];
    const { message: keySet } = await this.market.regions.keySet();
    const answer = verifySync(
      paymentChecks(
        { payment: paid.bytes, allowance: purse.allowance.bytes },
        {
          role: 'payee',
          keySet,
          now: this.market.clock(),
          floor: payee.epoch.card.time,
          held,
          certificate: payee.certificate,
          invoice,
        },
      ),
      verifier,
    );
    if (!answer.ok) return answer.error.code;
    const took = [...held, heldOf(answer.value.payment)];
    if (this.habit !== 'payee forgets') payee.held.set(name, took);
    this.numbers.set(`${payee.name} ${name}`, [...(this.numbers.get(`${payee.name} ${name}`) ?? []), paid.core.number]);
    return 'accepted';
  }

  private tell(payer: Phone, payee: Phone, paid: Paid, purse: string, epochAge: number): void {
    const { number, total, amount, previous } = paid.core;
    const before = [...this.told.values()].find(
      (one) => one.purse === purse && toBase64url(previous) === this.references.get(one.key),
    );
    const key = `t${this.told.size}`;
    this.references.set(key, toBase64url(referenceOf(paid.id)));
    const payment = {
      key,
      purse,
      payer: payer.name,
      payee: payee.name,
      amount,
      number,
      total,
      previous: before?.key ?? '',
      epochAge,
    };
    this.told.set(paid.name, payment);
  }

  private readonly references = new Map<string, string>();

  private async clone(phone: Phone): Promise<void> {
    const original = phone.purses?.copies[0];
    if (this.forksLeft === 0 || !phone.purses || !original) return;
    this.forksLeft -= 1;
    this.tally.forks += 1;
    phone.purses.copies.push(original.clone());
    phone.purses.honest = false;
    this.note('clone', phone.name);
  }

  /**
   * Payer and payee conspire: copies of one purse all pay the accomplice, who checks nothing, brings them all in and may
   * claim to have held lists that were never made.
   */
  private async collude(phone: Phone): Promise<void> {
    const original = phone.purses?.copies[0];
    const live = original?.allowance.message;
    if (!phone.purses || !original || !live || this.market.clock() > live.expires) return;
    const friend = this.chance.one(this.phones.filter((one) => one !== phone));
    const copies = Math.min(this.forksLeft, 1 + this.chance.below(3));
    const room = live.total - (original.signed().at(-1)?.core.total ?? 0);
    if (copies === 0 || room < 1) return;
    const clones = Array.from({ length: copies }, () => original.clone());
    this.forksLeft -= copies;
    this.tally.forks += copies;
    phone.purses.copies.push(...clones);
    phone.purses.honest = false;
    const lies = this.chance.percent(30);
    const { number } = friend.epoch.card;
    const age = lies ? Number.POSITIVE_INFINITY : this.market.clock() - friend.epoch.learnedAt;
    const amount = 1 + this.chance.below(Math.min(room, 80_00));
    for (const purse of [original, ...clones]) {
      const paid = await purse.pay(friend.who, amount, { epoch: lies ? number + 1_000_000 : number });
      this.tell(phone, friend, paid, phone.purses.key, age);
      friend.outbox.push(paid);
      friend.took.push(paid);
    }
    this.note('collude', phone.name, friend.name, copies, amount, String(lies));
  }

  /** Storage as it was before the last payment. */
  private restored(purse: Purse): Purse {
    const older = purse.clone();
    (older.signed() as Paid[]).pop();
    return older;
  }

  /** Brings the outbox to the house over a road with faults; `healed` roads are good. */
  private async upload(phone: Phone, healed: boolean): Promise<void> {
    const road = healed ? 'good' : drawRoad(this.chance);
    let load = phone.outbox.slice(0, 1 + this.chance.below(20));
    this.note('upload', phone.name, load.length, road);
    if (this.habit === 'drops what was lost' && road === 'lost') phone.outbox = phone.outbox.slice(load.length);
    if (load.length === 0 || road === 'lost') return;
    if (road === 'doubled') load = [...load, ...load];
    if (road === 'reordered') load = this.chance.shuffled(load);
    if (road === 'crash-before' || road === 'crash-after')
      this.mortal.crashNext = road === 'crash-before' ? 'before' : 'after';
    const cut = road === 'truncated' ? this.chance.below(load.length) : -1;
    const bytes = load.map((one, at) =>
      at === cut ? one.bytes.subarray(0, this.chance.below(one.bytes.length)) : one.bytes,
    );
    try {
      const answers = await this.market.payments.reconcile(phone.who.wallet, bytes);
      this.mortal.crashNext = undefined;
      this.hear(
        phone,
        load,
        answers.map((one) => one.outcome + (one.code ? ` ${one.code}` : '')),
        cut,
        road === 'answer-lost',
      );
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      this.mortal.crashNext = undefined;
      await this.afterCrash(phone, load);
    }
  }

  /** Nobody heard whether the commit came through: the phone asks again, as every phone does. */
  private async afterCrash(phone: Phone, load: readonly Paid[]): Promise<void> {
    if (this.habit === 'never asks again') {
      phone.outbox = phone.outbox.filter((one) => !load.includes(one));
      return;
    }
    const answers = await this.market.payments.reconcile(
      phone.who.wallet,
      load.map((one) => one.bytes),
    );
    this.hear(
      phone,
      load,
      answers.map((one) => one.outcome + (one.code ? ` ${one.code}` : '')),
      -1,
      false,
    );
  }

  private hear(phone: Phone, load: readonly Paid[], outcomes: readonly string[], cut: number, deaf: boolean): void {
    const now = this.market.clock();
    for (const [at, paid] of load.entries()) {
      const outcome = outcomes[at] ?? '';
      if (at === cut) {
        if (!outcome.startsWith('refused message.')) this.fault(`half a payment was answered ${outcome}`);
        continue;
      }
      this.judge(paid, outcome, now);
      if (!deaf) phone.outbox = phone.outbox.filter((one) => one !== paid);
    }
  }

  private judge(paid: Paid, outcome: string, now: number): void {
    const told = this.told.get(paid.name);
    if (!told) return;
    const state = this.model.upload(told, now);
    const expected = state === 'voided' || state === 'reversed' ? 'refused payment.voided' : state;
    if (!(outcome === expected || outcome.startsWith(`${expected} `))) {
      this.fault(`${told.key} of ${told.payer} to ${told.payee} was answered ${outcome}, expected ${expected}`);
    }
    this.note('answer', told.key, outcome);
    this.answers.set(told.key, outcome);
  }

  private async giveUp(phone: Phone): Promise<void> {
    if (phone.took.length === 0 || !this.chance.percent(40)) return;
    const paid = this.chance.one(phone.took);
    const told = this.told.get(paid.name);
    if (!told) return;
    const word = await this.market.receipt(phone.who, paid.id, 'void');
    const [refusal] = await this.market.payments.takeReceipts(phone.who.wallet, [word]);
    const could = this.model.void(told.key);
    if (could !== (refusal === undefined)) this.fault(`a void of ${told.key} was answered ${refusal?.code ?? 'taken'}`);
    this.note('void', told.key, String(could));
  }

  private async close(phone: Phone): Promise<void> {
    const purse = phone.purses?.copies[0];
    if (!phone.purses?.honest || !purse) return;
    const last = purse.signed().at(-1);
    const closing = await signClosing(purse.allowance, purse.signer, last);
    const [closed] = await this.market.allowances.close([closing], this.market.payments.heldPayments);
    this.model.close(phone.purses.key, last?.core.total ?? 0);
    this.note('close', phone.name, String(closed?.ok));
    phone.purses = undefined;
  }

  private async pass(): Promise<void> {
    this.market.pass(duration(1 + this.chance.below(30), 'h'));
    await this.market.payments.ripen();
    this.model.ripen(this.market.clock());
    await this.market.allowances.releaseDue();
    this.model.release(this.market.clock());
    // Those who have a signal today learn the newest card; the others' guarantee grows old.
    for (const [at, phone] of this.phones.entries()) {
      // Every third lives where there is next to no signal: what its lists are worth runs out.
      if (!this.chance.percent(at % 3 === 2 ? 8 : 60)) continue;
      const card = (await this.market.regions.epoch(phone.who.region)).message;
      phone.epoch = { card, learnedAt: this.market.clock() };
    }
    this.note('pass', this.market.clock());
  }

  private async collect(): Promise<void> {
    await this.market.payments.recoverDebts();
    this.model.recover();
    this.note('collect');
  }

  /** All roads heal: every outbox must empty in a few rounds, and every accepted payment have an end. */
  async heal(): Promise<void> {
    for (let round = 0; round < 40 && this.phones.some((phone) => phone.outbox.length > 0); round += 1) {
      for (const phone of this.phones) await this.upload(phone, true);
    }
    for (const phone of this.phones) {
      if (phone.outbox.length > 0) this.fault(`${phone.name} still has ${phone.outbox.length} payments to bring`);
    }
    for (const { key } of this.told.values()) {
      if (!this.model.settled.has(key)) this.fault(`${key} was accepted and never settled`);
    }
    await this.collect();
    await this.compare();
    await this.compareBills();
    await this.audit();
  }

  /** The house against the model, wallet by wallet. */
  async compare(): Promise<void> {
    for (const { who, name } of this.phones) {
      const house = await this.market.purseOf(who);
      const { available, arriving, owed } = this.model.wallet(name);
      const says = `${house.available}/${house.arriving}/${house.owed}`;
      const should = `${available}/${arriving}/${owed}`;
      if (says !== should) this.fault(`${name} has ${says}, expected ${should}`);
      this.note('purse', name, says);
    }
    for (const fault of await this.market.faults()) this.fault(fault.replaceAll(/[0-9a-f-]{36}/g, 'some'));
  }

  private async compareBills(): Promise<void> {
    await this.market.bills.catchUp();
    const byKey = new Map([...this.told].map(([name, told]) => [name, told]));
    for (const { who, name } of this.phones) {
      const last = new Map<string, string>();
      let cursor = 0;
      for (let more = true; more; ) {
        const page = await this.market.bills.feed(who, cursor, 200);
        for (const bill of page.bills) {
          if (bill.sequence !== cursor + 1) this.fault(`${name}: bill ${bill.sequence} after ${cursor}`);
          cursor = bill.sequence;
          if (bill.payment) last.set(bill.payment, bill.state);
        }
        more = page.more;
      }
      for (const [id, told] of byKey) {
        if (told.payer !== name && told.payee !== name) continue;
        const state = this.model.settled.get(told.key)?.state;
        const expected =
          state === 'voided' ? undefined : state === 'arriving' && told.payer === name ? 'settled' : state;
        if (last.get(id) !== expected)
          this.fault(`${name}: the bill of ${told.key} says ${last.get(id)}, expected ${expected}`);
      }
    }
  }

  /** What must hold whatever was done, without asking the model: nobody gains by a lie, and the fund keeps its bounds. */
  private async audit(): Promise<void> {
    for (const [who, numbers] of this.numbers) {
      if (new Set(numbers).size < numbers.length) this.fault(`${who.split(' ')[0]} took one number twice`);
    }
    await this.auditWealth();
    await this.auditFund();
    await this.auditClaims();
    const { findings } = await auditPayments(this.market.database, this.market.clock(), this.market.regions.root);
    // What is called by chance is left out: one seed says the same in every run.
    for (const { check, off } of findings) this.fault(`the auditor of payments: ${check}, off by ${off}`);
  }

  /** Number of each payment a phone took, by phone and allowance. */
  private readonly numbers = new Map<string, number[]>();
  private readonly given = new Map<string, number>();

  /**
   * Everything a wallet has, less what it owes, is what was put in and what it was paid, less what it paid. What a gang makes
   * of never paying a debt does not show here: the world without signatures counts its cash.
   */
  private async auditWealth(): Promise<void> {
    for (const { who, name } of this.phones) {
      const parts = await this.market.ledger.walletAccounts(who.region, who.wallet);
      const has = parts.reduce((sum, one) => sum + (one.kind === 'receivable' ? -one.balance : one.balance), 0);
      const [paid = { got: 0, gave: 0 }] = await this.market.database.query<{ got: number; gave: number }>(
        `select coalesce(sum(amount) filter (where payee = $1), 0)::bigint as got,
           coalesce(sum(amount) filter (where payer = $1), 0)::bigint as gave
         from payment where state in ('settled', 'arriving')`,
        [who.wallet],
      );
      const should = (this.given.get(name) ?? 0) + paid.got - paid.gave;
      if (has !== should) this.fault(`${name} is worth ${has}, dealings say ${should}`);
    }
  }

  /** The fund never pays more than copies of purses could overspend, nor more to one payee in a day than its cap. */
  private async auditFund(): Promise<void> {
    const paid = await this.market.database.query<{ payee: string; region: string; at: number; sum: number }>(
      `select payee, region, uploaded_at as at, guaranteed as sum from payment
       where guaranteed > 0 and state <> 'reversed' order by uploaded_at`,
    );
    const most = [...this.model.purses.values()].reduce((sum, one) => Math.max(sum, one.total), 0) * this.tally.forks;
    const all = paid.reduce((sum, one) => sum + one.sum, 0);
    if (all > most) this.fault(`the fund paid ${all}, all copies together could take ${most}`);
    for (const last of paid) {
      const day = paid.filter((one) => one.payee === last.payee && one.region === last.region && one.at <= last.at);
      const sum = day.filter((one) => one.at > last.at - duration(1, 'd')).reduce((total, one) => total + one.sum, 0);
      if (sum > PAYEE_CAP) this.fault(`the fund paid one payee ${sum} in a day`);
    }
    const [loose] = await this.market.database.query<{ count: number }>(
      `select count(*)::int as count from payment p where (p.guaranteed > 0 or p.code like 'guarantee.%')
         and not exists (select 1 from payment_case c where c.allowance = p.allowance and c.region = p.region)`,
    );
    if (loose && loose.count > 0) this.fault(`${loose.count} payments the hold did not cover have no case`);
  }

  /** What is settled stands once in the tree of its payee's region, and the next card names that tree. */
  private async auditClaims(): Promise<void> {
    await this.market.payments.sealClaims();
    this.market.pass(duration(1, 'min'));
    const [missing] = await this.market.database.query<{ count: number }>(
      `select count(*)::int as count from payment p where p.state = 'settled' and not exists (
         select 1 from payment_claim c where c.payment = p.id and c.region = p.payee_region)`,
    );
    if (missing && missing.count > 0) this.fault(`${missing.count} settled payments stand in no tree`);
    for (const region of ['CN-SX', 'CN-BJ']) {
      const rows = await this.market.database.query<{ payment: Uint8Array }>(
        'select payment from payment_claim where region = $1 order by place',
        [region],
      );
      const { claims } = (await this.market.regions.epoch(region)).message;
      const root = rows.length === 0 ? undefined : toBase64url(treeOf(rows.map((row) => row.payment)));
      if (root !== (claims && toBase64url(claims))) this.fault(`the card of ${region} names another tree`);
    }
  }
}

/** RFC 9162 section 2.1.1, word for word. */
function treeOf(entries: readonly Uint8Array[]): Uint8Array {
  const [first] = entries;
  if (first === undefined || entries.length === 1) return leafHash(first ?? new Uint8Array());
  let half = 1;
  while (half * 2 < entries.length) half *= 2;
  return nodeHash(treeOf(entries.slice(0, half)), treeOf(entries.slice(half)));
}
