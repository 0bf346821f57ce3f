/** The names acts of funding have outside and in the ledger: made from ids, so that every retry makes the same. */
import { createHash } from 'node:crypto';
import type { Owner } from '#server/funding/needs.ts';
import { type Id, idFromBytes } from '#shared/base/id.ts';

/**
 * The name an act has outside: bound to region and wallet, so that nobody can make a provider answer for another's order
 * by choosing the same id.
 */
export function referenceOf(owner: Pick<Owner, 'region' | 'wallet'>, id: Id): Id {
  return derive('funding', owner.region, owner.wallet, id);
}

/** The transfer that books the fee of the act called `reference`. */
export function feeIdOf(reference: Id): Id {
  return derive('funding-fee', reference);
}

/** The transfer that takes back the transfer `original`. */
export function returnIdOf(original: Id): Id {
  return derive('funding-return', original);
}

/** A UUID of version 8 (RFC 9562 section 5.8). */
function derive(use: string, ...parts: readonly string[]): Id {
  const bytes = createHash('sha256')
    .update([`piaohao-${use}-v1`, ...parts].join('\n'))
    .digest()
    .subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return idFromBytes(bytes);
}
