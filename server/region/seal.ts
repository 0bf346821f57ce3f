/** Proves seals of the logbook: a region's old keys count for its old seals. */
import type { SealCheck } from '#server/logbook/logbook.ts';
import type { Database } from '#server/platform/database.ts';
import { readOwnKeySet } from '#server/region/key-set.ts';
import { readKeySets } from '#server/region/store.ts';
import { askSignature } from '#shared/protocol/message.ts';
import { webVerifier } from '#shared/protocol/signature.ts';
import { issuerOf } from '#shared/protocol/trust.ts';

const verifier = webVerifier();

/** Proves seals by every key set the root `root` ever signed. */
export async function sealCheck(database: Database, root: Uint8Array): Promise<SealCheck> {
  const keySets = (await readKeySets(database)).map((bytes) => readOwnKeySet(bytes, root));
  const sound = await Promise.all(keySets.map((keySet) => verifier(askSignature(keySet, root))));
  return async (seal) => {
    const { region, time } = seal.message;
    for (const [at, { message }] of keySets.entries()) {
      const issuer = sound[at] ? issuerOf(message, region, seal.kid, time) : undefined;
      if (issuer !== undefined) return verifier(askSignature(seal, issuer.key));
    }
    return false;
  };
}
