/**
 * One's own pay code as the screen shows it: a new one each minute, and the one before still answered for, since a payee
 * may have scanned it in its last moment.
 * Invariant: a code is good once. Whatever comes of what it brought, the next one shown is another.
 */
import type { Refusal } from '#shared/api/refusal.ts';
import { duration } from '#shared/base/time.ts';
import type { Frame } from '#shared/protocol/frame.ts';
import { broughtInvoice, drawPayCode, type ShownCode } from '#web/pay/pay-code.ts';
import type { PayerNeeds } from '#web/pay/payer.ts';

/** What the screen shows. */
export interface OwnCodeState {
  readonly shown?: ShownCode;
  /** Whole seconds until the next one. */
  readonly left: number;
  readonly refusal?: Refusal;
}

/** One's own code; follows the store contract of Svelte. */
export interface OwnCode {
  readonly subscribe: (listener: (state: OwnCodeState) => void) => () => void;
  /** Draws a code now: the first, or after what stood in the way is gone. */
  readonly draw: () => Promise<void>;
  /** To be called each second: renews the code when its minute is over and, with a network, answers what one has brought. */
  readonly beat: (hasNetwork: boolean) => Promise<Frame | undefined>;
}

const SECOND = duration(1, 's');

/** Opens it; nothing is drawn before the first beat. */
export function openOwnCode(needs: PayerNeeds): OwnCode {
  let state: OwnCodeState = { left: 0 };
  let before: ShownCode | undefined;
  let isDrawing = false;
  const listeners = new Set<(state: OwnCodeState) => void>();
  const show = (next: OwnCodeState) => {
    state = next;
    for (const listener of listeners) listener(state);
  };
  const leftOf = ({ endsAt }: ShownCode) => Math.max(0, Math.ceil((endsAt - needs.clock()) / SECOND));

  async function draw(): Promise<void> {
    if (isDrawing) return;
    isDrawing = true;
    const drawn = await drawPayCode(needs);
    isDrawing = false;
    if (!drawn.ok) return show({ ...state, left: 0, refusal: drawn.error });
    before = state.shown;
    show({ shown: drawn.value, left: leftOf(drawn.value) });
  }

  return {
    subscribe(listener) {
      listeners.add(listener);
      listener(state);
      return () => listeners.delete(listener);
    },
    draw,
    async beat(hasNetwork) {
      const left = state.shown ? leftOf(state.shown) : 0;
      if (left !== state.left) show({ ...state, left });
      if (left === 0 && !state.refusal) await draw();
      for (const code of hasNetwork ? [state.shown, before] : []) {
        const frame = code && (await broughtInvoice(needs, code.id));
        if (!frame) continue;
        before = undefined;
        show({ left: 0 });
        return frame;
      }
      return undefined;
    },
  };
}
