/** How the house and a tester reach the sandbox: the bank and the other providers, the card network, the text messages, the e-mail, the control API and its page. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { Check } from 'typebox/value';
import { type Answer, type Bank, isWaiting } from '#server/sandbox/bank.ts';
import { type Bindings, bindingReport } from '#server/sandbox/binding.ts';
import type { CardNetwork, CardReply } from '#server/sandbox/card-network.ts';
import { DESK_CSS } from '#server/sandbox/desk-page.ts';
import type { Inbox } from '#server/sandbox/inbox.ts';
import type { SigningKey } from '#server/sandbox/key.ts';
import { CONTROL_CSS, controlPage } from '#server/sandbox/page.ts';
import type { Register } from '#server/sandbox/register.ts';
import { statementOf } from '#server/sandbox/statement.ts';
import { SLOW_PACES, type Store, type Switches } from '#server/sandbox/store.ts';
import { LATE_PACES } from '#server/sandbox/story.ts';
import { BankOrder, Service } from '#shared/api/bank.ts';
import { BindingOrder, CardCharge, CardReversal } from '#shared/api/card-network.ts';
import { RegisterQuestion } from '#shared/api/register.ts';
import type { Clock } from '#shared/base/time.ts';

/** What the routes stand on. */
export interface Parts {
  readonly bank: Bank;
  readonly cardNetwork: CardNetwork;
  readonly bindings: Bindings;
  readonly sms: Inbox;
  readonly mail: Inbox;
  readonly register: Register;
  readonly store: Store;
  readonly key: SigningKey;
  readonly clock: Clock;
  switches(): Switches;
  /** Restarts everything in the middle of what it does. */
  restart(): void;
}

const Uuid = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const TextOrder = Type.Object(
  {
    id: Uuid,
    to: Type.String({ pattern: '^\\+?[0-9]{5,15}$' }),
    text: Type.String({ minLength: 1, maxLength: 500 }),
  },
  { additionalProperties: false },
);
const MailOrder = Type.Object(
  {
    id: Uuid,
    to: Type.String({ maxLength: 254, pattern: '^[^\\s@]+@[^\\s@]+$' }),
    subject: Type.String({ minLength: 1, maxLength: 200 }),
    text: Type.String({ minLength: 1, maxLength: 5_000 }),
  },
  { additionalProperties: false },
);
const Fate = Type.Union([Type.Literal('open'), Type.Literal('late'), Type.Literal('lost'), Type.Literal('throttled')]);
const Turn = Type.Object(
  {
    bank: Type.Optional(Type.Union([Type.Literal('open'), Type.Literal('closed')])),
    orders: Type.Optional(Type.Union([Type.Literal('by-amount'), Type.Literal('by-hand')])),
    notices: Type.Optional(
      Type.Union([
        Type.Literal('sent'),
        Type.Literal('lost'),
        Type.Literal('twice'),
        Type.Literal('late'),
        Type.Literal('disordered'),
      ]),
    ),
    answers: Type.Optional(Type.Union([Type.Literal('prompt'), Type.Literal('slow'), Type.Literal('silent')])),
    returns: Type.Optional(Type.Union([Type.Literal('paced'), Type.Literal('next-day')])),
    sms: Type.Optional(Fate),
    mail: Type.Optional(Fate),
    register: Type.Optional(Type.Union([Type.Literal('open'), Type.Literal('closed')])),
    paceMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
  },
  { additionalProperties: false },
);
const Pressed = Type.Object(
  {
    press: Type.Union([Type.Literal('accept'), Type.Literal('decline'), Type.Literal('repeat'), Type.Literal('lose')]),
    reason: Type.Optional(Type.String({ pattern: '^[A-Z]{2}[0-9]{2}$' })),
  },
  { additionalProperties: false },
);

const DayQuery = Type.Object({
  account: Type.String({ maxLength: 20 }),
  day: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }),
  after: Type.Optional(Type.Integer({ minimum: 0 })),
});

/** Longest a silent bank keeps a caller on the line. */
const SILENCE_MS = 60_000;

