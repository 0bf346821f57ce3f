/**
 * The browser's two passkey ceremonies, loaded when first needed, with their errors as refusals.
 * Both ask for PRF: what it gives stays on this phone and opens its lock; it is never sent to the house.
 */
import type { AssertionAnswer, RegistrationAnswer } from '#shared/api/identity.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { LOCK_SALT } from '#web/vault/lock.ts';

/** What a ceremony gave beside its answer: which passkey, whether it can do PRF, and the secret when it did. */
export interface Touched {
  /** Base64url of the credential id. */
  readonly id: string;
  readonly prf: boolean;
  readonly secret: Uint8Array | undefined;
}

type Library = typeof import('@simplewebauthn/browser');
type CreationOptions = Parameters<Library['startRegistration']>[0]['optionsJSON'];
type RequestOptions = Parameters<Library['startAuthentication']>[0]['optionsJSON'];

const library = (): Promise<Library> => import('@simplewebauthn/browser');
const PRF = { prf: { eval: { first: LOCK_SALT } } };

/** Whether this browser has passkeys at all. */
export function hasPasskeys(): boolean {
  return typeof globalThis.PublicKeyCredential === 'function';
}

/** Makes a passkey from the house's `options`. Refusals: `passkey.cancelled`, `passkey.taken`, `passkey.unsupported`. */
export async function makePasskey(
  options: object,
): Promise<Result<Touched & { readonly answer: RegistrationAnswer }, Refusal>> {
  if (!hasPasskeys()) return refuse({ code: 'passkey.unsupported' });
  try {
    const { startRegistration } = await library();
    const given = options as CreationOptions;
    const optionsJSON = { ...given, extensions: { ...given.extensions, ...PRF } } as CreationOptions;
    const made = await startRegistration({ optionsJSON });
    const { id, rawId, response } = made;
    const { clientDataJSON, attestationObject, transports } = response;
    const answer = {
      id,
      rawId,
      type: 'public-key',
      response: { clientDataJSON, attestationObject, ...(transports ? { transports } : {}) },
    };
    return ok({ ...touchedBy(id, made.clientExtensionResults), answer: answer as RegistrationAnswer });
  } catch (error) {
    return refuse({ code: isNamed(error, 'InvalidStateError') ? 'passkey.taken' : 'passkey.cancelled' });
  }
}

/** Asserts a passkey; `autofill` waits behind the field of the screen until one is picked. Refusals as above. */
export async function usePasskey(
  options: object,
  { autofill = false } = {},
): Promise<Result<Touched & { readonly answer: AssertionAnswer }, Refusal>> {
  if (!hasPasskeys()) return refuse({ code: 'passkey.unsupported' });
  try {
    const { startAuthentication } = await library();
    const given = options as RequestOptions;
    const optionsJSON = { ...given, extensions: { ...given.extensions, ...PRF } } as RequestOptions;
    const used = await startAuthentication({ optionsJSON, useBrowserAutofill: autofill });
    const { id, rawId, response } = used;
    const { clientDataJSON, authenticatorData, signature, userHandle } = response;
    const answer: AssertionAnswer = {
      id,
      rawId,
      type: 'public-key',
      response: { clientDataJSON, authenticatorData, signature, ...(userHandle ? { userHandle } : {}) },
    };
    return ok({ ...touchedBy(id, used.clientExtensionResults), answer });
  } catch {
    return refuse({ code: 'passkey.cancelled' });
  }
}

/** Whether the browser can offer passkeys inside a field. */
export async function canAutofill(): Promise<boolean> {
  if (!hasPasskeys()) return false;
  const { browserSupportsWebAuthnAutofill } = await library();
  return await browserSupportsWebAuthnAutofill();
}

/** Ends a ceremony that waits behind a field. */
export async function stopWaiting(): Promise<void> {
  if (!hasPasskeys()) return;
  const { WebAuthnAbortService } = await library();
  WebAuthnAbortService.cancelCeremony();
}

/** Tells the authenticator that the house does not know this passkey, where the browser can. */
export async function forgetPasskey(options: object, id: string): Promise<void> {
  const { rpId } = options as { rpId?: string };
  await signal({ signalName: 'unknownCredential', rpID: rpId ?? location.hostname, credentialID: id });
}

/** Tells the authenticator which passkeys still count, where the browser can. */
export async function tellPasskeys(rpId: string, user: string, ids: readonly string[]): Promise<void> {
  await signal({ signalName: 'allAcceptedCredentials', rpID: rpId, userID: user, allAcceptedCredentialIDs: [...ids] });
}

async function signal(told: Parameters<Library['sendSignal']>[0]): Promise<void> {
  try {
    const { sendSignal } = await library();
    await sendSignal(told);
  } catch {
    // A courtesy that not every browser knows; the house refuses the passkey all the same.
  }
}

function touchedBy(id: string, results: object): Touched {
  const { prf } = results as AuthenticationExtensionsClientOutputs;
  const first = prf?.results?.first;
  const secret = first && new Uint8Array(first instanceof ArrayBuffer ? first : first.buffer);
  return { id, prf: prf?.enabled === true || secret !== undefined, secret };
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
