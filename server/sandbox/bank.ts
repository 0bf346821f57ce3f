/**
 * The sandbox's providers that take orders: a bank, a pay page, a counter, payouts. They decide by the story of the
 * amount, the last but one once the person has done their part, and send signed notices, also after a restart.
 * Invariant: asking again with the same id never makes a second order.
 */

import { randomInt } from 'node:crypto';
import type { SigningKey } from '#server/sandbox/key.ts';
import type { Errand, Flaw, Order, Store, Switches } from '#server/sandbox/store.ts';
import { type Story, storyOf } from '#server/sandbox/story.ts';
import type { BankNotice, BankOrder, BankReport, Service } from '#shared/api/bank.ts';
import { noticeBytes, STATEMENT_DAY_OFFSET } from '#shared/api/bank.ts';
import { newId } from '#shared/base/id.ts';
import { type Clock, duration, toSeconds } from '#shared/base/time.ts';
import { withCheckDigit } from '#shared/rules/card-number.ts';

/** A provider's answer to an ask: a report, silence, a 503, or a refusal of another order under a used id. */
export type Answer =
  | { readonly kind: 'report'; readonly order: Order; readonly report: BankReport }
  | { readonly kind: 'silence' | 'busy' | 'reused' };

/** What a tester can press on an order. */
export type Press = 'accept' | 'decline' | 'repeat' | 'lose';

/** What a person does on a pay page, or a teller at the counter. */
export type Choice = 'pay' | 'cancel';

/** Sends a notice to `url`; true when the receiver took it. */
export type Deliver = (url: string, notice: BankNotice) => Promise<boolean>;

/** The providers. `report` is undefined for an order it never took. */
export interface Bank {
  ask(service: Service, order: BankOrder): Promise<Answer>;
  report(service: Service, id: string): { readonly order: Order; readonly report: BankReport } | undefined;
  /** What the person or the teller chooses for an order that waits for them; false when it does not. */
  choose(id: string, choice: Choice): Promise<boolean>;
  /** The teller takes a deposit of today back: the house is asked first, and says no when it is spent. */
  takeBack(id: string): Promise<boolean>;
  byCode(code: string): Order | undefined;
  press(id: string, press: Press, reason?: string): boolean;
  /** Goes on from what the store holds, as after a restart. */
  goOn(): void;
  stop(): void;
}

/** Tries of one notice before a provider gives up, as real ones do; the receiver must then ask. */
const MOST_TRIES = 8;

/** How long a person may take: on a pay page a quarter of an hour, with a slip for the counter three days. */
const PATIENCE: Partial<Record<Service, number>> = { pay: duration(15, 'min'), counter: duration(3, 'd') };

/** Paces the notices of the switch `late` take more. */
const LATE_PACES = 30;

