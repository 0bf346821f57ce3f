/** How the world reads bills: its own, by cursor. */
import Type, { type Static } from 'typebox';
import type { Bills } from '#server/bill/bill.ts';
import type { Identity } from '#server/identity/identity.ts';
import { type Http, refused } from '#server/platform/http.ts';
import { Bill } from '#shared/api/bill.ts';

const BillQuery = Type.Object({
  after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
});
const BillAnswer = Type.Object({ bills: Type.Array(Bill), cursor: Type.Integer(), more: Type.Boolean() });

/** Mounts GET /bills?after=&limit=. */
export function billRoutes(app: Http, bills: Bills, identity: Pick<Identity, 'requireSession'>): void {
  app.get<{ Querystring: Static<typeof BillQuery> }>(
    '/bills',
    { schema: { querystring: BillQuery, response: { 200: BillAnswer } } },
    async (request, reply) => {
      const session = await identity.requireSession(request);
      if (!session.ok) return refused(reply, session.error);
      await bills.catchUp();
      return bills.feed(session.value.wallet, request.query.after ?? 0, request.query.limit ?? 100);
    },
  );
}
