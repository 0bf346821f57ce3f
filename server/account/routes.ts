/** How the world asks about a person's account: the agreement, what is held, consent, the export and closing. */
import Type from 'typebox';
import type { Accounts } from '#server/account/account.ts';
import type { Identity } from '#server/identity/identity.ts';
import { type Http, refused } from '#server/platform/http.ts';
import {
  AgreementRequest,
  AgreementView,
  ClosingRequest,
  ClosingView,
  ConsentRequest,
  HoldingList,
  HoldingRows,
} from '#shared/api/account.ts';
import { duration } from '#shared/base/time.ts';

const ByName = Type.Object({ name: Type.String({ maxLength: 64 }) });

/** Everything about a person leaves the house only a moment after they touched a passkey. */
const FRESH = duration(5, 'min');

/** Bytes, not JSON. */
const ZIP = { content: { 'application/zip': { schema: Type.Unsafe<unknown>({ type: 'string', format: 'binary' }) } } };

/** A zip of a whole life is work: a person needs it seldom. */
const EXPORTS = { rateLimit: { max: 6, timeWindow: '1 hour' } };

/** Mounts them. */
export function accountRoutes(app: Http, accounts: Accounts, identity: Pick<Identity, 'requireSession'>): void {
  const { agreements, closings } = accounts;
  app.get('/agreement', { schema: { response: { 200: AgreementView } } }, async (request, reply) => {
    const session = await identity.requireSession(request);
    if (!session.ok) return refused(reply, session.error);
    const view = await agreements.view(session.value);
    return view.ok ? view.value : refused(reply, view.error);
  });
  app.post(
    '/agreement',
    { schema: { body: AgreementRequest, response: { 200: AgreementView } } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      const view = await agreements.accept(session.value, request.body.version);
      return view.ok ? view.value : refused(reply, view.error);
    },
  );
  app.get('/account/data', { schema: { response: { 200: HoldingList } } }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await accounts.holdings(session.value) : refused(reply, session.error);
  });
  app.get(
    '/account/data/:name',
    { schema: { params: ByName, response: { 200: HoldingRows } } },
    async (request, reply) => {
      const session = await identity.requireSession(request, { stepUpWithin: FRESH });
      if (!session.ok) return refused(reply, session.error);
      const rows = await accounts.rows(session.value, request.params.name);
      return rows.ok ? rows.value : refused(reply, rows.error);
    },
  );
  app.get('/account/export', { schema: { response: { 200: ZIP } }, config: EXPORTS }, async (request, reply) => {
    const session = await identity.requireSession(request, { stepUpWithin: FRESH });
    if (!session.ok) return refused(reply, session.error);
    return reply
      .header('content-disposition', 'attachment; filename="piaohao.zip"')
      .type('application/zip')
      .send(accounts.export(session.value));
  });
  app.put(
    '/account/consent',
    { schema: { body: ConsentRequest, response: { 200: HoldingList } } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      return await accounts.consent(session.value, request.body.analytics);
    },
  );
  app.get('/account/closing', { schema: { response: { 200: ClosingView } } }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await closings.view(session.value) : refused(reply, session.error);
  });
  app.post(
    '/account/closing',
    { schema: { body: ClosingRequest, response: { 200: ClosingView } } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      const view = await closings.ask(session.value, request.body);
      return view.ok ? view.value : refused(reply, view.error);
    },
  );
  app.delete('/account/closing', { schema: { response: { 200: ClosingView } } }, async (request, reply) => {
    const session = await identity.requireSession(request);
    return session.ok ? await closings.cancel(session.value) : refused(reply, session.error);
  });
}
