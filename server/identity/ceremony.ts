/**
 * Challenges: 32 random bytes, good once, for five minutes, for one ceremony on one browser.
 * Invariant: a challenge is deleted by its first reader, before anything else of the answer is looked at.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readClientData } from '#server/identity/client-data.ts';
import { type IdentityParts, no, type Visitor } from '#server/identity/parts.ts';
import { CHALLENGE_LIFE } from '#server/identity/passkey.ts';
import { sha256 } from '#server/identity/secret.ts';
import { keepChallenge, takeChallenge } from '#server/identity/store.ts';
import { mayAct } from '#server/identity/throttle.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { after } from '#shared/base/time.ts';

/** What a challenge is for. `subject` beside it: the signup, the session or nobody (sign-in). */
export type Ceremony = 'signup' | 'sign-in' | 'step-up' | 'add-passkey';

/** A new challenge for `ceremony` about `subject` on the visitor's browser. */
export async function beginCeremony(
  parts: IdentityParts,
  ceremony: Ceremony,
  subject: Id | null,
  visitor: Visitor,
): Promise<Result<Uint8Array, Refusal>> {
  const may = await mayAct(parts, 'options', visitor.caller, parts.limits.ceremoniesPerMinute);
  if (!may.ok) return may;
  const challenge = randomBytes(32);
  await keepChallenge(parts.database, {
    region: '',
    challenge: sha256(challenge),
    ceremony,
    browser: visitor.browser,
    subject,
    expires_at: after(parts.clock(), CHALLENGE_LIFE),
  });
  return ok(challenge);
}

/** The challenge an answer names, taken out of the store for good; refused when it is not this ceremony's. */
export async function takeCeremony(
  parts: IdentityParts,
  ceremony: Ceremony,
  subject: Id | null,
  clientDataJSON: string,
  visitor: Visitor,
): Promise<Result<Uint8Array, Refusal>> {
  const may = await mayAct(parts, 'verify', visitor.caller, parts.limits.ceremoniesPerMinute);
  if (!may.ok) return may;
  const challenge = fromBase64url(readClientData(clientDataJSON)?.challenge ?? '');
  if (challenge?.length !== 32) return no('passkey.refused');
  const kept = await takeChallenge(parts.database, '', sha256(challenge));
  const isMeant =
    kept !== undefined &&
    kept.ceremony === ceremony &&
    kept.subject === subject &&
    timingSafeEqual(kept.browser, visitor.browser) &&
    kept.expires_at > parts.clock();
  return isMeant ? ok(challenge) : no('passkey.challenge');
}
