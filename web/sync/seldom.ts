/**
 * What a worker that writes without a pause tells of it: now and then, and of each index a few ranges or one. Dexie tells
 * every tab of each write at once and key by key, and hearing of a long past then costs a screen more than reading what it
 * shows.
 */

/** From one telling to the next at least: often enough for a screen that rests longer than this between two readings. */
const TOLD_EVERY_MS = 400;

/** So many keys of an index are told one by one (the settings of every write are few), more as the range they span. */
const APART_AT_MOST = 8;

/** What stands between two keys of an index, both of them included. */
interface Range {
  readonly from: IDBValidKey;
  readonly to: IDBValidKey;
}

/** Dexie's tree of ranges: `d` deep, smaller ones on the left, larger ones on the right. */
interface Tree extends Range {
  readonly d: number;
  readonly l?: Ranges | null;
  readonly r?: Ranges | null;
}

type Ranges = { readonly d: 0 } | Tree;

/** What a write changed, by the name Dexie gives each index of each table. */
type Changes = Readonly<Record<string, Ranges>>;

/** A channel that tells the first change at once and those that follow together. */
export class SeldomChannel extends BroadcastChannel {
  /** By index: ranges in order that do not touch. */
  readonly #held = new Map<string, readonly Range[]>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Tells `changes`, or holds them until the others of this moment are told. */
  override postMessage(changes: Changes): void {
    for (const [index, ranges] of Object.entries(changes)) {
      const all = [...(this.#held.get(index) ?? []), ...rangesOf(ranges)];
      if (all.length > 0) this.#held.set(index, few(inOrder(all)));
    }
    if (this.#timer === undefined) this.tellHeld();
  }

  /** Tells what is held now: whoever ends leaves nothing untold. */
  tellHeld(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#held.size === 0) return;
    const all = [...this.#held].map(([index, ranges]) => [index, treeOf(ranges)]);
    this.#held.clear();
    super.postMessage(Object.fromEntries(all));
    this.#timer = setTimeout(() => this.tellHeld(), TOLD_EVERY_MS);
  }
}

/** The ranges of a tree in their order. */
function rangesOf(tree: Ranges | null | undefined): Range[] {
  if (!tree || !('from' in tree)) return [];
  const { l, from, to, r } = tree;
  return [...rangesOf(l), { from, to }, ...rangesOf(r)];
}

/** The same keys in ranges that stand in order and do not touch. */
function inOrder(ranges: readonly Range[]): Range[] {
  const apart: Range[] = [];
  for (const next of ranges.toSorted((left, right) => indexedDB.cmp(left.from, right.from))) {
    const last = apart.at(-1);
    if (!last || indexedDB.cmp(last.to, next.from) < 0) apart.push(next);
    else if (indexedDB.cmp(last.to, next.to) < 0) apart[apart.length - 1] = { from: last.from, to: next.to };
  }
  return apart;
}

function few(ranges: readonly Range[]): readonly Range[] {
  const [first, last] = [ranges.at(0), ranges.at(-1)];
  return first && last && ranges.length > APART_AT_MOST ? [{ from: first.from, to: last.to }] : ranges;
}

/** Ranges in order as a tree: each has those before it on its left. */
function treeOf(ranges: readonly Range[]): Tree | null {
  return ranges.reduce<Tree | null>((l, range) => ({ ...range, d: (l?.d ?? 0) + 1, l, r: null }), null);
}
