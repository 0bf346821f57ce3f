/** What anybody may ask of the network: its root key, its regions, and whether the house answers. */
import Type, { type Static } from 'typebox';

const Signed = Type.String({ maxLength: 8192, pattern: '^[A-Za-z0-9_-]+$' });

/** One region: its code, its names, its home currency and what its payees take. */
export const RegionView = Type.Object({
  region: Type.String(),
  names: Type.Object({ zh: Type.String(), en: Type.String() }),
  currency: Type.String(),
  currencies: Type.Array(Type.String()),
  issuing: Type.Boolean(),
  crossRegion: Type.Boolean(),
});
/** One region. */
export type RegionView = Static<typeof RegionView>;

/** The network. `root` is base64url of the 33-byte public key a phone pins at enrolment; `keySet` is signed by it. */
export const NetworkView = Type.Object({
  root: Type.String({ pattern: '^[A-Za-z0-9_-]{44}$' }),
  rpId: Type.String(),
  origins: Type.Array(Type.String()),
  regions: Type.Array(RegionView),
  keySet: Signed,
});
/** The network. */
export type NetworkView = Static<typeof NetworkView>;

/** Key sets of before, the newest first: together they name every issuer key that has left the key set. */
export const PastNetworkView = Type.Object({ keySets: Type.Array(Signed) });
/** Key sets of before. */
export type PastNetworkView = Static<typeof PastNetworkView>;

/** `nonce` is fresh each time, so that nothing between phone and house answers from a store; `region` is the wallet's own. */
export const ProbeQuery = Type.Object({
  nonce: Type.String({ pattern: '^[A-Za-z0-9_-]{8,64}$' }),
  region: Type.Optional(Type.String({ pattern: '^[A-Z]{2}-[A-Z0-9]{1,3}$' })),
});
/** What a probe asks. */
export type ProbeQuery = Static<typeof ProbeQuery>;

/** The house answers: the nonce again, and the region's newest epoch card, at most 5 s old, which only the house can sign. */
export const ProbeView = Type.Object({ nonce: Type.String(), epoch: Signed });
/** The house answers. */
export type ProbeView = Static<typeof ProbeView>;
