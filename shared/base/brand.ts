/** Gives one plain type several names that do not mix: a length is not a moment, a wallet is not a device. */

/** `Base` that only a function returning this brand can make. */
export type Brand<Base, Name extends string> = Base & { readonly __brand: Name };
