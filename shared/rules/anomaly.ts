/**
 * What is out of the ordinary about an act of money, and what is done about it: told, asked for a passkey each time, or
 * stopped until the owner has said that it was them. The terms are data of each region; the decision is here.
 */
import { after, type Duration, type Instant } from '#shared/base/time.ts';

/** What is looked at: a phone that is new, a region never paid before, many acts in a short time, a large sum. */
export const ANOMALY_RULES = ['new-device', 'new-region', 'burst', 'large'] as const;
/** What is looked at. */
export type AnomalyRule = (typeof ANOMALY_RULES)[number];

/** What is done, mildest first. alert: the owner is told; step-up: nothing goes without a proof; pause: nothing goes. */
export const ANOMALY_ANSWERS = ['alert', 'step-up', 'pause'] as const;
/** What is done. */
export type AnomalyAnswer = (typeof ANOMALY_ANSWERS)[number];

/** One line of a region's terms: so many acts and so much money within `window` (the one in question counts) are a hit. */
export interface AnomalyTerm {
  readonly rule: AnomalyRule;
  readonly answer: AnomalyAnswer;
  readonly window: Duration;
  /** At least so many acts; 0: the new phone itself, before anything is paid. */
  readonly countFrom: number;
  /** At least so much in all, in minor units of the region's currency. */
  readonly sumFrom: number;
}

/** An act of money as it is watched. `toRegion`: where the money goes. */
export interface WatchedAct {
  readonly at: Instant;
  readonly amount: number;
  readonly toRegion: string;
}

/** What was raised before. */
export interface RaisedBefore {
  readonly rule: AnomalyRule;
  readonly answer: AnomalyAnswer;
  readonly at: Instant;
  /** When the owner said that it was them. */
  readonly mineAt: Instant | undefined;
}

/** What is known of a wallet. */
export interface Habits {
  readonly home: string;
  /** Acts of a while, in any order. */
  readonly acts: readonly WatchedAct[];
  /** When the newest phone in use was enrolled; undefined while there is but the one the wallet was opened with. */
  readonly newDeviceAt: Instant | undefined;
  /** Other regions that were paid, and when first. */
  readonly regions: ReadonlyMap<string, Instant>;
  readonly raised: readonly RaisedBefore[];
}

/** What is out of the ordinary at `now`: the sternest line that is hit; undefined when none is, or the owner knows of it. */
export function anomalyAt<Term extends AnomalyTerm>(
  now: Instant,
  habits: Habits,
  terms: readonly Term[],
): Term | undefined {
  const hits = terms.filter((term) => isHit(now, habits, term) && !isKnown(now, habits, term));
  return hits.toSorted((one, other) => rank(other.answer) - rank(one.answer))[0];
}

function rank(answer: AnomalyAnswer): number {
  return ANOMALY_ANSWERS.indexOf(answer);
}

function isHit(now: Instant, habits: Habits, term: AnomalyTerm): boolean {
  const isLate = (at: Instant | undefined) => at !== undefined && at <= now && after(at, term.window) > now;
  const acts = habits.acts.filter(({ at }) => isLate(at));
  const seen = actsOf(term.rule, acts, habits, isLate);
  if (seen === undefined) return false;
  return seen.length >= term.countFrom && seen.reduce((sum, { amount }) => sum + amount, 0) >= term.sumFrom;
}

/** The acts a rule looks at; undefined when there is nothing it could be about. */
function actsOf(
  rule: AnomalyRule,
  acts: readonly WatchedAct[],
  { home, newDeviceAt, regions }: Habits,
  isLate: (at: Instant | undefined) => boolean,
): readonly WatchedAct[] | undefined {
  switch (rule) {
    case 'burst':
    case 'large':
      return acts;
    case 'new-device':
      return isLate(newDeviceAt) ? acts.filter(({ at }) => at >= (newDeviceAt ?? 0)) : undefined;
    case 'new-region': {
      const abroad = acts.filter(({ toRegion }) => toRegion !== home && isLate(regions.get(toRegion)));
      return abroad.length > 0 ? abroad : undefined;
    }
  }
}

/** Whether the same was raised, or said to be the owner's own doing, so lately that it need not be said again. */
function isKnown(now: Instant, { raised }: Habits, { rule, answer, window }: AnomalyTerm): boolean {
  return raised.some(
    (one) => one.rule === rule && rank(one.answer) >= rank(answer) && after(one.mineAt ?? one.at, window) > now,
  );
}
