/**
 * The end of the day: every provider's statement (camt.053) is read, kept, and held against what the house knows.
 * Invariant: a statement never moves money; a difference is a finding that stays open until both sides agree.
 */
import { Check } from 'typebox/value';
import type { Way } from '#server/funding/channel.ts';
import { askAgain } from '#server/funding/course.ts';
import type { FundingNeeds } from '#server/funding/needs.ts';
import { exchange } from '#server/funding/provider.ts';
import { dayAt, dayBegin, dayName } from '#server/funding/statement-day.ts';
import * as store from '#server/funding/store.ts';
import type { Sql } from '#server/platform/database.ts';
import { type Service, Statement, type StatementEntry } from '#shared/api/bank.ts';

export type { Finding } from '#server/funding/store.ts';

/** Which provider's statement tells of which way. */
export const SERVICE_OF: Readonly<Record<Way, Service>> = {
  'bank-transfer': 'bank',
  'third-party': 'pay',
  counter: 'counter',
  payout: 'payout',
  'credit-card': 'card',
};
const WAYS = Object.keys(SERVICE_OF) as Way[];

/** Closed days that are read when their statements were not; older ones are for hands. */
const DAYS_BACK = 7;

/** Pages of one statement at most: a million bookings a day and provider. */
const MOST_PAGES = 1_000;

/** Open findings looked at again in one round, and shown. */
const FINDINGS_MOST = 500;

/** The statements of the providers against what the house knows. */
export interface Reconciling {
  /** Reads what has been closed since and holds it against the books; looks again at open findings. What the job runs. */
  run(): Promise<void>;
  /** The open findings of a region, the oldest first. */
  findings(region: string): Promise<store.Finding[]>;
  /** How many findings of each region and kind are open. */
  counts(): Promise<{ region: string; kind: string; count: number }[]>;
}

/** Opens the reading of statements. */
export function openReconciling(needs: FundingNeeds): Reconciling {
  return {
    run: async () => {
      const today = dayAt(needs.clock());
      for (const region of needs.regions()) {
        for (const way of WAYS) await readClosedDays(needs, region, way, today);
        await lookAgain(needs, region);
      }
    },
    findings: (region) => store.readOpenFindings(needs.database, region, FINDINGS_MOST),
    counts: () => store.countFindings(needs.database),
  };
}

/** Every open finding of every region, and how many statements have been read: what an operator's command names. */
export async function readFindings(database: Sql): Promise<{ findings: store.Finding[]; statements: number }> {
  return { findings: await store.readAllFindings(database), statements: await store.countStatements(database) };
}

async function readClosedDays(needs: FundingNeeds, region: string, way: Way, today: number): Promise<void> {
  const of = { region, service: SERVICE_OF[way] };
  const read = await store.readStatementDays(needs.database, of, today - DAYS_BACK - 1);
  for (let day = today - DAYS_BACK; day < today; day += 1) {
    if (read.has(day)) continue;
    const entries = await readStatement(needs, { ...of, day });
    // A provider that is silent now is asked again in the next round.
    if (!entries) return;
    await needs.database.transaction((tx) => store.insertStatement(tx, { ...of, day }, entries, needs.clock()));
    await compare(needs, { ...of, day }, way);
  }
}

async function readStatement(needs: FundingNeeds, of: store.Day): Promise<StatementEntry[] | undefined> {
  const entries: StatementEntry[] = [];
  let after = 0;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const query = new URLSearchParams({ account: of.region, day: dayName(of.day), after: String(after) });
    const answer = await exchange(needs.bank, 'GET', `/statements/${of.service}?${query}`);
    if (answer?.status !== 200 || !Check(Statement, answer.body)) return undefined;
    if (answer.body.account !== of.region || answer.body.day !== dayName(of.day)) return undefined;
    entries.push(...answer.body.entries);
    if (answer.body.next === undefined) return entries;
    after = answer.body.next;
  }
  return undefined;
}

async function compare(needs: FundingNeeds, of: store.Day, way: Way): Promise<void> {
  const question = { ...of, channel: way, from: dayBegin(of.day), to: dayBegin(of.day + 1) };
  const told = await store.readDifferences(needs.database, question);
  // A return whose notice was lost is no difference once the provider has been asked about it.
  for (const { kind, reference } of told) if (kind === 'state') await hearReturn(needs, of.region, reference);
  for (const difference of await store.readDifferences(needs.database, question)) {
    const finding = { ...of, ...difference, foundAt: needs.clock(), closedAt: null };
    if (await store.insertFinding(needs.database, finding)) {
      const { region, service, reference, kind, ours, theirs } = finding;
      needs.log.warn({ region, service, reference, kind, ours, theirs }, 'a statement differs from the books');
    }
  }
}

async function hearReturn(needs: FundingNeeds, region: string, reference: store.Finding['reference']): Promise<void> {
  const row = await store.findByReference(needs.database, region, reference);
  if (row?.state === 'settled') await askAgain(needs, row);
}

/** A finding closes by itself when both sides have come to agree: the house heard late, or the provider booked late. */
async function lookAgain(needs: FundingNeeds, region: string): Promise<void> {
  const open = await store.readOpenFindings(needs.database, region, FINDINGS_MOST);
  const days = new Map(open.map(({ service, day }) => [`${service} ${day}`, { service, day }]));
  for (const { service, day } of days.values()) {
    const way = WAYS.find((one) => SERVICE_OF[one] === service);
    if (!way) continue;
    const span = { from: dayBegin(day), to: dayBegin(day + 1) };
    const still = await store.readDifferences(needs.database, { region, service, day, channel: way, ...span });
    for (const finding of open) {
      const same = (one: { reference: string; kind: string }) =>
        one.reference === finding.reference && one.kind === finding.kind;
      if (finding.service === service && finding.day === day && !still.some(same))
        await store.closeFinding(needs.database, finding, needs.clock());
    }
  }
}
