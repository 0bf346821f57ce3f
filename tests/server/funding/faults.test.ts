/**
 * Every way for money to come in and out x every story of its provider x the house killed at each of its steps, on both
 * databases, with the real sandbox process: the balance is right exactly once, in the end, whatever happened on the way.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Funding, type Owner, openChannels, openFunding, type Way } from '#server/funding/funding.ts';
import * as store from '#server/funding/store.ts';
import { available, outside } from '#server/ledger/chart.ts';
import { type Ledger, openLedger } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { callOutside } from '#server/platform/outside.ts';
import { CARD_STORIES, RETURNS, STORIES, type Story } from '#server/sandbox/story.ts';
import { feeOf, isFinal, type TopUpState } from '#shared/api/funding.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { duration, instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { CREDIT_CARD, DEBIT_CARD, IDENTITY } from '#tests/kit/funding.ts';
import { reach, type SandboxProcess, startSandbox } from '#tests/kit/sandbox.ts';

const REGION = 'CN-SX';
const PACE_MS = 5;
const PATIENCE = duration(400, 'ms');
const TEMPO = { first: duration(10, 'ms'), most: duration(60, 'ms'), lease: duration(1_000, 'ms') };
const clock = () => instant(Date.now());

/** The steps of one top-up at which the house can die: before, undone and after each transaction, and around the ask. */
const LAST_STEP = 12;

/** Every way is killed at these steps; one is killed at every single one, for they all walk the same. */
const KILLED_AT = [1, 3, 5, 7, 9, Number.POSITIVE_INFINITY];
const WAYS = ['bank-transfer', 'third-party', 'counter', 'credit-card', 'payout'] as const;
const DEATHS = WAYS.flatMap((way): [Way, number][] =>
  (way === 'bank-transfer' ? [...Array(LAST_STEP + 1).keys(), Number.POSITIVE_INFINITY] : KILLED_AT).map((step) => [
    way,
    step,
  ]),
);

/** What a wallet holds before it withdraws. */
const PURSE = 500_00;

/** What a charge costs: 0.6 %. */
const CARD_FEE = { feeFixed: 0, feeBasisPoints: 60 };

/** One life of the server's process, as far as one top-up sees it; `steps` more steps and it is dead. */
class Life {
  readonly #steps: number;
  #taken = 0;
  dead = false;

  constructor(steps: number) {
    this.#steps = steps;
  }

  step(): void {
    if (!this.dead) this.dead = this.#taken >= this.#steps;
    this.#taken += 1;
    if (this.dead) throw new Error('the process is dead');
  }

  database(database: Database): Database {
    return {
      kind: database.kind,
      close: () => database.close(),
      probe: () => database.probe(),
      query: (text, values) => database.query(text, values),
      transaction: async (work) => {
        this.step();
        const answer = await database.transaction(async (tx) => {
          const done = await work(tx);
          this.step();
          return done;
        });
        this.step();
        return answer;
      },
    };
  }

  call: typeof callOutside = async (url, call) => {
    this.step();
    const answer = await callOutside(url, call);
    this.step();
    return answer;
  };
}

/** One way things can go at a provider: what is asked for, and how it may end. */
interface Plot {
  readonly way: Way;
  readonly amount: number;
  readonly name: string;
  /** What the person does on a pay page, or the teller. */
  readonly choice?: 'pay' | 'cancel';
  /** Comes back after it arrived, whether the house has heard of it or not. */
  readonly isSentBack?: boolean;
  /** Waits for the tester of a bank. */
  readonly byHand?: boolean;
  /** The ends that are right; a charge of which the answer was not heard is reversed. */
  readonly ends: readonly string[];
}

const endOf = ({ end, reason, returned }: Story): string => {
  if (returned) return `returned ${returned.reason}`;
  return end === 'ACSC' ? 'settled' : `declined ${reason}`;
};
const isUnheard = ({ returned }: Story) => returned !== undefined && !returned.told;
const plotOf = (way: Way, story: Story, more: Partial<Plot> = {}): Plot => ({
  way,
  amount: 100_00 + story.digits,
  name: `${way}: ${story.en}`,
  byHand: story.decided === undefined,
  isSentBack: story.returned !== undefined,
  // A return whose notice is lost is found by the statement of the day: see statements.test.ts.
  ends: isUnheard(story) ? ['settled', endOf(story)] : [endOf(story)],
  ...more,
});

