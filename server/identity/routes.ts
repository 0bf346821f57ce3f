/** How the world asks about identity: signing up and in, the session, passkeys and devices. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Device, Identity, Session } from '#server/identity/identity.ts';
import { type FoundSession, STEP_UP_FRESH } from '#server/identity/session.ts';
import { type Http, Nothing, refused } from '#server/platform/http.ts';
import { FreezeView, FrozenByCode, NewRecoveryCode, RecoveryCode, ThawRequest } from '#shared/api/freeze.ts';
import {
  Assertion,
  type AssertionAnswer,
  CodeRequest,
  DeviceList,
  DeviceRequest,
  DeviceView,
  IdParams,
  NewPasskey,
  PasskeyList,
  PasskeyOptions,
  PasskeyParams,
  PasskeyView,
  type RegistrationAnswer,
  Renaming,
  SessionView,
  SignupRequest,
  SignupView,
} from '#shared/api/identity.ts';
import { FreeRequest, PasswordRequest, PasswordView } from '#shared/api/password.ts';
import { RealNameRequest, RealNameView } from '#shared/api/real-name.ts';
import {
  CodeAnswer,
  type CodeWay,
  EmailRequest,
  EmailView,
  RecoveryCodeAnswer,
  RecoveryCodeRequest,
  RecoveryPassword,
  RecoveryRequest,
  RecoveryView,
} from '#shared/api/recovery.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import {
  AlarmAnswer,
  AlarmList,
  OpenSessionList,
  SecurityEventList,
  SecurityEventQuery,
} from '#shared/api/security.ts';
import { QuestionRequest, QuestionView } from '#shared/api/security-question.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { after } from '#shared/base/time.ts';

interface ById {
  readonly id: Id;
}

interface Made {
  readonly name: string;
  readonly answer: RegistrationAnswer;
}

/** Mounts everything identity answers, and the hook that carries sessions in and out of every other route's answers. */
export function identityRoutes(app: Http, identity: Identity): void {
  app.addHook('onSend', async (request, reply) => identity.carrier.write(request, reply));
  signupRoutes(app, identity);
  sessionRoutes(app, identity);
  openSessionRoutes(app, identity);
  passkeyRoutes(app, identity);
  deviceRoutes(app, identity);
  realNameRoutes(app, identity);
  freezeRoutes(app, identity);
  alarmRoutes(app, identity);
  passwordRoutes(app, identity);
  emailRoutes(app, identity);
  recoveryRoutes(app, identity);
  questionRoutes(app, identity);
}

function signupRoutes(app: Http, { signups, passkeys, carrier, ...identity }: Identity): void {
  const answers = { response: { 200: SignupView } };
  app.post<{ Body: SignupRequest }>(
    '/signups',
    { schema: { body: SignupRequest, ...answers } },
    async (request, reply) => answer(reply, await signups.start(request.body, carrier.visitor(request, reply))),
  );
  app.post<{ Params: ById }>(
    '/signups/:id/text',
    { schema: { params: IdParams, ...answers } },
    async (request, reply) => answer(reply, await signups.resend(request.params.id, carrier.visitor(request, reply))),
  );
  app.post<{ Params: ById; Body: { code: string } }>(
    '/signups/:id/code',
    { schema: { params: IdParams, body: CodeRequest, ...answers } },
    async (request, reply) =>
      answer(reply, await signups.prove(request.params.id, request.body.code, carrier.visitor(request, reply))),
  );
  app.post<{ Params: ById }>(
    '/signups/:id/passkey-options',
    { schema: { params: IdParams, response: { 200: PasskeyOptions } } },
    async (request, reply) =>
      options(reply, await passkeys.firstOptions(request.params.id, carrier.visitor(request, reply))),
  );
  app.post<{ Params: ById; Body: Made }>(
    '/signups/:id/passkey',
    { schema: { params: IdParams, body: NewPasskey, response: { 200: SessionView } } },
    async (request, reply) => {
      const found = await passkeys.first(request.params.id, request.body, carrier.visitor(request, reply));
      return await admitted(request, reply, { carrier, ...identity }, found);
    },
  );
}

