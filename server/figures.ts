/** The figures of the whole house that an operator watches, read from every capability at once. */
import type { Allowances } from '#server/allowance/allowance.ts';
import type { Funding } from '#server/funding/funding.ts';
import { guaranteeFund } from '#server/ledger/chart.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import type { Payments } from '#server/payment/payment.ts';
import type { Figure, Metrics, Sample } from '#server/platform/metrics.ts';
import type { Regions } from '#server/region/region.ts';
import type { Sync } from '#server/sync/sync.ts';
import type { Clock } from '#shared/base/time.ts';

/** Whose figures these are. */
export interface FigureParts {
  readonly clock: Clock;
  readonly ledger: Pick<Ledger, 'balances' | 'lag'>;
  readonly regions: Pick<Regions, 'all'>;
  readonly allowances: Pick<Allowances, 'exposure'>;
  readonly payments: Pick<Payments, 'standing'>;
  readonly funding: Pick<Funding, 'reconciling'>;
}

const FIGURES: readonly Figure[] = [
  {
    name: 'piaohao_unsettled',
    help: 'Payments paid by the guarantee and not spendable yet (arriving), and payments payees spoke of that nobody has uploaded (unseen)',
    labels: ['region', 'what'],
  },
  {
    name: 'piaohao_unsettled_oldest_seconds',
    help: 'How long the oldest of them has waited',
    labels: ['region', 'what'],
  },
  { name: 'piaohao_cases', help: 'Cases ever opened against payers', labels: ['region', 'kind'] },
  {
    name: 'piaohao_fund_exposure_minor',
    help: 'The most the guarantee fund may come to be owed: what payers owe it, and what it reckons with for every allowance that can still be claimed, in minor units',
    labels: ['region'],
  },
  { name: 'piaohao_fund_cap_minor', help: 'Where issuing of allowances stops, in minor units', labels: ['region'] },
  { name: 'piaohao_fund_balance_minor', help: 'What the guarantee fund has, in minor units', labels: ['region'] },
  { name: 'piaohao_fund_owed_minor', help: 'What payers owe the guarantee fund, in minor units', labels: ['region'] },
  {
    name: 'piaohao_journal_behind',
    help: 'Transfers a reader of the journal has not seen yet',
    labels: ['region', 'reader'],
  },
  {
    name: 'piaohao_statement_findings',
    help: 'Bookings in which a provider and the house differ, not cleared up yet',
    labels: ['region', 'kind'],
  },
  {
    name: 'piaohao_switch',
    help: '1 while the switch of a region is on, 0 while it is off',
    labels: ['region', 'switch'],
  },
];

/** Adds the house's figures to those of this process. */
export function addHouseFigures(metrics: Metrics, parts: FigureParts): void {
  metrics.figures(FIGURES, () => readFigures(parts));
}

async function readFigures(parts: FigureParts): Promise<Record<string, readonly Sample[]>> {
  const now = parts.clock();
  const standing = await parts.payments.standing();
  const lag = await parts.ledger.lag();
  const regions = await parts.regions.all();
  const perRegion = async (read: (region: string) => Promise<number>): Promise<Sample[]> =>
    Promise.all(regions.map(async ({ region }) => ({ labels: { region }, value: await read(region) })));
  return {
    piaohao_unsettled: standing.waiting.map(({ region, what, count }) => ({ labels: { region, what }, value: count })),
    piaohao_unsettled_oldest_seconds: standing.waiting.map(({ region, what, since }) => ({
      labels: { region, what },
      value: Math.max(0, now - since) / 1000,
    })),
    piaohao_cases: standing.cases.map(({ region, kind, count }) => ({ labels: { region, kind }, value: count })),
    piaohao_fund_exposure_minor: await perRegion(parts.allowances.exposure),
    piaohao_fund_cap_minor: regions.map(({ region, terms }) => ({ labels: { region }, value: terms.fundCap })),
    piaohao_fund_balance_minor: await Promise.all(
      regions.map(async ({ region, currency }) => ({
        labels: { region },
        value: (await parts.ledger.balances(region, [guaranteeFund(region, currency)]))[0] ?? 0,
      })),
    ),
    piaohao_fund_owed_minor: standing.owed.map(({ region, owed }) => ({ labels: { region }, value: owed })),
    piaohao_journal_behind: lag.map(({ region, name, behind }) => ({
      labels: { region, reader: name },
      value: behind,
    })),
    piaohao_statement_findings: (await parts.funding.reconciling.counts()).map(({ region, kind, count }) => ({
      labels: { region, kind },
      value: count,
    })),
    piaohao_switch: regions.flatMap(({ region, issuing, withdrawal, crossRegion }) => [
      { labels: { region, switch: 'issuing' }, value: Number(issuing) },
      { labels: { region, switch: 'withdrawal' }, value: Number(withdrawal) },
      { labels: { region, switch: 'cross-region' }, value: Number(crossRegion) },
    ]),
  };
}

/** `sync` with everything it answers counted: each payment's outcome, and what became of a wish for an allowance. */
export function countedSync(metrics: Metrics, sync: Sync): Sync {
  const payments = metrics.counter(
    'piaohao_sync_payments_total',
    'Uploaded payments by what became of them',
    'outcome',
  );
  const wishes = metrics.counter(
    'piaohao_sync_allowances_total',
    'Wishes for an allowance by what became of them',
    'outcome',
  );
  return {
    ...sync,
    async take(device, request) {
      const answer = await sync.take(device, request);
      for (const { outcome } of answer.answers) payments(outcome);
      if (answer.allowance !== undefined) wishes('issued');
      if (answer.allowanceRefused !== undefined) wishes(answer.allowanceRefused);
      return answer;
    },
  };
}
