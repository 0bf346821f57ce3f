/** How much an allowance may hold: the narrowest of policy, person, purse and day decides, and gives its name to a refusal. */
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { AllowancePolicy } from '#shared/rules/policy.ts';

/** Everything that bounds an open allowance; sums in minor units. */
export interface Room {
  readonly policy: AllowancePolicy;
  /** What may be out in a day over all devices, and what is. */
  readonly perDay: number;
  readonly outToday: number;
  /** What the tier still lets this person spend, over all devices. */
  readonly spendLeft: number;
  /** What the person set; null: nothing. */
  readonly cap: number | null;
  readonly count: number | null;
  /** What the device asked for; undefined: as much as there may be. */
  readonly wantTotal: number | undefined;
  readonly wantCount: number | undefined;
  readonly available: number;
  /** Without a passkey that payees can check offline, nothing above the no-passkey limits could be paid anyway. */
  readonly hasPasskey: boolean;
  /** Less than this is not worth issuing. */
  readonly least: number;
}

/** The limits that are signed into an allowance. */
export type Limits = Pick<
  AllowancePolicy,
  'total' | 'perPayment' | 'perPayee' | 'maxCount' | 'noPasskeyEach' | 'noPasskeySum'
>;

/**
 * The limits of an open allowance. Refusals: `allowance.cap-low`, `allowance.day-spent`, `allowance.tier-spent`, `allowance.too-little`, each with
 * what there is (`most`) and the least an allowance may be (`least`).
 */
export function openLimits(room: Room): Result<Limits, Refusal> {
  const { policy, least, hasPasskey } = room;
  const widest = Math.min(policy.total, hasPasskey ? policy.total : policy.noPasskeySum);
  const bounds: readonly [Refusal['code'], number][] = [
    ['allowance.cap-low', Math.min(room.cap ?? widest, room.wantTotal ?? widest)],
    ['allowance.day-spent', room.perDay - room.outToday],
    ['allowance.tier-spent', room.spendLeft],
    ['allowance.too-little', room.available],
  ];
  for (const [code, most] of bounds) {
    if (most < least) return refuse({ code, detail: { most: Math.max(0, most), least } });
  }
  const total = Math.min(widest, ...bounds.map(([, most]) => most));
  const each = hasPasskey ? policy.perPayment : Math.min(policy.perPayment, policy.noPasskeyEach);
  return ok({
    total,
    perPayment: Math.min(each, total),
    perPayee: Math.min(policy.perPayee, total),
    maxCount: Math.min(policy.maxCount, room.count ?? policy.maxCount, room.wantCount ?? policy.maxCount),
    noPasskeyEach: Math.min(policy.noPasskeyEach, total),
    noPasskeySum: Math.min(policy.noPasskeySum, total),
  });
}

/** The limits of a one-off allowance: one payment of up to `total`, and always the passkey. */
export function lockedLimits(total: number): Limits {
  return { total, perPayment: total, perPayee: total, maxCount: 1, noPasskeyEach: 0, noPasskeySum: 0 };
}
