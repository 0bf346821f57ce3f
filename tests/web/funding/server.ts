/** A server an act of money meets in a test: the road to it passes, is cut, or loses the answers, and every question is noted. */
import type { Refusal } from '#shared/api/refusal.ts';
import { type Result, refuse } from '#shared/base/result.ts';
import { type Instant, instant } from '#shared/base/time.ts';
import type { ActNeeds } from '#web/funding/act.ts';
import type { Asked } from '#web/sync/client.ts';
import { openVault } from '#web/vault/vault.ts';

/** What a test turns and reads. */
export interface ActStage {
  road: 'open' | 'cut' | 'deaf';
  now: Instant;
  /** How often the balance was brought down. */
  synced: number;
  /** Every question, such as `GET /top-ups/:id`. */
  readonly asked: string[];
  readonly needs: ActNeeds;
}

/** A phone with an empty vault before a server that answers by `serve`. */
export function openActStage(serve: (request: Asked) => Result<unknown, Refusal>): ActStage {
  const stage: ActStage = {
    road: 'open',
    now: instant(Date.UTC(2026, 10, 23, 12)),
    synced: 0,
    asked: [],
    needs: {
      vault: openVault(`act-${crypto.randomUUID()}`),
      clock: () => stage.now,
      ask: async <Answer>(request: Asked) => {
        stage.asked.push(`${request.method} ${request.path.replace(/[0-9a-f-]{36}/, ':id')}`);
        if (stage.road === 'cut') return refuse({ code: 'house.unreachable' } as const);
        const answer = serve(request);
        return (stage.road === 'deaf' ? refuse({ code: 'house.unreachable' }) : answer) as Result<Answer, Refusal>;
      },
      sync: async () => {
        stage.synced += 1;
      },
      pause: async () => undefined,
    },
  };
  return stage;
}
