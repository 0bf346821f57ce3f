/** Which passkey an allowance names: the one that signs its larger payments, for payees without a network to check. */
import type { Passkey } from '#server/identity/identity.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { AllowancePasskey } from '#shared/protocol/allowance.ts';
import { decodeCbor } from '#shared/protocol/cbor.ts';
import { compressPoint } from '#shared/protocol/point.ts';

/** Among those a payee can check offline the passkey that is at hand by the device's word, else the one used last. */
export function passkeyOf(passkeys: readonly Passkey[], atHand: string | undefined): AllowancePasskey | undefined {
  const isAtHand = (one: Passkey) => Number(toBase64url(one.id) === atHand);
  const fit = passkeys
    .filter((one) => one.offline)
    .sort((one, other) => (other.usedAt ?? other.createdAt) - (one.usedAt ?? one.createdAt))
    .sort((one, other) => isAtHand(other) - isAtHand(one));
  for (const { publicKey, backupEligible } of fit) {
    const key = keyOfCose(publicKey);
    if (key !== undefined) return { key, backupEligible };
  }
  return undefined;
}

/** The compressed point of a COSE EC2 key (RFC 9053 section 7.1.1: -2 is x, -3 is y), or undefined when it is none of P-256. */
export function keyOfCose(cose: Uint8Array): Uint8Array | undefined {
  const read = decodeCbor(cose);
  if (!read.ok || !(read.value instanceof Map)) return undefined;
  const x: unknown = read.value.get(-2);
  const y: unknown = read.value.get(-3);
  if (!(x instanceof Uint8Array) || !(y instanceof Uint8Array)) return undefined;
  return compressPoint(Uint8Array.of(4, ...x, ...y));
}
