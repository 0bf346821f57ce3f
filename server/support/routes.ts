/**
 * How the world asks about support: the person who is held back, and the desk. Whoever does not work there hears that
 * there is no such thing.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Identity, Session } from '#server/identity/identity.ts';
import { STEP_UP_FRESH } from '#server/identity/identity.ts';
import { type Http, refused } from '#server/platform/http.ts';
import type { Agent } from '#server/support/desk.ts';
import type { Support } from '#server/support/support.ts';
import { IdParams } from '#shared/api/identity.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import {
  AppealRequest,
  DeskDecision,
  DeskFile,
  DeskFind,
  DeskHint,
  DeskHintAnswer,
  DeskList,
  DeskPerson,
  DeskRecovery,
  Standing,
} from '#shared/api/support.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import type { Duration } from '#shared/base/time.ts';

type Doors = Pick<Identity, 'requireSession'>;

/** Mounts the person's own side and the desk. */
export function supportRoutes(app: Http, support: Support, identity: Doors): void {
  personRoutes(app, support, identity);
  deskRoutes(app, support, identity);
}

function personRoutes(app: Http, support: Support, identity: Doors): void {
  const answers = { response: { 200: Standing } };
  app.get('/support/standing', { schema: answers }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await support.standing(session.value) : refused(reply, session.error);
  });
  app.post<{ Body: AppealRequest }>(
    '/support/appeals',
    { schema: { body: AppealRequest, ...answers } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      return answer(reply, await support.appeal(session.value, request.body));
    },
  );
}

function deskRoutes(app: Http, { desk }: Support, identity: Doors): void {
  /** Does `act` for an agent; whoever is none learns that before anything else. */
  const as =
    <Request extends FastifyRequest, Answer>(
      within: Duration | undefined,
      act: (agent: Agent, request: Request) => Promise<Result<Answer, Refusal>>,
    ) =>
    async (request: Request, reply: FastifyReply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      const agent = await desk.agentOf(session.value);
      if (!agent.ok) return refused(reply, agent.error);
      const fresh: Result<Session, Refusal> =
        within === undefined ? session : await identity.requireSession(request, { stepUpWithin: within });
      return fresh.ok ? answer(reply, await act(agent.value, request)) : refused(reply, fresh.error);
    };
  const list = { response: { 200: DeskList } };
  app.get(
    '/desk',
    { schema: list },
    as(undefined, async (agent) => ok(await desk.list(agent))),
  );
  app.get<{ Params: { id: Id } }>(
    '/desk/cases/:id',
    { schema: { params: IdParams, response: { 200: DeskFile } } },
    as(STEP_UP_FRESH, (agent, request) => desk.file(agent, request.params.id)),
  );
  app.post<{ Params: { id: Id }; Body: DeskDecision }>(
    '/desk/cases/:id/decision',
    { schema: { params: IdParams, body: DeskDecision, ...list } },
    as(STEP_UP_FRESH, (agent, request) => desk.decide(agent, request.params.id, request.body)),
  );
  app.post<{ Body: { phone: string } }>(
    '/desk/find',
    { schema: { body: DeskFind, response: { 200: DeskPerson } } },
    as(STEP_UP_FRESH, (agent, request) => desk.find(agent, request.body.phone)),
  );
  app.post<{ Body: DeskHint }>(
    '/desk/hints',
    { schema: { body: DeskHint, response: { 200: DeskHintAnswer } } },
    as(STEP_UP_FRESH, (agent, request) => desk.hint(agent, request.body)),
  );
  app.post<{ Body: DeskRecovery }>(
    '/desk/recoveries',
    { schema: { body: DeskRecovery, ...list } },
    as(STEP_UP_FRESH, (agent, request) => desk.openRecovery(agent, request.body)),
  );
}

function answer<Answer>(reply: FastifyReply, result: Result<Answer, Refusal>): Answer | FastifyReply {
  return result.ok ? result.value : refused(reply, result.error);
}
