/**
 * Asking for money and sharing a bill. Being asked obliges to nothing; paying is a payment like any other, whose note
 * has the id of the request.
 * Invariant: a request is paid exactly when a payment that names it has settled, whatever was said of it before.
 */
import type { Sql } from '#server/platform/database.ts';
import { Undone, unlessUndone } from '#server/platform/undone.ts';
import { addressOf } from '#server/transfer/find.ts';
import { notesOf } from '#server/transfer/note.ts';
import { type Owner, type TransferParts, windowOf } from '#server/transfer/parts.ts';
import * as store from '#server/transfer/store.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Ask, AskRequest, Split, SplitRequest } from '#shared/api/transfer.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { duration, type Instant, instant } from '#shared/base/time.ts';
import { type Currency, isCurrency } from '#shared/money/currency.ts';
import { leftOf } from '#shared/money/share.ts';
import { isFit } from '#shared/protocol/schema.ts';
import { nameShown, nameVeiled } from '#shared/rules/name.ts';

/** Requests in one answer, and those looked at in one round of work. */
const LIST_MOST = 200;
const ROUND_MOST = 200;

/** How long a payment may name a request and not come in before the request counts as open again. */
const ON_ITS_WAY = duration(10, 'min');

/** Asks one person. Refusals: `transfer.nobody`, `transfer.self`, `ask.expiry`, `ask.too-many`, `ask.id-reused`. */
export async function askFor(parts: TransferParts, owner: Owner, request: AskRequest): Promise<Result<Ask, Refusal>> {
  const { id, payee, amount, ...rest } = request;
  const kept = await keep(parts, owner, { ...rest, shares: [{ id, payee, amount }] }, undefined);
  if (!kept.ok) return kept;
  const [row] = kept.value;
  const [ask] = row === undefined ? [] : await viewAsks(parts, owner, [row]);
  return ask === undefined ? refuse({ code: 'request.not-found' }) : ok(ask);
}

/** Shares a bill. Refusals: `split.sum` besides those of {@link askFor}. */
export async function splitBill(
  parts: TransferParts,
  owner: Owner,
  request: SplitRequest,
): Promise<Result<Split, Refusal>> {
  const { id, total, own, currency, memo } = request;
  const whose = readId(id);
  if (whose === undefined || !isCurrency(currency)) return refuse({ code: 'request.malformed' });
  const left = leftOf(total, [own, ...request.shares.map((share) => share.amount)]);
  if (left !== 0) return refuse({ code: 'split.sum', detail: { left: Math.abs(left), currency } });
  const split: store.SplitRow = {
    ...{ region: owner.region, id: whose, asker: owner.wallet, total, own, currency },
    ...{ memo: memo ?? null, madeAt: parts.clock() },
  };
  const kept = await keep(parts, owner, request, split);
  return kept.ok ? ok(viewSplit((await store.readSplit(parts.database, whose)) ?? split)) : kept;
}

type Wanted = Pick<SplitRequest, 'currency' | 'memo' | 'expiresAt' | 'shares'>;

/** Keeps all of it or nothing; what is kept already under these ids is the same act. */
async function keep(
  parts: TransferParts,
  owner: Owner,
  wanted: Wanted,
  split: store.SplitRow | undefined,
): Promise<Result<store.AskRow[], Refusal>> {
  const rows = await rowsOf(parts, owner, wanted, split);
  if (!rows.ok) return rows;
  return unlessUndone(async () =>
    ok(
      await parts.database.transaction(async (tx) => {
        if (split && !(await store.insertSplit(tx, split))) await assertSame(tx, split);
        const kept: store.AskRow[] = [];
        for (const row of rows.value) {
          // Looked for in every region first: a note names a request by its id alone.
          const before = await store.readAsk(tx, row.id);
          const isNew = before === undefined && (await store.insertAsk(tx, row));
          const held = isNew ? row : (before ?? (await store.readAsk(tx, row.id)));
          if (held === undefined || !isSame(held, row)) throw new Undone({ code: 'ask.id-reused' });
          if (isNew) await countAsk(parts, tx, owner);
          kept.push(held);
        }
        return kept;
      }),
    ),
  );
}

