/**
 * The person's finger: a passkey's assertion over a payment, made and checked with no network at all.
 * The same ceremony opens the phone's lock when the passkey answers PRF.
 */
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url, joinBytes, toBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Assertion } from '#shared/protocol/assertion.ts';
import { packAssertion } from '#shared/protocol/assertion.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import { LOCK_SALT, lockCredentials, openLock } from '#web/vault/lock.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/**
 * Asks the passkey to confirm `challenge` (32 bytes: the payment id). Opens the phone's lock on the way. `named` is the
 * passkey (base64url credential id) the allowance names, where this phone knows it: no other could confirm.
 * Refusals: `passkey.cancelled` when the person or the browser ended it, and those of packing the assertion.
 */
export async function confirmByPasskey(
  vault: Vault,
  challenge: Uint8Array,
  keySet: KeySet,
  named?: string,
): Promise<Result<Assertion, Refusal>> {
  const credential = await askPasskey(vault, challenge, keySet.rpId, named);
  if (!credential) return refuse({ code: 'passkey.cancelled' });
  const response = credential.response as AuthenticatorAssertionResponse;
  return packAssertion(
    {
      authenticatorData: new Uint8Array(response.authenticatorData),
      clientDataJSON: new Uint8Array(response.clientDataJSON),
      signature: new Uint8Array(response.signature),
    },
    { challenge, rpId: keySet.rpId, origins: keySet.origins },
  );
}

/** Opens the phone's lock for this app session, by the passkey. Refusals: `passkey.cancelled`, `allowance.locked`. */
export async function unlockByPasskey(vault: Vault, rpId: string): Promise<Result<undefined, Refusal>> {
  const credential = await askPasskey(vault, crypto.getRandomValues(new Uint8Array(32)), rpId);
  if (!credential) return refuse({ code: 'passkey.cancelled' });
  return credential.opened ? ok(undefined) : refuse({ code: 'allowance.locked' });
}

interface Answered {
  readonly response: AuthenticatorResponse;
  readonly opened: boolean;
}

async function askPasskey(
  vault: Vault,
  challenge: Uint8Array,
  rpId: string,
  named?: string,
): Promise<Answered | undefined> {
  const allowed = named === undefined ? await usualPasskeys(vault) : [named];
  const allowCredentials = allowed.map((id) => ({
    type: 'public-key' as const,
    id: fromBase64url(id) ?? new Uint8Array(),
  }));
  const request: PublicKeyCredentialRequestOptions = {
    challenge: joinBytes(challenge),
    rpId,
    userVerification: 'required',
    allowCredentials,
    extensions: { prf: { eval: { first: LOCK_SALT } } },
  };
  try {
    const credential = (await navigator.credentials.get({ publicKey: request })) as PublicKeyCredential | null;
    if (!credential) return undefined;
    const secret = credential.getClientExtensionResults().prf?.results?.first;
    const bytes = secret && new Uint8Array(secret instanceof ArrayBuffer ? secret : secret.buffer);
    const opened = bytes ? await openLock(vault, toBase64url(new Uint8Array(credential.rawId)), bytes) : false;
    return { response: credential.response, opened };
  } catch {
    return undefined;
  }
}

async function usualPasskeys(vault: Vault): Promise<readonly string[]> {
  const allowed = new Set(await lockCredentials(vault));
  const usual = await readSetting(vault, 'passkey');
  if (usual) allowed.add(usual.credential);
  return [...allowed];
}
