/**
 * Support: why a person is held back and until when, their appeal and its answer; and the desk, where agents see cases
 * and two of them decide. Ids of appeals and cases are made by whoever begins and kept; sending again is the same act.
 */
import Type, { type Static } from 'typebox';
import { AlarmView, SecurityEvent } from '#shared/api/security.ts';
import { QuestionAnswer } from '#shared/api/security-question.ts';

const IdText = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Moment = Type.Integer({ minimum: 0 });
const Words = Type.String({ minLength: 1, maxLength: 500, pattern: '\\S' });

const oneOf = <const Names extends readonly string[]>(names: Names) =>
  Type.Unsafe<Names[number]>(Type.Union(names.map((name) => Type.Literal(name))));

/** What can hold a wallet back. Only ever appended to. */
export const HELD_REASONS = ['frozen', 'frozen-by-code', 'paused', 'watched', 'new-device', 'recovered'] as const;
/** What can hold a wallet back. */
export type HeldReason = (typeof HELD_REASONS)[number];

/** What support can take away again; the others end by themselves at their time. */
export const APPEALABLE = ['frozen', 'frozen-by-code', 'paused', 'watched'] as const satisfies readonly HeldReason[];

/** An appeal and what became of it: answered by `dueAt`; `answer` is what support says to it. */
export const AppealView = Type.Object({
  id: Type.String(),
  about: oneOf(APPEALABLE),
  words: Type.String(),
  state: oneOf(['open', 'granted', 'refused']),
  madeAt: Moment,
  dueAt: Moment,
  decidedAt: Type.Optional(Moment),
  answer: Type.Optional(Type.String()),
});
/** An appeal. */
export type AppealView = Static<typeof AppealView>;

/** Why a wallet is held back, since when and until when where that is known. */
export const Held = Type.Object({
  reason: oneOf(HELD_REASONS),
  since: Type.Optional(Moment),
  until: Type.Optional(Moment),
});
/** Why a wallet is held back. */
export type Held = Static<typeof Held>;

/** How a person stands: what holds them back, their newest appeal, how long an answer takes at most; `agent`: they work at the desk. */
export const Standing = Type.Object({
  held: Type.Array(Held),
  appeal: Type.Optional(AppealView),
  answerMs: Type.Integer({ minimum: 1 }),
  agent: Type.Boolean(),
});
/** How a person stands. */
export type Standing = Static<typeof Standing>;

/** An appeal in the person's own words. */
export const AppealRequest = Type.Object({ id: IdText, about: oneOf(APPEALABLE), words: Words });
/** An appeal. */
export type AppealRequest = Static<typeof AppealRequest>;

/** What agents may do: look into cases and decide them, or stand in for a factor of a forgotten password. */
export const AGENT_ROLES = ['cases', 'recovery'] as const;
/** What an agent may do. */
export type AgentRole = (typeof AGENT_ROLES)[number];

/**
 * A case on the desk. `who`: the person's name, veiled. `reason`: what holds them back (an appeal), the rule that was hit
 * (an alarm), or why a recovery was opened. `first`: who spoke first and what they said; a second, other one decides.
 */
export const DeskCase = Type.Object({
  id: Type.String(),
  kind: oneOf(['appeal', 'alarm', 'recovery']),
  state: oneOf(['open', 'granted', 'refused', 'answered']),
  who: Type.String(),
  reason: Type.String(),
  openedAt: Moment,
  dueAt: Moment,
  first: Type.Optional(
    Type.Object({
      name: Type.String(),
      outcome: oneOf(['granted', 'refused']),
      answer: Type.String(),
      own: Type.Boolean(),
    }),
  ),
});
/** A case on the desk. */
export type DeskCase = Static<typeof DeskCase>;

/** Who sits at the desk, and what waits there: what is due first, then what was decided of late. */
export const DeskList = Type.Object({
  name: Type.String(),
  roles: Type.Array(oneOf(AGENT_ROLES)),
  cases: Type.Array(DeskCase),
});
/** What waits at the desk. */
export type DeskList = Static<typeof DeskList>;

/**
 * Somebody as the desk may see them: no more than is needed to tell two people apart. `question`: what a caller may be
 * asked; the answer is shown to nobody.
 */
export const DeskPerson = Type.Object({
  wallet: Type.String(),
  name: Type.String(),
  phone: Type.String(),
  tier: Type.String(),
  since: Moment,
  question: Type.Optional(Type.String()),
});
/** Somebody as the desk may see them. */
export type DeskPerson = Static<typeof DeskPerson>;

/** A case with its context: what the person wrote, what holds them back, what happened, their phones and alarms. No balance, no secret. */
export const DeskFile = Type.Object({
  case: DeskCase,
  words: Type.Optional(Type.String()),
  answer: Type.Optional(Type.String()),
  person: DeskPerson,
  held: Type.Array(Held),
  alarms: Type.Array(AlarmView),
  events: Type.Array(SecurityEvent),
  devices: Type.Array(Type.Object({ name: Type.String(), createdAt: Moment, revokedAt: Type.Optional(Moment) })),
});
/** A case with its context. */
export type DeskFile = Static<typeof DeskFile>;

/** What an agent says to a case, and in which words it is told to the person. */
export const DeskDecision = Type.Object({ outcome: oneOf(['granted', 'refused']), answer: Words });
/** What an agent says to a case. */
export type DeskDecision = Static<typeof DeskDecision>;

/** Finds whoever is on the telephone by their number. */
export const DeskFind = Type.Object({ phone: Type.String({ minLength: 1, maxLength: 32 }) });

/** Opens a recovery for somebody who cannot prove two factors. */
export const DeskRecovery = Type.Object({ id: IdText, wallet: IdText, why: Words });
/** Opens a recovery. */
export type DeskRecovery = Static<typeof DeskRecovery>;

/** What a caller answered to their security question. */
export const DeskHint = Type.Object({ wallet: IdText, answer: QuestionAnswer });
/** What a caller answered. */
export type DeskHint = Static<typeof DeskHint>;

/** Whether it is what the owner once wrote: a hint to the agent, and nothing more. */
export const DeskHintAnswer = Type.Object({ match: Type.Boolean() });
/** Whether it matches. */
export type DeskHintAnswer = Static<typeof DeskHintAnswer>;
