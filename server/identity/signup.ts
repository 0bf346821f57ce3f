/**
 * Signing up, step by step: name and phone, the code of a text, a passkey; only then is there a wallet.
 * Each step can be sent again after a lost answer. Whether a phone already has a wallet is told only to who has read
 * its text, so nobody learns from here who is a customer.
 * Invariant: a wallet comes into being with its first passkey and its proved phone in one transaction, or not at all.
 */
import { randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { noteEvent } from '#server/identity/event.ts';
import { type IdentityParts, no, type Visitor } from '#server/identity/parts.ts';
import type { NewPasskey } from '#server/identity/passkey.ts';
import { sha256 } from '#server/identity/secret.ts';
import type { FoundSession, Sessions } from '#server/identity/session.ts';
import { codeText } from '#server/identity/sms.ts';
import * as store from '#server/identity/store.ts';
import { mayAct } from '#server/identity/throttle.ts';
import { type Entry, writeDown } from '#server/logbook/logbook.ts';
import type { SignupRequest, SignupView } from '#shared/api/identity.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { type Id, newId, readId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { after, duration, type Instant, instant } from '#shared/base/time.ts';
import { nameShown, readName } from '#shared/rules/name.ts';
import { maskPhone, readPhone } from '#shared/rules/phone.ts';

/** How long a begun signup waits for its next step. */
const SIGNUP_LIFE = duration(1, 'h');
const CODE_LIFE = duration(10, 'min');
const RESEND_AFTER = duration(60, 's');
const GUESSES = 5;

/** The steps of a signup before its passkey. */
export interface Signups {
  readonly start: (asked: SignupRequest, visitor: Visitor) => Promise<Result<SignupView, Refusal>>;
  readonly resend: (id: Id, visitor: Visitor) => Promise<Result<SignupView, Refusal>>;
  readonly prove: (id: Id, code: string, visitor: Visitor) => Promise<Result<SignupView, Refusal>>;
  /** The signup when it may go on to its passkey. */
  readonly proved: (id: Id, visitor: Visitor) => Promise<Result<store.SignupRow, Refusal>>;
  /** Makes the wallet with its first passkey, and begins a session. */
  readonly finish: (
    signup: store.SignupRow,
    passkey: NewPasskey,
    name: string,
    visitor: Visitor,
  ) => Promise<Result<FoundSession, Refusal>>;
}

/** Opens signing up over the database of `parts`. */
export function openSignups(parts: IdentityParts, sessions: Sessions): Signups {
  return {
    start: (asked, visitor) => start(parts, asked, visitor),
    resend: async (id, visitor) => {
      const signup = await own(parts, id, visitor);
      return signup.ok ? await sendCode(parts, signup.value, visitor) : signup;
    },
    prove: (id, code, visitor) => prove(parts, id, code, visitor),
    proved: async (id, visitor) => {
      const signup = await own(parts, id, visitor);
      if (!signup.ok || signup.value.proved_at !== null) return signup;
      return no('signup.phone-unproved');
    },
    finish: (signup, passkey, name, visitor) => finish(parts, sessions, signup, passkey, name, visitor),
  };
}

async function start(
  parts: IdentityParts,
  asked: SignupRequest,
  visitor: Visitor,
): Promise<Result<SignupView, Refusal>> {
  const id = readId(asked.id);
  const name = readName(asked.name);
  const phone = readPhone(asked.phone);
  if (!parts.regions.includes(asked.region)) return no('signup.region');
  if (!name) return no('signup.name');
  if (!phone) return no('signup.phone');
  if (!id) return no('request.malformed');
  const now = parts.clock();
  const fresh: store.SignupRow = {
    region: asked.region,
    id,
    browser: visitor.browser,
    name,
    phone_hash: parts.secrets.hash('phone', phone),
    phone_tail: phone.slice(-4),
    phone_masked: maskPhone(phone),
    phone_sealed: parts.secrets.seal(phone),
    language: asked.language,
    user_handle: randomBytes(32),
    code_hash: null,
    code_sent_at: null,
    code_expires_at: null,
    attempts: 0,
    proved_at: null,
    done_at: null,
    expires_at: after(now, SIGNUP_LIFE),
  };
  if (!(await isKnown(parts, id))) await store.insertSignup(parts.database, fresh);
  const signup = await own(parts, id, visitor);
  if (!signup.ok) return signup.error.code === 'signup.unknown' ? no('signup.id-reused') : signup;
  if (!isSameSignup(signup.value, fresh)) return no('signup.id-reused');
  const isWaiting = signup.value.proved_at !== null || (signup.value.code_expires_at ?? 0) > now;
  const isSent = signup.value.code_sent_at !== null || signup.value.proved_at !== null;
  return isWaiting && isSent ? ok(viewOf(signup.value)) : await sendCode(parts, signup.value, visitor);
}

/** A wallet keeps the id of its signup for ever; a second signup under it would be another person's. */
async function isKnown(parts: IdentityParts, id: Id): Promise<boolean> {
  const signup = await store.readSignup(parts.database, id);
  return signup !== undefined || (await store.readWallet(parts.database, id)) !== undefined;
}

function isSameSignup(one: store.SignupRow, other: store.SignupRow): boolean {
  const isSamePhone = timingSafeEqual(one.phone_hash, other.phone_hash);
  return one.region === other.region && one.name === other.name && isSamePhone;
}

/** The signup `id` of this very browser: to any other browser it does not exist. */
async function own(parts: IdentityParts, id: Id, visitor: Visitor): Promise<Result<store.SignupRow, Refusal>> {
  const signup = await store.readSignup(parts.database, id);
  const isTheirs = signup !== undefined && timingSafeEqual(signup.browser, visitor.browser);
  if (!signup || !isTheirs || signup.expires_at <= parts.clock()) return no('signup.unknown');
  return signup.done_at === null ? ok(signup) : no('signup.done');
}

async function sendCode(
  parts: IdentityParts,
  signup: store.SignupRow,
  visitor: Visitor,
): Promise<Result<SignupView, Refusal>> {
  if (signup.proved_at !== null) return ok(viewOf(signup));
  const now = parts.clock();
  const code = String(randomInt(1_000_000)).padStart(6, '0');
  const text = newId(now);
  const claim = {
    hash: hashCode(parts, signup, code),
    at: now,
    expiresAt: after(now, CODE_LIFE),
    notAfter: instant(now - RESEND_AFTER),
  };
  const waits = (signup.code_sent_at ?? 0) + RESEND_AFTER - now;
  if (waits > 0) return no('signup.code-wait', { seconds: Math.ceil(waits / 1000) });
  const mayCaller = await mayAct(parts, 'text-caller', visitor.caller, parts.limits.textsPerCallerHour);
  if (!mayCaller.ok) return mayCaller;
  const phone = parts.secrets.open(signup.phone_sealed);
  const mayPhone = await mayAct(parts, 'text-phone', `${signup.region} ${phone}`, parts.limits.textsPerPhoneHour);
  if (!mayPhone.ok) return mayPhone;
  if (!(await store.claimCode(parts.database, signup, claim))) return no('signup.code-wait', { seconds: 60 });
  const host = new URL(parts.origin).hostname;
  if (!(await parts.sendText({ id: text, to: phone, text: codeText(code, signup.language, host) }))) {
    await store.unclaimCode(parts.database, signup);
    return no('sms.unreachable');
  }
  return ok(viewOf({ ...signup, code_sent_at: now, code_expires_at: claim.expiresAt }));
}

async function prove(
  parts: IdentityParts,
  id: Id,
  code: string,
  visitor: Visitor,
): Promise<Result<SignupView, Refusal>> {
  const found = await own(parts, id, visitor);
  if (!found.ok) return found;
  const signup = found.value;
  const now = parts.clock();
  if (signup.proved_at === null) {
    const guess = await store.spendAttempt(parts.database, signup, GUESSES, now);
    if (!guess) return no('signup.code-spent');
    if (!timingSafeEqual(guess.code_hash, hashCode(parts, signup, code))) {
      return no('signup.code-wrong', { left: GUESSES - guess.attempts });
    }
    await store.provePhone(parts.database, signup, now);
  }
  // Only now, to who has read the text: this phone is a customer's already.
  if (await store.walletOfPhone(parts.database, signup.region, signup.phone_hash)) return no('signup.phone-taken');
  return ok(viewOf({ ...signup, proved_at: now }));
}

function hashCode(parts: IdentityParts, signup: store.SignupRow, code: string): Uint8Array {
  return parts.secrets.hash('code', `${signup.region} ${signup.id} ${code}`);
}

async function finish(
  parts: IdentityParts,
  sessions: Sessions,
  signup: store.SignupRow,
  passkey: NewPasskey,
  name: string,
  visitor: Visitor,
): Promise<Result<FoundSession, Refusal>> {
  const may = await mayAct(parts, 'registration', visitor.caller, parts.limits.registrationsPerHour);
  if (!may.ok) return may;
  const now = parts.clock();
  const { region, id: wallet } = signup;
  return await parts.database.transaction(async (tx): Promise<Result<FoundSession, Refusal>> => {
    const current = await store.readSignup(tx, wallet);
    if (current?.proved_at == null) return no('signup.phone-unproved');
    if (current.done_at !== null) return no('signup.done');
    if ((await store.passkeysById(tx, passkey.id)).length > 0) return no('passkey.taken');
    const isMade = await store.insertWallet(tx, {
      region,
      id: wallet,
      user_handle: signup.user_handle,
      name: signup.name,
      tier: 'unproved',
      phone_hash: signup.phone_hash,
      phone_tail: signup.phone_tail,
      phone_masked: signup.phone_masked,
      phone_sealed: signup.phone_sealed,
      created_at: now,
      frozen_at: null,
      frozen_by: null,
      recovery_hash: null,
      recovery_made_at: null,
      recovered_at: null,
      closed_at: null,
    });
    if (!isMade) return no('signup.phone-taken');
    const row = passkeyRow(region, wallet, passkey, name, now);
    await store.insertPasskey(tx, row);
    await store.finishSignup(tx, signup, now);
    const session = await sessions.begin(tx, { region, wallet, passkey: passkey.id });
    await noteEvent(tx, { region, wallet }, { code: 'passkey-added', at: now, device: name });
    await writeDown(tx, [passkeyLine('passkey-added', row, now)]);
    for (const hook of parts.opened) await hook(tx, { region, wallet }, now);
    return ok(session);
  });
}

/** What the logbook says of a passkey: enough to know it again, by its hash. */
export function passkeyLine(act: 'passkey-added' | 'passkey-revoked', row: store.PasskeyRow, at: Instant): Entry {
  return { region: row.region, at, act, who: `wallet ${row.wallet}`, about: { passkey: toBase64url(sha256(row.id)) } };
}

/** The row of a passkey that has just been checked. */
export function passkeyRow(
  region: string,
  wallet: Id,
  passkey: NewPasskey,
  name: string,
  now: Instant,
): store.PasskeyRow {
  return {
    region,
    id: passkey.id,
    wallet,
    public_key: passkey.publicKey,
    algorithm: passkey.algorithm,
    counter: passkey.counter,
    backup_eligible: passkey.backupEligible,
    backed_up: passkey.backedUp,
    transports: passkey.transports,
    aaguid: passkey.aaguid,
    name,
    created_at: now,
    used_at: null,
    revoked_at: null,
  };
}

function viewOf(signup: store.SignupRow): SignupView {
  const sent = signup.proved_at === null ? signup.code_sent_at : null;
  return {
    id: signup.id,
    step: signup.proved_at === null ? 'code' : 'passkey',
    phone: signup.phone_masked,
    nameShown: nameShown(signup.name, 'unproved', signup.phone_tail),
    ...(sent === null ? {} : { resendAt: after(sent, RESEND_AFTER) }),
    ...(sent === null || signup.code_expires_at === null ? {} : { codeExpiresAt: signup.code_expires_at }),
  };
}