function sessionRoutes(app: Http, identity: Identity): void {
  const { signIns, carrier, sessions } = identity;
  const optionsSchema = { schema: { response: { 200: PasskeyOptions } } };
  const assertionSchema = { schema: { body: Assertion, response: { 200: SessionView } } };
  app.post('/sign-in/options', optionsSchema, async (request, reply) =>
    options(reply, await signIns.options(carrier.visitor(request, reply))),
  );
  app.post<{ Body: { answer: AssertionAnswer } }>('/sign-in', assertionSchema, async (request, reply) => {
    const found = await signIns.signIn(request.body.answer, carrier.visitor(request, reply));
    return await admitted(request, reply, identity, found);
  });
  app.post('/step-up/options', optionsSchema, async (request, reply) => {
    const session = await identity.requireSession(request);
    if (!session.ok) return refused(reply, session.error);
    return options(reply, await signIns.stepUpOptions(session.value, carrier.visitor(request, reply)));
  });
  app.post<{ Body: { answer: AssertionAnswer } }>('/step-up', assertionSchema, async (request, reply) => {
    const session = await identity.requireSession(request);
    if (!session.ok) return refused(reply, session.error);
    const token = carrier.tokenOf(request) ?? '';
    const visitor = carrier.visitor(request, reply);
    return await admitted(
      request,
      reply,
      identity,
      await signIns.stepUp(session.value, token, request.body.answer, visitor),
    );
  });
  app.get('/session', { schema: { response: { 200: SessionView } } }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await viewOf(identity, session.value) : refused(reply, session.error);
  });
  const done = { schema: { response: { 204: Nothing } } };
  app.delete('/session', done, async (request, reply) => {
    const session = await identity.sessionOf(request);
    if (session) await sessions.end(session);
    carrier.give(request, undefined);
    return reply.code(204).send();
  });
  app.delete('/sessions', done, async (request, reply) => {
    const session = await identity.requireSession(request);
    if (!session.ok) return refused(reply, session.error);
    await sessions.endAll(session.value);
    carrier.give(request, undefined);
    return reply.code(204).send();
  });
}

function openSessionRoutes(app: Http, { sessions, carrier, ...identity }: Identity): void {
  const answers = { response: { 200: OpenSessionList } };
  app.get('/sessions', { schema: answers }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await sessions.list(session.value) : refused(reply, session.error);
  });
  // As with freezing, seconds count: what is taken away here comes back with a touch.
  app.delete<{ Params: ById }>(
    '/sessions/:id',
    { schema: { params: IdParams, ...answers } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      const { id } = request.params;
      const left = await sessions.endOne(session.value, id);
      if (left.ok && id === session.value.id) carrier.give(request, undefined);
      return answer(reply, left);
    },
  );
}

function passkeyRoutes(app: Http, identity: Identity): void {
  const { passkeys, carrier } = identity;
  const fresh = (request: FastifyRequest) => identity.requireSession(request, { stepUpWithin: STEP_UP_FRESH });
  const answers = { response: { 200: PasskeyList } };
  app.get('/passkeys', { schema: answers }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await passkeys.list(session.value) : refused(reply, session.error);
  });
  app.post('/passkeys/options', { schema: { response: { 200: PasskeyOptions } } }, async (request, reply) => {
    const session = await fresh(request);
    if (!session.ok) return refused(reply, session.error);
    return options(reply, await passkeys.moreOptions(session.value, carrier.visitor(request, reply)));
  });
  app.post<{ Body: Made }>(
    '/passkeys',
    { schema: { body: NewPasskey, response: { 200: PasskeyView } } },
    async (request, reply) => {
      const session = await fresh(request);
      if (!session.ok) return refused(reply, session.error);
      return answer(reply, await passkeys.more(session.value, request.body, carrier.visitor(request, reply)));
    },
  );
  app.patch<{ Params: { id: string }; Body: { name: string } }>(
    '/passkeys/:id',
    { schema: { params: PasskeyParams, body: Renaming, ...answers } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      return answer(reply, await passkeys.rename(session.value, request.params.id, request.body.name));
    },
  );
  app.delete<{ Params: { id: string } }>(
    '/passkeys/:id',
    { schema: { params: PasskeyParams, ...answers } },
    async (request, reply) => {
      const session = await fresh(request);
      if (!session.ok) return refused(reply, session.error);
      return answer(reply, await passkeys.revoke(session.value, request.params.id));
    },
  );
}

