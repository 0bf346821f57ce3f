/**
 * Which key signs for a region at a moment, and which keys the key set names.
 * Keys come in generations cut by the calendar, so processes agree without talking: the current and the next are always
 * published, and a past one stays named until nothing it signed can still be claimed.
 * Invariant: a key signs only inside its own generation, and is published one whole generation before that.
 */
import { join } from 'node:path';
import { openKeyFile } from '#server/region/signer.ts';
import { type Duration, duration, type Instant, instant } from '#shared/base/time.ts';
import type { IssuerKey } from '#shared/protocol/key-set.ts';
import type { Signer } from '#shared/protocol/signature.ts';

/** How long one generation signs. */
export const GENERATION_LIFE: Duration = duration(90, 'd');

/** A past generation stays in the key set this long: certificate 14 d, or allowance 3 d + claim window 14 d, and 13 d of late sync. */
export const GENERATION_TAIL: Duration = duration(30, 'd');

/** Opens a signer by the name of its key: a file here; an HSM slot elsewhere. */
export type OpenSigner = (name: string) => Signer;

/** Signers from key files in `directory`. */
export function keyFiles(directory: string): OpenSigner {
  return (name) => openKeyFile(join(directory), name);
}

/** The generation of `now`. */
export function generationOf(now: Instant): number {
  return Math.floor(now / GENERATION_LIFE);
}

/** First moment of a generation. */
export function generationStart(generation: number): Instant {
  return instant(generation * GENERATION_LIFE);
}

/** The signers of all regions, opened once each. */
export interface IssuerKeys {
  readonly root: Signer;
  /** Who signs for `region` at `now`. */
  readonly current: (region: string, now: Instant) => Signer;
  /** Every key a verifier must know at `now`, in one fixed order. */
  readonly published: (regions: readonly string[], now: Instant) => IssuerKey[];
}

/** Opens the root key and, as they are needed, the issuer keys. */
export function openIssuerKeys(open: OpenSigner): IssuerKeys {
  const signers = new Map<string, Signer>();
  const signer = (name: string): Signer => {
    const known = signers.get(name) ?? open(name);
    signers.set(name, known);
    return known;
  };
  const issuer = (region: string, generation: number): Signer => signer(`issuer-${region}-${generation}`);
  return {
    root: signer('root'),
    current: (region, now) => issuer(region, generationOf(now)),
    published(regions, now) {
      const present = generationOf(now);
      const inTail = now < generationStart(present) + GENERATION_TAIL;
      const generations = inTail ? [present - 1, present, present + 1] : [present, present + 1];
      return [...regions].sort().flatMap((region) =>
        generations.map((generation) => ({
          region,
          key: issuer(region, generation).key,
          from: generationStart(generation),
          until: generationStart(generation + 1),
        })),
      );
    },
  };
}
