/** What a refusal says to a person: what happened, and what to do about it. */
import { type Refusal, refusalRemedy } from '#shared/api/refusal.ts';
import { refusals, remedies } from '#web/paraglide/refusals.js';

/** The message of `refusal` in the language of the app, with the figures it carries. */
export function refusalText(refusal: Refusal): string {
  return refusals[keyOf(refusal.code)]?.({ ...refusal.detail }) ?? refusal.code;
}

/** What the person can do after `refusal`; empty when there is nothing to do. */
export function remedyText(refusal: Refusal): string {
  return remedies[keyOf(refusalRemedy(refusal.code))]?.({}) ?? '';
}

function keyOf(name: string): string {
  return name.replaceAll(/[.-]/g, '_');
}
