/** The sandbox put together: the outside world (bank, pay page, counter, card network, text messages, e-mail, register of citizens) behind one HTTP door, for trying things out with no real money. */
import Fastify, { type FastifyInstance } from 'fastify';
import { type Bank, type Deliver, openBank } from '#server/sandbox/bank.ts';
import { openBindings } from '#server/sandbox/binding.ts';
import { openCardNetwork } from '#server/sandbox/card-network.ts';
import { deskRoutes } from '#server/sandbox/desk-routes.ts';
import { openKey } from '#server/sandbox/key.ts';
import { openMail } from '#server/sandbox/mail.ts';
import { openRegister } from '#server/sandbox/register.ts';
import { sandboxRoutes } from '#server/sandbox/routes.ts';
import { openSms } from '#server/sandbox/sms.ts';
import { openStore, type Switches } from '#server/sandbox/store.ts';
import type { Clock } from '#shared/base/time.ts';

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const;

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/** Opens the sandbox on `folder`; `paceMs` is the unit of its delays until a tester turns it. Close the app to stop it. */
export function openSandbox(options: {
  folder: string;
  clock: Clock;
  deliver: Deliver;
  paceMs: number;
}): FastifyInstance {
  const { clock } = options;
  const store = openStore(options.folder);
  const key = openKey(options.folder);
  const usual: Switches = {
    id: 'switches',
    bank: 'open',
    orders: 'by-amount',
    notices: 'sent',
    answers: 'prompt',
    returns: 'paced',
    sms: 'open',
    mail: 'open',
    register: 'open',
    paceMs: options.paceMs,
  };
  const switches = () => ({ ...usual, ...store.get('switches', 'switches') });
  /** Everything in memory is gone and every line is dead; what was answered stands in the file. */
  const restart = (): void => {
    store.reopen();
    bank.goOn();
    app.server.closeAllConnections();
  };
  const bank: Bank = openBank({ store, key, clock, switches, restart, deliver: options.deliver });
  const sms = openSms({ store, clock, switches });
  const mail = openMail({ store, clock, switches });
  const register = openRegister({ store, clock, switches });
  const cardNetwork = openCardNetwork({ store, clock, switches });
  const bindings = openBindings({ store, clock, key, sms });
  const parts = { bank, cardNetwork, bindings, sms, mail, register, store, key, clock, switches, restart };

  const app: FastifyInstance = Fastify({ bodyLimit: 16_384, forceCloseConnections: true, requestTimeout: 10_000 });
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))));
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    const site = request.headers['sec-fetch-site'];
    const foreign = site !== undefined && site !== 'same-origin' && site !== 'none';
    const named = LOOPBACK.test(request.headers.host ?? '');
    // A page elsewhere, or a name rebound to this machine, must not press the tester's buttons.
    if (!named || (foreign && request.method !== 'GET'))
      return reply.code(403).send({ error: 'only from this machine' });
  });
  app.addHook('onClose', () => bank.stop());
  sandboxRoutes(app, parts);
  deskRoutes(app, parts);
  return app;
}
