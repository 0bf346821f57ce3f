/** Sync on both databases: everything in one request, in any order and number of times, small, and no part blocks another. */
import { gzipSync } from 'node:zlib';
import Value from 'typebox/value';
import { afterAll, afterEach, expect, test } from 'vitest';
import { Unavailable } from '#server/platform/database.ts';
import { openSync, type SyncParts } from '#server/sync/sync.ts';
import { SyncAnswer, SyncRequest } from '#shared/api/sync.ts';
import { toBase64url, utf8 } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { writeNote } from '#shared/protocol/note.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { isRevoked, unpackStatus } from '#shared/protocol/status.ts';
import { certificateChecks, epochChecks, keySetChecks, statusListOf } from '#shared/protocol/trust.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { freshSigner, type Paid, type Trader } from '#tests/kit/market.ts';
import { type AllowancePlace, type Held, openPlace } from '#tests/server/allowance/place.ts';

const EMPTY: SyncRequest = { cursor: 0, payments: [], closings: [], receipts: [], forks: [], have: {} };

eachDatabase('sync', (openDatabase) => {
  let place: AllowancePlace | undefined;
  const faults: string[] = [];
  const opened = async (): Promise<AllowancePlace> => {
    place ??= await openPlace(await openDatabase());
    return place;
  };
  const partsOf = (here: AllowancePlace): SyncParts => ({
    database: here.database,
    clock: here.clock,
    ledger: here.ledger,
    regions: here.regions,
    allowances: here.allowances,
    payments: here.payments,
    transfers: here.transfers,
    bills: here.bills,
    watch: { open: async () => 0 },
    report: (error, part) => faults.push(`${part}: ${String(error)}`),
  });
  /** One request as it goes over the wire: what it says and what comes back must fit the contract. */
  const sync = async (here: AllowancePlace, who: Trader, more: Partial<SyncRequest>, parts = partsOf(here)) => {
    const request = { ...EMPTY, ...more };
    expect(Value.Check(SyncRequest, request)).toBe(true);
    const answer = await openSync(parts).take(who.device, request);
    expect([...Value.Errors(SyncAnswer, answer)]).toEqual([]);
    return answer;
  };
  const text = (...paid: readonly Paid[]) => paid.map((one) => toBase64url(one.bytes));
  const want = (signer = freshSigner()) => ({ key: toBase64url(signer.key), currency: 'CNY', wrapped: true });
  afterEach(async () => {
    expect(await place?.faults()).toEqual([]);
    expect(faults.splice(0)).toEqual([]);
  });
  afterAll(() => place?.close());

  async function couple(here: AllowancePlace): Promise<{ ming: Trader; shop: Trader; held: Held }> {
    const ming = await here.person('小明');
    const shop = await here.person('面馆', { funds: 0 });
    return { ming, shop, held: await here.take(ming.device) };
  }

  test('a phone that holds nothing gets what it needs, each part verified from the root; then only what changed', async () => {
    const here = await opened();
    const ming = await here.person('小明');
    const first = await sync(here, ming, { want: want() });
    expect(first.payeeTerms).toEqual({ invoiceLifetime: 120, statusAge: 72 * 3600, staleEach: 30_00 });
    const root = await verifyAsync(
      keySetChecks(bytes(first.keySet), here.regions.root, { now: here.clock(), floor: here.clock() }),
      webVerifier(),
    );
    if (!root.ok) throw new Error(root.error.code);
    const keySet = root.value.message;
    const epoch = await verifyAsync(epochChecks(bytes(first.epoch), keySet), webVerifier());
    const trust = { keySet, now: here.clock(), floor: here.clock() };
    const certificate = await verifyAsync(certificateChecks(bytes(first.certificate), trust), webVerifier());
    if (!epoch.ok || !certificate.ok) throw new Error('card and certificate verify');
    for (const one of first.status ?? []) {
      const card = await verifyAsync(epochChecks(bytes(one.card), keySet), webVerifier());
      const list = await unpackStatus(bytes(one.list));
      if (!card.ok || !list.ok) throw new Error('the lists verify');
      expect([card.value.message.region, statusListOf(card.value.message, list.value).ok]).toEqual([one.region, true]);
    }
    expect(first.status?.map((one) => one.region).sort()).toEqual(['CN-BJ', 'CN-SX']);
    expect(first.balances).toEqual([
      { currency: 'CNY', available: 1500_00, setAside: 500_00, arriving: 0, frozen: 0, owed: 0 },
    ]);
    expect(first.bills.map((bill) => `${bill.kind} ${bill.amount}`)).toContain('top-up 200000');
    const again = await sync(here, ming, {
      cursor: first.cursor,
      have: {
        status: versions(first),
        keySet: keySet.epoch,
        certificateUntil: certificate.value.message.expires / 1000,
      },
    });
    expect(Object.keys(again).sort()).toEqual([
      'alarms',
      'answers',
      'balances',
      'bills',
      'closed',
      'cursor',
      'epoch',
      'more',
      'payeeTerms',
      'transfers',
    ]);
    expect(again).toMatchObject({ bills: [], more: false, cursor: first.cursor });
  });

  test('one request pays, closes the old allowance and brings the new one; sent again it is the same act', async () => {
    const here = await opened();
    const { ming, shop, held } = await couple(here);
    const one = await here.pay(held, shop, 20_00);
    const two = await here.pay(held, shop, 25_00, { last: one });
    const request = { payments: text(two, one), closings: [toBase64url(await here.closing(held, two))], want: want() };
    const first = await sync(here, ming, request);
    expect(first.answers.map((answer) => `${answer.outcome} ${answer.finality ? 'final' : ''}`)).toEqual([
      'settled final',
      'settled final',
    ]);
    expect(first.closed).toEqual([held.signed.message.id]);
    const issued = allowanceMessage.read(bytes(first.allowance));
    expect(issued.ok && issued.value.message.total).toBe(500_00);
    expect(first.balances).toEqual([
      { currency: 'CNY', available: 1455_00, setAside: 500_00, arriving: 0, frozen: 0, owed: 0 },
    ]);
    const again = await sync(here, ming, request);
    expect({ ...again, epoch: '' }).toEqual({ ...first, epoch: '' });
    expect((await sync(here, shop, {})).balances).toMatchObject([{ available: 45_00 }]);
  });

  test('two syncs at once with one key get one allowance, and a payment uploaded by both sides is posted once', async () => {
    const here = await opened();
    const { ming, shop, held } = await couple(here);
    const paid = await here.pay(held, shop, 20_00);
    const closing = toBase64url(await here.closing(held, paid));
    const request = { payments: text(paid), closings: [closing], want: want() };
    const all = await Promise.all([
      sync(here, ming, request),
      sync(here, shop, { payments: text(paid) }),
      sync(here, ming, request),
      sync(here, ming, request),
    ]);
    expect(new Set(all.flatMap((one) => one.answers.map((answer) => `${answer.id} ${answer.outcome}`))).size).toBe(1);
    const got = new Set(all.flatMap((one) => one.allowance ?? []));
    expect(got.size).toBe(1);
    expect(await here.purseOf(ming)).toMatchObject({ available: 1480_00 });
    expect(await here.purseOf(shop)).toMatchObject({ available: 20_00 });
  });

  test('ten payments with their answers, receipts asked for by passkey, are less than 8 kB on the road', async () => {
    const here = await opened();
    const ming = await here.person('小明', { tier: 'two-factor' });
    const shops = await Promise.all(['面馆', '茶楼', '书店'].map((name) => here.person(name, { funds: 0 })));
    const held = await here.take(ming.device, { total: 400_00 });
    const begun = await sync(here, ming, {});
    const have = {
      keySet: (await here.regions.keySet()).message.epoch,
      status: { 'CN-SX': 1_000_000, 'CN-BJ': 1_000_000 },
      certificateUntil: 0,
    };
    for (const by of [undefined, ming]) {
      const paid: Paid[] = [];
      const purse = by === undefined ? held : await here.take(here.phone(ming), { total: 400_00 });
      for (let at = 0; at < 10; at += 1) {
        const to = shops[at % 3];
        if (!to) throw new Error('three shops');
        const amount = by === undefined ? 10_00 : 25_00;
        paid.push(await here.pay(purse, to, amount, { last: paid.at(-1), ...(by ? { by } : {}) }));
      }
      const request = { ...EMPTY, cursor: begun.cursor, payments: text(...paid), have };
      const answer = await sync(here, ming, request);
      expect(answer.answers.map((one) => one.outcome)).toEqual(Array.from({ length: 10 }, () => 'settled'));
      expect(answer.bills.length).toBeGreaterThanOrEqual(10);
      const { certificate: _certificate, ...steady } = answer;
      const [up, down] = [request, steady].map((one) => gzipSync(JSON.stringify(one)).length);
      const total = (up ?? 0) + (down ?? 0);
      console.log(`ten payments ${by ? 'with' : 'without'} passkey: ${up} B up + ${down} B down = ${total} B gzipped`);
      expect(total).toBeLessThan(8192);
    }
  });

  test('what is bad is answered for itself, and everything beside it goes on', async () => {
    const here = await opened();
    const { ming, shop, held } = await couple(here);
    const good = await here.pay(held, shop, 20_00);
    const forged = await here.pay({ ...held, signer: freshSigner() }, shop, 5_00, { last: good });
    const answer = await sync(here, ming, {
      payments: [
        'AAAA',
        ...text(forged),
        toBase64url(utf8('not a payment at all')),
        ...text(good),
        `${text(good)[0]}A`.slice(0, -2),
        'A',
      ],
      closings: ['AAAA', toBase64url(await here.closing(held, undefined, freshSigner()))],
      receipts: ['AAAA'],
      forks: ['AAAA'],
      want: { ...want(), currency: 'USD' },
    });
    expect(answer.answers.map((one) => `${one.outcome} ${one.code ?? ''}`.trim())).toEqual([
      'refused message.malformed',
      'refused payment.signature',
      'refused message.malformed',
      'settled',
      expect.stringMatching(/^refused message\./),
      'refused message.malformed',
    ]);
    expect(answer).toMatchObject({ closed: [], allowanceRefused: 'allowance.currency' });
    expect(await here.purseOf(shop)).toMatchObject({ available: 20_00 });
  });

  test('a wallet whose phones sent codes on paper more than a day allows gets no fresh allowance until tomorrow', async () => {
    const here = await opened();
    const { ming, shop, held } = await couple(here);
    const toCode = async (paid: Paid, amount: number) => {
      const to = { payee: shop.device.id, currency: 'CNY', time: here.clock() } as const;
      const note = toBase64url(writeNote({ ...to, id: newId(here.clock()), amount }));
      const notes = [{ payment: paid.name, note, toCode: true as const }];
      const { answers, transfers } = await sync(here, ming, { payments: text(paid), notes });
      return [answers[0]?.outcome, transfers?.codeSpent];
    };
    const next = { closings: [] as string[], want: want() };
    const one = await here.pay(held, shop, 20_00);
    expect(await toCode(one, 500_00)).toEqual(['settled', 500_00]);
    const two = await here.pay(held, shop, 1_00, { last: one });
    next.closings.push(toBase64url(await here.closing(held, two)));
    // What was signed stands: the payee took it in good faith.
    expect(await toCode(two, 1_00)).toEqual(['settled', 501_00]);
    const stopped = await sync(here, ming, next);
    expect([stopped.allowance, stopped.allowanceRefused]).toEqual([undefined, 'allowance.code-day']);
    here.pass(duration(1, 'd'));
    const after = await sync(here, ming, next);
    expect([after.allowance === undefined, after.allowanceRefused]).toEqual([false, undefined]);
  });

  test('a fault of ours in one part is reported and leaves the others their money', async () => {
    const here = await opened();
    const { ming, shop, held } = await couple(here);
    const poison = await here.pay(held, shop, 9_00);
    const good = await here.pay(held, shop, 20_00, { last: poison });
    const whole = partsOf(here);
    const broken: SyncParts = {
      ...whole,
      payments: {
        ...whole.payments,
        reconcile: async (who, payments) => {
          if (payments.some((one) => toBase64url(one) === toBase64url(poison.bytes))) throw new Error('poison');
          return whole.payments.reconcile(who, payments);
        },
        takeReceipts: () => Promise.reject(new Error('no receipts today')),
      },
      allowances: { ...whole.allowances, issue: () => Promise.reject(new Error('no allowance today')) },
    };
    const answer = await sync(here, ming, { payments: text(poison, good), want: want() }, broken);
    expect(answer.answers.map((one) => one.outcome)).toEqual(['settled']);
    expect(answer.allowanceRefused).toBe('house.fault');
    expect(await here.purseOf(shop)).toMatchObject({ available: 20_00 });
    expect(faults.splice(0)).toEqual([
      'payments: Error: poison',
      'payment: Error: poison',
      'receipts: Error: no receipts today',
      'allowance: Error: no allowance today',
    ]);
  });

  test('a house that cannot write says so instead of half an answer', async () => {
    const here = await opened();
    const ming = await here.person('小明');
    const whole = partsOf(here);
    const full: SyncParts = {
      ...whole,
      bills: { ...whole.bills, catchUp: () => Promise.reject(new Unavailable('house.disk-full', 'full')) },
    };
    await expect(sync(here, ming, {}, full)).rejects.toThrow(Unavailable);
  });

  test('a phone that was away long pages through its bills without a gap', async () => {
    const here = await opened();
    const ming = await here.person('小明', { funds: 0 });
    for (let at = 1; at <= 450; at += 1) await here.topUp(ming, at);
    const seen: number[] = [];
    let [cursor, more, pages] = [0, true, 0];
    while (more) {
      const answer = await sync(here, ming, { cursor });
      seen.push(...answer.bills.map((bill) => bill.amount));
      [cursor, more, pages] = [answer.cursor, answer.more, pages + 1];
    }
    expect(pages).toBe(3);
    expect(seen).toEqual(Array.from({ length: 450 }, (_, at) => at + 1));
  });

  test('a revocation reaches the next phone that syncs five seconds later', async () => {
    const here = await opened();
    const { ming, shop, held } = await couple(here);
    const far = await here.person('京味馆', { region: 'CN-BJ', funds: 0 });
    const before = versions(await sync(here, shop, {}));
    await here.revoke(ming.device);
    here.pass(duration(5, 's'));
    const stale = { ...before, 'CN-SX': 0 };
    // who syncs | the lists it holds | those that come
    const table: [Trader, Record<string, number>, string[]][] = [
      [shop, before, ['CN-SX']],
      [far, before, ['CN-SX']],
      [far, {}, ['CN-BJ', 'CN-SX']],
      [far, stale, ['CN-SX']],
    ];
    for (const [who, status, come] of table) {
      const after = await sync(here, who, { have: { status } });
      expect(after.status?.map((one) => one.region).sort()).toEqual(come);
      const shanxi = after.status?.find((one) => one.region === 'CN-SX');
      expect(shanxi?.epoch).toBeGreaterThan(before['CN-SX'] ?? 0);
      const list = await unpackStatus(bytes(shanxi?.list));
      expect(list.ok && isRevoked({ epoch: 0, bits: list.value }, held.signed.message.statusIndex)).toBe(true);
      const now = { ...status, ...versions(after) };
      expect((await sync(here, who, { have: { status: now } })).status).toBeUndefined();
    }
    expect((await sync(here, ming, { want: want() })).allowanceRefused).toBe('allowance.device-stopped');
  });

  test('a payee of the other region settles what a Shanxi allowance paid it', async () => {
    const here = await opened();
    const ming = await here.person('小明');
    const shop = await here.person('京味馆', { region: 'CN-BJ', funds: 0 });
    const held = await here.take(ming.device);
    const paid = await here.pay(held, shop, 29_00);
    const answer = await sync(here, shop, { payments: text(paid) });
    expect(answer.answers.map((one) => one.outcome)).toEqual(['settled']);
    expect(answer.balances).toMatchObject([{ currency: 'CNY', available: 29_00 }]);
    expect(answer.bills.map((bill) => `${bill.direction} ${bill.amount} ${bill.peer?.name}`)).toEqual(['in 2900 小明']);
  });

  test('a closed border: what crosses it waits unanswered in the outbox, what stays is settled, and opened again both are', async () => {
    const here = await opened();
    const { ming, shop, held } = await couple(here);
    const far = await here.person('京味馆', { region: 'CN-BJ', funds: 0 });
    const near = await here.pay(held, shop, 20_00);
    const across = await here.pay(held, far, 12_00, { last: near });
    for (const region of ['CN-BJ', 'CN-SX']) {
      await here.regions.switch(region, { crossRegion: false });
      here.pass(duration(5, 's'));
      const answer = await sync(here, ming, { payments: text(near, across) });
      expect(answer.answers.map((one) => `${one.id === near.name} ${one.outcome}`)).toEqual(['true settled']);
      expect((await sync(here, far, { payments: text(across) })).answers).toEqual([]);
      await here.regions.switch(region, { crossRegion: true });
      here.pass(duration(5, 's'));
    }
    expect((await sync(here, far, { payments: text(across) })).answers.map((one) => one.outcome)).toEqual(['settled']);
    expect(await here.purseOf(far)).toMatchObject({ available: 12_00 });
    // What the house kept meanwhile, as each of the two brought it, is the same payment: it is paid once.
    expect(await openSync(partsOf(here)).settleWaiting()).toBe(2);
    expect(await openSync(partsOf(here)).settleWaiting()).toBe(0);
    expect(await here.purseOf(far)).toMatchObject({ available: 12_00 });
  });

  test('an honest payee behind a closed border is paid in full, however long it was closed and though no phone comes again', async () => {
    const here = await opened();
    const { ming, held } = await couple(here);
    const far = await here.person('京味馆', { region: 'CN-BJ', funds: 0 });
    const across = await here.pay(held, far, 25_00);
    await here.regions.switch('CN-BJ', { crossRegion: false });
    here.pass(duration(5, 's'));
    expect((await sync(here, far, { payments: text(across) })).answers).toEqual([]);
    const payee = far.device.id;
    // Nothing new is promised across it.
    const locked = await here.ask(ming.device, { payee, total: 10_00 });
    expect(locked.word).toBe('allowance.border-closed');
    // The claim window passes behind the closed border: the hold stays for whoever it was promised to.
    here.pass(duration(40, 'd'));
    expect(await here.allowances.releaseDue()).toBe(0);
    expect(await openSync(partsOf(here)).settleWaiting()).toBe(0);
    await here.regions.switch('CN-BJ', { crossRegion: true });
    here.pass(duration(5, 's'));
    expect(await here.allowances.releaseDue()).toBe(0);
    expect(await openSync(partsOf(here)).settleWaiting()).toBe(1);
    expect(await here.purseOf(far)).toMatchObject({ available: 25_00 });
    here.pass(duration(4, 'd'));
    expect(await here.allowances.releaseDue()).toBeGreaterThan(0);
    expect(await here.purseOf(far)).toMatchObject({ available: 25_00 });
  });
});

/** What a phone that took `answer` in says it holds. */
function versions(answer: SyncAnswer): Record<string, number> {
  return Object.fromEntries((answer.status ?? []).map((one) => [one.region, one.epoch]));
}

function bytes(text: string | undefined): Uint8Array {
  if (text === undefined) throw new Error('it was to be there');
  return Uint8Array.from(Buffer.from(text, 'base64url'));
}
