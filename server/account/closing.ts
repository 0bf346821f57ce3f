/**
 * Leaving: asked for with passkey and password, taken back for some days, then done once, and the person forgotten later.
 * Invariant: a wallet with money, debts or anything unfinished is never closed, also when it came in during the cooling-off.
 */
import { createHash } from 'node:crypto';
import { HOLDINGS, type Holding } from '#server/account/holding.ts';
import type { AccountParts } from '#server/account/parts.ts';
import * as store from '#server/account/store.ts';
import type { Session } from '#server/identity/identity.ts';
import { writeDown } from '#server/logbook/logbook.ts';
import type { Sql } from '#server/platform/database.ts';
import type { BlockerView, ClosingRequest, ClosingView } from '#shared/api/account.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, duration, type Instant } from '#shared/base/time.ts';
import { type Blocker, blockersOf } from '#shared/rules/closure.ts';

/** Leaving and its end. */
export interface Closings {
  readonly view: (owner: store.Owner) => Promise<ClosingView>;
  /** Refusals: `closing.blocked`, `closing.id-reused`, `closing.cooling`, and those of the proof. The same id is the same act. */
  readonly ask: (session: Session, request: ClosingRequest) => Promise<Result<ClosingView, Refusal>>;
  /** Takes it back; nothing to take back is no fault. */
  readonly cancel: (owner: store.Owner) => Promise<ClosingView>;
  /** Closes what is due and forgets whom the law lets be forgotten; what the job runs. Answers how many wallets it touched. */
  readonly runDue: () => Promise<number>;
}

/** Wallets one look closes or forgets; the rest is still due at the next. */
const RUN_MOST = 50;

/** Opens leaving over its parts. */
export function openClosings(parts: AccountParts): Closings {
  const { database, clock } = parts;
  return {
    view: (owner) => viewOf(parts, owner),
    ask: (session, request) => ask(parts, session, request),
    cancel: async (owner) => {
      await database.transaction(async (tx) => {
        const row = await store.lastClosing(tx, owner);
        if (row?.state !== 'cooling') return;
        const at = clock();
        const isEnded = await store.endClosing(tx, row, { state: 'cancelled', reason: null, at, forgetAt: null });
        if (!isEnded) return;
        await parts.identity.note(tx, owner, { code: 'closing-cancelled', at });
        await write(tx, owner, 'closing-cancelled', at, { closing: row.id });
      });
      return await viewOf(parts, owner);
    },
    runDue: async () => {
      let count = 0;
      for (const region of parts.regions()) {
        const now = clock();
        const closing = await store.dueClosings(database, region, now, RUN_MOST);
        for (const row of closing) await close(parts, row);
        const forgetting = await store.dueForgetting(database, region, now, RUN_MOST);
        for (const row of forgetting) await forget(parts, row);
        count += closing.length + forgetting.length;
      }
      return count;
    },
  };
}

async function ask(
  parts: AccountParts,
  session: Session,
  { id, proof }: ClosingRequest,
): Promise<Result<ClosingView, Refusal>> {
  const { database, clock } = parts;
  const owner = { region: session.region, wallet: session.wallet };
  const before = await store.readClosing(database, owner.region, id as Session['id']);
  if (before) {
    return before.wallet === owner.wallet ? ok(await viewOf(parts, owner)) : refuse({ code: 'closing.id-reused' });
  }
  const [blocked] = await blockers(parts, database, owner, await parts.unfinished(owner));
  if (blocked) return refuse({ code: 'closing.blocked', detail: { blocker: blocked.blocker } });
  const act = { act: 'closing', amount: 0, currency: 'CNY', target: owner.wallet, proof } as const;
  const proved = await parts.identity.authorise(session, { id: id as Session['id'], ...act });
  if (!proved.ok) return proved;
  const terms = await termsOf(database, owner.region);
  const kept = await database.transaction(async (tx): Promise<Result<undefined, Refusal>> => {
    const now = clock();
    const isKept = await store.insertClosing(tx, {
      ...{ ...owner, id: id as Session['id'], state: 'cooling', reason: null },
      ...{ asked_at: now, due_at: after(now, duration(terms.cooling_ms, 'ms')), ended_at: null, forget_at: null },
    });
    if (!isKept) return refuse({ code: 'closing.cooling' });
    await parts.identity.note(tx, owner, { code: 'closing-asked', at: now });
    await write(tx, owner, 'closing-asked', now, { closing: id });
    return ok(undefined);
  });
  if (!kept.ok) return kept;
  // Whoever asked may not be the owner, who then has these days to hear of it.
  await parts.identity.tell(owner, 'closing-asked');
  return ok(await viewOf(parts, owner));
}

