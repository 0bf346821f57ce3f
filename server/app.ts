/**
 * The house put together, rung by rung as on the ladder: what stands here is the list of what the house can do.
 * A new capability is its schema's name in {@link LADDER}, one line that opens it and one that mounts its routes.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FastifyBaseLogger } from 'fastify';
import { openAccounts } from '#server/account/account.ts';
import { accountRoutes } from '#server/account/routes.ts';
import { openAllowances } from '#server/allowance/allowance.ts';
import { allowanceRoutes } from '#server/allowance/routes.ts';
import { openBills } from '#server/bill/bill.ts';
import { billRoutes } from '#server/bill/routes.ts';
import { addHouseFigures, countedSync } from '#server/figures.ts';
import { openChannels, openFunding } from '#server/funding/funding.ts';
import { fundingRoutes } from '#server/funding/routes.ts';
import { type IdentityLimits, openIdentity } from '#server/identity/identity.ts';
import { identityRoutes } from '#server/identity/routes.ts';
import { openLedger } from '#server/ledger/ledger.ts';
import { sealDay, sealMessage } from '#server/logbook/logbook.ts';
import { openNotebooks } from '#server/notebook/notebook.ts';
import { notebookRoutes } from '#server/notebook/routes.ts';
import { openNotices } from '#server/notice/notice.ts';
import { noticeRoutes } from '#server/notice/routes.ts';
import { fundOwed, openPayments } from '#server/payment/payment.ts';
import { paymentRoutes } from '#server/payment/routes.ts';
import { PLACEMENT } from '#server/placement.ts';
import { USUAL_ADMISSION } from '#server/platform/admission.ts';
import { systemClock } from '#server/platform/clock.ts';
import { type BelieveClock, openClockGuard } from '#server/platform/clock-guard.ts';
import type { Config } from '#server/platform/config.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { distribute } from '#server/platform/distribute.ts';
import { createHttp, type Http, type HttpParts } from '#server/platform/http.ts';
import { type RunningJob, startJob } from '#server/platform/job.ts';
import { type Metrics, openMetrics } from '#server/platform/metrics.ts';
import { migrate } from '#server/platform/migrate.ts';
import { type Exporter, openExporter } from '#server/platform/otlp.ts';
import { callOutside } from '#server/platform/outside.ts';
import { serveApp } from '#server/platform/static.ts';
import { mayCall, openStrangers } from '#server/platform/stranger.ts';
import { type Collector, traceAct, traceDatabase, traceRequests } from '#server/platform/trace.ts';
import { openRegions } from '#server/region/region.ts';
import { regionRoutes } from '#server/region/routes.ts';
import { supportRoutes } from '#server/support/routes.ts';
import { openSupport, watchPaid } from '#server/support/support.ts';
import { syncRoutes } from '#server/sync/routes.ts';
import { openSync } from '#server/sync/sync.ts';
import { tillRoutes } from '#server/till/routes.ts';
import { openTill } from '#server/till/till.ts';
import { transferRoutes } from '#server/transfer/routes.ts';
import { openTransfers } from '#server/transfer/transfer.ts';
import { isFinal } from '#shared/api/funding.ts';
import { type Clock, type Duration, duration } from '#shared/base/time.ts';

/** Capabilities that remember something, lowest rung first. */
const LADDER = [
  'ledger',
  'logbook',
  'region',
  'identity',
  'allowance',
  'payment',
  'transfer',
  'till',
  'funding',
  'account',
  'bill',
  'notice',
  'sync',
  'notebook',
  'support',
] as const;

/** The house, ready to listen. */
export interface House {
  readonly app: Http;
  readonly database: Database;
  readonly metrics: Metrics;
  /** Starts the threads the house needs and, under Node's permission model, gives up the leave to start any other. */
  readonly confine: () => void;
  /** Ends periodic work and closes the database; call it when the app has stopped answering. */
  readonly close: () => Promise<void>;
}

/** What may be set beside the configuration. */
export interface HouseParts {
  readonly clock?: Clock;
  readonly identityLimits?: Partial<IdentityLimits>;
  /** Where the log goes; standard output unless a test listens. */
  readonly logTo?: HttpParts['logTo'];
}

/** How long a bank may take to answer before its silence is treated as an unknown outcome. */
const BANK_PATIENCE = duration(5, 's');

