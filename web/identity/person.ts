/** Opening a wallet and coming back to it: every step kept before it is sent, so that each can be taken up again. */
import type { PasskeyList, SessionView, SignupView } from '#shared/api/identity.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { newId, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Clock } from '#shared/base/time.ts';
import { forgetOthers } from '#web/identity/opening.ts';
import { forgetPasskey, makePasskey, type Touched, usePasskey } from '#web/identity/passkey.ts';
import { type Ask, ask } from '#web/sync/client.ts';
import { deviceClock } from '#web/sync/clock.ts';
import { createDeviceKey } from '#web/vault/device-key.ts';
import { isLockKnown, openLock } from '#web/vault/lock.ts';
import { dropSetting, keepSetting, readSetting } from '#web/vault/settings.ts';
import { type Vault, vault } from '#web/vault/vault.ts';

/** What a person's coming and going needs of this phone. */
export interface IdentityNeeds {
  readonly vault: Vault;
  readonly ask: Ask;
  readonly clock: Clock;
}

/** The app's own. */
export const HERE: IdentityNeeds = { vault, ask, clock: deviceClock };

/** What a person fills in. */
export interface SignupDraft {
  readonly region: string;
  readonly name: string;
  readonly phone: string;
}

/** Begins a signup, or goes on with the one of the same content; the draft is kept first. */
export async function beginSignup(
  needs: IdentityNeeds,
  draft: SignupDraft,
  language: 'zh' | 'en',
): Promise<Result<SignupView, Refusal>> {
  const kept = await readSetting(needs.vault, 'signup');
  const isSame = kept && kept.region === draft.region && kept.name === draft.name && kept.phone === draft.phone;
  const signup = isSame ? kept : { id: newId(needs.clock()), ...draft };
  await keepSetting(needs.vault, 'signup', signup);
  const answer = await needs.ask<SignupView>({ method: 'POST', path: '/signups', body: { ...signup, language } });
  if (!answer.ok && ['signup.unknown', 'signup.id-reused'].includes(answer.error.code)) {
    await dropSetting(needs.vault, 'signup');
    // Begun too long ago or elsewhere: the same words under a new id are a new signup.
    if (isSame) return await beginSignup(needs, draft, language);
  }
  return answer;
}

/** The draft of a signup that was begun on this phone and not finished. */
export async function unfinishedSignup(needs: IdentityNeeds): Promise<SignupDraft | undefined> {
  return await readSetting(needs.vault, 'signup');
}

/** Asks for another text. */
export async function sendCodeAgain(needs: IdentityNeeds, id: string): Promise<Result<SignupView, Refusal>> {
  return await needs.ask<SignupView>({ method: 'POST', path: `/signups/${id}/text` });
}

/** Shows the code of the text to the house. */
export async function proveCode(needs: IdentityNeeds, id: string, code: string): Promise<Result<SignupView, Refusal>> {
  return await needs.ask<SignupView>({ method: 'POST', path: `/signups/${id}/code`, body: { code } });
}

/** Makes the first passkey, and by it the wallet. When the last answer was lost, signs in with the passkey it made. */
export async function finishSignup(
  needs: IdentityNeeds,
  id: string,
  phoneName: string,
): Promise<Result<SessionView, Refusal>> {
  const asked = await needs.ask<{ options: object }>({ method: 'POST', path: `/signups/${id}/passkey-options` });
  if (!asked.ok) return asked.error.code === 'signup.done' ? await signIn(needs) : asked;
  const made = await makePasskey(asked.value.options);
  if (!made.ok) return made;
  const body = { name: phoneName, answer: made.value.answer };
  const path = `/signups/${id}/passkey`;
  const send = () => needs.ask<SessionView>({ method: 'POST', path, body });
  let session = await send();
  // A lost answer: the same once more tells whether the first one arrived.
  if (!session.ok && session.error.code === 'house.unreachable') session = await send();
  if (!session.ok && session.error.code === 'signup.done') return await signIn(needs);
  if (session.ok) await keepTouched(needs, made.value);
  return session;
}

/** Signs in by passkey; `autofill` waits quietly behind a field until the person picks one. */
export async function signIn(needs: IdentityNeeds, { autofill = false } = {}): Promise<Result<SessionView, Refusal>> {
  const asked = await needs.ask<{ options: object }>({ method: 'POST', path: '/sign-in/options' });
  if (!asked.ok) return asked;
  const used = await usePasskey(asked.value.options, { autofill });
  if (!used.ok) return used;
  const session = await needs.ask<SessionView>({
    method: 'POST',
    path: '/sign-in',
    body: { answer: used.value.answer },
  });
  if (!session.ok && session.error.code === 'passkey.unknown') await forgetPasskey(asked.value.options, used.value.id);
  if (session.ok) await keepTouched(needs, used.value);
  return session;
}

/** Signs in as the owner of this phone's wallet; somebody else's passkey must not move their money from here. */
export async function signInAsOwner(needs: IdentityNeeds): Promise<Result<undefined, Refusal>> {
  const session = await signIn(needs);
  if (!session.ok) return session;
  const owner = await readSetting(needs.vault, 'wallet');
  if (!owner || owner.id === session.value.person.wallet) return ok(undefined);
  await needs.ask({ method: 'DELETE', path: '/session' });
  return refuse({ code: 'device.other-wallet' });
}

