/**
 * Acts of money lived through by a house that dies: many at once, each in a region of its own so that no other's process
 * looks after it, over the real sandbox process; then whether the ledger, the day's bounds and the providers' books agree.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { type Funding, type Owner, openChannels, openFunding, type Way } from '#server/funding/funding.ts';
import * as store from '#server/funding/store.ts';
import { available, outside } from '#server/ledger/chart.ts';
import { type Ledger, openLedger } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { callOutside } from '#server/platform/outside.ts';
import type { Service } from '#shared/api/bank.ts';
import { feeOf, isFinal, type TopUpState } from '#shared/api/funding.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { duration, instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import { CREDIT_CARD, DEBIT_CARD, IDENTITY } from '#tests/kit/funding.ts';
import { reach, textsTo } from '#tests/kit/house.ts';
import type { Plot } from '#tests/kit/plots.ts';
import { type SandboxProcess, startSandbox } from '#tests/kit/sandbox.ts';

const PACE_MS = 5;
const PATIENCE = duration(400, 'ms');
const TEMPO = { first: duration(30, 'ms'), most: duration(250, 'ms'), lease: duration(1_000, 'ms') };

/** Acts under way at once: what they do is little, and most of their time is waiting. */
const LANES = 80;
const LANE_NAMES = Array.from({ length: LANES }, (_, lane) => `LANE-${lane}`);

/** All acts are looked at once in so long, by one question: asked for each by itself, looking would be most of the work. */
const LOOK_MS = 30;

/** A person presses again when nothing has come of it for so long. */
const PRESS_AGAIN_MS = 300;

/** Longer than the latest notice and the latest answer take: what still comes must change nothing either. */
const AFTERWARDS_MS = 130 * PACE_MS;

/** What a wallet holds before it withdraws. */
const PURSE = 500_00;

/** What a charge costs: 0.6 %. */
const CARD_FEE = { feeFixed: 0, feeBasisPoints: 60 };

const SERVICES: Readonly<Record<Way, Service>> = {
  'bank-transfer': 'bank',
  'third-party': 'pay',
  counter: 'counter',
  payout: 'payout',
  'credit-card': 'card',
};

const clock = () => instant(Date.now());

/** What a tester can turn at the outside world. */
export interface Turned {
  readonly answers?: string;
  readonly bank?: string;
  readonly notices?: string;
}

/** What is to be lived through: `steps` of the house's first life, and it is dead. */
export interface Lot {
  readonly plot: Plot;
  readonly steps: number;
}

/** A database and an outside world in which acts are lived through. */
export interface Lives {
  readonly kind: Database['kind'];
  /** Lives through all of `lots`; `meanwhile` happens to the world. Answers how each ended, once all is right. */
  through(lots: readonly Lot[], meanwhile?: () => Promise<void>): Promise<{ plot: Plot; end: string }[]>;
  turn(switches: Turned): Promise<void>;
  /** Kills the outside world, `times` times, each time after `everyMs`. */
  killProviders(times: number, everyMs: number): Promise<void>;
  close(): Promise<void>;
}

/** One life of the server's process, as far as one act sees it; `steps` more steps and it is dead. */
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

/** One top-up or withdrawal on its way through however many lives. */
interface Fate extends Lot {
  readonly owner: Owner;
  readonly id: Id;
  readonly card: Id | undefined;
  funding: Funding;
  life: Life;
}

/** How an act stands in the database. */
interface Standing {
  readonly id: Id;
  readonly state: TopUpState;
  readonly reason: string | null;
  readonly reference: Id;
  readonly nextAt: number | null;
}

const endIn = ({ state, reason }: { state: string; reason?: string | null }) =>
  [state, reason].filter(Boolean).join(' ');

