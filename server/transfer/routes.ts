/**
 * How the world asks about money between people. Whoever looks is a signed-in person or their phone; whoever says
 * something is a person, and stands for what moves money by a proof.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Identity, Session } from '#server/identity/identity.ts';
import { type Http, refused } from '#server/platform/http.ts';
import type { Transfers } from '#server/transfer/transfer.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import {
  Address,
  Ask,
  AskRequest,
  Claim,
  ClaimAnswer,
  ClaimRequest,
  DeclineRequest,
  FindRequest,
  NicknameRequest,
  NicknameView,
  Split,
  SplitRequest,
  TransferFeed,
  TransferParams,
} from '#shared/api/transfer.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { type Result, refuse } from '#shared/base/result.ts';

/** Tries to find somebody in a minute: a person types a number or two; the region bounds the day as well. */
const FINDS_A_MINUTE = 10;
const ACTS_A_MINUTE = 30;
const acts = { rateLimit: { max: ACTS_A_MINUTE, timeWindow: '1 minute' } };

type Visitors = Pick<Identity, 'requireSession' | 'deviceOf'>;
type ById = { Params: TransferParams };

/** Mounts everything under /transfers. */
export function transferRoutes(app: Http, transfers: Transfers, identity: Visitors): void {
  findRoutes(app, transfers, identity);
  askRoutes(app, transfers, identity);
  claimRoutes(app, transfers, identity);
  app.get('/transfers', { schema: { response: { 200: TransferFeed } } }, async (request, reply) => {
    const isSigned = request.headers.authorization?.startsWith('Device ') === true;
    const asker = isSigned ? await identity.deviceOf(request) : await identity.requireSession(request);
    if (!asker.ok) return refused(reply, asker.error);
    reply.header('cache-control', 'no-store');
    return transfers.feed(asker.value);
  });
}

function findRoutes(app: Http, transfers: Transfers, identity: Visitors): void {
  app.post<{ Body: FindRequest }>(
    '/transfers/find',
    {
      schema: { body: FindRequest, response: { 200: Address } },
      config: { rateLimit: { max: FINDS_A_MINUTE, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const owner = await identity.requireSession(request);
      if (!owner.ok) return refused(reply, owner.error);
      return answer(reply, addressIn(await transfers.find(owner.value, request.body.who)));
    },
  );
  app.get('/transfers/address', { schema: { response: { 200: Address } } }, async (request, reply) => {
    const owner = await identity.requireSession(request);
    if (!owner.ok) return refused(reply, owner.error);
    return answer(reply, addressIn(await transfers.addressOf(owner.value.wallet)));
  });
  app.get('/transfers/nickname', { schema: { response: { 200: NicknameView } } }, async (request, reply) => {
    const owner = await identity.requireSession(request);
    return owner.ok ? transfers.nickname(owner.value) : refused(reply, owner.error);
  });
  app.put<{ Body: NicknameRequest }>(
    '/transfers/nickname',
    { schema: { body: NicknameRequest, response: { 200: NicknameView } }, config: acts },
    async (request, reply) => {
      const owner = await identity.requireSession(request);
      if (!owner.ok) return refused(reply, owner.error);
      return answer(reply, await transfers.chooseNickname(owner.value, request.body.nickname));
    },
  );
}

function askRoutes(app: Http, transfers: Transfers, identity: Visitors): void {
  app.post<{ Body: AskRequest }>(
    '/transfers/requests',
    { schema: { body: AskRequest, response: { 200: Ask } }, config: acts },
    async (request, reply) => {
      const owner = await identity.requireSession(request);
      return owner.ok ? answer(reply, await transfers.ask(owner.value, request.body)) : refused(reply, owner.error);
    },
  );
  app.post<{ Body: SplitRequest }>(
    '/transfers/splits',
    { schema: { body: SplitRequest, response: { 200: Split } }, config: acts },
    async (request, reply) => {
      const owner = await identity.requireSession(request);
      return owner.ok ? answer(reply, await transfers.split(owner.value, request.body)) : refused(reply, owner.error);
    },
  );
  app.post<ById & { Body: DeclineRequest }>(
    '/transfers/requests/:id/decline',
    { schema: { params: TransferParams, body: DeclineRequest, response: { 200: Ask } }, config: acts },
    async (request, reply) => {
      const about = await aboutOne(identity, request);
      if (!about.ok) return refused(reply, about.error);
      return answer(reply, await transfers.decline(about.value.owner, about.value.id, request.body.reason));
    },
  );
  for (const act of ['cancel', 'remind'] as const) {
    app.post<ById>(
      `/transfers/requests/:id/${act}`,
      { schema: { params: TransferParams, response: { 200: Ask } }, config: acts },
      async (request, reply) => {
        const about = await aboutOne(identity, request);
        if (!about.ok) return refused(reply, about.error);
        return answer(reply, await transfers[act](about.value.owner, about.value.id));
      },
    );
  }
}

function claimRoutes(app: Http, transfers: Transfers, identity: Visitors): void {
  app.post<{ Body: ClaimRequest }>(
    '/transfers/claims',
    { schema: { body: ClaimRequest, response: { 200: Claim } }, config: acts },
    async (request, reply) => {
      const owner = await identity.requireSession(request);
      return owner.ok ? answer(reply, await transfers.claim(owner.value, request.body)) : refused(reply, owner.error);
    },
  );
  app.post<ById & { Body: ClaimAnswer }>(
    '/transfers/claims/:id/answer',
    { schema: { params: TransferParams, body: ClaimAnswer, response: { 200: Claim } }, config: acts },
    async (request, reply) => {
      const about = await aboutOne(identity, request);
      if (!about.ok) return refused(reply, about.error);
      return answer(reply, await transfers.answer(about.value.owner, about.value.id, request.body));
    },
  );
  app.post<ById>(
    '/transfers/claims/:id/withdraw',
    { schema: { params: TransferParams, response: { 200: Claim } }, config: acts },
    async (request, reply) => {
      const about = await aboutOne(identity, request);
      if (!about.ok) return refused(reply, about.error);
      return answer(reply, await transfers.withdraw(about.value.owner, about.value.id));
    },
  );
}

async function aboutOne(
  identity: Visitors,
  request: FastifyRequest<ById>,
): Promise<Result<{ readonly owner: Session; readonly id: Id }, Refusal>> {
  const owner = await identity.requireSession(request);
  if (!owner.ok) return owner;
  const id = readId(request.params.id);
  return id === undefined ? refuse({ code: 'request.not-found' }) : { ok: true, value: { owner: owner.value, id } };
}

function addressIn(found: Result<Uint8Array, Refusal>): Result<Address, Refusal> {
  return found.ok ? { ok: true, value: { certificate: toBase64url(found.value) } } : found;
}

function answer<Value>(reply: FastifyReply, result: Result<Value, Refusal>): Value | FastifyReply {
  return result.ok ? result.value : refused(reply, result.error);
}
