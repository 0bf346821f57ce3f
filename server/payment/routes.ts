/**
 * How the world asks about payments and cases: only payer and payee are answered, everybody else hears of nothing, but
 * for one word on a payment whose id they have from its receipt.
 */
import type { Identity } from '#server/identity/identity.ts';
import type { Payments } from '#server/payment/payment.ts';
import { type Http, refused } from '#server/platform/http.ts';
import {
  CaseFile,
  CaseList,
  CaseParams,
  PaymentParams,
  PaymentQuery,
  PaymentView,
  ReceiptState,
} from '#shared/api/payment.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import { readId } from '#shared/base/id.ts';

/** Mounts GET /payments/:id (asked by a session or signed by a phone), /receipts/:id, /cases and /cases/:id. */
export function paymentRoutes(
  app: Http,
  payments: Payments,
  identity: Pick<Identity, 'requireSession' | 'askerOf'>,
): void {
  app.get<{ Params: PaymentParams; Querystring: PaymentQuery }>(
    '/payments/:id',
    { schema: { params: PaymentParams, querystring: PaymentQuery, response: { 200: PaymentView } } },
    async (request, reply) => {
      // A phone fetches the proof of what it was paid whenever there is a scrap of signal, signed in or not.
      const asker = await identity.askerOf(request);
      if (!asker.ok) return refused(reply, asker.error);
      const id = fromBase64url(request.params.id);
      if (id === undefined) return refused(reply, { code: 'request.not-found' });
      const options = { finality: request.query.finality === true };
      const view = await payments.view(asker.value.wallet, id, options);
      return view.ok ? view.value : refused(reply, view.error);
    },
  );
  app.get<{ Params: PaymentParams }>(
    '/receipts/:id',
    {
      schema: { params: PaymentParams, response: { 200: ReceiptState } },
      config: { rateLimit: { max: 30, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const id = fromBase64url(request.params.id);
      const state = id && (await payments.receiptState(id));
      reply.header('cache-control', 'no-store');
      return state?.ok ? state.value : refused(reply, state?.error ?? { code: 'request.not-found' });
    },
  );
  app.get('/cases', { schema: { response: { 200: CaseList } } }, async (request, reply) => {
    const session = await identity.requireSession(request);
    if (!session.ok) return refused(reply, session.error);
    return { cases: await payments.cases(session.value.wallet) };
  });
  app.get<{ Params: CaseParams }>(
    '/cases/:id',
    { schema: { params: CaseParams, response: { 200: CaseFile } } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      const id = readId(request.params.id);
      if (id === undefined) return refused(reply, { code: 'request.not-found' });
      const file = await payments.caseFile(session.value.wallet, id);
      return file.ok ? file.value : refused(reply, file.error);
    },
  );
}
