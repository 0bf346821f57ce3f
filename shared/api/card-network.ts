/**
 * What the house and a card network say to each other about a bound card: an authorisation (ISO 8583 0200/0210), its
 * reversal (0420/0430) and the binding of a card on the bank's own page. A card is a token; its number is told to nobody.
 */
import Type, { type Static } from 'typebox';

const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Token = Type.String({ pattern: '^[A-Za-z0-9_-]{20,80}$' });

/** 0200: take `amount` minor units from the card behind `token`; `id` stands for the trace number, the same id is the same charge. */
export const CardCharge = Type.Object(
  {
    id: Uuid,
    token: Token,
    amount: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
    currency: Type.String({ pattern: '^[A-Z]{3}$' }),
    account: Type.String({ maxLength: 20 }),
  },
  { additionalProperties: false },
);
/** 0200: one charge. */
export type CardCharge = Static<typeof CardCharge>;

/** 0420: whatever became of the charge `id`, it shall not have been. */
export const CardReversal = Type.Object({ id: Uuid }, { additionalProperties: false });
/** 0420: the reversal of one charge. */
export type CardReversal = Static<typeof CardReversal>;

/** 0210 and 0430: the answer code of field 39. 00: done. Anything else: nothing was taken. */
export const CardAnswer = Type.Object({ id: Uuid, code: Type.String({ pattern: '^[0-9]{2}$' }) });
/** 0210 and 0430: the answer. */
export type CardAnswer = Static<typeof CardAnswer>;

/** Bind a card of `holder` (the certified name) under `id`; the person types everything on the bank's page and comes `back`. */
export const BindingOrder = Type.Object(
  {
    id: Uuid,
    holder: Type.String({ minLength: 1, maxLength: 60 }),
    back: Type.String({ maxLength: 300, pattern: '^https?://' }),
  },
  { additionalProperties: false },
);
/** Bind a card. */
export type BindingOrder = Static<typeof BindingOrder>;

/** Where a binding stands. open: the person is on the `page`. refused: `reason` says why. */
export const BindingReport = Type.Object({
  id: Uuid,
  state: Type.Union([Type.Literal('open'), Type.Literal('bound'), Type.Literal('refused')]),
  page: Type.Optional(Type.String({ maxLength: 300, pattern: '^https?://' })),
  token: Type.Optional(Token),
  bin: Type.Optional(Type.String({ pattern: '^[0-9]{6}$' })),
  last4: Type.Optional(Type.String({ pattern: '^[0-9]{4}$' })),
  reason: Type.Optional(Type.Union([Type.Literal('cancelled'), Type.Literal('expired'), Type.Literal('refused')])),
});
/** Where a binding stands. */
export type BindingReport = Static<typeof BindingReport>;