/** The session this browser has, if any. */
export async function currentSession(needs: IdentityNeeds): Promise<Result<SessionView, Refusal>> {
  return await needs.ask<SessionView>({ method: 'GET', path: '/session' });
}

/** Asks for the passkey inside a session, so that sensitive acts are open for five minutes. */
export async function stepUp(needs: IdentityNeeds): Promise<Result<SessionView, Refusal>> {
  const asked = await needs.ask<{ options: object }>({ method: 'POST', path: '/step-up/options' });
  if (!asked.ok) return asked;
  const used = await usePasskey(asked.value.options);
  if (!used.ok) return used;
  const session = await needs.ask<SessionView>({
    method: 'POST',
    path: '/step-up',
    body: { answer: used.value.answer },
  });
  if (session.ok) await keepTouched(needs, used.value);
  return session;
}

/** Does `act`; when the house wants the passkey first, asks for it and does it again. */
export async function withPasskey<Answer>(
  needs: IdentityNeeds,
  act: () => Promise<Result<Answer, Refusal>>,
): Promise<Result<Answer, Refusal>> {
  const first = await act();
  if (first.ok || !['session.step-up', 'session.none'].includes(first.error.code)) return first;
  const touched = first.error.code === 'session.none' ? await signIn(needs) : await stepUp(needs);
  return touched.ok ? await act() : touched;
}

/**
 * Makes this phone a device of the signed-in person and keeps whose wallet it holds; again is the same act.
 * A phone whose key was stopped gets a new one. Refusals: `device.other-wallet`, `passkey.cancelled` and those of enrolling.
 */
export async function enrolPhone(
  needs: IdentityNeeds,
  session: SessionView,
  phoneName: string,
): Promise<Result<undefined, Refusal>> {
  const held = await readSetting(needs.vault, 'wallet');
  const { person } = session;
  const wallet = readId(person.wallet);
  assert(wallet !== undefined, 'the house names a wallet by its id');
  if (held && held.id !== wallet) {
    await needs.ask({ method: 'DELETE', path: '/session' });
    return refuse({ code: 'device.other-wallet' });
  }
  // Where the wallet is known, syncs ask for allowances: whether a passkey locks their keys must be known before.
  const learned = await learnLock(needs);
  if (!learned.ok) return learned;
  let enrolled = await enrol(needs, phoneName);
  if (!enrolled.ok && ['device.revoked', 'device.id-reused'].includes(enrolled.error.code)) {
    await dropDeviceKey(needs.vault);
    enrolled = await enrol(needs, phoneName);
  }
  if (!enrolled.ok) return enrolled;
  const { region, nameShown } = person;
  await needs.vault.transaction('rw', needs.vault.settings, async () => {
    await keepSetting(needs.vault, 'wallet', { id: wallet, region, name: nameShown });
    await keepSetting(needs.vault, 'enrolledAt', needs.clock());
    await keepSetting(needs.vault, 'phoneName', phoneName);
    await dropSetting(needs.vault, 'signup');
    await dropSetting(needs.vault, 'closed');
  });
  return ok(undefined);
}

async function enrol(needs: IdentityNeeds, name: string): Promise<Result<unknown, Refusal>> {
  const device = await createDeviceKey(needs.vault, needs.clock());
  const body = { id: device.id, key: toBase64url(device.key), name };
  return await withPasskey(needs, () => needs.ask({ method: 'POST', path: '/devices', body }));
}

/** A stopped key is of no more use, and a certificate that names it neither. */
async function dropDeviceKey(kept: Vault): Promise<void> {
  await kept.transaction('rw', kept.keys, kept.lists, async () => {
    await kept.keys.where('use').equals('device').delete();
    await kept.lists.delete('certificate');
  });
}

/**
 * Opens the phone's lock when the passkey answered PRF, then remembers the passkey: the order {@link isLockKnown} needs.
 * One that does not open it may mean that those that did are removed, on another phone perhaps: the house knows.
 */
async function keepTouched(needs: IdentityNeeds, touched: Touched): Promise<void> {
  const { id, secret } = touched;
  if (secret && !(await openLock(needs.vault, id, secret))) {
    const list = await needs.ask<PasskeyList>({ method: 'GET', path: '/passkeys' });
    const live = list.ok ? list.value.passkeys.map((one) => one.id) : undefined;
    if (live && (await forgetOthers(needs, live))) await openLock(needs.vault, id, secret);
  }
  await keepSetting(needs.vault, 'passkey', { credential: touched.id, prf: touched.prf });
}

/**
 * Asks for the passkey once more when its PRF is not known: many give it only when used and not when made, and an app
 * closed in the middle of a signup comes back with a session and no passkey touched.
 */
async function learnLock(needs: IdentityNeeds): Promise<Result<unknown, Refusal>> {
  return (await isLockKnown(needs.vault)) ? ok(undefined) : await stepUp(needs);
}