function deviceRoutes(app: Http, identity: Identity): void {
  const { devices } = identity;
  const fresh = (request: FastifyRequest) => identity.requireSession(request, { stepUpWithin: STEP_UP_FRESH });
  const answers = { response: { 200: DeviceView } };
  app.get('/devices', { schema: { response: { 200: DeviceList } } }, async (request, reply) => {
    const session = await identity.requireSession(request);
    if (!session.ok) return refused(reply, session.error);
    return { devices: (await devices.of(session.value)).map(deviceView) };
  });
  app.post<{ Body: { id: Id; key: string; name: string } }>(
    '/devices',
    { schema: { body: DeviceRequest, ...answers } },
    async (request, reply) => {
      const session = await fresh(request);
      if (!session.ok) return refused(reply, session.error);
      const { id, key, name } = request.body;
      const device = { id, key: fromBase64url(key) ?? new Uint8Array(), name };
      return answer(reply, seen(await devices.enrol(session.value, device)));
    },
  );
  app.patch<{ Params: ById; Body: { name: string } }>(
    '/devices/:id',
    { schema: { params: IdParams, body: Renaming, ...answers } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      return answer(reply, seen(await devices.rename(session.value, request.params.id, request.body.name)));
    },
  );
  app.delete<{ Params: ById }>('/devices/:id', { schema: { params: IdParams, ...answers } }, async (request, reply) => {
    const session = await fresh(request);
    if (!session.ok) return refused(reply, session.error);
    return answer(reply, seen(await devices.revoke(session.value, request.params.id)));
  });
}

function realNameRoutes(app: Http, identity: Identity): void {
  const { realNames } = identity;
  app.get('/real-name', { schema: { response: { 200: RealNameView } } }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await realNames.view(session.value) : refused(reply, session.error);
  });
  app.post<{ Body: RealNameRequest }>(
    '/real-name',
    { schema: { body: RealNameRequest, response: { 200: RealNameView } } },
    async (request, reply) => {
      const session = await identity.requireSession(request, { stepUpWithin: STEP_UP_FRESH });
      if (!session.ok) return refused(reply, session.error);
      return answer(reply, await realNames.certify(session.value, request.body));
    },
  );
}

function freezeRoutes(app: Http, identity: Identity): void {
  const { freezes, carrier } = identity;
  const fresh = (request: FastifyRequest) => identity.requireSession(request, { stepUpWithin: STEP_UP_FRESH });
  const answers = { response: { 200: FreezeView } };
  app.get('/freeze', { schema: answers }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await freezes.view(session.value) : refused(reply, session.error);
  });
  // Seconds count: freezing asks for no passkey. Its end does.
  app.post('/freeze', { schema: answers }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await freezes.freeze(session.value) : refused(reply, session.error);
  });
  app.post<{ Body: { code: string } }>(
    '/freeze/by-code',
    { schema: { body: RecoveryCode, response: { 200: FrozenByCode } } },
    async (request, reply) =>
      answer(reply, await freezes.freezeByCode(request.body.code, carrier.visitor(request, reply))),
  );
  app.post<{ Body: { code?: string } }>(
    '/freeze/end',
    { schema: { body: ThawRequest, ...answers } },
    async (request, reply) => {
      const session = await fresh(request);
      if (!session.ok) return refused(reply, session.error);
      return answer(reply, await freezes.thaw(session.value, request.body.code));
    },
  );
  app.post('/freeze/code', { schema: { response: { 200: NewRecoveryCode } } }, async (request, reply) => {
    const session = await fresh(request);
    return session.ok ? answer(reply, await freezes.makeCode(session.value)) : refused(reply, session.error);
  });
}

