/** What can happen to money on its way in or out: each way x each story of its provider, and the ends that are right. */
import type { Way } from '#server/funding/funding.ts';
import { CARD_STORIES, type CardStory, RETURNS, STORIES, type Story } from '#server/sandbox/story.ts';

/** Every way for money to come in and out. */
export const WAYS = ['bank-transfer', 'third-party', 'counter', 'credit-card', 'payout'] as const;

/** One way things can go at a provider: what is asked for, and how it may end. */
export interface Plot {
  readonly way: Way;
  readonly amount: number;
  readonly name: string;
  /** What the person does on a pay page, or the teller. */
  readonly choice?: 'pay' | 'cancel';
  /** Comes back after it arrived, whether the house has heard of it or not. */
  readonly isSentBack?: boolean;
  /** Waits for the tester of a bank. */
  readonly byHand?: boolean;
  /** The ends that are right, the story's own first; a charge of which the answer was not heard is reversed. */
  readonly ends: readonly [string, ...string[]];
}

const endOf = ({ end, reason, returned }: Story): string => {
  if (returned) return `returned ${returned.reason}`;
  return end === 'ACSC' ? 'settled' : `declined ${reason}`;
};
const isUnheard = ({ returned }: Story) => returned !== undefined && !returned.told;
const plotOf = (way: Way, story: Story, more: Partial<Plot> = {}): Plot => ({
  way,
  amount: 100_00 + story.digits,
  name: `${way}: ${story.en}`,
  byHand: story.decided === undefined,
  isSentBack: story.returned !== undefined,
  // A return whose notice is lost is found by the statement of the day: see statements.test.ts.
  ends: isUnheard(story) ? ['settled', endOf(story)] : [endOf(story)],
  ...more,
});

/** A process that stood still hears a late answer before it knows that its patience is over: then it has heard it. */
function chargeEnds(heard: string, answer: CardStory['answer']): Plot['ends'] {
  if (answer === undefined) return [heard, 'declined 68'];
  return answer === 'late' ? ['declined 68', heard] : ['declined 68'];
}

/** Every plot of every way. */
export const PLOTS: readonly Plot[] = [
  ...STORIES.map((story) => plotOf('bank-transfer', story)),
  ...(['third-party', 'counter'] as const).flatMap((way) => [
    ...STORIES.map((story) => plotOf(way, story, { choice: 'pay', byHand: false })),
    { way, amount: 100_00, name: `${way}: cancelled`, choice: 'cancel', ends: ['declined DS02'] } as const,
  ]),
  ...[...STORIES, ...RETURNS].map((story) => plotOf('payout', story)),
  ...CARD_STORIES.map(({ digits, en, code, answer }): Plot => {
    const heard = code === '00' ? 'settled' : `declined ${code}`;
    return { way: 'credit-card', amount: 100_00 + digits, name: `credit card: ${en}`, ends: chargeEnds(heard, answer) };
  }),
];

/** With every notice lost nobody tells of a return either: that too is found by the statement of the day. */
export const unheardOf = (plot: Plot): Plot => (plot.isSentBack ? { ...plot, ends: [...plot.ends, 'settled'] } : plot);
