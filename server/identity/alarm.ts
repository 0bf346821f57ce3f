/** Alarms: what was out of the ordinary about a wallet, what it stops or asks for meanwhile, and what its owner said to it. */
import * as store from '#server/identity/store.ts';
import type { Sql } from '#server/platform/database.ts';
import type { AlarmList, AlarmView } from '#shared/api/security.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';

interface Owner {
  readonly region: string;
  readonly wallet: Id;
}

/** Alarms of a person's list: what is older was read, or is no alarm any more. */
const MOST = 20;

/** The alarm that stops money until the owner has answered it. */
export async function pausedBy(tx: Sql, { region, wallet }: Owner): Promise<store.AlarmRow | undefined> {
  return pauseIn(await store.openAlarms(tx, region, wallet));
}

function pauseIn(open: readonly store.AlarmRow[]): store.AlarmRow | undefined {
  return open.find(({ answer }) => answer === 'pause');
}

/** Until when each act of the wallet wants a proof; undefined when small ones go without. */
export async function watchedUntil(tx: Sql, { region, wallet }: Owner, now: Instant): Promise<Instant | undefined> {
  return watchEnd(await store.openAlarms(tx, region, wallet), now);
}

function watchEnd(open: readonly store.AlarmRow[], now: Instant): Instant | undefined {
  const heavy = open.filter(({ answer, until }) => answer !== 'alert' && until > now);
  return heavy.map(({ until }) => until).sort((one, other) => other - one)[0];
}

/** What waits for the owner's word, and what came before. */
export async function alarmsOf(tx: Sql, owner: Owner, now: Instant): Promise<AlarmList> {
  const rows = await store.alarmsOfWallet(tx, owner.region, owner.wallet, MOST);
  const open = await store.openAlarms(tx, owner.region, owner.wallet);
  const until = watchEnd(open, now);
  const isPaused = pauseIn(open) !== undefined;
  return { alarms: rows.map(viewOf), paused: isPaused, ...(until === undefined ? {} : { watchedUntil: until }) };
}

function viewOf(row: store.AlarmRow): AlarmView {
  return {
    id: row.id,
    rule: row.rule,
    answer: row.answer,
    at: row.at,
    amount: row.amount,
    currency: row.currency,
    ...(row.answered === null ? {} : { answered: row.answered }),
    ...(row.answered_at === null ? {} : { answeredAt: row.answered_at }),
  };
}
