/**
 * Bills: a window on the journal that tells each wallet what happened to its money. It never posts.
 * Invariant: what a bill says stands in the journal (or is a dispute, for which nothing was posted); the numbers of a
 * wallet's bills have no gaps; a bill is never changed, only followed by the same id under a higher number.
 */
import { readFileSync } from 'node:fs';
import { appendBills, type BillRow, newestBills, type PageAsked, readPages } from '#server/bill/store.ts';
import { disputeBills, storyBills } from '#server/bill/story.ts';
import type { Identity } from '#server/identity/identity.ts';
import { follow } from '#server/ledger/follow.ts';
import type { JournalTransfer, Ledger } from '#server/ledger/ledger.ts';
import type { Payments } from '#server/payment/payment.ts';
import { askTogether, gather } from '#server/platform/batch.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import type { Regions } from '#server/region/region.ts';
import type { Told, Transfers } from '#server/transfer/transfer.ts';
import type { Bill, BillPage } from '#shared/api/bill.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';

export { statisticsCommand } from '#server/bill/statistics-command.ts';

/** What this capability remembers. */
export const billSchema = {
  name: 'bill',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** Transfers told in one transaction. */
const TOLD_AT_ONCE = 2_000;

/** Pages read in one question: a wallet's first one may have some hundreds of bills. */
const PAGES_AT_ONCE = 100;

/** Payments whose notes are read in one question. */
const NOTES_AT_ONCE = 1_000;

/** What bills stand on. */
export interface BillParts {
  readonly database: Database;
  readonly ledger: Ledger;
  readonly regions: Pick<Regions, 'list'>;
  readonly identity: Pick<Identity, 'people'>;
  readonly payments: Pick<Payments, 'stories' | 'onDisputed'>;
  /** What payers wrote of payments nobody asked for. */
  readonly transfers: Pick<Transfers, 'told'>;
}

/** Whose bills. */
export type BillOwner = Pick<PageAsked, 'region' | 'wallet'>;

/** The front door. */
export interface Bills {
  /** Tells everything that stands in the journals now; callers of one moment share the work. */
  readonly catchUp: () => Promise<void>;
  /** At most `limit` bills of a wallet after number `cursor`, in order and without gaps. */
  readonly feed: (owner: BillOwner, cursor: number, limit: number) => Promise<BillPage>;
  /** The newest `limit` bills of a wallet, in order: what a person wants to see before their whole past is there. */
  readonly newest: (owner: BillOwner, limit: number) => Promise<BillPage>;
}

/** Opens bills on a migrated database. */
export function openBills(parts: BillParts): Bills {
  const { database, ledger, payments } = parts;
  const followers = parts.regions.list().map(({ region }) =>
    follow({
      database,
      ledger,
      name: 'bill',
      region,
      most: TOLD_AT_ONCE,
      step: (tx, transfers) => tell(parts, tx, region, transfers),
    }),
  );
  payments.onDisputed(async (tx, rows) => {
    for (const { region } of parts.regions.list()) await appendBills(tx, region, disputeBills(rows, region));
  });
  const together = gather<void, void>(
    async (callers) => {
      for (const catchUp of followers) await catchUp();
      return callers;
    },
    { most: 100_000 },
  );
  const read = askTogether<PageAsked, BillRow[]>((pages) => readPages(database, pages), { most: PAGES_AT_ONCE });
  const notesOf = askTogether<readonly Uint8Array[], ReadonlyMap<string, Told>>(
    async (pages) => {
      const told = await parts.transfers.told(database, pages.flat());
      return pages.map(() => told);
    },
    { most: NOTES_AT_ONCE, sizeOf: (page) => page.length },
  );
  return {
    catchUp: () => together(),
    async feed({ region, wallet }, cursor, limit) {
      const rows = await read({ region, wallet, after: cursor, limit: limit + 1 });
      const page = rows.slice(0, limit);
      const bills = await billsOf(parts, notesOf, page);
      return { bills, cursor: page.at(-1)?.sequence ?? cursor, more: rows.length > limit };
    },
    async newest(owner, limit) {
      const page = await newestBills(database, owner, limit);
      return { bills: await billsOf(parts, notesOf, page), cursor: page.at(-1)?.sequence ?? 0, more: false };
    },
  };
}

async function tell(parts: BillParts, tx: Sql, region: string, transfers: readonly JournalTransfer[]): Promise<void> {
  const names = new Set<string>();
  for (const { about } of transfers) if (typeof about.payment === 'string') names.add(about.payment);
  const stories = await parts.payments.stories(tx, [...names]);
  await appendBills(
    tx,
    region,
    transfers.flatMap((transfer) => storyBills(transfer, stories)),
  );
}

/** What was written of payments, by base64url of their ids; there may be more than was asked for. */
type NotesOf = (payments: readonly Uint8Array[]) => Promise<ReadonlyMap<string, Told>>;

async function billsOf({ identity }: BillParts, notesOf: NotesOf, page: readonly BillRow[]): Promise<Bill[]> {
  const [people, told] = await Promise.all([
    identity.people([...new Set(page.flatMap((row) => (row.peer === null ? [] : [row.peer])))]),
    notesOf(page.flatMap((row) => row.payment ?? [])),
  ]);
  return page.map((row) => billOf(row, (id) => people.get(id)?.verifiedName ?? '', told));
}

function billOf(row: BillRow, nameOf: (wallet: Id) => string, told: ReadonlyMap<string, Told>): Bill {
  const note = row.payment === null ? undefined : told.get(toBase64url(row.payment));
  return {
    id: row.id,
    sequence: row.sequence,
    kind: row.kind,
    direction: row.direction,
    state: row.state,
    amount: row.amount,
    currency: row.currency,
    region: row.region,
    ...(row.peer === null
      ? {}
      : {
          peer: {
            id: row.peer,
            name: nameOf(row.peer),
            ...(row.peer_region === null ? {} : { region: row.peer_region }),
          },
        }),
    ...(row.payment === null ? {} : { payment: toBase64url(row.payment) }),
    ...(row.invoice === null ? {} : { invoice: toBase64url(row.invoice) }),
    ...(note === undefined ? {} : { unasked: true }),
    ...(note?.memo ? { memo: note.memo } : {}),
    ...(row.reason === null ? {} : { reason: row.reason }),
    times: {
      ...(row.signed_at === null ? {} : { signed: row.signed_at }),
      ...(row.uploaded_at === null ? {} : { uploaded: row.uploaded_at }),
      ...(row.posted_at === null ? {} : { reconciled: row.posted_at, posted: row.posted_at }),
    },
  };
}
