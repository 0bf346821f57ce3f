/**
 * The life of a top-up as one table of legal steps; whatever the table does not name changes nothing.
 * Invariant: nothing follows settled or declined, so late, repeated and contradicting words are harmless.
 */
import type { TopUpState } from '#shared/api/funding.ts';

/** ask: we are about to ask. silence: no answer in time. absent: the provider never heard of it. The rest are its words. */
export type Happening = 'ask' | 'silence' | 'absent' | 'pending' | 'settled' | 'declined';

const STEPS: Readonly<Record<TopUpState, Partial<Readonly<Record<Happening, TopUpState>>>>> = {
  started: { ask: 'asked', pending: 'pending', settled: 'settled', declined: 'declined' },
  asked: {
    ask: 'asked',
    silence: 'unknown',
    absent: 'unknown',
    pending: 'pending',
    settled: 'settled',
    declined: 'declined',
  },
  unknown: {
    ask: 'asked',
    silence: 'unknown',
    absent: 'unknown',
    pending: 'pending',
    settled: 'settled',
    declined: 'declined',
  },
  pending: { silence: 'pending', absent: 'unknown', pending: 'pending', settled: 'settled', declined: 'declined' },
  settled: {},
  declined: {},
};

/** The state after `happening` in `state`, or undefined when that is no legal step. */
export function stepOf(state: TopUpState, happening: Happening): TopUpState | undefined {
  return STEPS[state][happening];
}