/** Builds the house of `config`: the database is brought forward, every capability opened, every route mounted. */
export async function buildHouse(config: Config, parts: HouseParts = {}): Promise<House> {
  const clock = parts.clock ?? systemClock;
  const opened = await openDatabase(config);
  await migrate(opened, schemas());
  await distribute(opened, PLACEMENT);
  const metrics = openMetrics(config.dataDir);
  const collector = openCollector(config, metrics);
  const database = collector ? traceDatabase(opened) : opened;
  // Filled as the house is built; what stands here must hold for it to be ready.
  const checks: Record<string, () => Promise<void>> = {};
  const admission = { ...USUAL_ADMISSION, requests: config.requestsMost };
  const app = await createHttp(config, { database, checks, admission, ...(parts.logTo && { logTo: parts.logTo }) });
  metrics.watch(app);
  if (config.tracing) traceRequests(app, collector);

  const ledger = openLedger({ database });
  // A clock that was handed in is whoever's who handed it in.
  const believeClock = parts.clock ? undefined : openClockGuard(database, clock);
  const regions = await openRegions({
    database,
    clock,
    ...(believeClock && { believeClock }),
    keysDir: config.keysDir,
    rpId: config.rpId,
    origins: [config.origin],
  });
  Object.assign(checks, { 'issuer-key': regions.probe, ...(believeClock && { clock: believeClock }) });
  const regionCodes = regions.list().map(({ region }) => region);
  const identity = openIdentity({
    database,
    clock,
    config: { ...config, regions: regionCodes, ...(parts.identityLimits ? { limits: parts.identityLimits } : {}) },
  });
  const allowances = openAllowances({ database, ledger, clock, regions, identity, fundOwed });
  const payments = await openPayments({
    database,
    ledger,
    clock,
    regions,
    allowances,
    identity,
    epochAge: (region) => regions.policyHeld(region, 'unproved').guaranteeEpochAge,
  });
  const transfers = await openTransfers({ database, ledger, clock, regions, identity, allowances, payments });
  const bills = openBills({ database, ledger, regions, identity, payments, transfers });
  const reach = { inside: config.insideHosts };
  const notices = openNotices({
    ...{ database, clock, ledger, identity, payments, regions: () => regionCodes },
    ...{ keysDir: config.keysDir, origin: config.origin, post: openStrangers(reach) },
    mayCall: (url) => mayCall(url, reach),
  });
  const sync = countedSync(
    metrics,
    openSync({
      database,
      clock,
      ledger,
      regions,
      allowances,
      payments,
      transfers,
      bills,
      watch: identity.watch,
      report: (error, part) => app.log.error({ err: error, part }, 'a part of a sync failed'),
    }),
  );
  const notebooks = openNotebooks({ database });
  const bank = { url: config.sandboxUrl, call: callOutside, patience: BANK_PATIENCE };
  const funding = openFunding({
    database,
    ledger,
    clock,
    channels: openChannels({
      ...bank,
      clock,
      callbacksUrl: new URL('/callbacks', ownAddress(config)).href,
      backUrl: `${config.origin}/top-up`,
    }),
    bank,
    cardsUrl: `${config.origin}/me/cards`,
    mayEnter: (tx, owner) => identity.gate(tx, owner),
    mayLeave: async (tx, { wallet, region }) => {
      if (!(await regions.switches(region, tx)).withdrawal) return { code: 'funding.withdrawal-off' };
      return (await identity.isFrozen(tx, wallet)) ? { code: 'wallet.frozen' } : undefined;
    },
    limitShare: (tx, { wallet }) => identity.limitShare(tx, wallet),
    regions: () => regionCodes,
    log: app.log,
  });
  addHouseFigures(metrics, { clock, ledger, regions, allowances, payments, funding });

  const accounts = openAccounts({
    database,
    clock,
    identity,
    ledger,
    regions: () => regionCodes,
    unfinished: async (owner) => {
      const known = { ...owner, tier: 'unproved', name: '' };
      const money = [...(await funding.list(known)), ...(await funding.listWithdrawals(known))];
      const { asks, claims } = await transfers.feed(owner);
      return (
        money.filter(({ state }) => !isFinal(state)).length +
        asks.filter(({ state }) => state === 'open').length +
        claims.filter(({ state }) => state === 'asked').length
      );
    },
  });

  const support = openSupport({ database, clock, identity });

  // Identity first: its hook carries sessions in and out of every other capability's answers.
  identityRoutes(app, identity);
  regionRoutes(app, regions);
  allowanceRoutes(app, allowances, identity);
  paymentRoutes(app, payments, identity);
  transferRoutes(app, transfers, identity);
  tillRoutes(app, openTill({ database, clock, allowances }), identity);
  fundingRoutes(app, funding, identity);
  accountRoutes(app, accounts, identity);
  billRoutes(app, bills, identity);
  noticeRoutes(app, notices, identity);
  syncRoutes(app, sync, identity);
  notebookRoutes(app, notebooks, identity);
  supportRoutes(app, support, identity);
  await serveBuilt(app);

  const jobs = startJobs(
    { database, log: app.log, collector, believeClock },
    {
      'identity-sweep': [duration(5, 'min'), identity.sweep],
      'real-name': [duration(2, 's'), identity.realNames.runDue],
      'watch-paid': [duration(2, 's'), watchPaid({ database, ledger, identity, payments, regions: () => regionCodes })],
      'logbook-seal': [
        duration(10, 'min'),
        () => sealDay(database, clock(), (seal) => regions.sign(seal.region, sealMessage, seal)),
      ],
      'allowance-release': [duration(1, 'min'), allowances.releaseDue],
      'payment-ripen': [duration(1, 'min'), payments.ripen],
      'payment-claims': [duration(5, 's'), payments.sealClaims],
      'payment-recover': [duration(5, 's'), payments.recoverDebts],
      'border-waiting': [duration(5, 's'), sync.settleWaiting],
      'transfer-due': [duration(5, 's'), transfers.runDue],
      'funding-due': [duration(1, 's'), funding.runDue],
      notices: [duration(2, 's'), notices.runDue],
      'account-closing': [duration(10, 's'), accounts.closings.runDue],
      'funding-statements': [duration(10, 'min'), funding.reconciling.run],
    },
  );
  return {
    app,
    database,
    metrics,
    confine: () => {
      if (!process.permission) return;
      payments.startThreads();
      // A thread may be given flags of its own, and with them it would stand outside the permission model.
      process.permission.drop('worker');
    },
    close: async () => {
      await Promise.all(jobs.map((job) => job.stop()));
      await funding.idle();
      await payments.close();
      await database.close();
      await collector?.close();
    },
  };
}

