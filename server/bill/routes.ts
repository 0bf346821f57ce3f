/** How the world reads bills: its own, by cursor, asked by a session or signed by a phone. */
import Type, { type Static } from 'typebox';
import type { Bills } from '#server/bill/bill.ts';
import type { Identity } from '#server/identity/identity.ts';
import { unlessFull } from '#server/platform/disk.ts';
import { type Http, refused } from '#server/platform/http.ts';
import { BillPage } from '#shared/api/bill.ts';

const BillQuery = Type.Object({
  after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  /** The newest so many, whatever stands before them. */
  last: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
});

/** Mounts GET /bills?after=&limit= and GET /bills?last=. */
export function billRoutes(app: Http, bills: Bills, identity: Pick<Identity, 'askerOf'>): void {
  app.get<{ Querystring: Static<typeof BillQuery> }>(
    '/bills',
    { schema: { querystring: BillQuery, response: { 200: BillPage } } },
    async (request, reply) => {
      // A new phone of an old wallet fetches its past in the background, signed in or not.
      const asker = await identity.askerOf(request);
      if (!asker.ok) return refused(reply, asker.error);
      await unlessFull(bills.catchUp());
      const { after = 0, limit = 100, last } = request.query;
      const owner = asker.value;
      return last === undefined ? bills.feed(owner, after, limit) : bills.newest(owner, last);
    },
  );
}
