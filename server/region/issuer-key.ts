/**
 * Which key signs for a region at a moment, and which keys the key set names.
 * Keys come in generations cut by the calendar, so processes agree without talking: the current and the next are always
 * published, and a past one stays named until nothing it signed can still be claimed. An operator may cut a generation in
 * two (see rotation.ts): from that moment on a key of its own signs.
 * Invariant: a key signs only inside its own span, and is published before that: one generation, or the notice of a rotation.
 */
import { join } from 'node:path';
import { openKeyFile } from '#server/region/signer.ts';
import { assert } from '#shared/base/assert.ts';
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

/** A moment at which an operator has a region's key changed before its time. */
export interface Rotation {
  readonly region: string;
  readonly from: Instant;
}

/** The name of a key, and the time in which it signs. */
interface Span {
  readonly name: string;
  readonly from: Instant;
  readonly until: Instant;
}

/** All spans of `region` in some generations, the oldest first. */
function spansOf(region: string, generations: readonly number[], rotations: readonly Rotation[]): Span[] {
  const starts = generations.map((generation) => ({
    name: `issuer-${region}-${generation}`,
    from: generationStart(generation),
  }));
  const cuts = rotations
    .filter((one) => one.region === region && generations.includes(generationOf(one.from)))
    .map(({ from }) => ({ name: `issuer-${region}-${generationOf(from)}-${from}`, from }));
  const begun = [...starts, ...cuts].sort((left, right) => left.from - right.from);
  const end = generationStart((generations.at(-1) ?? 0) + 1);
  return begun.map((one, at) => ({ ...one, until: begun[at + 1]?.from ?? end }));
}

/** The signers of all regions, opened once each. */
export interface IssuerKeys {
  readonly root: Signer;
  /** Who signs for `region` at `now`. */
  readonly current: (region: string, now: Instant, rotations: readonly Rotation[]) => Signer;
  /** Every key a verifier must know at `now`, in one fixed order. */
  readonly published: (regions: readonly string[], now: Instant, rotations: readonly Rotation[]) => IssuerKey[];
}

/** Opens the root key and, as they are needed, the issuer keys. */
export function openIssuerKeys(open: OpenSigner): IssuerKeys {
  const signers = new Map<string, Signer>();
  const signer = (name: string): Signer => {
    const known = signers.get(name) ?? open(name);
    signers.set(name, known);
    return known;
  };
  return {
    root: signer('root'),
    current(region, now, rotations) {
      const span = spansOf(region, [generationOf(now)], rotations).findLast(({ from }) => from <= now);
      assert(span !== undefined, 'a generation begins with its own key');
      return signer(span.name);
    },
    published(regions, now, rotations) {
      const present = generationOf(now);
      return [...regions].sort().flatMap((region) =>
        spansOf(region, [present - 1, present, present + 1], rotations)
          .filter(({ until }) => now < until + GENERATION_TAIL)
          .map(({ name, from, until }) => ({ region, key: signer(name).key, from, until })),
      );
    },
  };
}
