/** A house in trouble: a payer with money and room to pay, a payee, and a look into its database while it stands still. */
import { join } from 'node:path';
import { auditLedger } from '#server/ledger/audit.ts';
import { available, outside } from '#server/ledger/chart.ts';
import { openLedger } from '#server/ledger/ledger.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { auditPayments } from '#server/proof/proof.ts';
import { rootIn } from '#server/region/region.ts';
import type { SyncAnswer, SyncRequest } from '#shared/api/sync.ts';
import { newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import type { Letter } from '#tests/kit/crowd.ts';
import { type House, type HouseOptions, startHouse } from '#tests/kit/house.ts';
import { deviceHeader, good, type Member, openMember, type Place, type SoftDevice } from '#tests/kit/member.ts';
import { overHttp } from '#tests/kit/over-http.ts';

/** The clock of the people. */
export const clock = () => instant(Date.now());

/** A house with people in it. */
export interface Troubled {
  readonly house: House;
  readonly port: number;
  readonly place: Place;
  readonly payer: Member;
  readonly payee: Member;
}

/** Everybody's allowance may be large, so that a test says what it means and nothing else. */
export const ROOM = {
  total: 10_000_00,
  perPayment: 10_000_00,
  perPayee: 10_000_00,
  perDay: 100_000_00,
  maxCount: 1000,
  noPasskeyEach: 10_000_00,
  noPasskeySum: 10_000_00,
  spend: { most: 1_000_000_00, per: 'life' },
};

/** Opens a house in which one person has `minor` fen to pay another with; addresses of callers are theirs to say. */
export async function openTroubled(options: HouseOptions & { readonly minor: number }): Promise<Troubled> {
  const environment = { TRUST_PROXY: '127.0.0.1', LOG_LEVEL: 'error', ...options.environment };
  const house = await startHouse({ paceMs: 10, ...options, environment });
  const port = Number(new URL(house.origin).port);
  const place = { app: overHttp(house.origin), origin: house.origin, clock, codeFor: house.smsCode };
  const payer = await openMember(place, { phone: '13800138000' });
  const payee = await openMember(place, { phone: '13800138009' });
  // The house knows a payee by the certificate it gave out.
  await good(
    payee.device.ask('POST', '/sync', { cursor: 0, payments: [], closings: [], receipts: [], forks: [], have: {} }),
  );
  await whileStopped(house, async (database) => {
    await database.query('update region_policy set policy = policy || $1::jsonb', [ROOM]);
    // Whoever pays a thousand times in a minute here is the test, not a thief.
    await database.query('update identity_anomaly_terms set count_from = 1000000');
    // The fund stands behind payers with a proved name alone.
    await database.query("update identity_wallet set tier = 'real-name' where id = $1", [payer.wallet]);
    await fill(database, payer, options.minor);
  });
  return { house, port, place, payer, payee };
}

/** Puts `minor` fen from the bank into a wallet of `region`. */
export async function fill(
  database: Database,
  { wallet }: Pick<Member, 'wallet'>,
  minor: number,
  region = 'CN-SX',
): Promise<void> {
  const move = {
    debit: outside(region, 'bank', 'CNY'),
    credit: available(region, wallet, 'CNY'),
    amount: money(minor, 'CNY'),
  };
  const unit = { region, id: newId(clock()), kind: 'top-up' as const, at: clock(), moves: [move] };
  const posted = await openLedger({ database }).post([unit]);
  if (!posted.ok) throw new Error(posted.error.code);
}

/** Stops the server, does `work` on its database and starts it again. */
export async function whileStopped<Answer>(
  house: House,
  work: (database: Database) => Promise<Answer>,
): Promise<Answer> {
  await house.end('server', 'SIGTERM');
  const answer = await lookInside(house, work);
  await house.restart('server');
  return answer;
}

/** Does `work` on the database of a house whose server is not running. */
export async function lookInside<Answer>(house: House, work: (database: Database) => Promise<Answer>): Promise<Answer> {
  const { DATA_DIR = '', DATABASE_URL } = house.environment;
  const databaseUrl = house.databaseUrl ?? DATABASE_URL;
  const database = await openDatabase({ dataDir: DATA_DIR, databaseUrl, diskFloorBytes: 0 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** What both auditors of money say of the house, and how often each payment from `payer` was booked. */
export async function booksOf(house: House): Promise<{ findings: unknown[]; payments: number; transfers: number }> {
  return lookInside(house, async (database) => {
    const ledger = await auditLedger(database);
    const book = await auditPayments(
      database,
      instant(Date.now()),
      rootIn(join(house.environment.DATA_DIR ?? '', 'keys')),
    );
    const [row] = await database.query<{ payments: number; transfers: number }>(
      `select count(distinct id)::int as payments, count(*)::int as transfers from ledger_transfer where kind in ('claim', 'shortfall', 'late-claim')`,
    );
    return {
      findings: [...ledger.findings, ...book.findings],
      payments: row?.payments ?? 0,
      transfers: row?.transfers ?? 0,
    };
  });
}

let callers = 0;

/** A sync of `device` as its bytes, from another address each time. */
export function syncLetter(device: SoftDevice, brings: Partial<SyncRequest>): Letter {
  const body = { cursor: 0, payments: [], closings: [], receipts: [], forks: [], have: {}, ...brings };
  callers += 1;
  return {
    method: 'POST',
    path: '/sync',
    headers: {
      authorization: deviceHeader(device, 'POST', '/sync', body, Date.now()),
      'x-forwarded-for': `10.${(callers >> 16) & 255}.${(callers >> 8) & 255}.${callers & 255}`,
    },
    body: JSON.stringify(body),
  };
}

/** What became of the payments in the answer to a sync; nothing when there was no good answer. */
export function outcomesOf({ ending, body }: { ending: string; body: string }): SyncAnswer['answers'] {
  return ending === 'answered 200' ? (JSON.parse(body) as SyncAnswer).answers : [];
}
