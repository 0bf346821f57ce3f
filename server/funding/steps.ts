/**
 * The life of a top-up or a withdrawal as one table of legal steps; whatever the table does not name changes nothing.
 * Invariant: nothing follows declined or returned, and nothing but a return follows settled, so late, repeated and
 * contradicting words are harmless.
 */
import type { TopUpState } from '#shared/api/funding.ts';

/** ask: we are about to ask. silence: no answer in time. absent: the provider never heard of it. The rest are its words. */
export type Happening = 'ask' | 'silence' | 'absent' | 'pending' | 'settled' | 'declined' | 'returned';

const STEPS: Readonly<Record<TopUpState, Partial<Readonly<Record<Happening, TopUpState>>>>> = {
  started: { ask: 'asked', pending: 'pending', settled: 'settled', declined: 'declined', returned: 'returned' },
  asked: {
    ask: 'asked',
    silence: 'unknown',
    absent: 'unknown',
    pending: 'pending',
    settled: 'settled',
    declined: 'declined',
    returned: 'returned',
  },
  unknown: {
    ask: 'asked',
    silence: 'unknown',
    absent: 'unknown',
    pending: 'pending',
    settled: 'settled',
    declined: 'declined',
    returned: 'returned',
  },
  pending: {
    silence: 'pending',
    absent: 'unknown',
    pending: 'pending',
    settled: 'settled',
    declined: 'declined',
    returned: 'returned',
  },
  settled: { returned: 'returned' },
  declined: {},
  returned: {},
};

/** The state after `happening` in `state`, or undefined when that is no legal step. */
export function stepOf(state: TopUpState, happening: Happening): TopUpState | undefined {
  return STEPS[state][happening];
}
