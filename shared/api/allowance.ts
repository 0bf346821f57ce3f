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
