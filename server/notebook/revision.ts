/**
 * Revisions: where an edit grows on the tree of what was written before it (pouchdb-merge), and what of that tree is told.
 * Invariant: the same edit of the same revision has the same name wherever it is made, so that it is one edit.
 */
import { createHash } from 'node:crypto';
import {
  collectLeaves,
  isDeleted,
  merge,
  type RevisionNode,
  type RevisionTree,
  rootToLeaf,
  traverseRevTree,
  winningRev,
} from 'pouchdb-merge';

export type { RevisionTree } from 'pouchdb-merge';

/** How a document came about, newest first: the protocol's `_revisions`. */
export interface History {
  readonly start: number;
  readonly ids: readonly string[];
}

/** One leaf: the newest word of one line of edits. */
export interface Leaf {
  readonly revision: string;
  readonly deleted: boolean;
}

/** A copy may bear a number alone (`1-`), as other programs have written it. */
const REVISION = /^([1-9]\d{0,14})-(.{0,200})$/su;

/** `3-abc` in its two parts; undefined when it is no revision. */
export function readRevision(text: string): { readonly generation: number; readonly id: string } | undefined {
  const [, generation, id] = REVISION.exec(text) ?? [];
  return generation === undefined || id === undefined ? undefined : { generation: Number(generation), id };
}

/** The name of an edit: by what it says and what it stands on. */
export function nameEdit(parent: string | undefined, deleted: boolean, content: unknown): string {
  const generation = parent === undefined ? 0 : (readRevision(parent)?.generation ?? 0);
  // The protocol names revisions by a digest of this length; nothing is secured by it.
  const digest = createHash('md5').update(JSON.stringify([parent ?? null, deleted, content]));
  return `${generation + 1}-${digest.digest('hex')}`;
}

/** A tree of one line: the newest of `history`, and below it what it stands on. */
export function branchOf({ start, ids }: History, deleted: boolean): RevisionTree {
  let node: RevisionNode | undefined;
  for (const [at, id] of ids.entries()) {
    node = at === 0 ? [id, known('available', deleted), []] : [id, known('missing', false), node ? [node] : []];
  }
  return { pos: start - ids.length + 1, ids: node ?? ['', known('missing', false), []] };
}

function known(status: 'available' | 'missing', deleted: boolean) {
  return deleted ? { status, deleted } : { status };
}

/** `trees` with `branch` grown on, at most `depth` revisions deep, and how it grew. */
export function grow(trees: readonly RevisionTree[], branch: RevisionTree, depth: number) {
  const { tree, conflicts, stemmedRevs } = merge(trees, branch, depth);
  return { trees: tree, how: conflicts, forgotten: stemmedRevs ?? [] };
}

/** The revision everybody agrees on without asking anybody. */
export function winnerOf(trees: readonly RevisionTree[]): Leaf {
  const revision = winningRev({ rev_tree: trees });
  return { revision, deleted: isDeleted({ rev_tree: trees }, revision) };
}

/** Every leaf, the winner first, then the others as they would win. */
export function leavesOf(trees: readonly RevisionTree[]): Leaf[] {
  const winner = winnerOf(trees);
  const others = collectLeaves(trees)
    .map(({ rev, opts }) => ({ revision: rev, deleted: opts.deleted === true }))
    .filter(({ revision }) => revision !== winner.revision);
  return [winner, ...others.sort(byRank)];
}

function byRank(left: Leaf, right: Leaf): number {
  if (left.deleted !== right.deleted) return left.deleted ? 1 : -1;
  const [a, b] = [readRevision(left.revision), readRevision(right.revision)];
  const apart = (b?.generation ?? 0) - (a?.generation ?? 0);
  return apart === 0 ? ((b?.id ?? '') > (a?.id ?? '') ? 1 : -1) : apart;
}

/** How `revision` came about; undefined when the trees do not know it. */
export function historyOf(trees: readonly RevisionTree[], revision: string): History | undefined {
  const wanted = readRevision(revision);
  if (!wanted) return undefined;
  for (const { pos, ids } of rootToLeaf(trees)) {
    const at = wanted.generation - pos;
    if (at < 0 || ids[at]?.id !== wanted.id) continue;
    return {
      start: wanted.generation,
      ids: ids
        .slice(0, at + 1)
        .map(({ id }) => id)
        .reverse(),
    };
  }
  return undefined;
}

/** The leaves that grew out of `revision`, or itself when it is one. */
export function newestOf(trees: readonly RevisionTree[], revision: string): string[] {
  const wanted = readRevision(revision);
  if (!wanted) return [];
  const found = new Set<string>();
  for (const { pos, ids } of rootToLeaf(trees)) {
    if (ids[wanted.generation - pos]?.id !== wanted.id) continue;
    found.add(`${pos + ids.length - 1}-${ids.at(-1)?.id}`);
  }
  return [...found];
}

/** Every revision the trees know of. */
export function revisionsIn(trees: readonly RevisionTree[]): string[] {
  const found: string[] = [];
  traverseRevTree(trees, (_isLeaf, pos, id) => found.push(`${pos}-${id}`));
  return found;
}
