/** The living state of the road to the server, for the pill: measured, never guessed. */

/**
 * `online`: a signed answer came quickly. `weak`: it came, but slowly. `offline`: none came.
 * `unknown`: nothing was measured yet.
 */
export type Road = 'unknown' | 'online' | 'weak' | 'offline';

/** What the pill shows. Times are milliseconds since the epoch. */
export interface LinkState {
  readonly road: Road;
  /** How long the last answer took, in milliseconds. */
  readonly latency?: number;
  readonly measuredAt?: number;
  readonly syncing: boolean;
  /** Whether bills of before are still being fetched (see feed.ts). */
  readonly fetching?: boolean;
  readonly syncedAt?: number;
  /** Why the last sync failed: a refusal's code. */
  readonly failed?: string;
}

type Listener = (state: LinkState) => void;

/** A value that tells its listeners; follows the store contract of Svelte, so `$link` works. */
export interface Link {
  readonly now: () => LinkState;
  readonly subscribe: (listener: Listener) => () => void;
  readonly change: (change: Partial<LinkState>) => void;
}

/** Makes a link that knows nothing yet. */
export function createLink(): Link {
  let state: LinkState = { road: 'unknown', syncing: false };
  const listeners = new Set<Listener>();
  return {
    now: () => state,
    subscribe(listener) {
      listeners.add(listener);
      listener(state);
      return () => listeners.delete(listener);
    },
    change(change) {
      state = { ...state, ...change };
      for (const listener of listeners) listener(state);
    },
  };
}

/** The app's link. */
export const link: Link = createLink();