function alarmRoutes(app: Http, identity: Identity): void {
  const { watch } = identity;
  const answers = { response: { 200: AlarmList } };
  app.get('/alarms', { schema: answers }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await watch.view(session.value) : refused(reply, session.error);
  });
  app.post<{ Params: ById; Body: { mine: boolean } }>(
    '/alarms/:id/answer',
    { schema: { params: IdParams, body: AlarmAnswer, ...answers } },
    async (request, reply) => {
      const { mine } = request.body;
      // Stopping everything takes no passkey, as with freezing; letting money go again does.
      const session = await identity.requireSession(request, mine ? { stepUpWithin: STEP_UP_FRESH } : {});
      if (!session.ok) return refused(reply, session.error);
      return answer(reply, await watch.answer(session.value, request.params.id, mine));
    },
  );
}

function passwordRoutes(app: Http, identity: Identity): void {
  const { passwords } = identity;
  const answers = { response: { 200: PasswordView } };
  app.get('/payment-password', { schema: answers }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await passwords.view(session.value) : refused(reply, session.error);
  });
  app.put<{ Body: PasswordRequest }>(
    '/payment-password',
    { schema: { body: PasswordRequest, ...answers } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      return session.ok
        ? answer(reply, await passwords.set(session.value, request.body))
        : refused(reply, session.error);
    },
  );
  app.put<{ Body: FreeRequest }>(
    '/payment-password/free',
    { schema: { body: FreeRequest, ...answers } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      return answer(reply, await passwords.setFree(session.value, request.body));
    },
  );
  app.get<{ Querystring: { before?: Id } }>(
    '/security-events',
    { schema: { querystring: SecurityEventQuery, response: { 200: SecurityEventList } } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      return session.ok ? await identity.events(session.value, request.query.before) : refused(reply, session.error);
    },
  );
}

function emailRoutes(app: Http, identity: Identity): void {
  const { emails } = identity;
  const answers = { response: { 200: EmailView } };
  app.get('/email', { schema: answers }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await emails.view(session.value) : refused(reply, session.error);
  });
  app.post<{ Body: EmailRequest }>('/email', { schema: { body: EmailRequest, ...answers } }, async (request, reply) => {
    const session = await identity.requireSession(request, { stepUpWithin: STEP_UP_FRESH });
    return session.ok ? answer(reply, await emails.add(session.value, request.body)) : refused(reply, session.error);
  });
  app.post<{ Params: ById; Body: { code: string } }>(
    '/email/:id/code',
    { schema: { params: IdParams, body: CodeAnswer, ...answers } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      return answer(reply, await emails.prove(session.value, request.params.id, request.body.code));
    },
  );
}

