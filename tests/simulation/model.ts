/**
 * What should be true, in the plainest words: maps and sums, no database, no signatures, nothing shared with the house.
 * The simulation tells it the same acts as the house and then compares.
 */

/** A payment as the model knows it. */
export interface ModelPayment {
  readonly key: string;
  readonly purse: string;
  readonly payer: string;
  readonly payee: string;
  readonly amount: number;
  readonly number: number;
  readonly total: number;
  /** Key of the payment before, or '' for the first. */
  readonly previous: string;
  /** How old the payee's newest epoch card was when it was signed, in ms. */
  readonly epochAge: number;
}

/** What became of a payment. */
export type ModelState = 'settled' | 'arriving' | 'disputed' | 'voided' | 'reversed';

interface Settled extends ModelPayment {
  state: ModelState;
  held: number;
  guaranteed: number;
  late: number;
  uploadedAt: number;
  matured: boolean;
}

interface Purse {
  readonly owner: string;
  readonly total: number;
  readonly claimUntil: number;
  remaining: number;
  claimed: number;
  ended: boolean;
  stopped: boolean;
}

interface Wallet {
  available: number;
  arriving: number;
  owed: number;
  /** Whether something came in since debts were last looked at. */
  credited: boolean;
  stopped: boolean;
}

/** The rules of the fund, as the seeded regions have them. */
export interface ModelRules {
  readonly epochAge: number;
  readonly payeeCap: number;
  readonly payerCap: number;
  readonly clonesAssumed: number;
  readonly window: number;
}

/** The reference model. */
export class Model {
  readonly wallets = new Map<string, Wallet>();
  readonly purses = new Map<string, Purse>();
  readonly settled = new Map<string, Settled>();
  readonly voids = new Set<string>();
  guaranteePaid = 0;
  readonly rules: ModelRules;

  constructor(rules: ModelRules) {
    this.rules = rules;
  }

  person(name: string): void {
    this.wallets.set(name, { available: 0, arriving: 0, owed: 0, credited: false, stopped: false });
  }

  wallet(name: string): Wallet {
    const wallet = this.wallets.get(name);
    if (!wallet) throw new Error(`nobody is called ${name}`);
    return wallet;
  }

  private credit(name: string, amount: number): void {
    if (amount === 0) return;
    const wallet = this.wallet(name);
    wallet.available += amount;
    wallet.credited = true;
  }

  topUp(name: string, amount: number): void {
    this.credit(name, amount);
  }

  issue(key: string, owner: string, total: number, claimUntil: number): void {
    this.wallet(owner).available -= total;
    const purse = { owner, total, claimUntil, remaining: total, claimed: 0, ended: false, stopped: false };
    this.purses.set(key, purse);
  }

  close(key: string, lastTotal: number): void {
    const purse = this.purse(key);
    if (purse.stopped || purse.ended) return;
    const back = Math.max(0, purse.total - Math.max(lastTotal, purse.claimed));
    purse.remaining -= back;
    purse.ended = true;
    this.credit(purse.owner, back);
  }

  private readonly released = new Set<string>();

  release(now: number): void {
    for (const [key, purse] of this.purses) {
      if (this.released.has(key) || purse.claimUntil >= now) continue;
      this.released.add(key);
      const wallet = this.wallet(purse.owner);
      const repaid = Math.min(wallet.owed, purse.remaining);
      wallet.owed -= repaid;
      this.credit(purse.owner, purse.remaining - repaid);
      purse.remaining = 0;
    }
  }

  private purse(key: string): Purse {
    const purse = this.purses.get(key);
    if (!purse) throw new Error(`no purse ${key}`);
    return purse;
  }

  /** A payment reaches the house whole, for whatever time. */
  upload(payment: ModelPayment, now: number): ModelState {
    const known = this.settled.get(payment.key);
    if (known) return known.state;
    const purse = this.purse(payment.purse);
    const row: Settled = {
      ...payment,
      state: 'disputed',
      held: 0,
      guaranteed: 0,
      late: 0,
      uploadedAt: now,
      matured: false,
    };
    const cheated = [...this.settled.values()].some((one) => one.purse === payment.purse && quarrel(one, payment));
    this.fund(row, purse, now);
    this.settled.set(payment.key, row);
    const short = row.guaranteed > 0 || (row.state === 'disputed' && !this.released.has(payment.purse));
    if ((cheated || short) && !this.released.has(payment.purse)) {
      this.stop(purse.owner);
    }
    return row.state;
  }