/** Opens them on an empty `database`. */
export async function openLives(database: Database): Promise<Lives> {
  const schemas = ['ledger', 'funding'].map((name) => ({
    name,
    schema: readFileSync(`server/${name}/schema.sql`, 'utf8'),
  }));
  await migrate(database, schemas);
  await giveTerms(database);
  const ledger = openLedger({ database });
  const sandbox = await startSandbox(PACE_MS);
  const tokens = new Map<Way, string>([
    ['payout', await bindAtBank(sandbox, DEBIT_CARD, '13800001007')],
    ['credit-card', await bindAtBank(sandbox, CREDIT_CARD, '13800001008')],
  ]);
  const fates = new Map<string, Fate>();
  const receiver = await openReceiver(fates);
  const looks = openLooks(database);

  function born(owner: Owner, life: Life): Funding {
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
      regions: () => [owner.region],
      log: { warn: () => undefined },
      tempo: TEMPO,
    });
  }

  async function begin(region: string, { plot, steps }: Lot): Promise<Fate> {
    const owner = { wallet: newId(clock()), region, tier: 'real-name', name: '王小明' };
    const life = new Life(steps);
    const token = tokens.get(plot.way);
    const card = token === undefined ? undefined : await keepCard(database, owner, plot.way, token);
    if (plot.way === 'payout') await fillPurse(ledger, owner);
    const fate: Fate = { plot, steps, owner, id: newId(clock()), card, life, funding: born(owner, life) };
    fates.set(owner.wallet, fate);
    return fate;
  }

  /** The phone sends until it is answered; the house is started anew when it has died; the person does their part. */
  async function live(fate: Fate): Promise<void> {
    let heard = false;
    let pressedAt = 0;
    for (const until = Date.now() + 150_000; Date.now() < until; ) {
      if (fate.life.dead) {
        fate.life = new Life(Number.POSITIVE_INFINITY);
        fate.funding = born(fate.owner, fate.life);
      }
      if (!heard) heard = await ask(fate);
      const stands = await looks.at(fate.id);
      if (heard && stands && isOver(fate.plot, stands)) return;
      if (stands?.state === 'pending' && Date.now() - pressedAt > PRESS_AGAIN_MS) {
        pressedAt = Date.now();
        await press(sandbox, fate.plot, stands.reference);
      }
      if (stands && stands.nextAt !== null && stands.nextAt <= clock())
        await fate.funding.runDue().catch(() => undefined);
    }
    throw new Error(`${fate.plot.name}, dead after step ${fate.steps}, never ended`);
  }

  async function lane(region: string, waiting: Lot[], lived: Fate[]): Promise<void> {
    for (let lot = waiting.shift(); lot; lot = waiting.shift()) {
      const fate = await begin(region, lot);
      await live(fate);
      lived.push(fate);
    }
  }

  async function rightOnce(fate: Fate, books: Books): Promise<{ plot: Plot; end: string }> {
    const { plot, steps, owner, id } = fate;
    const [balance] = await ledger.balances(owner.region, [available(owner.region, owner.wallet, 'CNY')]);
    const out = plot.way === 'payout';
    const read = await (out ? fate.funding.readWithdrawal(owner, id) : fate.funding.read(owner, id));
    const end = read.ok ? endIn(read.value) : 'nothing';
    const settled = end === 'settled';
    const fee = plot.way === 'credit-card' ? feeOf(CARD_FEE, plot.amount) : 0;
    const right = out
      ? { balance: settled ? PURSE - plot.amount : PURSE, kinds: settled ? ['withdraw'] : ['withdraw', 'reverse'] }
      : { balance: settled ? plot.amount - fee : 0, kinds: settled ? ['top-up'] : [] };
    const terms = out
      ? (await fate.funding.withdrawalTerms(owner))[0]
      : (await fate.funding.terms(owner)).find(({ channel }) => channel === plot.way);
    const name = `${plot.name}, dead after step ${steps}`;
    expect({
      name,
      end: plot.ends.includes(end) ? 'right' : end,
      balance,
      kinds: books.posted.get(id) ?? [],
      usedToday: (terms?.dayMost ?? 0) - (terms?.dayLeft ?? 0),
      // The provider's own book says the same: what settled here was moved there once, what did not was not.
      there: books.stated.get(read.ok ? read.value.reference : '') ?? 0,
    }).toEqual({
      ...{ name, end: 'right', ...right, usedToday: settled ? plot.amount : 0 },
      there: settled && !plot.isSentBack ? 1 : 0,
    });
    return { plot, end };
  }

  return {
    kind: database.kind,
    through: async (lots, meanwhile) => {
      const [waiting, lived] = [[...lots], [] as Fate[]];
      await Promise.all([...LANE_NAMES.map((region) => lane(region, waiting, lived)), meanwhile?.()]);
      await pause(AFTERWARDS_MS);
      const books = await readBooks(ledger, sandbox, lived);
      const ends: { plot: Plot; end: string }[] = [];
      for (const fate of lived) ends.push(await rightOnce(fate, books));
      return ends;
    },
    turn: (switches) => turn(sandbox, switches),
    killProviders: async (times, everyMs) => {
      for (let time = 0; time < times; time += 1) {
        await pause(everyMs);
        await sandbox.killAndRestart();
      }
    },
    close: async () => {
      receiver.close();
      await sandbox.stop();
    },
  };
}