async function rowsOf(
  parts: TransferParts,
  owner: Owner,
  { currency, memo, expiresAt, shares }: Wanted,
  split: store.SplitRow | undefined,
): Promise<Result<store.AskRow[], Refusal>> {
  const now = parts.clock();
  const region = await parts.regions.find(owner.region);
  if (!isCurrency(currency) || currency !== region?.currency) return refuse({ code: 'request.malformed' });
  if (memo !== undefined && !isFit(memo)) return refuse({ code: 'invoice.memo' });
  const until = instant(expiresAt);
  const known = await parts.allowances.payees(
    parts.database,
    shares.flatMap(({ payee }) => readId(payee) ?? []),
  );
  const rows: store.AskRow[] = [];
  for (const share of shares) {
    const id = readId(share.id);
    const asked = known.get(share.payee as Id);
    if (id === undefined || asked === undefined) return refuse({ code: 'transfer.nobody' });
    if (asked.wallet === owner.wallet) return refuse({ code: 'transfer.self' });
    rows.push({
      ...{ region: owner.region, id, asker: owner.wallet, asked: asked.wallet, askedRegion: asked.region },
      ...{ amount: share.amount, currency, memo: memo ?? null, split: split?.id ?? null, state: 'open' },
      ...{ reason: null, payment: null, madeAt: now, expiresAt: until, changedAt: now, remindedAt: null },
    });
  }
  // What was kept before is answered even when its time is over.
  const [first] = rows;
  const isKept = first !== undefined && (await store.readAsk(parts.database, first.id)) !== undefined;
  const isFitting = until > now && until <= now + parts.terms(owner.region).askMost;
  return isKept || isFitting ? ok(rows) : refuse({ code: 'ask.expiry' });
}

async function countAsk(parts: TransferParts, tx: Sql, owner: Owner): Promise<void> {
  const windowAt = windowOf(parts.clock(), 1);
  const most = parts.terms(owner.region).asksDay;
  const may = await store.count(tx, { ...owner, act: 'ask', windowAt, times: 1, most });
  if (!may) throw new Undone({ code: 'ask.too-many', detail: { most } });
}

async function assertSame(tx: Sql, split: store.SplitRow): Promise<void> {
  const held = await store.readSplit(tx, split.id);
  if (held?.asker !== split.asker || held.total !== split.total || held.own !== split.own) {
    throw new Undone({ code: 'ask.id-reused' });
  }
}

function isSame(held: store.AskRow, row: store.AskRow): boolean {
  return held.asker === row.asker && held.asked === row.asked && held.amount === row.amount && held.split === row.split;
}

/** Says no. Refusals: `request.not-found`, `ask.closed`. */
export function decline(
  parts: TransferParts,
  owner: Owner,
  id: Id,
  reason: string | undefined,
): Promise<Result<Ask, Refusal>> {
  if (reason !== undefined && !isFit(reason)) return Promise.resolve(refuse({ code: 'invoice.memo' }));
  return change(parts, owner, id, (row) => {
    if (row.asked !== owner.wallet) return { code: 'request.not-found' };
    return row.state === 'declined' ? row : { ...row, state: 'declined', reason: reason ?? null };
  });
}

/** Takes a request back. Refusals: `request.not-found`, `ask.closed`. */
export function cancel(parts: TransferParts, owner: Owner, id: Id): Promise<Result<Ask, Refusal>> {
  return change(parts, owner, id, (row) => {
    if (row.asker !== owner.wallet) return { code: 'request.not-found' };
    return row.state === 'cancelled' ? row : { ...row, state: 'cancelled' };
  });
}

/** Reminds who is asked. Refusals: `request.not-found`, `ask.closed`, `ask.remind-wait`. */
export function remind(parts: TransferParts, owner: Owner, id: Id): Promise<Result<Ask, Refusal>> {
  const now = parts.clock();
  const pause = parts.terms(owner.region).remindPause;
  return change(parts, owner, id, (row) => {
    if (row.asker !== owner.wallet) return { code: 'request.not-found' };
    if ((row.remindedAt ?? row.madeAt) + pause > now) {
      return { code: 'ask.remind-wait', detail: { hours: Math.ceil(pause / duration(1, 'h')) } };
    }
    return { ...row, remindedAt: now };
  });
}

async function change(
  parts: TransferParts,
  owner: Owner,
  id: Id,
  step: (row: store.AskRow) => store.AskRow | Refusal,
): Promise<Result<Ask, Refusal>> {
  const now = parts.clock();
  const changed = await parts.database.transaction(async (tx): Promise<Result<store.AskRow, Refusal>> => {
    const row = await store.lockAsk(tx, id);
    if (row === undefined) return refuse({ code: 'request.not-found' });
    const next = step(row);
    if ('code' in next) return refuse(next);
    if (next === row) return ok(row);
    const isOpen = row.state === 'open' && row.expiresAt > now && !isOnItsWay(row, now);
    if (!isOpen) return refuse({ code: 'ask.closed' });
    const written = { ...next, changedAt: now };
    await store.updateAsk(tx, written);
    return ok(written);
  });
  if (!changed.ok) return changed;
  const [ask] = await viewAsks(parts, owner, [changed.value]);
  return ask === undefined ? refuse({ code: 'request.not-found' }) : ok(ask);
}

