/** The names acts of funding have outside and in the ledger: made from ids, so that every retry makes the same. */
import type { Owner } from '#server/funding/needs.ts';
import { actId } from '#server/ledger/transfer.ts';
import { utf8 } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';

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

function derive(use: string, ...parts: readonly string[]): Id {
  return actId(`piaohao-${use}-v1\n`, utf8(parts.join('\n')));
}