/** Mounts everything on `app`. */
export function sandboxRoutes(app: FastifyInstance, parts: Parts): void {
  app.get('/readyz', () => ({ ready: true }));
  for (const service of ['bank', 'pay', 'counter', 'payout'] as const) orderRoutes(app, parts, service);
  cardRoutes(app, parts);
  app.get<{ Params: { service: Service }; Querystring: Static<typeof DayQuery> }>(
    '/statements/:service',
    { schema: { params: Type.Object({ service: Service }), querystring: DayQuery } },
    (request, reply) => inTime(parts, reply, statementOf(parts, { ...request.params, after: 0, ...request.query })),
  );
  smsRoutes(app, parts);
  mailRoutes(app, parts);
  registerRoutes(app, parts);
  controlRoutes(app, parts);
}

function orderRoutes(app: FastifyInstance, parts: Parts, service: Exclude<Service, 'card'>): void {
  const { bank, key } = parts;
  // The person's page is at the name the house calls us by.
  const shown = (request: FastifyRequest, told: Answer & { kind: 'report' }) => {
    const page = service === 'pay' && isWaiting(told.order, parts.clock());
    return page ? { ...told.report, page: `http://${request.headers.host}/pay/${told.order.id}` } : told.report;
  };
  app.get(`/${service}/key`, () => ({ key: key.publicKey }));
  app.post<{ Body: BankOrder }>(`/${service}/orders`, { schema: { body: BankOrder } }, async (request, reply) => {
    const answer = await bank.ask(service, request.body);
    if (answer.kind === 'report') return inTime(parts, reply, shown(request, answer));
    if (answer.kind === 'busy') return reply.code(503).send({ error: 'the bank is busy' });
    if (answer.kind === 'reused') return reply.code(409).send({ error: 'AM05: this id is another order' });
    return keepSilent(reply);
  });
  app.get<{ Params: { id: string } }>(`/${service}/orders/:id`, (request, reply) => {
    const told = bank.report(service, request.params.id);
    if (!told) return reply.code(404).send({ error: 'no such order' });
    return inTime(parts, reply, shown(request, { kind: 'report', ...told }));
  });
}

function cardRoutes(app: FastifyInstance, parts: Parts): void {
  const { bindings, cardNetwork } = parts;
  const tell = async (reply: FastifyReply, told: CardReply): Promise<FastifyReply> => {
    switch (told.kind) {
      case 'busy':
        return reply.code(503).send({ error: 'the network is busy' });
      case 'reused':
        return reply.code(409).send({ error: 'this id is another charge' });
      case 'silence':
        return keepSilent(reply);
      case 'late':
        await pause(parts, LATE_PACES);
        return reply.send(told.answer);
      default:
        return inTime(parts, reply, told.answer);
    }
  };
  app.post<{ Body: CardCharge }>('/card/charges', { schema: { body: CardCharge } }, (request, reply) =>
    tell(reply, cardNetwork.charge(request.body)),
  );
  app.post<{ Body: CardReversal }>('/card/reversals', { schema: { body: CardReversal } }, (request, reply) =>
    tell(reply, cardNetwork.reverse(request.body.id)),
  );
  const pageOf = (request: FastifyRequest, id: string) => `http://${request.headers.host}/card/bind/${id}`;
  app.post<{ Body: BindingOrder }>('/card/bindings', { schema: { body: BindingOrder } }, (request, reply) => {
    if (parts.switches().bank === 'closed') return reply.code(503).send({ error: 'the bank is busy' });
    const binding = bindings.ask(request.body);
    if (binding === 'reused') return reply.code(409).send({ error: 'this id is another card' });
    return inTime(parts, reply, bindingReport(binding, pageOf(request, binding.id)));
  });
  app.get<{ Params: { id: string } }>('/card/bindings/:id', (request, reply) => {
    const binding = bindings.find(request.params.id);
    if (!binding) return reply.code(404).send({ error: 'no such card' });
    return inTime(parts, reply, bindingReport(binding, pageOf(request, binding.id)));
  });
  app.delete<{ Params: { id: string } }>('/card/bindings/:id', (request, reply) => {
    const known = bindings.forget(request.params.id);
    return known ? inTime(parts, reply, { forgotten: true }) : reply.code(404).send({ error: 'no such card' });
  });
}

/** An answer as the tester's switch will have it: at once, slow, or never though the work is done. */
async function inTime(parts: Parts, reply: FastifyReply, answer: object): Promise<FastifyReply> {
  const { answers } = parts.switches();
  if (answers === 'silent') return keepSilent(reply);
  if (answers === 'slow') await pause(parts, SLOW_PACES);
  return reply.send(answer);
}

function pause(parts: Parts, paces: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, paces * parts.switches().paceMs).unref());
}

