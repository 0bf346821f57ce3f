/**
 * Requests, shared bills and claims as this phone holds them: read with no network, said by name with one.
 * Invariant: what is asked of others is written down here with its id before it is sent, and goes again until the house
 * has it or has refused it.
 */
import type { Refusal } from '#shared/api/refusal.ts';
import type {
  Ask,
  AskRequest,
  Claim,
  ClaimAnswer,
  ClaimRequest,
  NicknameView,
  Split,
  SplitRequest,
  TransferFeed,
} from '#shared/api/transfer.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import { newId, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Duration, duration } from '#shared/base/time.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';
import { keepSetting, readSetting, type Settings } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What the phone holds: what the house told, and what is still to be sent to it. */
export interface Held {
  readonly feed: Settings['transferFeed'] | undefined;
  readonly drafts: Settings['transferDrafts'];
}

/** What is held now. */
export async function heldTransfers(vault: Vault): Promise<Held> {
  const [feed, drafts] = await Promise.all([readSetting(vault, 'transferFeed'), readSetting(vault, 'transferDrafts')]);
  return { feed, drafts: drafts ?? [] };
}

/** Sends what was written and not sent, then reads everything anew. Refusals: `house.unreachable`, `session.none` and others. */
export async function refreshTransfers(needs: IdentityNeeds): Promise<Result<undefined, Refusal>> {
  for (const draft of (await heldTransfers(needs.vault)).drafts) await sendDraft(needs, draft);
  const told = await needs.ask<TransferFeed>({ method: 'GET', path: '/transfers', signed: true });
  if (!told.ok) return told;
  await keepSetting(needs.vault, 'transferFeed', { ...told.value, at: needs.clock() });
  return ok(undefined);
}

/** One thing to ask for. */
export interface Wish {
  readonly currency: string;
  readonly memo?: string;
  /** How long it may be paid. */
  readonly life: Duration;
}

/** How long a request may be paid unless the person says otherwise. */
export const USUAL_LIFE = duration(7, 'd');

/** Asks one person. The draft stays until the house has answered: no network is no loss. */
export function askFor(
  needs: IdentityNeeds,
  payee: string,
  amount: number,
  { life, currency, memo }: Wish,
): Promise<Result<undefined, Refusal>> {
  const now = needs.clock();
  return begin(needs, {
    ...{ id: newId(now), payee, amount, currency, expiresAt: now + life },
    ...(memo ? { memo } : {}),
  });
}

/** Shares a bill: `shares` names everybody but oneself, whose part is `own`. */
export function shareBill(
  needs: IdentityNeeds,
  shares: readonly { readonly payee: string; readonly amount: number }[],
  own: number,
  { life, currency, memo }: Wish,
): Promise<Result<undefined, Refusal>> {
  const now = needs.clock();
  return begin(needs, {
    ...{ id: newId(now), own, currency, expiresAt: now + life },
    total: shares.reduce((sum, one) => sum + one.amount, own),
    ...(memo ? { memo } : {}),
    shares: shares.map((one) => ({ id: newId(now), ...one })),
  });
}

async function begin(needs: IdentityNeeds, draft: AskRequest | SplitRequest): Promise<Result<undefined, Refusal>> {
  await changeDrafts(needs.vault, (drafts) => [...drafts, draft]);
  const sent = await sendDraft(needs, draft);
  if (sent.ok) await refreshTransfers(needs);
  // Written down here is what was wanted: with a signal it goes by itself.
  return sent.ok || sent.error.code === 'house.unreachable' ? ok(undefined) : sent;
}

async function sendDraft(needs: IdentityNeeds, draft: AskRequest | SplitRequest): Promise<Result<unknown, Refusal>> {
  const path = 'shares' in draft ? '/transfers/splits' : '/transfers/requests';
  const sent = await withPasskey(needs, () => needs.ask<Ask | Split>({ method: 'POST', path, body: draft }));
  const waits =
    !sent.ok && ['house.unreachable', 'house.busy', 'session.none', 'passkey.cancelled'].includes(sent.error.code);
  if (!waits) await changeDrafts(needs.vault, (drafts) => drafts.filter(({ id }) => id !== draft.id));
  return sent;
}

