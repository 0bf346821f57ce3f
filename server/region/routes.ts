/** How the world asks about the network, and whether the house answers. No account is needed. */
import { type Http, refused } from '#server/platform/http.ts';
import type { Regions } from '#server/region/region.ts';
import { NetworkView, PastNetworkView, ProbeQuery, ProbeView } from '#shared/api/region.ts';
import { toBase64url } from '#shared/base/bytes.ts';

/** Mounts the network's public face. */
export function regionRoutes(app: Http, regions: Regions): void {
  app.get(
    '/network',
    {
      schema: { response: { 200: NetworkView } },
      config: { rateLimit: { max: 60, timeWindow: '1 minute' } },
    },
    async () => {
      const { message, bytes } = await regions.keySet();
      const all = await regions.all();
      return {
        root: toBase64url(regions.root),
        rpId: message.rpId,
        origins: [...message.origins],
        regions: all.map(({ region, names, currency, currencies, issuing, crossRegion }) => ({
          region,
          names,
          currency,
          currencies: [...currencies],
          issuing,
          crossRegion,
        })),
        keySet: toBase64url(bytes),
      };
    },
  );
  app.get(
    '/network/past',
    {
      schema: { response: { 200: PastNetworkView } },
      config: { rateLimit: { max: 30, timeWindow: '1 minute' } },
    },
    async () => ({ keySets: (await regions.pastKeySets()).map(({ bytes }) => toBase64url(bytes)) }),
  );
  app.get(
    '/probe',
    {
      schema: { querystring: ProbeQuery, response: { 200: ProbeView } },
      config: { rateLimit: { max: 120, timeWindow: '1 minute' } },
    },
    async (request, reply) => {
      const { nonce, region } = request.query;
      const asked = regions.list().find((one) => region === undefined || one.region === region);
      if (asked === undefined) return refused(reply, { code: 'request.not-found' });
      reply.header('cache-control', 'no-store');
      return { nonce, epoch: toBase64url((await regions.epoch(asked.region)).bytes) };
    },
  );
}