/** Where servers beside this one reach it, whatever name people use. */
function ownAddress({ host, port }: Config): string {
  return `http://${['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host}:${port}`;
}

/** What every capability remembers, in the order of {@link LADDER}. */
export function schemas(): { name: string; schema: string }[] {
  return LADDER.map((name) => ({
    name,
    schema: readFileSync(new URL(`${name}/schema.sql`, import.meta.url), 'utf8'),
  }));
}

/** Without a build (tests of the server, `npm run dev`) the house answers its API alone. */
async function serveBuilt(app: Http): Promise<void> {
  const folder = join(import.meta.dirname, '../build');
  if (existsSync(`${folder}/app-shell.html`)) await serveApp(app, folder);
}

/** Steps go to a collector where one is named; what became of them is counted. */
function openCollector({ tracing }: Config, metrics: Metrics): Exporter | undefined {
  if (!tracing?.collector) return undefined;
  const count = metrics.counter('piaohao_trace_steps_total', 'Steps for the collector of traces, by fate', 'fate');
  return openExporter({ place: tracing.collector, call: callOutside, count });
}

function startJobs(
  house: {
    readonly database: Database;
    readonly log: FastifyBaseLogger;
    readonly collector: Collector | undefined;
    readonly believeClock: BelieveClock | undefined;
  },
  work: Readonly<Record<string, readonly [every: Duration, run: () => Promise<unknown>]>>,
): RunningJob[] {
  const { database, log, collector, believeClock } = house;
  return Object.entries(work).map(([name, [every, run]]) =>
    startJob({
      database,
      name,
      every,
      believeClock,
      run: () =>
        (collector ? traceAct(collector, name, run) : run()).then(
          () => undefined,
          (error: unknown) => log.error({ err: error, job: name }, 'a round of periodic work failed'),
        ),
    }),
  );
}
