/** The steps of paying at a counter, as a table: which step follows which, and what each shows. */
import type { Refusal } from '#shared/api/refusal.ts';
import type { Frame } from '#shared/protocol/frame.ts';
import { type Offer, type PayerNeeds, type Plan, pay, planPayment, readOffer } from '#web/pay/payer.ts';
import { type RoadTaken, takeRoads } from '#web/pay/road.ts';
import type { PaymentRow } from '#web/vault/rows.ts';

/** Where the payer stands. */
export type Step = 'scanning' | 'checking' | 'sheet' | 'paying' | 'code' | 'refused';
/** What can happen. */
export type Happening = 'scanned' | 'offered' | 'confirmed' | 'kept' | 'travelled' | 'refused' | 'again';

/** The only ways from step to step; anything else that happens there is ignored (a second tap, a second scan). */
export const STEPS: Readonly<Record<Step, Partial<Record<Happening, Step>>>> = {
  scanning: { scanned: 'checking' },
  checking: { offered: 'sheet', kept: 'code', refused: 'refused' },
  sheet: { confirmed: 'paying', again: 'scanning' },
  paying: { kept: 'code', refused: 'refused' },
  code: { travelled: 'code', again: 'scanning' },
  refused: { again: 'scanning' },
};

/** What the screen shows. */
export interface CounterState {
  readonly step: Step;
  readonly offer?: Offer;
  readonly plan?: Plan;
  readonly row?: PaymentRow;
  /** Of a payment just made: the road it is on. */
  readonly road?: RoadTaken;
  readonly refusal?: Refusal;
}

/** The payer's side of a counter; follows the store contract of Svelte. */
export interface Counter {
  readonly subscribe: (listener: (state: CounterState) => void) => () => void;
  /** A message the camera, a picture or the clipboard gave. */
  readonly scanned: (frame: Frame) => Promise<void>;
  /** The person says yes. */
  readonly confirmed: () => Promise<void>;
  /** Back to the camera. */
  readonly again: () => void;
}

/** Opens a counter at its first step. */
export function openCounter(needs: PayerNeeds): Counter {
  let state: CounterState = { step: 'scanning' };
  const listeners = new Set<(state: CounterState) => void>();
  const happen = (what: Happening, news: Omit<CounterState, 'step'> = {}): boolean => {
    const step = STEPS[state.step][what];
    if (!step) return false;
    state = what === 'again' ? { step } : { ...state, ...news, step };
    for (const listener of listeners) listener(state);
    return true;
  };
  return {
    subscribe(listener) {
      listeners.add(listener);
      listener(state);
      return () => listeners.delete(listener);
    },
    async scanned(frame) {
      if (!happen('scanned')) return;
      const offer = await readOffer(needs, frame);
      if (!offer.ok) return void happen('refused', { refusal: offer.error });
      const plan = await planPayment(needs, offer.value);
      if (!plan.ok) return void happen('refused', { offer: offer.value, refusal: plan.error });
      if (plan.value.kind === 'again') return void happen('kept', { offer: offer.value, row: plan.value.row });
      happen('offered', { offer: offer.value, plan: plan.value });
    },
    async confirmed() {
      const { offer, plan } = state;
      if (!offer || !plan || !happen('confirmed')) return;
      const paid = await pay(needs, offer, plan);
      if (!paid.ok) return void happen('refused', { refusal: paid.error });
      happen('kept', { row: paid.value });
      // The faster road, at the same time as the code: the same signed payment, so never a second one.
      void takeRoads(needs, (road) => {
        if (state.row?.id === paid.value.id) happen('travelled', { road });
      });
    },
    again: () => void happen('again'),
  };
}
