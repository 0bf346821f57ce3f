/** Signing in and stepping up: one assertion, all its checks, and what its counter says about copies of the key. */
import { beginCeremony, takeCeremony } from '#server/identity/ceremony.ts';
import { noteEvent } from '#server/identity/event.ts';
import { type IdentityParts, no, type Visitor } from '#server/identity/parts.ts';
import { type Asserted, assertionOptions, verifyAssertion } from '#server/identity/passkey.ts';
import type { FoundSession, Session, Sessions } from '#server/identity/session.ts';
import * as store from '#server/identity/store.ts';
import { mayAct } from '#server/identity/throttle.ts';
import type { AssertionAnswer } from '#shared/api/identity.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, sameBytes } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';

/** Signing in without a name, and stepping up inside a session. */
export interface SignIns {
  readonly options: (visitor: Visitor) => Promise<Result<object, Refusal>>;
  readonly signIn: (answer: AssertionAnswer, visitor: Visitor) => Promise<Result<FoundSession, Refusal>>;
  readonly stepUpOptions: (session: Session, visitor: Visitor) => Promise<Result<object, Refusal>>;
  readonly stepUp: (
    session: Session,
    token: string,
    answer: AssertionAnswer,
    visitor: Visitor,
  ) => Promise<Result<FoundSession, Refusal>>;
}

/** Opens signing in over the database of `parts`. */
export function openSignIns(parts: IdentityParts, sessions: Sessions): SignIns {
  return {
    options: async (visitor) => {
      const challenge = await beginCeremony(parts, 'sign-in', null, visitor);
      return challenge.ok ? ok(await assertionOptions(parts, challenge.value)) : challenge;
    },
    signIn: (answer, visitor) => signIn(parts, sessions, answer, visitor),
    stepUpOptions: async (session, visitor) => {
      const challenge = await beginCeremony(parts, 'step-up', session.id, visitor);
      if (!challenge.ok) return challenge;
      const held = await store.livePasskeys(parts.database, session.region, session.wallet);
      return ok(await assertionOptions(parts, challenge.value, held));
    },
    stepUp: (session, token, answer, visitor) => stepUp(parts, sessions, session, token, answer, visitor),
  };
}

async function signIn(
  parts: IdentityParts,
  sessions: Sessions,
  answer: AssertionAnswer,
  visitor: Visitor,
): Promise<Result<FoundSession, Refusal>> {
  const challenge = await takeCeremony(parts, 'sign-in', null, answer.response.clientDataJSON, visitor);
  if (!challenge.ok) return challenge;
  const found = await accountOf(parts, answer);
  if (!found.ok) return found;
  const { passkey, wallet } = found.value;
  const may = await mayAct(parts, 'account', wallet.id, parts.limits.ceremoniesPerMinute);
  if (!may.ok) return may;
  const account = { userHandle: wallet.user_handle, mustName: true };
  const asserted = await verifyAssertion(parts, answer, challenge.value, passkey, account);
  if (!asserted.ok) return asserted;
  return await accept(parts, passkey, asserted.value, async (tx) => {
    const { region, wallet: owner, name } = passkey;
    await noteEvent(tx, { region, wallet: owner }, { code: 'signed-in', at: parts.clock(), device: name });
    return ok(await sessions.begin(tx, { region, wallet: owner, passkey: passkey.id }));
  });
}

/** The passkey and account an answer names by its credential id; the user handle decides when two regions know the id. */
async function accountOf(
  parts: IdentityParts,
  answer: AssertionAnswer,
): Promise<Result<{ passkey: store.PasskeyRow; wallet: store.WalletRow }, Refusal>> {
  const id = fromBase64url(answer.id);
  const handle = fromBase64url(answer.response.userHandle ?? '');
  const rows = id ? await store.passkeysById(parts.database, id) : [];
  const live = rows.filter((row) => row.revoked_at === null);
  if (live.length === 0) {
    const [ended] = rows;
    const wallet = ended && (await store.readWallet(parts.database, ended.wallet));
    return no(wallet?.closed_at == null ? 'passkey.unknown' : 'account.closed');
  }
  for (const passkey of live) {
    const wallet = await store.readWallet(parts.database, passkey.wallet);
    assert(wallet !== undefined, 'a passkey belongs to a wallet');
    if (handle && sameBytes(handle, wallet.user_handle)) return ok({ passkey, wallet });
  }
  return no('passkey.refused');
}

async function stepUp(
  parts: IdentityParts,
  sessions: Sessions,
  session: Session,
  token: string,
  answer: AssertionAnswer,
  visitor: Visitor,
): Promise<Result<FoundSession, Refusal>> {
  const challenge = await takeCeremony(parts, 'step-up', session.id, answer.response.clientDataJSON, visitor);
  if (!challenge.ok) return challenge;
  const may = await mayAct(parts, 'account', session.wallet, parts.limits.ceremoniesPerMinute);
  if (!may.ok) return may;
  const id = fromBase64url(answer.id) ?? new Uint8Array();
  const held = await store.livePasskeys(parts.database, session.region, session.wallet);
  const passkey = held.find((row) => sameBytes(row.id, id));
  const wallet = await store.readWallet(parts.database, session.wallet);
  assert(wallet !== undefined, 'a session belongs to a wallet');
  if (!passkey) return no('passkey.refused');
  const account = { userHandle: wallet.user_handle, mustName: false };
  const asserted = await verifyAssertion(parts, answer, challenge.value, passkey, account);
  if (!asserted.ok) return asserted;
  return await accept(parts, passkey, asserted.value, async (tx) => {
    const fresh = !asserted.value.counterFell;
    const renewed = await sessions.stepUp(tx, session, token, { passkey: passkey.id, fresh });
    return renewed ? ok(renewed) : no('session.none');
  });
}

/**
 * What a fallen counter means (WebAuthn L3 section 6.1.1): for a key that cannot leave its authenticator a copy, so no;
 * for a synced one perhaps only a provider that counts badly, so yes, but noted, and it does not count as a fresh touch.
 */
async function accept(
  parts: IdentityParts,
  passkey: store.PasskeyRow,
  asserted: Asserted,
  then: (tx: store.Tx) => Promise<Result<FoundSession, Refusal>>,
): Promise<Result<FoundSession, Refusal>> {
  const now = parts.clock();
  const { region, wallet } = passkey;
  const risk = { region, id: newId(now), wallet, kind: 'passkey-counter', at: now };
  if (asserted.counterFell && !passkey.backup_eligible) {
    await store.noteRisk(parts.database, risk);
    return no('passkey.refused');
  }
  return await parts.database.transaction(async (tx) => {
    // Two assertions at once with one counter: the second sees the first one's counter here.
    if (!(await store.usePasskey(tx, passkey, { ...asserted, at: now }))) return no('passkey.refused');
    if (asserted.counterFell) await store.noteRisk(tx, risk);
    return await then(tx);
  });
}