/** Every lane has the terms of a real region. */
async function giveTerms(database: Database): Promise<void> {
  const columns =
    'tier, channel, currency, least, most, day_most, fee_fixed, fee_basis_points, arrival_seconds, free_month, day_offset_minutes';
  for (const region of LANE_NAMES) {
    await database.query(
      `insert into funding_terms (region, ${columns}) select $1, ${columns} from funding_terms where region = 'CN-SX'`,
      [region],
    );
  }
}

/** Whether nothing more is to come. Nobody waits for a return of which no notice comes. */
function isOver({ ends, isSentBack }: Plot, { state }: Standing): boolean {
  const waitsForReturn = state === 'settled' && isSentBack && !ends.includes('settled');
  return isFinal(state) && !waitsForReturn;
}

/** Looks at all acts at once, for everybody who waits for the next look. */
function openLooks(database: Database): { at(id: Id): Promise<Standing | undefined> } {
  const watched = new Set<Id>();
  let next: Promise<Map<Id, Standing>> | undefined;
  async function look(): Promise<Map<Id, Standing>> {
    await pause(LOOK_MS);
    next = undefined;
    const ids = [...watched];
    watched.clear();
    const rows = await database.query<Standing>(
      'select id, state, reason, reference, next_at as "nextAt" from funding where id = any($1::uuid[])',
      [ids],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }
  return {
    at: async (id) => {
      watched.add(id);
      next ??= look();
      return (await next).get(id);
    },
  };
}

/** Where the providers' notices come in: the process that lives now takes them. */
async function openReceiver(fates: ReadonlyMap<string, Fate>): Promise<Server> {
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const address = new URL(request.url ?? '', 'http://localhost');
      const [, wallet = '', channel] = address.pathname.split('/');
      const region = address.searchParams.get('region') ?? '';
      const taken = await fates
        .get(wallet)
        ?.funding.notice(channel as Way, region, JSON.parse(Buffer.concat(chunks).toString()))
        .catch(() => undefined);
      response.statusCode = taken?.ok ? 204 : 503;
      response.end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  return receiver;
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

/** A card that is bound already. */
async function keepCard(database: Database, { region, wallet }: Owner, way: Way, token: string): Promise<Id> {
  const id = newId(clock());
  const kind = way === 'payout' ? 'debit' : 'credit';
  const row: store.CardRow = {
    ...{ region, id, wallet, reference: newId(clock()), state: 'bound', page: null, token, reason: null },
    ...{ bin: '622588', bank: 'cmb', kind, last4: '6783', isDefault: true, startedAt: clock(), changedAt: clock() },
  };
  await store.insertCard(database, { ...row, state: 'binding' });
  await store.updateCard(database, row);
  return id;
}

/** Something to withdraw. */
async function fillPurse(ledger: Ledger, { region, wallet }: Owner): Promise<void> {
  const purse = available(region, wallet, 'CNY');
  const moves = [{ debit: outside(region, 'x', 'CNY'), credit: purse, amount: money(PURSE, 'CNY') }];
  await ledger.post([{ region, id: newId(clock()), kind: 'top-up', moves, at: clock() }]);
}

/** The bank's page as a person fills it; answers the token of the card. */
async function bindAtBank({ origin }: SandboxProcess, number: string, phone: string): Promise<string> {
  const id = newId(clock());
  const post = (path: string, body: string, type: string) =>
    reach(origin + path, { method: 'POST', headers: { 'content-type': type }, body });
  const form = (step: string, fields: Record<string, string>) =>
    post(`/card/bind/${id}/${step}`, new URLSearchParams(fields).toString(), 'application/x-www-form-urlencoded');
  const back = 'http://127.0.0.1/cards';
  await post('/card/bindings', JSON.stringify({ id, holder: '王小明', back }), 'application/json');
  await form('fill', { name: '王小明', number, identity: IDENTITY, phone });
  const [text] = await textsTo(origin, `+86${phone}`);
  await form('confirm', { code: /\d{6}/.exec(text?.text ?? '')?.[0] ?? '' });
  const report = (await (await reach(`${origin}/card/bindings/${id}`)).json()) as { token?: string };
  return report.token ?? '';
}

/** What the person does at the provider. While it is dead the press fails, and is pressed again. */
async function press({ origin }: SandboxProcess, { way, choice, byHand }: Plot, reference: string): Promise<void> {
  const json = { 'content-type': 'application/json' };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const send = (path: string, headers: Record<string, string>, body: string) =>
    fetch(origin + path, { method: 'POST', headers, body, redirect: 'manual' })
      .then((answer) => answer.body?.cancel())
      .catch(() => undefined);
  if (byHand) await send(`/control/orders/${reference}`, json, '{"press":"accept"}');
  const desk = way === 'third-party' ? 'pay' : 'counter';
  if (choice !== undefined) await send(`/${desk}/${reference}/choose`, form, `choice=${choice}`);
}

async function turn({ origin }: SandboxProcess, switches: Turned): Promise<void> {
  await reach(`${origin}/control/switches`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(switches),
  });
}

/** What the house and the providers have written down. */
interface Books {
  /** The kinds of transfers each act has in the ledger. */
  readonly posted: ReadonlyMap<string, readonly string[]>;
  /** How often each act stands in the statements of today, by its reference. */
  readonly stated: ReadonlyMap<string, number>;
}

async function readBooks(ledger: Ledger, sandbox: SandboxProcess, lived: readonly Fate[]): Promise<Books> {
  const posted = new Map<string, string[]>();
  const stated = new Map<string, number>();
  const regions = new Set(lived.map(({ owner }) => owner.region));
  const accounts = new Set(lived.map(({ owner, plot }) => `${SERVICES[plot.way]} ${owner.region}`));
  for (const region of regions) {
    for (const { about, kind } of await ledger.journal(region, 0, 1_000_000)) {
      const id = String(about.funding);
      posted.set(id, [...(posted.get(id) ?? []), kind]);
    }
  }
  const today = new Date(Date.now() + 8 * 3_600_000).toISOString().slice(0, 10);
  for (const one of accounts) {
    const [service, account] = one.split(' ');
    for (let after: number | undefined = 0; after !== undefined; ) {
      const address = `${sandbox.origin}/statements/${service}?account=${account}&day=${today}&after=${after}`;
      const page = (await (await reach(address)).json()) as {
        entries: { id: string; returned: boolean }[];
        next?: number;
      };
      for (const { id, returned } of page.entries) stated.set(id, (stated.get(id) ?? 0) + (returned ? -1 : 1));
      after = page.next;
    }
  }
  return { posted, stated };
}
