/** Funding on a real database beside the sandbox in this process, both on one clock that a test sets: no ports, no waiting. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Funding, type Owner, openChannels, openFunding, type Way } from '#server/funding/funding.ts';
import { available, outside } from '#server/ledger/chart.ts';
import { type Ledger, openLedger } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import type { callOutside } from '#server/platform/outside.ts';
import { openSandbox } from '#server/sandbox/sandbox.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { type Id, newId, readId } from '#shared/base/id.ts';
import { ok, refuse } from '#shared/base/result.ts';
import { type Duration, duration, type Instant, instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import { checkLetter } from '#shared/rules/identity-number.ts';

/** A debit and a credit card that pass every check. */
export const DEBIT_CARD = '6225880123456783';
export const CREDIT_CARD = '6225750123456788';
/** An identity number that passes every check. */
export const IDENTITY = `11010119900307747${checkLetter('11010119900307747')}`;

const REGION = 'CN-SX';
const PACE_MS = 20;

type Doors = ReturnType<typeof openChannels>;

/** Everything a test of funding needs. */
export interface FundingStage {
  readonly region: string;
  readonly database: Database;
  readonly ledger: Ledger;
  readonly funding: Funding;
  /** What the house warned of, in order. */
  readonly warnings: string[];
  now(): Instant;
  /** Moves the clock on and lets everything due at its new moment happen. */
  pass(length: Duration): Promise<void>;
  /** A person of `tier` whose wallet holds `minor` fen. */
  person(minor?: number, tier?: string): Promise<Owner>;
  balanceOf(owner: Owner): Promise<number>;
  /** Binds `number` for `owner` as a person would: page, text, code. */
  bind(owner: Owner, number: string): Promise<Id>;
  /** Types a form into a page of the outside world; answers the status and the page it leads to. */
  submit(path: string, fields: Readonly<Record<string, string>>): Promise<{ status: number; page: string }>;
  /** What the sandbox answers to a GET. */
  look(path: string): Promise<unknown>;
  turn(switches: object): Promise<void>;
  /** Why nothing may leave now; undefined: it may. */
  stopLeaving(refusal: Refusal | undefined): void;
  /** Percent of the usual limits that are left. */
  shareLimits(percent: number): void;
  close(): Promise<void>;
}

/** Opens the stage on `database`; `bend` puts something between the house and its providers. */
export async function openFundingStage(
  database: Database,
  bend: (doors: Doors) => Doors = (doors) => doors,
): Promise<FundingStage> {
  const names = ['ledger', 'funding'];
  await migrate(
    database,
    names.map((name) => ({ name, schema: readFileSync(`server/${name}/schema.sql`, 'utf8') })),
  );
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-funding-'));
  const ledger = openLedger({ database });
  const warnings: string[] = [];
  let now = instant(Date.UTC(2026, 10, 23, 4));
  let leaving: Refusal | undefined;
  let share = 100;
  const clock = () => now;
  const headers = { host: 'localhost:4801' };

  const sandbox = openSandbox({
    folder,
    clock,
    paceMs: PACE_MS,
    deliver: async (url, notice) => {
      const address = new URL(url);
      const channel = address.pathname.split('/').at(-1) as Way;
      return (await funding.notice(channel, address.searchParams.get('region') ?? '', notice)).ok;
    },
  });
  const call: typeof callOutside = async (url, { method, body, timeoutMs }) => {
    const { pathname, search } = new URL(url);
    const payload = body === undefined ? {} : { payload: body as object };
    const asked = sandbox.inject({ method, url: pathname + search, headers, ...payload });
    const late = new Promise<undefined>((resolve) => setTimeout(resolve, timeoutMs, undefined));
    const answer = await Promise.race([asked, late]);
    if (!answer) return refuse('timeout');
    return ok({ status: answer.statusCode, body: answer.body === '' ? undefined : (answer.json() as unknown) });
  };
  const bank = { url: 'http://localhost:4801', call, patience: duration(250, 'ms') };
  const funding: Funding = openFunding({
    database,
    ledger,
    clock,
    channels: bend(
      openChannels({
        ...bank,
        clock,
        callbacksUrl: 'http://localhost/callbacks',
        backUrl: 'http://localhost/top-up',
      }),
    ),
    bank,
    cardsUrl: 'http://localhost/me/cards',
    mayEnter: async () => undefined,
    mayLeave: async () => leaving,
    limitShare: async () => share,
    regions: () => [REGION],
    log: { warn: (_facts, message) => warnings.push(message) },
  });
  const look = async (path: string): Promise<unknown> => (await sandbox.inject({ url: path, headers })).json();

  async function submit(path: string, fields: Readonly<Record<string, string>>) {
    const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
    const payload = new URLSearchParams(fields).toString();
    const answer = await sandbox.inject({ method: 'POST', url: path, payload, headers: form });
    const next = answer.headers.location;
    const page = next ? (await sandbox.inject({ url: next, headers })).body : answer.body;
    return { status: answer.statusCode, page };
  }

  return {
    region: REGION,
    ...{ database, ledger, funding, warnings, look, submit },
    now: clock,
    pass: async (length) => {
      now = instant(now + length);
      // The sandbox's own timers run on the machine's clock, by the pace.
      await new Promise((resolve) => setTimeout(resolve, 15 * PACE_MS));
      await funding.runDue();
      await funding.idle();
    },
    person: async (minor = 0, tier = 'real-name') => {
      const wallet = newId(now);
      const purse = available(REGION, wallet, 'CNY');
      const source = outside(REGION, 'bank-transfer', 'CNY');
      const moves = [{ debit: source, credit: purse, amount: money(minor, 'CNY') }];
      if (minor > 0) await ledger.post([{ region: REGION, id: newId(now), kind: 'top-up', moves, at: now }]);
      return { wallet, region: REGION, tier, name: '王小明' };
    },
    balanceOf: async ({ wallet }) => (await ledger.balances(REGION, [available(REGION, wallet, 'CNY')]))[0] ?? 0,
    bind: async (owner, number) => {
      const id = newId(now);
      const card = await funding.cards.bind(owner, id);
      assert(card.ok && card.value.page !== undefined, 'the bank answers with a page');
      const page = new URL(card.value.page).pathname;
      const phone = `138${String(Math.floor(Math.random() * 1e8))
        .padStart(8, '0')
        .replace(/0{3}[1-3]$/, '9999')}`;
      await submit(`${page}/fill`, { name: owner.name, number, identity: IDENTITY, phone });
      const [text] = (await look(`/sms?to=${encodeURIComponent(`+86${phone}`)}`)) as { text: string }[];
      await submit(`${page}/confirm`, { code: /\d{6}/.exec(text?.text ?? '')?.[0] ?? '' });
      const bound = await funding.cards.read(owner, id);
      assert(bound.ok && bound.value.state === 'bound', `the card is bound: ${JSON.stringify(bound)}`);
      return readId(id) as Id;
    },
    turn: async (switches) => {
      await sandbox.inject({ method: 'PUT', url: '/control/switches', headers, payload: switches });
    },
    stopLeaving: (refusal) => {
      leaving = refusal;
    },
    shareLimits: (percent) => {
      share = percent;
    },
    close: async () => {
      await funding.idle();
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