function recoveryRoutes(app: Http, identity: Identity): void {
  const { recoveries } = identity;
  const answers = { response: { 200: RecoveryView } };
  const about = { params: IdParams, ...answers };
  /** Does `act` for whoever is signed in. */
  const as =
    <Request extends FastifyRequest>(
      act: (session: Session, request: Request) => Promise<Result<RecoveryView, Refusal>>,
    ) =>
    async (request: Request, reply: FastifyReply) => {
      const session = await identity.requireSession(request);
      return session.ok ? answer(reply, await act(session.value, request)) : refused(reply, session.error);
    };
  app.post<{ Body: ById }>(
    '/recoveries',
    { schema: { body: RecoveryRequest, ...answers } },
    as((session, request) => recoveries.begin(session, request.body.id)),
  );
  app.get<{ Params: ById }>(
    '/recoveries/:id',
    { schema: about },
    as((session, request) => recoveries.view(session, request.params.id)),
  );
  app.post<{ Params: ById }>(
    '/recoveries/:id/passkey',
    { schema: about },
    as((session, request) => recoveries.provePasskey(session, request.params.id)),
  );
  app.post<{ Params: ById; Body: { way: CodeWay } }>(
    '/recoveries/:id/code',
    { schema: { ...about, body: RecoveryCodeRequest } },
    as((session, request) => recoveries.sendCode(session, request.params.id, request.body.way)),
  );
  app.put<{ Params: ById; Body: { way: CodeWay; code: string } }>(
    '/recoveries/:id/code',
    { schema: { ...about, body: RecoveryCodeAnswer } },
    as((session, request) => recoveries.proveCode(session, request.params.id, request.body)),
  );
  app.put<{ Params: ById; Body: { password: string } }>(
    '/recoveries/:id/password',
    { schema: { ...about, body: RecoveryPassword } },
    as((session, request) => recoveries.finish(session, request.params.id, request.body.password)),
  );
}

function questionRoutes(app: Http, identity: Identity): void {
  const { questions } = identity;
  const answers = { response: { 200: QuestionView } };
  app.get('/security-question', { schema: answers }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await questions.view(session.value) : refused(reply, session.error);
  });
  app.put<{ Body: QuestionRequest }>(
    '/security-question',
    { schema: { body: QuestionRequest, ...answers } },
    async (request, reply) => {
      const session = await identity.requireSession(request, { stepUpWithin: STEP_UP_FRESH });
      return session.ok
        ? answer(reply, await questions.set(session.value, request.body))
        : refused(reply, session.error);
    },
  );
  app.delete('/security-question', { schema: answers }, async (request, reply) => {
    const session = await identity.requireSession(request, { stepUpWithin: STEP_UP_FRESH });
    return session.ok ? await questions.drop(session.value) : refused(reply, session.error);
  });
}

/** Sends a good answer, or the refusal as problem+json; a wait is also said in `Retry-After`. */
function answer<Answer>(reply: FastifyReply, result: Result<Answer, Refusal>): Answer | FastifyReply {
  if (result.ok) return result.value;
  const seconds = result.error.detail?.seconds;
  if (typeof seconds === 'number') reply.header('retry-after', seconds);
  return refused(reply, result.error);
}

function options(reply: FastifyReply, result: Result<object, Refusal>): { options: object } | FastifyReply {
  return answer(reply, result.ok ? ok({ options: result.value }) : result);
}

async function admitted(
  request: FastifyRequest,
  reply: FastifyReply,
  identity: Pick<Identity, 'carrier' | 'person'>,
  found: Result<FoundSession, Refusal>,
): Promise<SessionView | FastifyReply> {
  if (!found.ok) return answer(reply, found);
  identity.carrier.give(request, found.value.token);
  return await viewOf(identity, found.value.session);
}

async function viewOf(identity: Pick<Identity, 'person'>, session: Session): Promise<SessionView> {
  const person = await identity.person(session.wallet);
  assert(person !== undefined, 'a session belongs to a wallet');
  const { wallet, region, name, verifiedName, tier, phoneMasked, createdAt } = person;
  return {
    person: { wallet, region, name, nameShown: verifiedName, tier, phone: phoneMasked, createdAt },
    endsAt: session.endsAt,
    steppedUpUntil: after(session.steppedUpAt, STEP_UP_FRESH),
    passkey: toBase64url(session.passkey),
  };
}

function seen(result: Result<Device, Refusal>): Result<DeviceView, Refusal> {
  return result.ok ? ok(deviceView(result.value)) : result;
}

function deviceView({ id, name, createdAt, seenAt, revokedAt }: Device): DeviceView {
  return {
    id,
    name,
    createdAt,
    ...(seenAt === undefined ? {} : { seenAt }),
    ...(revokedAt === undefined ? {} : { revokedAt }),
  };
}
