/** Follows the journal for what people paid, with or without a network, so that it is watched like what they do signed in. */
import type { ActBehind, Alarm, Identity } from '#server/identity/identity.ts';
import { follow } from '#server/ledger/follow.ts';
import type { JournalTransfer, Ledger, TransferKind } from '#server/ledger/ledger.ts';
import type { Payments } from '#server/payment/payment.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import { isCurrency } from '#shared/money/currency.ts';

/** What following stands on. */
export interface PaidParts {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly identity: Pick<Identity, 'watch'>;
  readonly payments: Pick<Payments, 'stories'>;
  readonly regions: () => readonly string[];
}

/** The postings that are somebody's paying. */
const PAYING: readonly TransferKind[] = ['claim', 'late-claim', 'shortfall'];

/** The function that watches every payment posted since it was last called. */
export function watchPaid(parts: PaidParts): () => Promise<void> {
  const { database, ledger, identity } = parts;
  let raised: Alarm[] = [];
  const followers = parts.regions().map((region) =>
    follow({
      database,
      ledger,
      name: 'watch',
      region,
      step: async (tx, transfers) => {
        raised.push(...(await identity.watch.saw(tx, region, await actsOf(parts, tx, region, transfers))));
      },
    }),
  );
  return async () => {
    raised = [];
    try {
      for (const catchUp of followers) await catchUp();
    } finally {
      // What was raised stands in the database; a step that was undone after it has only been said once too often.
      await identity.watch.tell(raised);
    }
  };
}

async function actsOf(
  { payments }: PaidParts,
  tx: Sql,
  region: string,
  transfers: readonly JournalTransfer[],
): Promise<ActBehind[]> {
  const paid = transfers.filter(({ kind }) => PAYING.includes(kind));
  const names = paid.flatMap(({ about }) => (typeof about.payment === 'string' ? [about.payment] : []));
  const stories = await payments.stories(tx, [...new Set(names)]);
  return paid.flatMap(({ id, about }) => {
    const story = typeof about.payment === 'string' ? stories.get(about.payment) : undefined;
    if (!story || story.region !== region || !isCurrency(story.currency)) return [];
    const { payer: wallet, amount, currency, payee_region: toRegion, signed_at: at } = story;
    return [{ wallet, id, amount, currency, toRegion, at }];
  });
}
