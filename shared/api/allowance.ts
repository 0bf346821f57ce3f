/** What a person may set for the money their phones may spend with no network. */
import Type, { type Static } from 'typebox';

/** New settings; null goes back to as much as the region's policy allows. Sums in minor units. */
export const AllowanceSettingsRequest = Type.Object(
  {
    cap: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
    count: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  },
  { additionalProperties: false },
);
/** New settings. */
export type AllowanceSettingsRequest = Static<typeof AllowanceSettingsRequest>;

/** The settings, and the most the policy allows now. They hold from the next allowance on. */
export const AllowanceSettingsView = Type.Object({
  currency: Type.String(),
  cap: Type.Union([Type.Integer(), Type.Null()]),
  count: Type.Union([Type.Integer(), Type.Null()]),
  most: Type.Object({
    total: Type.Integer(),
    count: Type.Integer(),
    perPayment: Type.Integer(),
    perDay: Type.Integer(),
  }),
});
/** The settings, and the most the policy allows now. */
export type AllowanceSettingsView = Static<typeof AllowanceSettingsView>;

const TierLimits = Type.Object({
  tier: Type.Union([Type.Literal('unproved'), Type.Literal('real-name'), Type.Literal('two-factor')]),
  perPayment: Type.Integer(),
  offline: Type.Integer(),
  perDay: Type.Integer(),
  online: Type.Integer(),
  spend: Type.Object({ most: Type.Integer(), per: Type.Union([Type.Literal('life'), Type.Literal('year')]) }),
});
/**
 * What one tier lets a person do. Sums in minor units: one offline payment, all that one phone may carry offline, all
 * phones in a day, one online payment, and all spending from the balance for life or in a calendar year.
 */
export type TierLimits = Static<typeof TierLimits>;

/** The limits of every tier, the lowest first; which one the person has, and what of its `spend` is used. */
export const LimitsView = Type.Object({
  currency: Type.String(),
  tier: Type.String(),
  spent: Type.Integer({ minimum: 0 }),
  tiers: Type.Array(TierLimits),
});
/** The limits of every tier. */
export type LimitsView = Static<typeof LimitsView>;
