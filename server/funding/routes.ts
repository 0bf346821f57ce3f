/** How the world asks about money coming in: the signed-in person's top-ups, and the bank's notices. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Funding, Owner } from '#server/funding/funding.ts';
import type { Identity } from '#server/identity/identity.ts';
import { type Http, Nothing, refused } from '#server/platform/http.ts';
import { BankNotice } from '#shared/api/bank.ts';
import { TermsList, TopUp, TopUpList, TopUpRequest } from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';

/** What the routes need of identity. */
export type Visitors = Pick<Identity, 'requireSession' | 'person'>;

const ById = Type.Object({ id: Type.String({ maxLength: 36 }) });
const ByRegion = Type.Object({ region: Type.String({ pattern: '^[A-Z]{2}-[A-Z0-9]{1,3}$' }) });

/** Mounts the top-ups of the signed-in person and the bank's way in. */
export function fundingRoutes(app: Http, funding: Funding, identity: Visitors): void {
  app.post(
    '/top-ups',
    {
      schema: { body: TopUpRequest, response: { 202: TopUp } },
      config: { rateLimit: { max: 60, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const owner = await ownerOf(identity, request);
      if (!owner.ok) return refused(reply, owner.error);
      const kept = await funding.start(owner.value, request.body);
      return kept.ok ? reply.code(202).send(kept.value) : refused(reply, kept.error);
    },
  );
  app.get('/top-ups', { schema: { response: { 200: TopUpList } } }, async (request, reply) => {
    const owner = await ownerOf(identity, request);
    if (!owner.ok) return refused(reply, owner.error);
    return { topUps: await funding.list(owner.value) };
  });
  app.get('/top-ups/terms', { schema: { response: { 200: TermsList } } }, async (request, reply) => {
    const owner = await ownerOf(identity, request);
    if (!owner.ok) return refused(reply, owner.error);
    return { terms: await funding.terms(owner.value) };
  });
  app.get('/top-ups/:id', { schema: { params: ById, response: { 200: TopUp } } }, async (request, reply) => {
    const owner = await ownerOf(identity, request);
    if (!owner.ok) return refused(reply, owner.error);
    const id = readId(request.params.id);
    return answer(reply, id ? await funding.read(owner.value, id) : refuse({ code: 'request.not-found' }));
  });
  app.post(
    '/callbacks/bank-transfer',
    {
      schema: { body: BankNotice, querystring: ByRegion, response: { 204: Nothing } },
      config: { machine: true, rateLimit: { max: 6_000, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const taken = await funding.notice('bank-transfer', request.query.region, request.body);
      return taken.ok ? reply.code(204).send() : refused(reply, taken.error);
    },
  );
}

async function ownerOf(identity: Visitors, request: FastifyRequest): Promise<Result<Owner, Refusal>> {
  const session = await identity.requireSession(request);
  if (!session.ok) return session;
  const person = await identity.person(session.value.wallet);
  assert(person !== undefined, 'a session belongs to a person');
  return ok({ wallet: person.wallet, region: person.region, tier: person.tier });
}

function answer<Value>(reply: FastifyReply, result: Result<Value, Refusal>): Value | FastifyReply {
  return result.ok ? result.value : refused(reply, result.error);
}
