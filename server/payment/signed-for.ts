/**
 * Which payments of an upload need no signature of their own: a phone brings its payments in a row, each names the one before,
 * so one signature is the device's word for several.
 * Invariant: what is settled is signed itself, or the book holds a later payment that signs for it.
 */
import type { Upload } from '#server/payment/settle.ts';
import { SIGNS_FOR_STEPS } from '#shared/base/limits.ts';
import { heldOf, signsFor } from '#shared/protocol/chain.ts';

/** The next payment of its allowance behind each of `uploads`, where that names it; at most {@link SIGNS_FOR_STEPS} in a row. */
export function namedByNext(uploads: readonly Upload[]): Map<Upload, Upload> {
  const named = new Map<Upload, Upload>();
  const behind = new Map<string, { readonly upload: Upload; readonly steps: number }>();
  for (const upload of uploads.toReversed()) {
    const next = behind.get(upload.allowanceName);
    const isNamed = next !== undefined && next.steps < SIGNS_FOR_STEPS && names(next.upload, upload);
    behind.set(upload.allowanceName, { upload, steps: isNamed ? next.steps + 1 : 0 });
    if (isNamed) named.set(upload, next.upload);
  }
  return named;
}

/** A passkey's word is asked for itself, so a payment that has one gains nothing. */
function names(later: Upload, earlier: Upload): boolean {
  return earlier.payment.assertion === undefined && signsFor(heldOf(later.payment), heldOf(earlier.payment));
}
