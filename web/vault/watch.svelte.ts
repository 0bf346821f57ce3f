/** A question to the vault that is answered again whenever what it read has changed. */
import { followVault } from '#web/vault/follow.ts';
import { isSame } from '#web/vault/same.ts';

/** The newest answer, and whether there is one yet. */
export interface Watched<Value> {
  readonly state: 'reading' | 'ready' | 'failed';
  readonly value: Value | undefined;
}

/**
 * Watches the vault from a component until it goes. `question` is asked again when the runes it reads change;
 * the reading it returns, when the stores it read change.
 */
export function watch<Value>(question: () => () => Promise<Value>): Watched<Value> {
  let now = $state.raw<Watched<Value>>({ state: 'reading', value: undefined });
  $effect(() => {
    let isAnswered = false;
    return followVault(question(), {
      next(value) {
        // While a long past comes, the same question gets the same answer every two seconds.
        if (isAnswered && now.state === 'ready' && isSame(now.value, value)) return;
        isAnswered = true;
        now = { state: 'ready', value };
      },
      error() {
        now = { state: 'failed', value: now.value };
      },
    });
  });
  return {
    get state() {
      return now.state;
    },
    get value() {
      return now.value;
    },
  };
}
