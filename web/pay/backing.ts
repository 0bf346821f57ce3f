/** Whether the guarantee fund stands behind an allowance, as payer and payee alike read it with no signal. */
import { knownAllowance } from '#shared/protocol/trust.ts';
import { hasGuarantee } from '#shared/rules/guarantee.ts';

/** Whether the fund stands behind what is paid with `allowance`, the bytes its issuer signed; what cannot be read has nobody's word. */
export function isBacked(allowance: Uint8Array): boolean {
  const read = knownAllowance(allowance);
  return read.ok && hasGuarantee(read.value.message);
}
