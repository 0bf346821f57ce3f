/** A full house: so much is taken on and no more, everybody else is told when to come again, and room is given back. */
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type AdmissionLimits, admitWithin } from '#server/platform/admission.ts';
import { gather } from '#server/platform/batch.ts';
import { createHttp, type Http } from '#server/platform/http.ts';

const ORIGIN = 'https://wallet.example';
const ROOMY: AdmissionLimits = { requests: 1_000, bodyBytes: 1_000_000, waiting: 1_000 };

/** A house whose one route answers when it is told to. */
interface Slow {
  readonly app: Http;
  readonly origin: string;
  /** Asks, and says what came of it once that is decided: taken (it waits inside), or the answer that turned it away. */
  readonly ask: (body?: string) => Promise<Taken | Response>;
  readonly inside: () => number;
}

interface Taken {
  readonly taken: true;
  /** Lets it be answered; resolves with its status when the house counts it no more. */
  readonly finish: () => Promise<number>;
}

const open: Http[] = [];

afterEach(async () => {
  for (const app of open.splice(0)) await app.close();
});

async function openSlow(limits: Partial<AdmissionLimits>): Promise<Slow> {
  const app = await createHttp(
    { origin: ORIGIN, logLevel: 'silent', trustProxy: [] },
    { admission: { ...ROOMY, ...limits } },
  );
  const waiting: (() => void)[] = [];
  let entered: (finish: () => void) => void = () => undefined;
  let closed = 0;
  let count = 0;
  // Only those who were taken come by here.
  app.addHook('onRequest', async (_request, reply) => {
    reply.raw.once('close', () => {
      closed += 1;
    });
  });
  app.post('/work', async () => {
    count += 1;
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      entered(resolve);
    });
    count -= 1;
    return {};
  });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  open.push(app);
  return {
    app,
    origin,
    inside: () => count,
    async ask(body = '{}') {
      const inside = new Promise<() => void>((resolve) => {
        entered = resolve;
      });
      const answer = fetch(`${origin}/work`, {
        method: 'POST',
        headers: { origin: ORIGIN, 'content-type': 'application/json' },
        body,
      });
      const first = await Promise.race([inside, answer]);
      if (first instanceof Response) return first;
      return {
        taken: true,
        async finish() {
          const gone = closed;
          first();
          const { status } = await answer;
          await vi.waitFor(() => expect(closed).toBeGreaterThan(gone));
          return status;
        },
      };
    },
  };
}

async function expectTurnedAway(answer: Taken | Response): Promise<void> {
  if (!(answer instanceof Response)) throw new Error('it was taken');
  expect(answer.status).toBe(503);
  const seconds = Number(answer.headers.get('retry-after'));
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(5);
  expect(await answer.json()).toMatchObject({ code: 'house.busy', remedy: 'wait', seconds });
}

describe('a full house', () => {
  test('never works on more than it may, turns the rest away at once, and takes the next when one is done', async () => {
    const most = 3;
    const house = await openSlow({ requests: most });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 8, maxLength: 30 }), async (comings) => {
        const under: Taken[] = [];
        for (const comes of comings) {
          if (!comes) {
            const done = under.shift();
            if (done) expect(await done.finish()).toBe(200);
            continue;
          }
          const answer = await house.ask();
          if (under.length === most) await expectTurnedAway(answer);
          else if (answer instanceof Response) throw new Error(`turned away with ${under.length} inside`);
          else under.push(answer);
          expect(house.inside()).toBe(under.length);
        }
        for (const one of under) expect(await one.finish()).toBe(200);
      }),
      { numRuns: 15 },
    );
  });

  test('counts the bytes it was handed, and takes one that is alone however large', async () => {
    const house = await openSlow({ bodyBytes: 1_000 });
    const large = JSON.stringify('x'.repeat(900));
    const first = await house.ask(JSON.stringify('x'.repeat(2_000)));
    if (first instanceof Response) throw new Error('turned away');
    await expectTurnedAway(await house.ask(large));
    expect(await first.finish()).toBe(200);
    const second = await house.ask(large);
    if (second instanceof Response) throw new Error('turned away');
    await expectTurnedAway(await house.ask(large));
    expect(await second.finish()).toBe(200);
  });

  test('takes nothing on while too much waits in its batches, and goes on when it is done', async () => {
    const house = await openSlow({ waiting: 5 });
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const work = gather<number, number>(
      async (items) => {
        await held;
        return items;
      },
      { most: 1 },
    );
    const all = Promise.all([1, 2, 3, 4, 5, 6].map((item) => work(item)));
    await expectTurnedAway(await house.ask());
    release();
    await all;
    const next = await house.ask();
    if (next instanceof Response) throw new Error('turned away');
    expect(await next.finish()).toBe(200);
  });

  test('those who look after it are answered always', async () => {
    const house = await openSlow({ requests: 0 });
    await expectTurnedAway(await house.ask());
    for (const path of ['/livez', '/readyz', '/openapi.json']) {
      expect((await fetch(house.origin + path)).status, path).toBe(200);
    }
  });

  test('those turned away come back at different times', () => {
    type Hook = (request: object, reply: object) => Promise<unknown>;
    let hook: Hook = async () => undefined;
    const app = {
      addHook(_name: string, given: Hook) {
        hook = given;
      },
    };
    const told: number[] = [];
    admitWithin(
      app as never,
      { ...ROOMY, requests: 0, bodyLimit: 1 },
      (reply, seconds) => {
        told.push(seconds);
        return reply;
      },
      () => 0,
    );
    for (let at = 0; at < 10; at += 1) void hook({ headers: {}, routeOptions: { config: {} } }, {});
    expect(new Set(told)).toEqual(new Set([1, 2, 3, 4, 5]));
  });
});
