/**
 * Support: people who are held back learn why and can appeal, agents look into it and two of them decide, and what is out
 * of the ordinary about people's money comes to the desk by itself.
 */
import { answerAlarmCase, appeal, openAlarmCase, standingOf } from '#server/support/appeal.ts';
import { type DeskRoom, openDesk } from '#server/support/desk.ts';
import type { Owner, SupportParts } from '#server/support/parts.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { AppealRequest, Standing } from '#shared/api/support.ts';
import type { Result } from '#shared/base/result.ts';

export { agentCommand } from '#server/support/agent-command.ts';
export { watchPaid } from '#server/support/paid.ts';

/** The front door. */
export interface Support {
  /** Why a person is held back, and how their appeal stands. */
  readonly standing: (owner: Owner) => Promise<Standing>;
  /** Refusals: `appeal.nothing`, `appeal.open`, `appeal.too-many`, `appeal.id-reused`. */
  readonly appeal: (owner: Owner, asked: AppealRequest) => Promise<Result<Standing, Refusal>>;
  readonly desk: DeskRoom;
}

/** Opens support on a migrated database. */
export function openSupport(parts: SupportParts): Support {
  parts.identity.watch.onAlarm(openAlarmCase);
  parts.identity.watch.onAnswered(answerAlarmCase);
  return {
    standing: (owner) => standingOf(parts, owner),
    appeal: (owner, asked) => appeal(parts, owner, asked),
    desk: openDesk(parts),
  };
}