async function changeDrafts(
  vault: Vault,
  change: (drafts: Settings['transferDrafts']) => Settings['transferDrafts'],
): Promise<void> {
  await vault.transaction('rw', vault.settings, async () => {
    await keepSetting(vault, 'transferDrafts', change((await readSetting(vault, 'transferDrafts')) ?? []));
  });
}

/** Says something of a request. Refusals: `house.unreachable`, `ask.closed`, `ask.remind-wait`. */
export function actOnAsk(
  needs: IdentityNeeds,
  id: string,
  act: 'decline' | 'cancel' | 'remind',
): Promise<Result<undefined, Refusal>> {
  const body = act === 'decline' ? { body: {} } : {};
  return say(needs, () => needs.ask<Ask>({ method: 'POST', path: `/transfers/requests/${id}/${act}`, ...body }));
}

/** Claims a payment back; the same `id` is the same claim. */
export function claimBack(needs: IdentityNeeds, request: ClaimRequest): Promise<Result<Claim, Refusal>> {
  return keepingFeed(needs, () => needs.ask<Claim>({ method: 'POST', path: '/transfers/claims', body: request }));
}

/** Answers a claim. */
export function answerClaim(needs: IdentityNeeds, id: string, answer: ClaimAnswer): Promise<Result<Claim, Refusal>> {
  const path = `/transfers/claims/${id}/answer`;
  return keepingFeed(needs, () => needs.ask<Claim>({ method: 'POST', path, body: answer }));
}

/** Takes one's own claim back. */
export function withdrawClaim(needs: IdentityNeeds, id: string): Promise<Result<undefined, Refusal>> {
  return say(needs, () => needs.ask<Claim>({ method: 'POST', path: `/transfers/claims/${id}/withdraw` }));
}

async function say(
  needs: IdentityNeeds,
  act: () => Promise<Result<unknown, Refusal>>,
): Promise<Result<undefined, Refusal>> {
  const said = await keepingFeed(needs, () => withPasskey(needs, act));
  return said.ok ? ok(undefined) : said;
}

async function keepingFeed<Value>(
  needs: IdentityNeeds,
  act: () => Promise<Result<Value, Refusal>>,
): Promise<Result<Value, Refusal>> {
  const done = await act();
  if (done.ok || done.error.code === 'ask.closed' || done.error.code === 'claim.closed') await refreshTransfers(needs);
  return done;
}

/** The certificate money for a request goes to. Refusals: `ask.closed` when it is over, or unknown here. */
export async function addressOfAsk(
  vault: Vault,
  id: string,
): Promise<Result<{ readonly ask: Ask; readonly certificate: Uint8Array }, Refusal>> {
  const { feed } = await heldTransfers(vault);
  const ask = feed?.asks.find((one) => one.id === readId(id));
  const certificate = fromBase64url(ask?.certificate ?? '');
  if (ask?.role !== 'payer' || ask.state !== 'open' || !certificate?.length) return refuse({ code: 'ask.closed' });
  return ok({ ask, certificate });
}

/** One's own nickname. */
export function readNickname(needs: IdentityNeeds): Promise<Result<NicknameView, Refusal>> {
  return withPasskey(needs, () => needs.ask<NicknameView>({ method: 'GET', path: '/transfers/nickname' }));
}

/** Chooses a nickname. Refusals: `transfer.nickname`, `-taken`, `-pause`. */
export function chooseNickname(needs: IdentityNeeds, nickname: string): Promise<Result<NicknameView, Refusal>> {
  const body = { nickname };
  return withPasskey(needs, () => needs.ask<NicknameView>({ method: 'PUT', path: '/transfers/nickname', body }));
}