  /** The device is stopped, and with it whatever else it could still spend. */
  private stop(owner: string): void {
    this.wallet(owner).stopped = true;
    for (const purse of this.purses.values()) if (purse.owner === owner) purse.stopped = true;
  }

  private fund(row: Settled, purse: Purse, now: number): void {
    if (this.voids.has(row.key)) {
      row.state = 'voided';
      return;
    }
    const payer = this.wallet(row.payer);
    if (this.released.has(row.purse)) {
      if (payer.available < row.amount || row.payer === row.payee) return;
      payer.available -= row.amount;
      row.late = row.amount;
      row.state = 'settled';
      this.credit(row.payee, row.amount);
      return;
    }
    const held = Math.min(row.amount, purse.remaining);
    const short = row.amount - held;
    if (short > 0 && !this.guaranteed(row, purse, short, now)) return;
    purse.remaining -= held;
    purse.claimed += held;
    row.held = held;
    row.guaranteed = short;
    row.state = short > 0 ? 'arriving' : 'settled';
    payer.owed += short;
    this.wallet(row.payee).arriving += short;
    this.guaranteePaid += short;
    this.credit(row.payee, held);
  }

  private guaranteed(row: Settled, purse: Purse, short: number, now: number): boolean {
    if (row.payer === row.payee || row.epochAge > this.rules.epochAge || now > purse.claimUntil) return false;
    if (this.wallet(row.payer).owed + short > this.rules.payerCap) return false;
    let [paid, paidForPurse] = [0, 0];
    for (const one of this.settled.values()) {
      if (one.purse === row.purse && one.state !== 'reversed') paidForPurse += one.guaranteed;
      const counts = one.payee === row.payee && one.uploadedAt > now - this.rules.window && one.state !== 'reversed';
      if (counts && this.homeOf(one.payer) === this.homeOf(row.payer)) paid += one.guaranteed;
    }
    if (paidForPurse + short > this.rules.clonesAssumed * purse.total) return false;
    return paid + short <= this.rules.payeeCap;
  }

  readonly homes = new Map<string, string>();

  private homeOf(name: string): string {
    return this.homes.get(name) ?? '';
  }

  /** The payee gives a payment up; answers whether it could. */
  void(key: string): boolean {
    const row = this.settled.get(key);
    if (!row) {
      this.voids.add(key);
      return true;
    }
    if (row.state !== 'settled' && row.state !== 'arriving') return true;
    const payee = this.wallet(row.payee);
    const payer = this.wallet(row.payer);
    const back = row.held + row.late + (row.matured ? row.guaranteed : 0);
    if (row.payee !== row.payer && payee.available < back) return false;
    const forgiven = Math.min(payer.owed, row.guaranteed);
    payee.available -= back;
    if (!row.matured) payee.arriving -= row.guaranteed;
    payer.owed -= forgiven;
    if (row.payee === row.payer) payer.available += row.amount - forgiven;
    else this.credit(row.payer, row.amount - forgiven);
    row.state = 'reversed';
    return true;
  }

  ripen(now: number): void {
    for (const row of this.settled.values()) {
      if (row.state !== 'arriving' || this.purse(row.purse).claimUntil > now) continue;
      row.state = 'settled';
      row.matured = true;
      this.wallet(row.payee).arriving -= row.guaranteed;
      this.credit(row.payee, row.guaranteed);
    }
  }

  recover(): void {
    for (const wallet of this.wallets.values()) {
      if (!wallet.credited) continue;
      wallet.credited = false;
      const paid = Math.min(wallet.owed, wallet.available);
      wallet.owed -= paid;
      wallet.available -= paid;
    }
  }
}

/** Whether two payments of one purse cannot both stand in one honest chain. */
function quarrel(one: ModelPayment, other: ModelPayment): boolean {
  if (one.number === other.number) return true;
  const [first, second] = one.number < other.number ? [one, other] : [other, one];
  const between = second.number - first.number - 1;
  const room = second.total - second.amount - first.total;
  return between > 0 ? room < between : room !== 0 || second.previous !== first.key;
}
