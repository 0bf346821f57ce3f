/** Acts of money as a page shows them: one followed until its last word, or the newest that was open when it was last left. */
import type { Refusal } from '#shared/api/refusal.ts';
import type { Result } from '#shared/base/result.ts';
import type { ActNeeds, Follow } from '#web/funding/act.ts';
import { FUNDING } from '#web/funding/app.ts';
import type { TopUpRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

const LOOK_AGAIN_MS = 4_000;

/** One act; `row` is undefined until it is read, `refusal` what the last look met. */
export interface Followed {
  readonly row: TopUpRow | undefined;
  readonly refusal: Refusal | undefined;
  /** What one more look has found. */
  readonly told: (step: Result<TopUpRow, Refusal>) => void;
}

/**
 * Follows act `id` by `follow` from a component until it goes. What the phone holds is shown at once, but for an act that
 * is only kept where `keptWaits`: of that the server is asked first, or could not be.
 */
export function followed(id: () => string, follow: Follow, { keptWaits = false } = {}): Followed {
  let row = $state.raw<TopUpRow>();
  let refusal = $state.raw<Refusal>();
  const held = async (of: string, isFit: (kept: TopUpRow) => boolean) => {
    const kept = await FUNDING.vault.topUps.get(of);
    if (kept && isFit(kept)) row ??= kept;
  };
  const told = (step: Result<TopUpRow, Refusal>) => {
    refusal = step.ok ? undefined : step.error;
    if (step.ok) row = step.value;
  };
  $effect(() => {
    let stopped = false;
    const of = id();
    void held(of, (kept) => !stopped && !(keptWaits && kept.state === 'kept'));
    const heard = (step: Result<TopUpRow, Refusal>) => {
      told(step);
      if (!step.ok && keptWaits) void held(of, () => !stopped);
    };
    void follow(FUNDING, of, heard, () => stopped);
    return () => {
      stopped = true;
    };
  });
  return {
    get row() {
      return row;
    },
    get refusal() {
      return refusal;
    },
    told,
  };
}

/** Looks again and again while there is no network, from a component until it goes, so that it comes to life with one. */
export function lookWhileCut(isCut: () => boolean, look: () => Promise<unknown>): void {
  $effect(() => {
    const retry = setInterval(() => {
      if (isCut()) void look();
    }, LOOK_AGAIN_MS);
    return () => clearInterval(retry);
  });
}

/** The newest act that was open when the phone last knew: first as it was, then as it stands. */
export function leftOpen(
  held: (vault: Vault) => Promise<TopUpRow[]>,
  look: (needs: ActNeeds) => Promise<TopUpRow[]>,
): { readonly row: TopUpRow | undefined } {
  let row = $state.raw<TopUpRow>();
  $effect(() => {
    void (async () => {
      [row] = await held(FUNDING.vault);
      if (row) [row] = await look(FUNDING);
    })();
  });
  return {
    get row() {
      return row;
    },
  };
}
