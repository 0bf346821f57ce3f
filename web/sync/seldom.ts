/**
 * What a worker that writes without a pause tells of it: now and then, and of each index one range. Dexie tells every tab
 * of each write at once and key by key, and hearing of a long past then costs a screen more than reading what it shows.
 */

/** From one telling to the next at least: often enough for a screen that rests longer than this between two readings. */
const TOLD_EVERY_MS = 400;

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
  readonly #held = new Map<string, Range>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Tells `changes`, or holds them until the others of this moment are told. */
  override postMessage(changes: Changes): void {
    for (const [index, ranges] of Object.entries(changes)) {
      const range = hullOf(ranges);
      const held = this.#held.get(index);
      if (range) this.#held.set(index, held ? joined(held, range) : range);
    }
    if (this.#timer === undefined) this.tellHeld();
  }

  /** Tells what is held now: whoever ends leaves nothing untold. */
  tellHeld(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#held.size === 0) return;
    const all = [...this.#held].map(([index, range]) => [index, { ...range, d: 1, l: null, r: null }]);
    this.#held.clear();
    super.postMessage(Object.fromEntries(all));
    this.#timer = setTimeout(() => this.tellHeld(), TOLD_EVERY_MS);
  }
}

/** From the least key of a tree to its greatest. */
function hullOf(ranges: Ranges): Range | undefined {
  if (!('from' in ranges)) return undefined;
  return { from: outermost(ranges, 'l').from, to: outermost(ranges, 'r').to };
}

function outermost(tree: Tree, side: 'l' | 'r'): Range {
  const next = tree[side];
  return next && 'from' in next ? outermost(next, side) : tree;
}

function joined(one: Range, other: Range): Range {
  return {
    from: indexedDB.cmp(one.from, other.from) <= 0 ? one.from : other.from,
    to: indexedDB.cmp(one.to, other.to) >= 0 ? one.to : other.to,
  };
}
