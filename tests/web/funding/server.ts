/**
 * A server an act of money meets in a test, and the phone before it: the road passes, is cut, or loses the answers; the
 * server says no, or tells how the act goes on; every question is noted.
 */
import type { TopUp, Withdrawal } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Instant, instant } from '#shared/base/time.ts';
import type { ActNeeds, Follow } from '#web/funding/act.ts';
import type { Asked } from '#web/sync/client.ts';
import { openVault } from '#web/vault/vault.ts';

/** What a test turns and reads. */
export interface ActStage<Act extends TopUp | Withdrawal> {
  road: 'open' | 'cut' | 'deaf';
  now: Instant;
  /** What the server says no to every new act with. */
  refusal: Refusal | undefined;
  /** How the server tells the act to stand, a word a look; then it stays as it is. */
  words: Act['state'][];
  /** The acts the server holds. */
  readonly held: Map<string, Act>;
  /** How often the balance was brought down. */
  synced: number;
  /** Every question, such as `GET /top-ups/:id`. */
  readonly asked: string[];
  readonly needs: ActNeeds;
  /** How act `id` stands on the phone. */
  readonly stateOf: (id: string) => Promise<string | undefined>;
  /** What a page is told of act `id` until its last word, or until it has heard `looks` of them. */
  readonly follow: (id: string, looks?: number) => Promise<string[]>;
}

/** What differs between top-ups and withdrawals. */
export interface ActDoor<Act extends TopUp | Withdrawal> {
  readonly path: '/top-ups' | '/withdrawals';
  readonly terms: object;
  /** A new act as the server takes it from a body, or will not. */
  readonly take: (body: unknown) => Result<Act, Refusal>;
  readonly follow: Follow;
  /** Why an act ended in `state`. */
  readonly reasonOf: (state: Act['state']) => string | undefined;
}

/** A phone with an empty vault before a server behind `door`. */
export function openActStage<Act extends TopUp | Withdrawal>(door: ActDoor<Act>): ActStage<Act> {
  function serve({ method, path, body }: Asked): Result<unknown, Refusal> {
    if (path === `${door.path}/terms`) return ok({ terms: [door.terms] });
    if (method === 'POST') {
      if (stage.refusal) return refuse(stage.refusal);
      const { id } = body as { id: string };
      const act = stage.held.get(id);
      const taken: Result<Act, Refusal> = act ? ok(act) : door.take(body);
      if (taken.ok) stage.held.set(id, taken.value);
      return taken;
    }
    const act = stage.held.get(path.split('/')[2] ?? '');
    if (!act) return refuse({ code: 'request.not-found' });
    const state = stage.words.shift() ?? act.state;
    const reason = door.reasonOf(state);
    stage.held.set(act.id, { ...act, state, ...(reason ? { reason } : {}) });
    return ok(stage.held.get(act.id));
  }
  const stage: ActStage<Act> = {
    road: 'open',
    now: instant(Date.UTC(2026, 10, 23, 12)),
    refusal: undefined,
    words: [],
    held: new Map(),
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
    stateOf: async (id) => (await stage.needs.vault.topUps.get(id))?.state,
    follow: async (id, looks = 20) => {
      const told: string[] = [];
      await door.follow(
        stage.needs,
        id,
        (step) => told.push(step.ok ? step.value.state : step.error.code),
        () => told.length >= looks,
      );
      return told;
    },
  };
  return stage;
}
