/** How the world asks about money coming in and going out: the signed-in person's acts and cards, and the providers' notices. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Funding, Owner } from '#server/funding/funding.ts';
import type { Identity, Session } from '#server/identity/identity.ts';
import { type Http, Nothing, refused } from '#server/platform/http.ts';
import { BankNotice } from '#shared/api/bank.ts';
import {
  Card,
  CardList,
  CardRequest,
  TermsList,
  TopUp,
  TopUpList,
  TopUpRequest,
  Withdrawal,
  WithdrawalList,
  WithdrawalRequest,
  WithdrawalTermsList,
} from '#shared/api/funding.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { duration } from '#shared/base/time.ts';

/** What the routes need of identity. */
export type Visitors = Pick<Identity, 'requireSession' | 'person' | 'authorise'>;

/** How fresh the passkey must be for binding a card and charging one. */
const STEP_UP_FRESH = duration(5, 'min');

const ById = Type.Object({ id: Type.String({ maxLength: 36 }) });
const ByRegion = Type.Object({ region: Type.String({ pattern: '^[A-Z]{2}-[A-Z0-9]{1,3}$' }) });
/** Providers that send notices; a card network answers at once or not at all. */
const Notifying = Type.Object({
  channel: Type.Union([
    Type.Literal('bank-transfer'),
    Type.Literal('third-party'),
    Type.Literal('counter'),
    Type.Literal('payout'),
  ]),
});
const OFTEN = { rateLimit: { max: 60, timeWindow: '1 minute' } };

/** Mounts the top-ups, withdrawals and cards of the signed-in person, and the providers' way in. */
export function fundingRoutes(app: Http, funding: Funding, identity: Visitors): void {
  topUpRoutes(app, funding, identity);
  withdrawalRoutes(app, funding, identity);
  cardRoutes(app, funding, identity);
  app.post(
    '/callbacks/:channel',
    {
      schema: { params: Notifying, body: BankNotice, querystring: ByRegion, response: { 204: Nothing } },
      config: { machine: true, rateLimit: { max: 6_000, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const taken = await funding.notice(request.params.channel, request.query.region, request.body);
      return taken.ok ? reply.code(204).send() : refused(reply, taken.error);
    },
  );
}

function topUpRoutes(app: Http, funding: Funding, identity: Visitors): void {
  app.post(
    '/top-ups',
    { schema: { body: TopUpRequest, response: { 202: TopUp } }, config: OFTEN },
    async (request, reply) => {
      // Who pays by card is asked for the passkey: the other channels ask the person themselves.
      const owner = await ownerOf(identity, request, request.body.channel === 'credit-card');
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
}

function withdrawalRoutes(app: Http, funding: Funding, identity: Visitors): void {
  app.post(
    '/withdrawals',
    { schema: { body: WithdrawalRequest, response: { 202: Withdrawal } }, config: OFTEN },
    async (request, reply) => {
      const owner = await ownerOf(identity, request);
      if (!owner.ok) return refused(reply, owner.error);
      const stood = await standsFor(funding, identity, owner.value, request.body);
      if (!stood.ok) return refused(reply, stood.error);
      const kept = await funding.withdraw(owner.value, request.body);
      return kept.ok ? reply.code(202).send(kept.value) : refused(reply, kept.error);
    },
  );
  app.get('/withdrawals', { schema: { response: { 200: WithdrawalList } } }, async (request, reply) => {
    const owner = await ownerOf(identity, request);
    if (!owner.ok) return refused(reply, owner.error);
    return { withdrawals: await funding.listWithdrawals(owner.value) };
  });
  app.get('/withdrawals/terms', { schema: { response: { 200: WithdrawalTermsList } } }, async (request, reply) => {
    const owner = await ownerOf(identity, request);
    if (!owner.ok) return refused(reply, owner.error);
    return { terms: await funding.withdrawalTerms(owner.value) };
  });
  app.get('/withdrawals/:id', { schema: { params: ById, response: { 200: Withdrawal } } }, async (request, reply) => {
    const owner = await ownerOf(identity, request);
    if (!owner.ok) return refused(reply, owner.error);
    const id = readId(request.params.id);
    return answer(reply, id ? await funding.readWithdrawal(owner.value, id) : refuse({ code: 'request.not-found' }));
  });
}

function cardRoutes(app: Http, funding: Funding, identity: Visitors): void {
  const { cards } = funding;
  app.post(
    '/cards',
    { schema: { body: CardRequest, response: { 202: Card } }, config: OFTEN },
    async (request, reply) => {
      const owner = await ownerOf(identity, request, true);
      if (!owner.ok) return refused(reply, owner.error);
      const kept = await cards.bind(owner.value, request.body.id);
      return kept.ok ? reply.code(202).send(kept.value) : refused(reply, kept.error);
    },
  );
  app.get('/cards', { schema: { response: { 200: CardList } } }, async (request, reply) => {
    const owner = await ownerOf(identity, request);
    if (!owner.ok) return refused(reply, owner.error);
    return { cards: await cards.list(owner.value) };
  });
  const one = async (
    request: FastifyRequest<{ Params: { id: string } }>,
    fresh: boolean,
    act: (owner: Owner, id: Id) => Promise<Result<Card, Refusal>>,
  ): Promise<Result<Card, Refusal>> => {
    const owner = await ownerOf(identity, request, fresh);
    const id = readId(request.params.id);
    if (!owner.ok) return owner;
    return id ? act(owner.value, id) : refuse({ code: 'card.not-found' });
  };
  const schema = { params: ById, response: { 200: Card } };
  app.get('/cards/:id', { schema }, async (request, reply) => answer(reply, await one(request, false, cards.read)));
  app.put('/cards/:id/default', { schema }, async (request, reply) =>
    answer(reply, await one(request, false, cards.setDefault)),
  );
  app.delete('/cards/:id', { schema }, async (request, reply) => answer(reply, await one(request, true, cards.unbind)));
}

/** Money leaves by the person's word alone; who sends a withdrawal again is not asked again. */
async function standsFor(
  funding: Funding,
  identity: Visitors,
  owner: Visitor,
  asked: WithdrawalRequest,
): Promise<Result<unknown, Refusal>> {
  const id = readId(asked.id);
  if (!id) return refuse({ code: 'request.malformed' });
  if ((await funding.readWithdrawal(owner, id)).ok) return ok('kept');
  const { amount, currency, card: target, proof } = asked;
  return identity.authorise(owner.session, { id, act: 'withdrawal', amount, currency, target, proof });
}

interface Visitor extends Owner {
  readonly session: Session;
}

async function ownerOf(identity: Visitors, request: FastifyRequest, fresh = false): Promise<Result<Visitor, Refusal>> {
  const session = await identity.requireSession(request, fresh ? { stepUpWithin: STEP_UP_FRESH } : {});
  if (!session.ok) return session;
  const person = await identity.person(session.value.wallet);
  assert(person !== undefined, 'a session belongs to a person');
  const { wallet, region, tier, name } = person;
  return ok({ wallet, region, tier, name, session: session.value });
}

function answer<Value>(reply: FastifyReply, result: Result<Value, Refusal>): Value | FastifyReply {
  return result.ok ? result.value : refused(reply, result.error);
}
