/** What this process has made lately and may be asked for again at once, kept under a name and forgotten in time. */

/** A memory of bounded size. */
export interface Recent<Value> {
  readonly keep: (name: string, value: Value) => void;
  readonly find: (name: string) => Value | undefined;
}

/** Remembers at least the last `least` values and at most twice as many. */
export function openRecent<Value>(least: number): Recent<Value> {
  // Two halves: when the young one is full it becomes the old one, which is cheaper than to drop one by one.
  let young = new Map<string, Value>();
  let old = new Map<string, Value>();
  return {
    keep(name, value) {
      if (young.size >= least) {
        old = young;
        young = new Map();
      }
      young.set(name, value);
    },
    find: (name) => young.get(name) ?? old.get(name),
  };
}
