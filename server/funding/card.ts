/**
 * Bank cards of people: bound on the bank's own page, known here by a token, six digits and the last four.
 * Invariant: no card number ever comes here; a card that money is on its way to or from cannot be unbound.
 */
import { Check } from 'typebox/value';
import { referenceOf } from '#server/funding/names.ts';
import type { FundingNeeds, Owner } from '#server/funding/needs.ts';
import { exchange } from '#server/funding/provider.ts';
import * as store from '#server/funding/store.ts';
import { type BindingOrder, BindingReport } from '#shared/api/card-network.ts';
import type { Card } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { issuerOf } from '#shared/rules/card-number.ts';

/** Cards bound or being bound that one wallet may have at once. */
export const MOST_CARDS = 10;

/** The cards of people. */
export interface Cards {
  /**
   * Begins to bind a card and answers where the person goes on; the same id is the same card, for ever.
   * Refusals: funding.tier, card.limit, funding.id-reused, house.unreachable.
   */
  bind(owner: Owner, id: string): Promise<Result<Card, Refusal>>;
  /** One card, as the bank says now while it is being bound; another's reads like none: card.not-found. */
  read(owner: Owner, id: Id): Promise<Result<Card, Refusal>>;
  /** What is bound or being bound, the default one first. */
  list(owner: Owner): Promise<Card[]>;
  /** Makes a bound card the default one. */
  setDefault(owner: Owner, id: Id): Promise<Result<Card, Refusal>>;
  /** Forgets the card here and at the bank; twice is once. Refusals: card.not-found, card.in-flight, house.unreachable. */
  unbind(owner: Owner, id: Id): Promise<Result<Card, Refusal>>;
}

/** Opens the cards. */
export function openCards(needs: FundingNeeds): Cards {
  const { database } = needs;
  const own = async (owner: Owner, id: Id): Promise<store.CardRow | undefined> => {
    const row = await store.readCard(database, owner.region, id);
    return row?.wallet === owner.wallet ? row : undefined;
  };
  return {
    bind: async (owner, text) => {
      const id = readId(text);
      if (!id) return refuse({ code: 'request.malformed' });
      const kept = await keepBinding(needs, owner, id);
      if (!kept.ok || kept.value.state !== 'binding') return kept.ok ? ok(shown(kept.value)) : kept;
      const back = `${needs.cardsUrl}/${id}`;
      const order: BindingOrder = { id: kept.value.reference, holder: owner.name, back };
      const told = reportIn(await exchange(needs.bank, 'POST', '/card/bindings', order), kept.value);
      return told ? ok(shown(await takeReport(needs, kept.value, told))) : refuse({ code: 'house.unreachable' });
    },
    read: async (owner, id) => {
      const row = await own(owner, id);
      return row ? ok(shown(await refreshed(needs, row))) : refuse({ code: 'card.not-found' });
    },
    list: async (owner) => {
      const rows = await store.readCards(database, owner.region, owner.wallet);
      if (!rows.some(({ state }) => state === 'binding')) return rows.map(shown);
      await Promise.all(rows.map((row) => refreshed(needs, row)));
      return (await store.readCards(database, owner.region, owner.wallet)).map(shown);
    },
    setDefault: (owner, id) =>
      database.transaction(async (tx) => {
        const cards = await store.readCards(tx, owner.region, owner.wallet, true);
        const row = cards.find((one) => one.id === id && one.state === 'bound');
        if (!row) return refuse({ code: 'card.not-found' });
        await store.clearDefault(tx, owner.region, owner.wallet);
        await store.updateCard(tx, { ...row, isDefault: true });
        return ok(shown({ ...row, isDefault: true }));
      }),
    unbind: async (owner, id) => {
      const row = await own(owner, id);
      if (!row) return refuse({ code: 'card.not-found' });
      if (row.state === 'unbound' || row.state === 'refused') return ok(shown(row));
      return forget(needs, row);
    },
  };
}

async function keepBinding(needs: FundingNeeds, owner: Owner, id: Id): Promise<Result<store.CardRow, Refusal>> {
  const { region, wallet } = owner;
  const now = needs.clock();
  const mine = (row: store.CardRow | undefined): Result<store.CardRow, Refusal> =>
    row?.wallet === wallet ? ok(row) : refuse({ code: 'funding.id-reused' });
  return needs.database.transaction(async (tx) => {
    const before = await store.readCard(tx, region, id);
    if (before) return mine(before);
    // Who may neither pay in by card nor be paid out to one has no use for it: the region's terms say who may.
    const terms = await store.readTerms(tx, region, owner.tier);
    const useful = terms.some(({ channel }) => channel === 'credit-card' || channel === 'payout');
    if (!useful) return refuse({ code: 'funding.tier' });
    const cards = await store.readCards(tx, region, wallet, true);
    if (cards.length >= MOST_CARDS) return refuse({ code: 'card.limit', detail: { most: MOST_CARDS } });
    const row: store.CardRow = {
      ...{ region, id, wallet, reference: referenceOf(owner, id), state: 'binding', isDefault: false },
      ...{ page: null, token: null, bin: null, bank: null, kind: null, last4: null, reason: null },
      ...{ startedAt: now, changedAt: now },
    };
    return (await store.insertCard(tx, row)) ? ok(row) : mine(await store.readCard(tx, region, id));
  });
}

