/** How a phone's background work reaches the house: signed by the device, so that it needs no session. */
import type { Identity } from '#server/identity/identity.ts';
import { type Http, refused } from '#server/platform/http.ts';
import type { Sync } from '#server/sync/sync.ts';
import { SyncAnswer, SyncRequest } from '#shared/api/sync.ts';

/** Syncs one device may start in a minute; a phone with signal needs one. */
const MOST_PER_MINUTE = 120;

/** Mounts the one request. */
export function syncRoutes(app: Http, sync: Sync, identity: Pick<Identity, 'deviceOf'>): void {
  app.post(
    '/sync',
    {
      schema: { body: SyncRequest, response: { 200: SyncAnswer } },
      config: {
        rateLimit: {
          max: MOST_PER_MINUTE,
          timeWindow: '1 minute',
          keyGenerator: (request) => `${request.ip} ${(request.headers.authorization ?? '').slice(0, 43)}`,
        },
      },
    },
    async (request, reply) => {
      const device = await identity.deviceOf(request);
      if (!device.ok) return refused(reply, device.error);
      reply.header('cache-control', 'no-store');
      return sync.take(device.value, request.body);
    },
  );
}