const PLOTS: readonly Plot[] = [
  ...STORIES.map((story) => plotOf('bank-transfer', story)),
  ...(['third-party', 'counter'] as const).flatMap((way) => [
    ...STORIES.map((story) => plotOf(way, story, { choice: 'pay', byHand: false })),
    { way, amount: 100_00, name: `${way}: cancelled`, choice: 'cancel' as const, ends: ['declined DS02'] },
  ]),
  ...[...STORIES, ...RETURNS].map((story) => plotOf('payout', story)),
  ...CARD_STORIES.map(({ digits, en, code, answer }): Plot => {
    const heard = code === '00' ? 'settled' : `declined ${code}`;
    const ends = answer === undefined ? [heard, 'declined 68'] : ['declined 68'];
    return { way: 'credit-card', amount: 100_00 + digits, name: `credit card: ${en}`, ends };
  }),
];

interface Turned {
  readonly answers?: string;
  readonly bank?: string;
  readonly notices?: string;
}

/** What a tester can turn at the outside world, and what it is turned back to after a while where nothing would ever end. */
const SWITCHES: readonly [what: string, turned: Turned, back?: Turned][] = [
  ['answers that take their time', { answers: 'slow' }],
  ['no answer though the work is done, for a while', { answers: 'silent' }, { answers: 'prompt' }],
  ['providers that are closed for a while', { bank: 'closed' }, { bank: 'open' }],
  ['every notice twice', { notices: 'twice' }],
  ['every notice late', { notices: 'late' }],
  ['old notices after the new ones', { notices: 'disordered' }],
  ['every notice lost', { notices: 'lost' }],
];
const USUAL = { answers: 'prompt', bank: 'open', notices: 'sent' };

/** How long what is turned back stays as it was turned. */
const WHILE_MS = 1_200;

/** With every notice lost nobody tells of a return either: that too is found by the statement of the day. */
const unheardOf = (plot: Plot): Plot => (plot.isSentBack ? { ...plot, ends: [...plot.ends, 'settled'] } : plot);

/** One top-up or withdrawal on its way through however many lives. */
interface Fate {
  readonly plot: Plot;
  readonly owner: Owner;
  readonly id: Id;
  readonly card: Id | undefined;
  funding: Funding;
  life: Life;
}

/** How a top-up or withdrawal stands. */
interface Standing {
  readonly state: TopUpState;
  readonly reason?: string;
  readonly reference: string;
  readonly fee: number;
}

vi.setConfig({ testTimeout: 240_000 });