function isOnItsWay(row: store.AskRow, now: Instant): boolean {
  return row.payment !== null && row.state !== 'paid' && row.changedAt + ON_ITS_WAY > now;
}

/** Marks what has been paid and ends what nobody paid in time; periodic work. */
export async function settleAsks(parts: TransferParts): Promise<void> {
  const now = parts.clock();
  for (const { region } of parts.regions.list()) {
    for (const row of await store.asksBeingPaid(parts.database, region, ROUND_MOST)) await markPaid(parts, row);
    await store.expireAsks(parts.database, region, now, now - ON_ITS_WAY);
  }
}

async function markPaid(parts: TransferParts, row: store.AskRow): Promise<store.AskRow> {
  const { payment } = row;
  if (payment === null || row.state === 'paid' || !(await isPaid(parts, row, payment))) return row;
  return parts.database.transaction(async (tx) => {
    const locked = (await store.lockAsk(tx, row.id)) ?? row;
    if (locked.state === 'paid') return locked;
    const paid: store.AskRow = { ...locked, state: 'paid', changedAt: parts.clock() };
    await store.updateAsk(tx, paid);
    return paid;
  });
}

async function isPaid(parts: TransferParts, row: store.AskRow, payment: Uint8Array): Promise<boolean> {
  const note = (await notesOf(parts, parts.database, [payment])).get(toBase64url(payment));
  if (note?.id !== row.id || note.payer !== row.asked) return false;
  const view = await parts.payments.view(row.asker, payment, { finality: false });
  if (!view.ok || view.value.role !== 'payee') return false;
  const { state, amount, currency, peer } = view.value;
  const has = state === 'settled' || state === 'arriving';
  return has && amount === row.amount && currency === row.currency && peer.id === row.asked;
}

/** The newest requests of both sides. */
export async function listAsks(parts: TransferParts, owner: Owner): Promise<Ask[]> {
  const rows = await store.asksOf(parts.database, owner.wallet, LIST_MOST);
  const current = await Promise.all(rows.map((row) => markPaid(parts, row)));
  return viewAsks(parts, owner, current);
}

/** The newest shared bills. */
export async function listSplits(parts: TransferParts, owner: Owner): Promise<Split[]> {
  return (await store.splitsOf(parts.database, owner.region, owner.wallet, LIST_MOST)).map(viewSplit);
}

async function viewAsks(parts: TransferParts, owner: Owner, rows: readonly store.AskRow[]): Promise<Ask[]> {
  const now = parts.clock();
  const peers = rows.map((row) => (row.asker === owner.wallet ? row.asked : row.asker));
  const people = await parts.identity.people([...new Set(peers)]);
  const addresses = new Map<Id, string>();
  for (const [at, row] of rows.entries()) {
    const peer = peers[at];
    if (row.asked !== owner.wallet || row.state !== 'open' || peer === undefined || addresses.has(peer)) continue;
    const address = await addressOf(parts, peer);
    if (address.ok) addresses.set(peer, toBase64url(address.value));
  }
  return rows.map((row, at) => {
    const person = people.get(peers[at] as Id);
    const isAsker = row.asker === owner.wallet;
    const certificate = isAsker ? undefined : addresses.get(row.asker);
    const remindable = (row.remindedAt ?? row.madeAt) + parts.terms(row.region).remindPause;
    return {
      id: row.id,
      role: isAsker ? 'payee' : 'payer',
      state: shownState(row, now),
      peer: {
        name: person ? nameShown(nameVeiled(person.name), person.tier, person.phoneMasked) : '',
        region: isAsker ? row.askedRegion : row.region,
      },
      amount: row.amount,
      currency: row.currency satisfies Currency,
      ...(row.memo === null ? {} : { memo: row.memo }),
      ...(row.reason === null ? {} : { reason: row.reason }),
      madeAt: row.madeAt,
      expiresAt: row.expiresAt,
      changedAt: row.changedAt,
      ...(row.remindedAt === null ? {} : { remindedAt: row.remindedAt }),
      ...(isAsker ? { remindableAt: remindable } : {}),
      ...(row.payment === null || row.state !== 'paid' ? {} : { payment: toBase64url(row.payment) }),
      ...(row.split === null || !isAsker ? {} : { split: row.split }),
      ...(certificate === undefined ? {} : { certificate }),
    };
  });
}

function shownState(row: store.AskRow, now: Instant): Ask['state'] {
  if (row.state === 'open' && isOnItsWay(row, now)) return 'paying';
  return row.state === 'open' && row.expiresAt <= now ? 'expired' : row.state;
}

function viewSplit({ id, total, own, currency, memo, madeAt }: store.SplitRow): Split {
  return { id, total, own, currency, ...(memo === null ? {} : { memo }), madeAt };
}
