/** Freezing a wallet: nothing can be spent from it any more, on any phone, until its owner ends it. */
import Type, { type Static } from 'typebox';

const Moment = Type.Integer({ minimum: 0 });

/**
 * Whether the wallet is frozen, since when and how: from a signed-in phone, or by the printed recovery code. `codeMadeAt`:
 * when the recovery code in force was made; absent when there is none.
 */
export const FreezeView = Type.Object({
  frozenAt: Type.Optional(Moment),
  by: Type.Optional(Type.Union([Type.Literal('session'), Type.Literal('code')])),
  codeMadeAt: Type.Optional(Moment),
});
/** Whether the wallet is frozen. */
export type FreezeView = Static<typeof FreezeView>;

/** A recovery code as it was printed, however it was typed. */
export const RecoveryCode = Type.Object(
  { code: Type.String({ minLength: 1, maxLength: 64 }) },
  { additionalProperties: false },
);

/** Ends a freeze; one that was made by the recovery code wants that code as well. */
export const ThawRequest = Type.Object(
  { code: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })) },
  { additionalProperties: false },
);

/** What whoever froze a wallet by its code hears: when, and nothing of whose it is. */
export const FrozenByCode = Type.Object({ frozenAt: Moment });
/** What whoever froze a wallet by its code hears. */
export type FrozenByCode = Static<typeof FrozenByCode>;

/** A new recovery code, told once; those before it count no more. */
export const NewRecoveryCode = Type.Object({ code: Type.String(), madeAt: Moment });
/** A new recovery code. */
export type NewRecoveryCode = Static<typeof NewRecoveryCode>;
