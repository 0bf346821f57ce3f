/** Proves what a region signed, today or long ago: its old keys count for what they signed in their time. */
import { existsSync } from 'node:fs';
import type { Sql } from '#server/platform/database.ts';
import { keyFiles } from '#server/region/issuer-key.ts';
import { everyOwnKeySet } from '#server/region/key-set.ts';
import type { Instant } from '#shared/base/time.ts';
import { askSignature, type Signed } from '#shared/protocol/message.ts';
import { type SignatureQuestion, webVerifier } from '#shared/protocol/signature.ts';
import { issuerOf } from '#shared/protocol/trust.ts';

/** The question whether `region` signed `signed` at `moment`; undefined when the key that did was not the region's own then. */
export type AskIssuer = (signed: Signed<unknown>, region: string, moment: Instant) => SignatureQuestion | undefined;

/** The network root's public key (33 bytes), out of the folder of keys. Throws with words for the operator where it is not. */
export function rootIn(keysDir: string): Uint8Array {
  // Opening a key file that is not there would make one: who only looks makes nothing.
  if (!existsSync(keysDir)) throw new Error(`The keys of this house are not in ${keysDir}.`);
  return keyFiles(keysDir)('root').key;
}

/** Asks by every key set the root `root` ever signed. */
export async function issuersOf(tx: Sql, root: Uint8Array): Promise<AskIssuer> {
  const verify = webVerifier();
  const all = await everyOwnKeySet(tx, root);
  const signed = await Promise.all(all.map((keySet) => verify(askSignature(keySet, root))));
  const keySets = all.filter((_, at) => signed[at]);
  return (message, region, moment) => {
    for (const { message: keySet } of keySets) {
      const issuer = issuerOf(keySet, region, message.kid, moment);
      if (issuer !== undefined) return askSignature(message, issuer.key);
    }
    return undefined;
  };
}