async function viewOf(parts: AccountParts, owner: store.Owner): Promise<ClosingView> {
  const { database } = parts;
  const { cooling_ms, keep_ms } = await termsOf(database, owner.region);
  const row = await store.lastClosing(database, owner);
  return {
    state: row?.state ?? 'open',
    ...(row ? { id: row.id, dueAt: row.due_at } : {}),
    ...(row?.reason == null ? {} : { reason: row.reason }),
    blockers: await blockers(parts, database, owner, await parts.unfinished(owner)),
    coolingMs: cooling_ms,
    keepMs: keep_ms,
  };
}

async function termsOf(tx: Sql, region: string): Promise<store.TermsRow> {
  const terms = await store.readTerms(tx, region);
  assert(terms !== undefined, `no terms of leaving in ${region}`);
  return terms;
}

/** Which account's balance stands in the way as what. */
const OF_KIND = {
  available: 'money',
  hold: 'offline',
  arriving: 'arriving',
  frozen: 'held',
  receivable: 'owed',
} as const;

async function blockers(parts: AccountParts, tx: Sql, owner: store.Owner, underWay: number): Promise<BlockerView[]> {
  const accounts = await parts.ledger.walletAccounts(owner.region, owner.wallet, tx);
  const sum = (kind: keyof typeof OF_KIND) =>
    accounts.filter((one) => one.kind === kind).reduce((all, { balance }) => all + balance, 0);
  const found = blockersOf({
    underWay,
    available: sum('available'),
    hold: sum('hold'),
    arriving: sum('arriving'),
    frozen: sum('frozen'),
    owed: sum('receivable'),
    isFrozen: await parts.identity.isFrozen(tx, owner.wallet),
  });
  return found.flatMap((blocker): BlockerView[] => {
    const sums = accounts.filter(({ kind, balance }) => balance !== 0 && isOf(kind, blocker));
    if (sums.length === 0) return [{ blocker }];
    const currencies = [...new Set(sums.map(({ currency }) => currency))];
    return currencies.map((currency) => ({
      blocker,
      currency,
      amount: sums.filter((one) => one.currency === currency).reduce((all, { balance }) => all + balance, 0),
    }));
  });
}

function isOf(kind: string, blocker: Blocker): boolean {
  return Object.entries(OF_KIND).some(([one, name]) => one === kind && name === blocker);
}

/** The cooling-off is over: closed when nothing has come in the way since, taken back by the house otherwise. */
async function close(parts: AccountParts, row: store.ClosingRow): Promise<void> {
  const owner = { region: row.region, wallet: row.wallet };
  const underWay = await parts.unfinished(owner);
  const done = await parts.database.transaction(async (tx) => {
    const at = parts.clock();
    const [blocked] = await blockers(parts, tx, owner, underWay);
    if (blocked) {
      const reason = blocked.blocker;
      if (!(await store.endClosing(tx, row, { state: 'cancelled', reason, at, forgetAt: null }))) return undefined;
      await parts.identity.note(tx, owner, { code: 'closing-cancelled', at, about: { reason } });
      await write(tx, owner, 'closing-cancelled', at, { closing: row.id });
      return 'closing-stopped';
    }
    const { keep_ms } = await termsOf(tx, row.region);
    const forgetAt = after(at, duration(keep_ms, 'ms'));
    if (!(await store.endClosing(tx, row, { state: 'done', reason: null, at, forgetAt }))) return undefined;
    await parts.identity.closeWallet(tx, owner, at);
    for (const holding of HOLDINGS) if (holding.keep === 'closure') await takeOut(tx, holding, owner, at);
    await write(tx, owner, 'wallet-closed', at, { closing: row.id });
    return 'wallet-closed';
  });
  // Of a wallet that is closed the phone alone is still known; the mail address went with it.
  if (done) await parts.identity.tell(owner, done);
}

/** The law's time is over: nothing of who the person was stays; the books keep figures under a number that names nobody. */
async function forget(parts: AccountParts, row: store.ClosingRow): Promise<void> {
  const owner = { region: row.region, wallet: row.wallet };
  await parts.database.transaction(async (tx) => {
    const at = parts.clock();
    for (const holding of HOLDINGS) {
      if (holding.keep === 'person' && holding.table !== 'identity_wallet') await takeOut(tx, holding, owner, at);
    }
    await parts.identity.forgetWallet(tx, owner);
    await store.noteForgotten(tx, row);
    await write(tx, owner, 'person-forgotten', at, { closing: row.id });
  });
}

async function takeOut(tx: Sql, holding: Holding, owner: store.Owner, at: Instant): Promise<void> {
  const rows = await store.forgetHeld(tx, holding, owner);
  const digest = createHash('sha256').update(rows.join('\n')).digest();
  await store.keepForgotten(tx, owner, { holding: holding.table, rows: rows.length, digest, at });
}

async function write(
  tx: Sql,
  { region, wallet }: store.Owner,
  act: 'closing-asked' | 'closing-cancelled' | 'wallet-closed' | 'person-forgotten',
  at: Instant,
  about: Readonly<Record<string, string>>,
): Promise<void> {
  await writeDown(tx, [{ region, at, act, who: `wallet ${wallet}`, about }]);
}
