/**
 * Which payments of an upload need no signature of their own: a phone brings its payments in a row, each names the one before,
 * so one signature is the device's word for several.
 * Invariant: what is settled is signed itself, or the book holds a later payment that signs for it.
 */
import type { Upload } from '#server/payment/settle.ts';
import { SIGNS_FOR_STEPS } from '#shared/base/limits.ts';
import { heldOf, signsFor } from '#shared/protocol/chain.ts';

/** The payment right behind each of `uploads` that names it, where one does; at most {@link SIGNS_FOR_STEPS} in a row. */
export function namedByNext(uploads: readonly Upload[]): Map<Upload, Upload> {
  const named = new Map<Upload, Upload>();
  let steps = 0;
  for (let at = uploads.length - 2; at >= 0; at -= 1) {
    const [one, next] = [uploads[at], uploads[at + 1]];
    const isNamed = one !== undefined && next !== undefined && steps < SIGNS_FOR_STEPS && names(next, one);
    steps = isNamed ? steps + 1 : 0;
    if (isNamed) named.set(one, next);
  }
  return named;
}

/** A passkey's word is asked for itself, so a payment that has one gains nothing. */
function names(later: Upload, earlier: Upload): boolean {
  if (later.allowanceName !== earlier.allowanceName || earlier.payment.assertion !== undefined) return false;
  return signsFor(heldOf(later.payment), heldOf(earlier.payment));
}
