/** How a phone asks to be told: in its own name, by its key, so that a session that ended silences nothing. */
import type { Identity } from '#server/identity/identity.ts';
import type { Notices } from '#server/notice/notice.ts';
import { type Http, Nothing, refused } from '#server/platform/http.ts';
import { NoticeRequest, NoticeView } from '#shared/api/notice.ts';

const SELDOM = { rateLimit: { max: 30, timeWindow: '1 minute' } };

/** Mounts the notices of the phone that signed. */
export function noticeRoutes(app: Http, notices: Notices, identity: Pick<Identity, 'deviceOf'>): void {
  app.get('/notices', { schema: { response: { 200: NoticeView } }, config: SELDOM }, async (request, reply) => {
    const phone = await identity.deviceOf(request);
    return phone.ok ? await notices.view(phone.value) : refused(reply, phone.error);
  });
  app.put(
    '/notices',
    { schema: { body: NoticeRequest, response: { 200: NoticeView } }, config: SELDOM },
    async (request, reply) => {
      const phone = await identity.deviceOf(request);
      if (!phone.ok) return refused(reply, phone.error);
      const view = await notices.subscribe(phone.value, request.body);
      return view.ok ? view.value : refused(reply, view.error);
    },
  );
  app.delete('/notices', { schema: { response: { 204: Nothing } }, config: SELDOM }, async (request, reply) => {
    const phone = await identity.deviceOf(request);
    if (!phone.ok) return refused(reply, phone.error);
    await notices.unsubscribe(phone.value);
    return reply.code(204).send();
  });
}