/** Holds the line without a word until the caller hangs up or the time is over. */
function keepSilent(reply: FastifyReply): FastifyReply {
  reply.hijack();
  const timer = setTimeout(() => reply.raw.destroy(), SILENCE_MS);
  timer.unref();
  reply.raw.once('close', () => clearTimeout(timer));
  return reply;
}

function smsRoutes(app: FastifyInstance, { sms }: Parts): void {
  app.post<{ Body: Static<typeof TextOrder> }>('/sms', { schema: { body: TextOrder } }, (request, reply) => {
    const answer = sms.send(request.body);
    if (answer === 'throttled') return reply.code(429).header('retry-after', '60').send({ error: 'too many texts' });
    if (answer === 'reused') return reply.code(409).send({ error: 'this id is another text' });
    return reply.code(202).send({ id: request.body.id });
  });
  app.get<{ Querystring: { to?: string } }>('/sms', (request) =>
    sms.inbox(request.query.to).map(({ id, to, text, at }) => ({ id, to, text, at })),
  );
}

function mailRoutes(app: FastifyInstance, { mail }: Parts): void {
  app.post<{ Body: Static<typeof MailOrder> }>('/mail', { schema: { body: MailOrder } }, (request, reply) => {
    const answer = mail.send(request.body);
    if (answer === 'throttled') return reply.code(429).header('retry-after', '60').send({ error: 'too much mail' });
    if (answer === 'reused') return reply.code(409).send({ error: 'this id is another mail' });
    return reply.code(202).send({ id: request.body.id });
  });
  app.get<{ Querystring: { to?: string } }>('/mail', (request) =>
    mail.inbox(request.query.to).map(({ id, to, subject, text, at }) => ({ id, to, subject, text, at })),
  );
}

function registerRoutes(app: FastifyInstance, { register }: Parts): void {
  app.post<{ Body: RegisterQuestion }>('/register/checks', { schema: { body: RegisterQuestion } }, (request, reply) => {
    const told = register.ask(request.body);
    if (told.kind === 'answer') return reply.send(told.answer);
    if (told.kind === 'busy') return reply.code(503).send({ error: 'the register is busy' });
    if (told.kind === 'reused') return reply.code(409).send({ error: 'this id is another question' });
    return keepSilent(reply);
  });
}

function controlRoutes(app: FastifyInstance, parts: Parts): void {
  const { bank, store } = parts;
  const turn = (change: Static<typeof Turn>): Switches => {
    const switches: Switches = { ...parts.switches(), ...change };
    store.put('switches', switches);
    return switches;
  };
  app.put<{ Body: Static<typeof Turn> }>('/control/switches', { schema: { body: Turn } }, (request) =>
    turn(request.body),
  );
  app.post('/control/restart', (_request, reply) => {
    reply.raw.once('finish', parts.restart);
    return { restarts: true };
  });
  app.get('/control/orders', () => store.all('order').reverse());
  app.post<{ Params: { id: string }; Body: Static<typeof Pressed> }>(
    '/control/orders/:id',
    { schema: { body: Pressed } },
    (request, reply) => {
      const { press, reason } = request.body;
      if (!bank.press(request.params.id, press, reason)) return reply.code(409).send({ error: 'not now' });
      return { pressed: press };
    },
  );
  app.get('/control.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(CONTROL_CSS + DESK_CSS));
  app.get<{ Querystring: { lang?: string } }>('/', (request, reply) => {
    const wanted = request.query.lang ?? request.headers['accept-language'] ?? 'zh';
    return reply.type('text/html; charset=utf-8').send(controlPage(parts, wanted.startsWith('en') ? 'en' : 'zh'));
  });
  app.post<{ Body: Record<string, string> }>('/control/form', (request, reply) => {
    const { act, order, name, value, lang } = request.body;
    const pressed = act === 'block' ? { press: 'decline', reason: 'AC06' } : { press: act };
    if (order && Check(Pressed, pressed)) bank.press(order, pressed.press, pressed.reason);
    else if (act === 'restart') reply.raw.once('finish', parts.restart);
    else if (name) turnOne(name, value ?? '', turn);
    return reply.redirect(lang === 'en' ? '/?lang=en' : '/?lang=zh', 303);
  });
}

function turnOne(name: string, value: string, turn: (change: Static<typeof Turn>) => void): void {
  const change = name === 'paceMs' ? { paceMs: Number(value) } : { [name]: value };
  if (Check(Turn, change)) turn(change);
}