/** Opens the providers over `store` and goes on with the notices a restart left behind. */
export function openBank(deps: {
  store: Store;
  key: SigningKey;
  clock: Clock;
  deliver: Deliver;
  switches: () => Switches;
  /** Restarts the outside world in the middle of what it does. */
  restart: () => void;
}): Bank {
  const { store, clock, switches } = deps;
  const onTheWay = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  wake();

  function known(id: string): Order | undefined {
    const order = store.get('order', id);
    return order?.taken ? order : undefined;
  }

  /** Notices that are `paces` away, as the switch will have them. */
  function plan(order: Order, notices: readonly { readonly paces: number; readonly flaw?: Flaw }[]): void {
    const { notices: turned, paceMs } = switches();
    if (turned === 'lost') return;
    const times = turned === 'twice' ? 2 : 1;
    const more = turned === 'late' ? LATE_PACES : 0;
    const olds =
      turned === 'disordered' ? notices.map(({ paces }) => ({ paces: paces + 1, flaw: 'stale' as const })) : [];
    for (const { paces, flaw } of [...notices, ...olds]) {
      for (let time = 0; time < times; time += 1) {
        const dueAt = clock() + (paces + more + time) * paceMs;
        store.put('errand', { id: newId(clock()), order: order.id, tries: 0, dueAt, ...(flaw ? { flaw } : {}) });
      }
    }
    wake();
  }

  /** Decides an order as its story has it; notices follow. */
  function decide(order: Order, story: Pick<Story, 'end' | 'reason' | 'decided' | 'notices' | 'returned'>): Order {
    const now = clock();
    const { paceMs: pace, returns } = switches();
    const back = story.returned && {
      returnsAt: returns === 'next-day' ? nextBankDay(now) : now + story.returned.paces * pace,
      returnReason: story.returned.reason,
    };
    const { reason: _before, ...rest } = order;
    const decided: Order = {
      ...rest,
      end: story.end,
      ...(story.reason ? { reason: story.reason } : {}),
      decidedAt: now + (story.decided ?? 0) * pace,
      ...back,
    };
    store.put('order', decided);
    const news = back && story.returned?.told ? [{ paces: (back.returnsAt - now) / pace }] : [];
    plan(decided, [...story.notices, ...news]);
    return decided;
  }

  async function ask(service: Service, asked: BankOrder): Promise<Answer> {
    const now = clock();
    const before = store.get('order', asked.id);
    const other =
      before &&
      (before.amount !== asked.amount ||
        before.currency !== asked.currency ||
        (before.service ?? 'bank') !== service ||
        before.card !== asked.card);
    if (other) return { kind: 'reused' };
    if (switches().bank === 'closed') return { kind: 'busy' };
    if (before?.taken) return told(before, now);
    const story = storyOf(asked.amount, service);
    const asks = (before?.asks ?? 0) + 1;
    const ignored = asks <= (story.deafAsks ?? 0) + (story.busyAsks ?? 0);
    const patience = PATIENCE[service];
    const byHand = patience !== undefined || story.decided === undefined || switches().orders === 'by-hand';
    const order: Order = {
      ...asked,
      ...{ service, at: now, asks, taken: !ignored, end: story.end, notice: before?.notice ?? newId(now) },
      ...(patience === undefined ? {} : { until: now + patience }),
      ...(service === 'counter' ? { code: freshCode() } : {}),
    };
    // One line says what is taken and how it ends: killed between two, an order would wait for a tester for ever.
    if (ignored || byHand) store.put('order', order);
    if (ignored) return { kind: story.busyAsks ? 'busy' : 'silence' };
    const standing = byHand ? order : decide(order, deadCard(order) ?? story);
    if (story.restarts) deps.restart();
    if (story.answer === 'silence') return { kind: 'silence' };
    if (story.answer === 'tell' || byHand) return told(standing, clock());
    await send(standing, undefined);
    return { kind: 'report', order: standing, report: { ...reportOf(standing, now), status: 'PDNG' } };
  }

  /** A payout to a card the bank no longer knows is refused, whatever its story. */
  function deadCard(order: Order): Pick<Story, 'end' | 'reason' | 'decided' | 'notices'> | undefined {
    if (order.service !== 'payout') return undefined;
    const lives = store.all('binding').some(({ token, state }) => state === 'bound' && token === order.card);
    return lives ? undefined : { end: 'RJCT', reason: 'AC04', decided: 0, notices: [{ paces: 0 }] };
  }

  function freshCode(): string {
    for (;;) {
      const code = withCheckDigit(String(randomInt(10 ** 10, 10 ** 11)));
      if (!store.all('order').some((order) => order.code === code)) return code;
    }
  }

  function told(order: Order, now: number): Answer {
    return { kind: 'report', order, report: reportOf(order, now) };
  }

  function send(order: Order, flaw: Flaw | undefined): Promise<boolean> {
    return deps.deliver(order.notify, noticeOf(order, flaw, deps.key, clock)).catch(() => false);
  }

  function wake(): void {
    clearTimeout(timer);
    if (stopped) return;
    const waiting = openErrands();
    if (waiting.length === 0) return;
    const wait = Math.max(
      0,
      waiting.reduce((least, { dueAt }) => Math.min(least, dueAt), Number.POSITIVE_INFINITY) - clock(),
    );
    timer = setTimeout(runDue, Math.min(wait, 60_000));
  }

  function openErrands(): Errand[] {
    return store.all('errand').filter(({ id, doneAt }) => doneAt === undefined && !onTheWay.has(id));
  }

  /** Notices do not wait for one another: a house that is slow to take one gets the next ones all the same. */
  function runDue(): void {
    const now = clock();
    for (const errand of openErrands()) if (errand.dueAt <= now) void carry(errand);
    wake();
  }

  async function carry(errand: Errand): Promise<void> {
    onTheWay.add(errand.id);
    const order = known(errand.order);
    const tries = errand.tries + 1;
    const taken = order !== undefined && (await send(order, errand.flaw));
    onTheWay.delete(errand.id);
    const current = store.get('errand', errand.id);
    if (stopped || current?.doneAt !== undefined) return;
    const over = taken || order === undefined || errand.flaw !== undefined || tries >= MOST_TRIES;
    const dueAt = over ? errand.dueAt : clock() + switches().paceMs * 2 ** tries;
    const outcome = taken ? 'taken' : 'not taken';
    store.put('errand', { ...errand, tries, dueAt, outcome, ...(over ? { doneAt: clock() } : {}) });
    if (!over) wake();
  }

  async function choose(id: string, choice: Choice): Promise<boolean> {
    const order = known(id);
    if (!order || !isWaiting(order, clock())) return false;
    if (choice === 'cancel') {
      decide(order, { end: 'RJCT', reason: 'DS02', decided: 0, notices: [{ paces: 0 }] });
      return true;
    }
    const story = storyOf(order.amount, order.service);
    const waits = story.decided === undefined;
    const decided = decide(order, waits ? { ...story, decided: 0, notices: [{ paces: 0 }] } : story);
    // The notice is there before the person is back.
    if (story.answer === 'early') await send(decided, undefined);
    return true;
  }

  async function takeBack(id: string): Promise<boolean> {
    const order = known(id);
    const now = clock();
    const settled = order !== undefined && reportOf(order, now).status === 'ACSC';
    if (!settled || order.service !== 'counter' || dayOf(order.decidedAt ?? 0) !== dayOf(now)) return false;
    const returned: Order = { ...order, returnsAt: now, returnReason: 'DS02' };
    if (!(await send(returned, undefined))) return false;
    store.put('order', returned);
    return true;
  }

  function press(id: string, what: Press, reason?: string): boolean {
    const order = known(id);
    if (!order) return false;
    const now = clock();
    if (what === 'lose') {
      for (const errand of store.all('errand')) {
        if (errand.order === id && errand.doneAt === undefined)
          store.put('errand', { ...errand, doneAt: now, outcome: 'lost' });
      }
      return true;
    }
    const waiting = isWaiting(order, now);
    if (what === 'repeat') {
      if (waiting) return false;
      plan(order, [{ paces: 0 }]);
      return true;
    }
    if (!waiting) return false;
    const end = what === 'accept' ? 'ACSC' : 'RJCT';
    decide(order, {
      end,
      ...(end === 'RJCT' ? { reason: reason ?? 'AM04' } : {}),
      decided: 0,
      notices: [{ paces: 0 }],
    });
    return true;
  }

  return {
    ask,
    report: (service, id) => {
      const order = known(id);
      if (!order || (order.service ?? 'bank') !== service) return undefined;
      return { order, report: reportOf(order, clock()) };
    },
    choose,
    takeBack,
    byCode: (code) => store.all('order').find((order) => order.code === code && order.taken),
    press,
    goOn: wake,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Whether an order still waits for its person or a tester at `now`. */
export function isWaiting(order: Order, now: number): boolean {
  return order.decidedAt === undefined && now < (order.until ?? Number.POSITIVE_INFINITY);
}

/** Where `order` stands at `now`. */
export function reportOf(order: Order, now: number): BankReport {
  const { id, amount, currency, until } = order;
  const base = { id, amount, currency };
  if (isWaiting(order, now)) {
    const errand = order.code === undefined ? {} : { code: order.code };
    return { ...base, status: 'PDNG', ...errand, ...(until === undefined ? {} : { until: Math.floor(until / 1000) }) };
  }
  // TM01 (invalid cut-off time): nobody came in time.
  if (order.decidedAt === undefined) return { ...base, status: 'RJCT', reason: 'TM01' };
  if (now < order.decidedAt) return { ...base, status: 'PDNG' };
  if (order.returnsAt !== undefined && now >= order.returnsAt)
    return { ...base, status: 'RTRN', reason: order.returnReason ?? 'MS03' };
  return { ...base, status: order.end, ...(order.reason ? { reason: order.reason } : {}) };
}

/** Nine in the morning in Beijing of the bank's first day after `moment`: Monday to Friday; it knows no holidays. */
export function nextBankDay(moment: number): number {
  let day = dayOf(moment) + 1;
  // Day 0 was a Thursday.
  while (weekday(day) === SATURDAY || weekday(day) === SUNDAY) day += 1;
  return day * duration(1, 'd') - STATEMENT_DAY_OFFSET + duration(9, 'h');
}

const SUNDAY = 0;
const SATURDAY = 6;

function weekday(day: number): number {
  return (day + 4) % 7;
}

/** The day in Beijing that `moment` falls in. */
export function dayOf(moment: number): number {
  return Math.floor((moment + STATEMENT_DAY_OFFSET) / duration(1, 'd'));
}

function noticeOf(order: Order, flaw: Flaw | undefined, key: SigningKey, clock: Clock): BankNotice {
  const report = reportOf(order, clock());
  const told: BankReport =
    flaw === 'stale'
      ? { id: order.id, status: 'PDNG', amount: order.amount, currency: order.currency }
      : flaw === 'amount'
        ? { ...report, amount: report.amount + 100_00 }
        : report;
  const unsigned = { id: order.notice, at: toSeconds(clock()), message: JSON.stringify(told) };
  const signature = key.sign(noticeBytes(unsigned, order.service ?? 'bank'));
  return { ...unsigned, signature: flaw === 'forged' ? 'A'.repeat(86) : signature };
}