/** The card as the bank says now; as it is kept while the bank says nothing. */
async function refreshed(needs: FundingNeeds, row: store.CardRow): Promise<store.CardRow> {
  if (row.state !== 'binding') return row;
  const told = reportIn(await exchange(needs.bank, 'GET', `/card/bindings/${row.reference}`), row);
  return told ? takeReport(needs, row, told) : row;
}

function reportIn(
  answer: { status: number; body: unknown } | undefined,
  row: store.CardRow,
): BindingReport | undefined {
  if (answer?.status !== 200 || !Check(BindingReport, answer.body)) return undefined;
  return answer.body.id === row.reference ? answer.body : undefined;
}

function takeReport(needs: FundingNeeds, { region, id }: store.CardRow, told: BindingReport): Promise<store.CardRow> {
  return needs.database.transaction(async (tx) => {
    const row = await store.readCard(tx, region, id, true);
    if (row?.state !== 'binding') return row ?? Promise.reject(new Error(`no card ${id}`));
    const next = cardAfter(needs, row, told, await store.readCards(tx, region, row.wallet, true));
    await store.updateCard(tx, next);
    return next;
  });
}

function cardAfter(
  needs: FundingNeeds,
  row: store.CardRow,
  told: BindingReport,
  others: readonly store.CardRow[],
): store.CardRow {
  const changedAt = needs.clock();
  if (told.state === 'open') {
    // People are sent to the bank's own pages only, whatever address it names.
    const own = told.page !== undefined && URL.parse(told.page)?.origin === new URL(needs.bank.url).origin;
    return { ...row, page: own ? (told.page ?? null) : row.page };
  }
  const refused = (reason: string): store.CardRow => ({ ...row, state: 'refused', reason, page: null, changedAt });
  if (told.state === 'refused') return refused(told.reason ?? 'refused');
  const issuer = told.bin === undefined ? undefined : issuerOf(told.bin);
  if (!issuer || !told.token || !told.last4) return refused('unknown-bank');
  const bound = others.filter(({ state }) => state === 'bound');
  if (bound.some(({ token }) => token === told.token)) return refused('taken');
  const { bin, bank, kind } = issuer;
  const { token, last4 } = told;
  return {
    ...row,
    state: 'bound',
    page: null,
    token,
    bin,
    bank,
    kind,
    last4,
    isDefault: bound.length === 0,
    changedAt,
  };
}

/** The bank forgets first: a token it still knew while we do not could never be taken back. */
async function forget(needs: FundingNeeds, { region, id, reference }: store.CardRow): Promise<Result<Card, Refusal>> {
  if (await store.isCardBusy(needs.database, region, id)) return refuse({ code: 'card.in-flight' });
  const answer = await exchange(needs.bank, 'DELETE', `/card/bindings/${reference}`);
  if (answer?.status !== 200 && answer?.status !== 404) return refuse({ code: 'house.unreachable' });
  return needs.database.transaction(async (tx) => {
    const row = await store.readCard(tx, region, id, true);
    if (row?.state !== 'bound' && row?.state !== 'binding')
      return row ? ok(shown(row)) : refuse({ code: 'card.not-found' });
    const changedAt = needs.clock();
    const gone: store.CardRow = { ...row, state: 'unbound', page: null, token: null, isDefault: false, changedAt };
    await store.updateCard(tx, gone);
    const [heir] = (await store.readCards(tx, region, row.wallet, true)).filter(({ state }) => state === 'bound');
    if (row.isDefault && heir) await store.updateCard(tx, { ...heir, isDefault: true });
    return ok(shown(gone));
  });
}

function shown(row: store.CardRow): Card {
  const { id, state, bank, kind, last4, isDefault, page, reason, startedAt } = row;
  return {
    ...{ id, state, isDefault, startedAt },
    ...(bank === null ? {} : { bank }),
    ...(kind === null ? {} : { kind }),
    ...(last4 === null ? {} : { last4 }),
    ...(page === null ? {} : { page }),
    ...(reason === null ? {} : { reason }),
  };
}
