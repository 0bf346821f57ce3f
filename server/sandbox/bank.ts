/**
 * The sandbox bank: takes orders, decides them by their story, and sends signed notices, also after a restart.
 * Invariant: asking again with the same id never makes a second order.
 */

import type { SigningKey } from '#server/sandbox/key.ts';
import type { Errand, Order, Store, Switches } from '#server/sandbox/store.ts';
import { storyOf } from '#server/sandbox/story.ts';
import type { BankNotice, BankOrder, BankReport } from '#shared/api/bank.ts';
import { noticeBytes } from '#shared/api/bank.ts';
import { newId } from '#shared/base/id.ts';
import { type Clock, toSeconds } from '#shared/base/time.ts';

/** A bank's answer to an ask: a report, silence, a 503, or a refusal of another order under a used id. */
export type Answer =
  | { readonly kind: 'report'; readonly report: BankReport }
  | { readonly kind: 'silence' | 'busy' | 'reused' };

/** What a tester can press on an order. */
export type Press = 'accept' | 'decline' | 'repeat' | 'lose';

/** Sends a notice to `url`; true when the receiver took it. */
export type Deliver = (url: string, notice: BankNotice) => Promise<boolean>;

/** The bank. `report` is undefined for an order it never took. */
export interface Bank {
  ask(order: BankOrder): Promise<Answer>;
  report(id: string): BankReport | undefined;
  press(id: string, press: Press, reason?: string): boolean;
  stop(): void;
}

/** Tries of one notice before the bank gives up, as real banks do; the receiver must then ask. */
const MOST_TRIES = 8;

/** Opens the bank over `store` and goes on with the notices a restart left behind. */
export function openBank(deps: {
  store: Store;
  key: SigningKey;
  clock: Clock;
  deliver: Deliver;
  switches: () => Switches;
}): Bank {
  const { store, clock, switches } = deps;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  wake();

  function known(id: string): Order | undefined {
    const order = store.get('order', id);
    return order?.taken ? order : undefined;
  }

  function plan(order: Order, errands: readonly Omit<Errand, 'id' | 'order' | 'tries'>[]): void {
    for (const errand of errands) store.put('errand', { id: newId(clock()), order: order.id, tries: 0, ...errand });
    wake();
  }

  async function ask(asked: BankOrder): Promise<Answer> {
    const now = clock();
    const before = store.get('order', asked.id);
    if (before && (before.amount !== asked.amount || before.currency !== asked.currency)) return { kind: 'reused' };
    if (switches().bank === 'closed') return { kind: 'busy' };
    if (before?.taken) return { kind: 'report', report: reportOf(before, now) };
    const story = storyOf(asked.amount);
    const asks = (before?.asks ?? 0) + 1;
    const ignored = asks <= (story.deafAsks ?? 0) + (story.busyAsks ?? 0);
    const byHand = story.decided === undefined || switches().orders === 'by-hand';
    const pace = switches().paceMs;
    const order: Order = {
      ...asked,
      at: now,
      asks,
      taken: !ignored,
      end: story.end,
      ...(story.reason ? { reason: story.reason } : {}),
      ...(byHand ? {} : { decidedAt: now + (story.decided ?? 0) * pace }),
      notice: newId(clock()),
    };
    store.put('order', order);
    if (ignored) return { kind: story.busyAsks ? 'busy' : 'silence' };
    if (!byHand && switches().notices === 'sent') {
      plan(
        order,
        story.notices.map(({ paces, flaw }) => ({ dueAt: now + paces * pace, ...(flaw ? { flaw } : {}) })),
      );
    }
    if (story.answer === 'silence') return { kind: 'silence' };
    if (story.answer === 'tell' || byHand) return { kind: 'report', report: reportOf(order, clock()) };
    await send(order, undefined);
    return { kind: 'report', report: { ...reportOf(order, now), status: 'PDNG' } };
  }

  function send(order: Order, flaw: Errand['flaw']): Promise<boolean> {
    return deps.deliver(order.notify, noticeOf(order, flaw, deps.key, clock)).catch(() => false);
  }

  function wake(): void {
    clearTimeout(timer);
    if (stopped) return;
    const due = store.all('errand').filter((errand) => errand.doneAt === undefined);
    if (due.length === 0) return;
    const wait = Math.max(0, Math.min(...due.map((errand) => errand.dueAt)) - clock());
    timer = setTimeout(() => void runDue().then(wake), Math.min(wait, 60_000));
  }

  async function runDue(): Promise<void> {
    const now = clock();
    for (const errand of store.all('errand')) {
      if (errand.doneAt !== undefined || errand.dueAt > now) continue;
      const order = known(errand.order);
      const tries = errand.tries + 1;
      const taken = order !== undefined && (await send(order, errand.flaw));
      const current = store.get('errand', errand.id);
      if (stopped || current?.doneAt !== undefined) continue;
      const over = taken || order === undefined || errand.flaw !== undefined || tries >= MOST_TRIES;
      const dueAt = over ? errand.dueAt : clock() + switches().paceMs * 2 ** tries;
      const outcome = taken ? 'taken' : 'not taken';
      store.put('errand', { ...errand, tries, dueAt, outcome, ...(over ? { doneAt: clock() } : {}) });
    }
  }

  function press(id: string, what: Press, reason?: string): boolean {
    const order = known(id);
    if (!order) return false;
    const now = clock();
    const waiting = order.decidedAt === undefined;
    if (what === 'lose') {
      for (const errand of store.all('errand')) {
        if (errand.order === id && errand.doneAt === undefined)
          store.put('errand', { ...errand, doneAt: now, outcome: 'lost' });
      }
      return true;
    }
    if (what === 'repeat') {
      if (waiting) return false;
      plan(order, [{ dueAt: now }]);
      return true;
    }
    if (!waiting) return false;
    const { reason: _before, ...rest } = order;
    const end = what === 'accept' ? 'ACSC' : 'RJCT';
    const decided: Order = { ...rest, end, decidedAt: now, ...(end === 'RJCT' ? { reason: reason ?? 'AM04' } : {}) };
    store.put('order', decided);
    if (switches().notices === 'sent') plan(decided, [{ dueAt: now }]);
    return true;
  }

  return {
    ask,
    report: (id) => {
      const order = known(id);
      return order && reportOf(order, clock());
    },
    press,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Where `order` stands at `now`. */
export function reportOf(order: Order, now: number): BankReport {
  const { id, amount, currency } = order;
  if (order.decidedAt === undefined || now < order.decidedAt) return { id, status: 'PDNG', amount, currency };
  return { id, status: order.end, amount, currency, ...(order.reason ? { reason: order.reason } : {}) };
}

function noticeOf(order: Order, flaw: Errand['flaw'], key: SigningKey, clock: Clock): BankNotice {
  const report = reportOf(order, clock());
  const told: BankReport =
    flaw === 'stale'
      ? { id: order.id, status: 'PDNG', amount: order.amount, currency: order.currency }
      : flaw === 'amount'
        ? { ...report, amount: report.amount + 100_00 }
        : report;
  const unsigned = { id: order.notice, at: toSeconds(clock()), message: JSON.stringify(told) };
  const signature = key.sign(noticeBytes(unsigned));
  return { ...unsigned, signature: flaw === 'forged' ? 'A'.repeat(86) : signature };
}
