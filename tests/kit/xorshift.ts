/** Numbers to bend bytes by (xorshift32): the same ones every time. */

/** A source of whole numbers of 32 bits, the same ones for one `seed`. */
export function xorshift(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