eachDatabase('money through every fault', (open) => {
  let database: Database;
  let ledger: Ledger;
  let sandbox: SandboxProcess;
  let receiver: Server;
  const tokens = new Map<Way, string>();
  const fates = new Map<string, Fate>();

  beforeAll(async () => {
    database = await open();
    const schemas = ['ledger', 'funding'].map((name) => ({
      name,
      schema: readFileSync(`server/${name}/schema.sql`, 'utf8'),
    }));
    await migrate(database, schemas);
    ledger = openLedger({ database });
    sandbox = await startSandbox(PACE_MS);
    tokens.set('payout', await bindAtBank(DEBIT_CARD));
    tokens.set('credit-card', await bindAtBank(CREDIT_CARD));
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', async () => {
        const address = new URL(request.url ?? '', 'http://localhost');
        const [, wallet = '', channel] = address.pathname.split('/');
        const taken = await fates
          .get(wallet)
          ?.funding.notice(
            channel as Way,
            address.searchParams.get('region') ?? '',
            JSON.parse(Buffer.concat(chunks).toString()),
          )
          .catch(() => undefined);
        response.statusCode = taken?.ok ? 204 : 503;
        response.end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    receiver?.close();
    await sandbox?.stop();
  });

  /** The bank's page as a person fills it; answers the token of the card. */
  async function bindAtBank(number: string): Promise<string> {
    const id = newId(clock());
    const post = (path: string, body: string, type: string) =>
      reach(sandbox.origin + path, { method: 'POST', headers: { 'content-type': type }, body });
    const form = (step: string, fields: Record<string, string>) =>
      post(`/card/bind/${id}/${step}`, new URLSearchParams(fields).toString(), 'application/x-www-form-urlencoded');
    const back = 'http://127.0.0.1/cards';
    await post('/card/bindings', JSON.stringify({ id, holder: '王小明', back }), 'application/json');
    const phone = `1380000${String(1000 + tokens.size * 7)}`;
    await form('fill', { name: '王小明', number, identity: IDENTITY, phone });
    const [text] = (await (await reach(`${sandbox.origin}/sms?to=%2B86${phone}`)).json()) as { text: string }[];
    await form('confirm', { code: /\d{6}/.exec(text?.text ?? '')?.[0] ?? '' });
    const report = (await (await reach(`${sandbox.origin}/card/bindings/${id}`)).json()) as { token?: string };
    return report.token ?? '';
  }

  function born({ owner }: { owner: Owner }, life: Life): Funding {
    const callbacksUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/${owner.wallet}`;
    const bank = { url: sandbox.origin, call: life.call, patience: PATIENCE };
    return openFunding({
      database: life.database(database),
      ledger,
      clock,
      channels: openChannels({ ...bank, clock, callbacksUrl, backUrl: 'http://127.0.0.1/top-up' }),
      bank,
      cardsUrl: 'http://127.0.0.1/cards',
      mayEnter: async () => undefined,
      mayLeave: async () => undefined,
      limitShare: async () => 100,
      regions: () => [REGION],
      log: { warn: () => undefined },
      tempo: TEMPO,
    });
  }

  async function begin(plot: Plot, steps: number): Promise<Fate> {
    const owner = { wallet: newId(clock()), region: REGION, tier: 'real-name', name: '王小明' };
    const life = new Life(steps);
    const card = await keepCard(owner, plot.way);
    const fate: Fate = { plot, owner, id: newId(clock()), card, life, funding: born({ owner }, life) };
    fates.set(owner.wallet, fate);
    return fate;
  }

  /** A bound card and, for a withdrawal, something to withdraw. */
  async function keepCard({ wallet }: Owner, way: Way): Promise<Id | undefined> {
    const token = tokens.get(way);
    if (token === undefined) return undefined;
    const id = newId(clock());
    const kind = way === 'payout' ? 'debit' : 'credit';
    const row: store.CardRow = {
      ...{ region: REGION, id, wallet, reference: newId(clock()), state: 'bound', page: null, token, reason: null },
      ...{ bin: '622588', bank: 'cmb', kind, last4: '6783', isDefault: true, startedAt: clock(), changedAt: clock() },
    };
    await store.insertCard(database, { ...row, state: 'binding' });
    await store.updateCard(database, row);
    if (way === 'payout') {
      const purse = available(REGION, wallet, 'CNY');
      const moves = [{ debit: outside(REGION, 'x', 'CNY'), credit: purse, amount: money(PURSE, 'CNY') }];
      await ledger.post([{ region: REGION, id: newId(clock()), kind: 'top-up', moves, at: clock() }]);
    }
    return id;
  }

  async function ask({ plot, owner, id, card, funding }: Fate): Promise<boolean> {
    const { way, amount } = plot;
    const named = card === undefined ? {} : { card };
    const asked =
      way === 'payout'
        ? funding.withdraw(owner, { id, amount, currency: 'CNY', card: card ?? '' })
        : funding.start(owner, { id, channel: way, amount, currency: 'CNY', ...named });
    return (await asked.catch(() => undefined))?.ok ?? false;
  }

  async function standing({ plot, owner, id, funding }: Fate): Promise<Standing | undefined> {
    const read = plot.way === 'payout' ? await funding.readWithdrawal(owner, id) : await funding.read(owner, id);
    return read.ok ? read.value : undefined;
  }

  const endIn = ({ state, reason }: Standing) => [state, reason].filter(Boolean).join(' ');

  /** The phone sends until it is answered; the house is started anew when it has died; the person does their part. */
  async function live(fate: Fate): Promise<void> {
    let heard = false;
    for (const until = Date.now() + 150_000; Date.now() < until; ) {
      if (fate.life.dead) {
        fate.life = new Life(Number.POSITIVE_INFINITY);
        fate.funding = born(fate, fate.life);
      }
      if (!heard) heard = await ask(fate);
      const stands = await standing(fate);
      // Nobody waits for a return of which no notice comes.
      const waitsForReturn = stands?.state === 'settled' && !fate.plot.ends.includes('settled') && fate.plot.isSentBack;
      if (heard && stands && isFinal(stands.state) && !waitsForReturn) return;
      if (stands?.state === 'pending') await act(fate.plot, stands.reference);
      await fate.funding.runDue().catch(() => undefined);
      await pause(40);
    }
    throw new Error(`${fate.plot.name} never ended`);
  }

  async function act({ way, choice, byHand }: Plot, reference: string): Promise<void> {
    if (byHand) await pressAccept(reference);
    if (choice === undefined) return;
    const desk = way === 'third-party' ? 'pay' : 'counter';
    await fetch(`${sandbox.origin}/${desk}/${reference}/choose`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `choice=${choice}`,
      redirect: 'manual',
    }).catch(() => undefined);
  }

  /** While the bank is dead the press fails, and is pressed again. */
  async function pressAccept(reference: string): Promise<void> {
    await fetch(`${sandbox.origin}/control/orders/${reference}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"press":"accept"}',
    }).catch(() => undefined);
  }

  /** How often each act stands in the statements of today, by its reference. */
  async function booked(): Promise<Map<string, number>> {
    const count = new Map<string, number>();
    const today = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10);
    for (const service of ['bank', 'pay', 'counter', 'payout', 'card']) {
      for (let after: number | undefined = 0; after !== undefined; ) {
        const address = `${sandbox.origin}/statements/${service}?account=${REGION}&day=${today}&after=${after}`;
        const page = (await (await reach(address)).json()) as {
          entries: { id: string; returned: boolean }[];
          next?: number;
        };
        for (const { id, returned } of page.entries) count.set(id, (count.get(id) ?? 0) + (returned ? -1 : 1));
        after = page.next;
      }
    }
    return count;
  }

  /** The kinds of transfers each act has in the ledger. */
  async function postings(): Promise<Map<string, string[]>> {
    const kinds = new Map<string, string[]>();
    for (const { about, kind } of await ledger.journal(REGION, 0, 1_000_000)) {
      const id = String(about.funding);
      kinds.set(id, [...(kinds.get(id) ?? []), kind]);
    }
    return kinds;
  }

  async function allRight(all: readonly Fate[]): Promise<void> {
    const [posted, statements] = [await postings(), await booked()];
    for (const fate of all) await rightOnce(fate, posted, statements);
  }

  async function rightOnce(
    fate: Fate,
    posted: ReadonlyMap<string, readonly string[]>,
    statements: ReadonlyMap<string, number>,
  ): Promise<void> {
    const { plot, owner, id } = fate;
    const [balance] = await ledger.balances(REGION, [available(REGION, owner.wallet, 'CNY')]);
    const stands = await standing(fate);
    const end = stands ? endIn(stands) : 'nothing';
    const settled = end === 'settled';
    const fee = plot.way === 'credit-card' ? feeOf(CARD_FEE, plot.amount) : 0;
    const out = plot.way === 'payout';
    const right = out
      ? { balance: settled ? PURSE - plot.amount : PURSE, kinds: settled ? ['withdraw'] : ['withdraw', 'reverse'] }
      : { balance: settled ? plot.amount - fee : 0, kinds: settled ? ['top-up'] : [] };
    const terms = out
      ? (await fate.funding.withdrawalTerms(owner))[0]
      : (await fate.funding.terms(owner)).find(({ channel }) => channel === plot.way);
    expect({
      name: plot.name,
      end: plot.ends.includes(end) ? 'right' : end,
      balance,
      kinds: posted.get(id) ?? [],
      usedToday: (terms?.dayMost ?? 0) - (terms?.dayLeft ?? 0),
      // The provider's own book says the same: what settled here was moved there once, what did not was not.
      there: statements.get(stands?.reference ?? '') ?? 0,
    }).toEqual({
      ...{ name: plot.name, end: 'right', ...right, usedToday: settled ? plot.amount : 0 },
      there: settled && !plot.isSentBack ? 1 : 0,
    });
  }

  async function turn(switches: Turned): Promise<void> {
    await reach(`${sandbox.origin}/control/switches`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(switches),
    });
  }

  const liveAll = (way: Way, steps: number, meanwhile?: () => Promise<void>) =>
    liveThrough(
      PLOTS.filter((plot) => plot.way === way),
      steps,
      meanwhile,
    );

  async function liveThrough(plots: readonly Plot[], steps: number, meanwhile?: () => Promise<void>): Promise<void> {
    const all = await Promise.all(plots.map((plot) => begin(plot, steps)));
    const lives = all.map(live);
    await meanwhile?.();
    await Promise.all(lives);
    // What is still on its way (late, repeated, stale notices) must change nothing either.
    await pause(40 * PACE_MS);
    await allRight(all);
  }

  test.each(DEATHS)('all stories of %s, the house dying after step %d', liveAll);

  test.each(WAYS)('all stories of %s, the provider dying just after it was asked', (way) =>
    liveAll(way, Number.POSITIVE_INFINITY, async () => {
      await pause(60);
      await sandbox.killAndRestart();
    }),
  );

  test.each<[string, Turned, Turned?]>(SWITCHES)('all stories of every way under %s', async (_what, turned, back) => {
    await turn(turned);
    const plots = turned.notices === 'lost' ? PLOTS.map(unheardOf) : PLOTS;
    await liveThrough(plots, Number.POSITIVE_INFINITY, async () => {
      if (back === undefined) return;
      await pause(WHILE_MS);
      await turn(back);
    }).finally(() => turn(USUAL));
  });
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
