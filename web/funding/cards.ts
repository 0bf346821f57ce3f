/**
 * The person's bank cards as the phone sees them: what the server last told, and a card on its way to being bound.
 * Invariant: no card number is typed here; the phone knows a bank and four digits.
 */
import type { Card, CardList } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { newId } from '#shared/base/id.ts';
import type { Result } from '#shared/base/result.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';
import { askOrKept } from '#web/sync/kept.ts';
import type { TopUpRow } from '#web/vault/rows.ts';
import { dropSetting, keepSetting, readSetting } from '#web/vault/settings.ts';

/** What is said of a card. */
export interface CardMark {
  readonly id: string;
  readonly bank: string;
  readonly last4: string;
}

/** The cards as the server says now, else as it last said; that it had none says nothing of today, so none are known then. */
export async function readCards(
  needs: Pick<IdentityNeeds, 'ask' | 'vault'>,
): Promise<{ cards: readonly Card[] | undefined; fresh: boolean; refusal?: Refusal }> {
  const { value, ...how } = await askOrKept(needs, '/cards', 'cards', ({ cards }: CardList) => cards);
  return { cards: how.fresh || value?.length ? value : undefined, ...how };
}

/**
 * Begins to bind a card, by a touch of the passkey, and answers where the person goes on. A binding whose answer was
 * lost, or whose page was left, is taken up again; one that is over makes room for another.
 */
export async function bindCard(needs: IdentityNeeds): Promise<Result<Card, Refusal>> {
  const begun = await readSetting(needs.vault, 'cardBinding');
  const id = begun ?? newId(needs.clock());
  if (!begun) await keepSetting(needs.vault, 'cardBinding', id);
  const answer = await withPasskey(needs, () => needs.ask<Card>({ method: 'POST', path: '/cards', body: { id } }));
  if (!answer.ok) {
    if (answer.error.code === 'funding.id-reused') await dropSetting(needs.vault, 'cardBinding');
    return answer;
  }
  await endBinding(needs, answer.value);
  return begun && answer.value.state !== 'binding' ? bindCard(needs) : answer;
}

/** How card `id` stands; once it is decided the phone keeps no binding any more. */
export async function lookAtCard(needs: IdentityNeeds, id: string): Promise<Result<Card, Refusal>> {
  const answer = await needs.ask<Card>({ method: 'GET', path: `/cards/${encodeURIComponent(id)}` });
  if (answer.ok) await endBinding(needs, answer.value);
  return answer;
}

/** Makes a card the default one. */
export function setDefaultCard(needs: IdentityNeeds, id: string): Promise<Result<Card, Refusal>> {
  return needs.ask<Card>({ method: 'PUT', path: `/cards/${id}/default` });
}

/** Unbinds a card, or gives up one that is being bound, by a touch of the passkey; twice is once. */
export async function unbindCard(needs: IdentityNeeds, id: string): Promise<Result<Card, Refusal>> {
  const answer = await withPasskey(needs, () => needs.ask<Card>({ method: 'DELETE', path: `/cards/${id}` }));
  if (answer.ok) await endBinding(needs, answer.value);
  return answer;
}

/** Where the person goes on at the bank; only an address of the web is followed. */
export function bindingPage({ state, page }: Pick<Card, 'state' | 'page'>): string | undefined {
  return state === 'binding' && page !== undefined && /^https?:\/\//.test(page) ? page : undefined;
}

/** What is said of a card that is bound. */
export function markOf({ id, bank, last4 }: Card): CardMark {
  return { id, bank: bank ?? '', last4: last4 ?? '' };
}

/** The card an act of money is about, if it is about one. */
export function cardOf({ detail }: Pick<TopUpRow, 'detail'>): CardMark | undefined {
  const card: unknown = detail?.card;
  return isMark(card) ? card : undefined;
}

function isMark(card: unknown): card is CardMark {
  if (typeof card !== 'object' || card === null) return false;
  const { id, bank, last4 } = card as Partial<Record<keyof CardMark, unknown>>;
  return [id, bank, last4].every((part) => typeof part === 'string');
}

async function endBinding({ vault }: IdentityNeeds, { id, state }: Card): Promise<void> {
  if (state !== 'binding' && (await readSetting(vault, 'cardBinding')) === id) await dropSetting(vault, 'cardBinding');
}
