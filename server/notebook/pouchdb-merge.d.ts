/** What pouchdb-merge gives of itself; it ships no types. */
declare module 'pouchdb-merge' {
  /** One revision of a tree: its hash, what is known of it, and what grew on it. */
  export type RevisionNode = readonly [
    id: string,
    known: { readonly status: 'available' | 'missing'; readonly deleted?: boolean },
    children: readonly RevisionNode[],
  ];
  /** A tree whose first revision has the generation `pos`. */
  export interface RevisionTree {
    readonly pos: number;
    readonly ids: RevisionNode;
  }
  export interface Grown {
    readonly rev_tree: readonly RevisionTree[];
  }
  export function merge(
    trees: readonly RevisionTree[],
    branch: RevisionTree,
    depth: number,
  ): {
    readonly tree: readonly RevisionTree[];
    readonly conflicts: 'new_leaf' | 'new_branch' | 'internal_node';
    readonly stemmedRevs?: readonly string[];
  };
  export function winningRev(document: Grown): string;
  export function isDeleted(document: Grown, revision?: string): boolean;
  export function collectLeaves(
    trees: readonly RevisionTree[],
  ): { readonly rev: string; readonly pos: number; readonly opts: { readonly deleted?: boolean } }[];
  export function collectConflicts(document: Grown): string[];
  export function compactTree(document: Grown): string[];
  export function revExists(trees: readonly RevisionTree[], revision: string): boolean;
  export function rootToLeaf(trees: readonly RevisionTree[]): {
    readonly pos: number;
    readonly ids: readonly {
      readonly id: string;
      readonly opts: { readonly status: string; readonly deleted?: boolean };
    }[];
  }[];
  export function traverseRevTree(
    trees: readonly RevisionTree[],
    visit: (isLeaf: boolean, pos: number, id: string) => void,
  ): void;
}
