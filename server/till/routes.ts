/** How phones speak of pay codes: each signs for itself, signed in or not. */
import type { Identity } from '#server/identity/identity.ts';
import { type Http, refused } from '#server/platform/http.ts';
import type { Till } from '#server/till/till.ts';
import { PayCodeParams, PayCodeRequest, PayCodeView } from '#shared/api/pay-code.ts';
import { fromBase64url } from '#shared/base/bytes.ts';

/** Mounts POST /pay-codes (the payee's phone) and GET /pay-codes/:id (either phone). */
export function tillRoutes(app: Http, till: Till, identity: Pick<Identity, 'deviceOf'>): void {
  app.post<{ Body: PayCodeRequest }>(
    '/pay-codes',
    {
      schema: { body: PayCodeRequest, response: { 200: PayCodeView } },
      config: { rateLimit: { max: 60, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const payee = await identity.deviceOf(request);
      if (!payee.ok) return refused(reply, payee.error);
      const presented = await till.present(payee.value, request.body);
      return presented.ok ? presented.value : refused(reply, presented.error);
    },
  );
  app.get<{ Params: PayCodeParams }>(
    '/pay-codes/:id',
    {
      schema: { params: PayCodeParams, response: { 200: PayCodeView } },
      config: { rateLimit: { max: 240, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const device = await identity.deviceOf(request);
      if (!device.ok) return refused(reply, device.error);
      reply.header('cache-control', 'no-store');
      const id = fromBase64url(request.params.id);
      return id?.length === 32 ? await till.look(device.value, id) : refused(reply, { code: 'request.not-found' });
    },
  );
}
