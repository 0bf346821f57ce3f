/**
 * Every story of the bank x the house killed at each of its steps, on both databases, with the real sandbox process:
 * the balance is right exactly once, in the end, whatever happened on the way.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Funding, type Owner, openBankTransfer, openFunding } from '#server/funding/funding.ts';
import { available } from '#server/ledger/chart.ts';
import { type Ledger, openLedger } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { callOutside } from '#server/platform/outside.ts';
import { STORIES, type Story } from '#server/sandbox/story.ts';
import { isFinal } from '#shared/api/funding.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { duration, instant } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { type SandboxProcess, startSandbox } from '#tests/kit/sandbox.ts';

const REGION = 'CN-SX';
const PACE_MS = 5;
const PATIENCE = duration(150, 'ms');
const TEMPO = { first: duration(10, 'ms'), most: duration(60, 'ms'), lease: duration(600, 'ms') };
const clock = () => instant(Date.now());

/** The steps of one top-up at which the house can die: before, undone and after each transaction, and around the ask. */
const LAST_STEP = 12;

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

/** One top-up on its way through however many lives. */
interface Fate {
  readonly story: Story;
  readonly owner: Owner;
  readonly request: { id: Id; channel: 'bank-transfer'; amount: number; currency: string };
  funding: Funding;
  life: Life;
}

eachDatabase('a top-up through every fault', (open) => {
  let database: Database;
  let ledger: Ledger;
  let sandbox: SandboxProcess;
  let receiver: Server;
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
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', async () => {
        const address = new URL(request.url ?? '', 'http://localhost');
        const fate = fates.get(address.pathname.slice(1));
        const taken = await fate?.funding
          .notice(
            'bank-transfer',
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

  function born(fate: { story: Story; owner: Owner }, life: Life): Funding {
    const notifyUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/${fate.owner.wallet}`;
    const bank = { url: sandbox.origin, notifyUrl, call: life.call, clock, patience: PATIENCE };
    return openFunding({
      database: life.database(database),
      ledger,
      clock,
      channels: { 'bank-transfer': openBankTransfer(bank) },
      regions: () => [REGION],
      log: { warn: () => undefined },
      tempo: TEMPO,
    });
  }

  function begin(story: Story, steps: number): Fate {
    const owner = { wallet: newId(clock()), region: REGION, tier: 'real-name' };
    const request = {
      id: newId(clock()),
      channel: 'bank-transfer' as const,
      amount: 100_00 + story.digits,
      currency: 'CNY',
    };
    const life = new Life(steps);
    const fate: Fate = { story, owner, request, life, funding: born({ story, owner }, life) };
    fates.set(owner.wallet, fate);
    return fate;
  }

  /** The phone sends until it is answered; the house is started anew when it has died; the tester presses when asked to. */
  async function live(fate: Fate): Promise<void> {
    let heard = false;
    for (const until = Date.now() + 30_000; Date.now() < until; ) {
      if (fate.life.dead) {
        fate.life = new Life(Number.POSITIVE_INFINITY);
        fate.funding = born(fate, fate.life);
      }
      if (!heard) heard = (await fate.funding.start(fate.owner, fate.request).catch(() => undefined))?.ok ?? false;
      const state = await fate.funding.read(fate.owner, fate.request.id);
      if (heard && state.ok && isFinal(state.value.state)) return;
      if (state.ok && state.value.state === 'pending' && fate.story.decided === undefined)
        await pressAccept(state.value.reference);
      await fate.funding.runDue().catch(() => undefined);
      await pause(15);
    }
    throw new Error(`${fate.story.en} never ended`);
  }

  /** While the bank is dead the press fails, and is pressed again. */
  async function pressAccept(reference: string): Promise<void> {
    await fetch(`${sandbox.origin}/control/orders/${reference}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"press":"accept"}',
    }).catch(() => undefined);
  }

  async function rightOnce(fate: Fate): Promise<void> {
    const { story, owner, request } = fate;
    const settled = story.end === 'ACSC';
    const [balance] = await ledger.balances(REGION, [available(REGION, owner.wallet, 'CNY')]);
    const state = await fate.funding.read(owner, request.id);
    const booked = (await ledger.journal(REGION, 0, 100_000)).filter((one) => one.about.funding === request.id);
    const [terms] = await fate.funding.terms(owner);
    expect({
      story: story.en,
      balance,
      state: state.ok && [state.value.state, state.value.reason],
      transfers: booked.length,
      usedToday: (terms?.dayMost ?? 0) - (terms?.dayLeft ?? 0),
    }).toEqual({
      story: story.en,
      balance: settled ? request.amount : 0,
      state: settled ? ['settled', undefined] : ['declined', story.reason],
      transfers: settled ? 1 : 0,
      usedToday: settled ? request.amount : 0,
    });
  }

  test.each([...Array.from({ length: LAST_STEP + 1 }, (_, step) => step), Number.POSITIVE_INFINITY])(
    'all stories, the house dying after step %d',
    async (steps) => {
      const all = STORIES.map((story) => begin(story, steps));
      await Promise.all(all.map(live));
      // What is still on its way (late, repeated, stale notices) must change nothing either.
      await pause(40 * PACE_MS);
      for (const fate of all) await rightOnce(fate);
    },
  );

  test('all stories, the bank dying just after it was asked', async () => {
    const all = STORIES.map((story) => begin(story, Number.POSITIVE_INFINITY));
    const lives = all.map(live);
    await pause(60);
    await sandbox.killAndRestart();
    await Promise.all(lives);
    await pause(40 * PACE_MS);
    for (const fate of all) await rightOnce(fate);
  });
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
