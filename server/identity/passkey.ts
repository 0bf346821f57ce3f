/**
 * The two passkey ceremonies: what the browser is asked for, and every check of what it answers.
 * SimpleWebAuthn checks formats, origin, relying party, flags and signature; what it leaves open (frames, a changed
 * backup flag, another account's user handle, a key said twice in the client data) is checked here.
 */
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { decodeCredentialPublicKey } from '@simplewebauthn/server/helpers';
import { readClientData } from '#server/identity/client-data.ts';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import type { PasskeyRow } from '#server/identity/store.ts';
import type { AssertionAnswer, RegistrationAnswer } from '#shared/api/identity.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert, Fault } from '#shared/base/assert.ts';
import { fromBase64url, sameBytes, toBase64url } from '#shared/base/bytes.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { duration } from '#shared/base/time.ts';
import { fromDer } from '#shared/protocol/signature.ts';

/** COSE algorithm numbers, the preferred first (RFC 9053): only ES256 can be checked by payees with no network. */
export const ES256 = -7;
const ALGORITHMS = [ES256, -8, -257];

/** How long a challenge lives and how long the browser may take (WebAuthn L3 recommends 300 to 600 s). */
export const CHALLENGE_LIFE = duration(300, 's');

/** A passkey as its authenticator made it, checked. */
export interface NewPasskey {
  readonly id: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly algorithm: number;
  readonly counter: number;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  readonly transports: string;
  readonly aaguid: string;
}

/** What a good assertion tells. `counterFell`: a nonzero counter did not grow, so another copy of the key may exist. */
export interface Asserted {
  readonly counter: number;
  readonly backedUp: boolean;
  readonly counterFell: boolean;
}

/** Options for `navigator.credentials.create`. */
export function registrationOptions(
  parts: IdentityParts,
  person: { userHandle: Uint8Array; name: string; label: string },
  challenge: Uint8Array,
  held: readonly PasskeyRow[],
): Promise<object> {
  return generateRegistrationOptions({
    rpName: '票号 Piaohao',
    rpID: parts.rpId,
    userID: Uint8Array.from(person.userHandle),
    userName: person.label,
    userDisplayName: person.name,
    challenge: Uint8Array.from(challenge),
    timeout: CHALLENGE_LIFE,
    attestationType: 'none',
    excludeCredentials: held.map(describe),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    extensions: { credProps: true, prf: {} } as object,
    supportedAlgorithmIDs: ALGORITHMS,
  });
}

/** Options for `navigator.credentials.get`; no `allowed` lets the authenticator offer what it has, and tells nothing. */
export function assertionOptions(
  parts: IdentityParts,
  challenge: Uint8Array,
  allowed: readonly PasskeyRow[] = [],
): Promise<object> {
  return generateAuthenticationOptions({
    rpID: parts.rpId,
    challenge: Uint8Array.from(challenge),
    timeout: CHALLENGE_LIFE,
    userVerification: 'required',
    ...(allowed.length > 0 ? { allowCredentials: allowed.map(describe) } : {}),
  });
}

function describe(passkey: PasskeyRow): { id: string; transports: string[] } {
  return { id: toBase64url(passkey.id), transports: passkey.transports.split(' ').filter((word) => word !== '') };
}

/** Checks a new passkey against `challenge`, which its caller has just taken from the store. */
export async function verifyNewPasskey(
  parts: IdentityParts,
  answer: RegistrationAnswer,
  challenge: Uint8Array,
): Promise<Result<NewPasskey, Refusal>> {
  const client = readClientData(answer.response.clientDataJSON);
  if (!client || client.crossOrigin || client.topOrigin) return no('passkey.refused');
  try {
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: answer as unknown as RegistrationResponseJSON,
      expectedChallenge: toBase64url(challenge),
      expectedOrigin: parts.origin,
      expectedRPID: parts.rpId,
      requireUserVerification: true,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    if (!verified) return no('passkey.refused');
    const { credential, aaguid, credentialBackedUp, credentialDeviceType } = registrationInfo;
    if (credential.id !== answer.id) return no('passkey.refused');
    const algorithm = decodeCredentialPublicKey(credential.publicKey).get(3);
    assert(typeof algorithm === 'number', 'a verified passkey names its algorithm');
    return ok({
      id: exactBytes(credential.id),
      publicKey: credential.publicKey,
      algorithm,
      counter: credential.counter,
      backupEligible: credentialDeviceType === 'multiDevice',
      backedUp: credentialBackedUp,
      transports: (answer.response.transports ?? []).filter((word) => /^[a-z-]{1,20}$/.test(word)).join(' '),
      aaguid,
    });
  } catch (error) {
    return refusedBy(error);
  }
}

/**
 * Checks an assertion of `passkey` against `challenge`, which its caller has just taken from the store.
 * `userHandle` is the account's own; the answer must name it when `mustName`, and may never name another.
 */
export async function verifyAssertion(
  parts: IdentityParts,
  answer: AssertionAnswer,
  challenge: Uint8Array,
  passkey: PasskeyRow,
  account: { userHandle: Uint8Array; mustName: boolean },
): Promise<Result<Asserted, Refusal>> {
  const client = readClientData(answer.response.clientDataJSON);
  if (!client || client.crossOrigin || client.topOrigin) return no('passkey.refused');
  const named = answer.response.userHandle === undefined ? undefined : fromBase64url(answer.response.userHandle);
  const isTheirs = named !== undefined && sameBytes(named, account.userHandle);
  if (!isTheirs && (account.mustName || answer.response.userHandle !== undefined)) return no('passkey.refused');
  if (answer.id !== toBase64url(passkey.id)) return no('passkey.refused');
  if (passkey.algorithm === ES256 && !isOneForm(answer.response.signature)) return no('passkey.refused');
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: answer as unknown as AuthenticationResponseJSON,
      expectedChallenge: toBase64url(challenge),
      expectedOrigin: parts.origin,
      expectedRPID: parts.rpId,
      requireUserVerification: true,
      // The counter is judged below: the library would lock people out whose passkey is synced and still counts.
      credential: { id: answer.id, publicKey: Uint8Array.from(passkey.public_key), counter: 0 },
    });
    if (!verified) return no('passkey.refused');
    const eligible = authenticationInfo.credentialDeviceType === 'multiDevice';
    if (eligible !== passkey.backup_eligible) return no('passkey.refused');
    const counter = authenticationInfo.newCounter;
    const counterFell = (counter > 0 || passkey.counter > 0) && counter <= passkey.counter;
    return ok({ counter, backedUp: authenticationInfo.credentialBackedUp, counterFell });
  } catch (error) {
    return refusedBy(error);
  }
}

/**
 * Whether an ES256 signature stands in the one form DER gives it: the decoder below the library takes other tags and
 * lengths for it as well, and of two texts that say one thing the house knows one.
 */
function isOneForm(signature: string): boolean {
  const der = fromBase64url(signature);
  return der !== undefined && fromDer(der) !== undefined;
}

/** The library says no by throwing, and so do the decoders below it; only our own faults go on as faults. */
function refusedBy(error: unknown): Result<never, Refusal> {
  if (error instanceof Fault) throw error;
  return no('passkey.refused');
}

function exactBytes(text: string): Uint8Array {
  const bytes = fromBase64url(text);
  assert(bytes !== undefined, 'a verified credential id is base64url');
  return bytes;
}
