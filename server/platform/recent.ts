/** What this process has made lately and may be asked for again at once, kept under a name and forgotten in time. */

/** A memory of bounded size. */
export interface Recent<Value, Name = string> {
  readonly keep: (name: Name, value: Value) => void;
  readonly find: (name: Name) => Value | undefined;
}

/** Remembers at least the last `least` values and at most twice as many. */
export function openRecent<Value, Name = string>(least: number): Recent<Value, Name> {
  // Two halves: when the young one is full it becomes the old one, which is cheaper than to drop one by one.
  let young = new Map<Name, Value>();
  let old = new Map<Name, Value>();
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
