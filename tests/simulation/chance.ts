/** Chance that comes out the same for one seed (SplitMix32). */

/** A source of chance. */
export interface Chance {
  /** A whole number from 0 to `below` - 1. */
  readonly below: (below: number) => number;
  /** Whether something happens that happens `percent` times in a hundred. */
  readonly percent: (percent: number) => boolean;
  /** One of `values`, which are not empty. */
  readonly one: <Value>(values: readonly Value[]) => Value;
  /** `values` in another order. */
  readonly shuffled: <Value>(values: readonly Value[]) => Value[];
}

/** The chance of `seed`. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const below = (bound: number): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return Math.floor((((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32) * bound);
  };
  return {
    below,
    percent: (percent) => below(100) < percent,
    one(values) {
      const value = values[below(values.length)];
      if (value === undefined) throw new Error('chance has nothing to choose from');
      return value;
    },
    shuffled(values) {
      const all = [...values];
      for (let at = all.length - 1; at > 0; at -= 1) {
        const other = below(at + 1);
        [all[at], all[other]] = [all[other] as never, all[at] as never];
      }
      return all;
    },
  };
}
