/** Sync against a server that loses, delays, repeats and lies. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SyncAnswer, SyncRequest } from '#shared/api/sync.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { closingMessage } from '#shared/protocol/closing.ts';
import { epochMessage } from '#shared/protocol/epoch.ts';
import { packStatus, statusBits } from '#shared/protocol/status.ts';
import { manyBills } from '#tests/kit/bills.ts';
import {
  buyPhone,
  cardOf,
  foundTown,
  giveAllowance,
  issue,
  NOON,
  type Phone,
  type Town,
  type TownRegion,
} from '#tests/web/vault/town.ts';
import { createClient, refusalIn } from '#web/sync/client.ts';
import { closeAllowance } from '#web/sync/closing.ts';
import { probe } from '#web/sync/probe.ts';
import { syncNow } from '#web/sync/sync.ts';
import { createDeviceKey } from '#web/vault/device-key.ts';
import { closeLock, openLock } from '#web/vault/lock.ts';
import { queue, waiting } from '#web/vault/outbox.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';
import { heldLists } from '#web/vault/trust.ts';
import { openVault } from '#web/vault/vault.ts';

let town: Town;
let stranger: Town;
beforeAll(async () => {
  town = await foundTown();
  stranger = await foundTown();
});

/** A phone and a server whose answers are made by hand; `requests` is what it was told. */
async function connected(answerTo: (request: SyncRequest) => Partial<SyncAnswer> | 'lost') {
  const phone = await buyPhone(town, '王小明');
  await phone.vault.lists.delete('status:CN-SX');
  const requests: SyncRequest[] = [];
  const ask: Phone['ask'] = async <Answer>(asked: { path: string; body?: unknown }) => {
    if (asked.path !== '/sync') return { ok: false, error: { code: 'request.not-found' } } as const;
    const request = asked.body as SyncRequest;
    requests.push(request);
    const change = answerTo(request);
    if (change === 'lost') return { ok: false, error: { code: 'house.unreachable' } } as const;
    const plain: SyncAnswer = {
      epoch: toBase64url(town.epoch),
      answers: [],
      bills: [],
      cursor: request.cursor,
      more: false,
      balances: [],
      closed: [],
    };
    return { ok: true, value: { ...plain, ...change } as Answer } as const;
  };
  return { phone: Object.assign(phone, { ask }), requests };
}

describe('a wallet that was closed', () => {
  test('leaves nothing on the phone but how the app is drawn, and that it was closed', async () => {
    const { phone } = await connected(() => 'lost');
    const gone = async () => ({ ok: false, error: { code: 'account.closed' } }) as const;
    await keepSetting(phone.vault, 'theme', 'dark');
    await queue(phone.vault, 'payment', 'pay-1', new Uint8Array([1]), NOON);
    localStorage.setItem('piaohao-mark', '{}');
    expect(await syncNow({ ...phone, ask: gone })).toEqual(await gone());
    const left = await Promise.all(phone.vault.tables.map(async (table) => [table.name, await table.count()] as const));
    expect(left.filter(([, count]) => count > 0)).toEqual([['settings', 2]]);
    expect(await readSetting(phone.vault, 'theme')).toBe('dark');
    expect(await readSetting(phone.vault, 'closed')).toBe(true);
    expect(localStorage.getItem('piaohao-mark')).toBeNull();
  });
});

describe('the outbox', () => {
  test('is sent again and again until the server answers for it', async () => {
    let times = 0;
    const { phone, requests } = await connected((request) => {
      times += 1;
      if (times < 3) return 'lost';
      return { answers: request.payments.length > 0 ? [{ id: 'pay-1', outcome: 'settled' }] : [] };
    });
    await queue(phone.vault, 'payment', 'pay-1', new Uint8Array([1]), NOON);
    await queue(phone.vault, 'receipt', 'pay-1', new Uint8Array([2]), NOON);
    const done = [await syncNow(phone), await syncNow(phone), await syncNow(phone)].map((one) => one.ok);
    expect(done).toEqual([false, false, true]);
    expect(await waiting(phone.vault)).toBe(0);
    expect(requests.map((one) => one.payments.length + one.receipts.length)).toEqual([2, 2, 2]);
    expect(phone.link.now()).toMatchObject({ road: 'online', syncing: false });
  });

  test('keeps a payment the server said nothing about, though the sync went well', async () => {
    const { phone } = await connected(() => ({}));
    await queue(phone.vault, 'payment', 'pay-1', new Uint8Array([1]), NOON);
    expect((await syncNow(phone)).ok).toBe(true);
    expect(await waiting(phone.vault)).toBe(1);
  });

  test('is one sync at a time, in the order asked', async () => {
    let running = 0;
    let most = 0;
    const { phone } = await connected(() => ({}));
    const slow = phone.ask;
    Object.assign(phone, {
      ask: async (asked: Parameters<typeof slow>[0]) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((done) => setTimeout(done, 5));
        running -= 1;
        return await slow(asked);
      },
    });
    await Promise.all([syncNow(phone), syncNow(phone), syncNow(phone)]);
    expect(most).toBe(1);
  });
});

describe('what comes down', () => {
  test('what the region lets its payees do is kept, and stays when an answer leaves it out', async () => {
    const said = { invoiceLifetime: 45, statusAge: 3_600, staleEach: 5_00 };
    let times = 0;
    const { phone } = await connected(() => {
      times += 1;
      return times === 1 ? { payeeTerms: said } : {};
    });
    await syncNow(phone);
    await syncNow(phone);
    expect(await readSetting(phone.vault, 'payeeTerms')).toEqual(said);
  });

  test('bills a sync had no room for are fetched beside it, the newest first, and after a cut from where they were', async () => {
    const all = manyBills(1_200, NOON);
    const { phone, requests } = await connected(({ cursor }) => ({
      bills: all.slice(cursor, cursor + 200),
      cursor: Math.min(cursor + 200, all.length),
      more: cursor + 200 < all.length,
    }));
    const asked: string[] = [];
    let cut = true;
    const sync = phone.ask;
    Object.assign(phone, {
      ask: async (one: Parameters<typeof sync>[0]) => {
        if (!one.path.startsWith('/bills?')) return await sync(one);
        asked.push(one.path);
        const { searchParams } = new URL(one.path, 'http://x');
        const last = Number(searchParams.get('last'));
        if (last > 0) return { ok: true, value: { bills: all.slice(-last), cursor: all.length, more: false } };
        const after = Number(searchParams.get('after'));
        if (cut && after === 700) return { ok: false, error: { code: 'house.unreachable' } };
        const bills = all.slice(after, after + 500);
        return { ok: true, value: { bills, cursor: after + bills.length, more: after + 500 < all.length } };
      },
    });
    expect((await syncNow(phone)).ok).toBe(true);
    expect(requests.length).toBe(1);
    await expect.poll(() => asked.length).toBe(3);
    await expect.poll(() => phone.link.now().fetching).toBe(false);
    expect(await readSetting(phone.vault, 'cursor')).toBe(700);
    expect(await readSetting(phone.vault, 'pastMissing')).toBe(true);
    const newest = await phone.vault.bills.orderBy('at').reverse().limit(120).toArray();
    expect(newest.map(({ id }) => id).toSorted()).toEqual(
      all
        .slice(-120)
        .map(({ id }) => id)
        .toSorted(),
    );
    expect(await phone.vault.bills.count()).toBe(820);
    cut = false;
    expect((await syncNow(phone)).ok).toBe(true);
    await expect.poll(() => readSetting(phone.vault, 'cursor')).toBe(1_200);
    const page = (after: number) => `/bills?after=${after}&limit=500`;
    expect(asked).toEqual(['/bills?last=120', page(200), page(700), '/bills?last=120', page(900)]);
    expect(await phone.vault.bills.count()).toBe(1_200);
    // Whoever came twice was counted once.
    const totals = await phone.vault.totals.where('[source+span]').between(['house', '2'], ['house', '3']).toArray();
    expect(totals.filter(({ span }) => span.length === 7).reduce((sum, { count }) => sum + count, 0)).toBe(1_200);
    await expect.poll(() => readSetting(phone.vault, 'pastMissing')).toBeUndefined();
  });

  test('an allowance signed by the region is kept, and not asked for again', async () => {
    const answers: string[] = [];
    const { phone, requests } = await connected(() => ({ ...(answers[0] ? { allowance: answers[0] } : {}) }));
    await syncNow(phone);
    const key = fromBase64url(requests[0]?.want?.key ?? '') ?? new Uint8Array();
    answers.push(toBase64url(await issue(town, key)));
    await syncNow(phone);
    expect(requests[1]?.want?.key).toBe(requests[0]?.want?.key);
    await syncNow(phone);
    expect(await phone.vault.allowances.count()).toBe(1);
    expect(requests.at(-1)?.want).toBeUndefined();
  });

  // what is wrong | what the server sends | refusal
  test.each<[string, () => Promise<Partial<SyncAnswer>>, string]>([
    ['an epoch card of another network', async () => ({ epoch: toBase64url(stranger.epoch) }), 'issuer.unknown'],
    ['an older epoch card', async () => ({ epoch: await epochOf(2) }), 'epoch.older'],
    ['a key set of another root', async () => ({ keySet: toBase64url(stranger.keySet) }), 'key-set.signature'],
    [
      'an allowance of another issuer',
      async () => ({ allowance: toBase64url(await issue(stranger, stranger.root.key)) }),
      'issuer.unknown',
    ],
    [
      'a status list the card does not name',
      async () => ({ status: [await statusOf({ says: statusBits(64, []) })] }),
      'epoch.list-differs',
    ],
    [
      'a status list under another region’s name',
      async () => ({ status: [{ ...(await statusOf({})), region: 'CN-BJ' }] }),
      'epoch.list-differs',
    ],
    [
      'a status list of a region whose card another region signed',
      async () => ({ status: [await statusOf({ by: { ...town, beijing: town.issuer }, region: 'CN-BJ' })] }),
      'issuer.unknown',
    ],
    [
      'a good list beside a bad one',
      async () => ({ status: [await statusOf({}), await statusOf({ region: 'CN-BJ', says: statusBits(8, [3]) })] }),
      'epoch.list-differs',
    ],
    [
      'a list that is not text of bytes',
      async () => ({ status: [{ ...(await statusOf({})), list: '*' }] }),
      'status.malformed',
    ],
    ['bytes that are no message', async () => ({ epoch: 'AAAA' }), 'message.malformed'],
  ])('%s is refused and nothing is kept', async (_name, forged, code) => {
    const change = await forged();
    const { phone } = await connected(() => ({ ...change, balances: [], cursor: 77 }));
    const before = await heldLists(phone.vault);
    const done = await syncNow(phone);
    expect(done.ok ? 'ok' : done.error.code).toBe(code);
    expect(await heldLists(phone.vault)).toEqual(before);
    expect(await phone.vault.allowances.count()).toBe(0);
    expect(await readSetting(phone.vault, 'cursor')).toBeUndefined();
  });

  test('a newer card with its list raises the time floor', async () => {
    const bits = statusBits(64, [5]);
    const time = instant(NOON + 3_600_000);
    const epoch = await cardOf(town, 'CN-SX', 4, time, bits);
    const status = [{ region: 'CN-SX', card: epoch, epoch: 4, list: toBase64url(await packStatus(bits)) }];
    const { phone } = await connected(() => ({ epoch, status }));
    expect((await syncNow(phone)).ok).toBe(true);
    expect((await heldLists(phone.vault)).statuses).toEqual(
      new Map([['CN-SX', { list: { epoch: 4, bits }, asOf: time }]]),
    );
    expect(await readSetting(phone.vault, 'timeFloorSeconds')).toBe(time / 1000);
  });

  test('a list of every region is held; one that does not come anew keeps its bits and is as new as the answer', async () => {
    const later = instant(NOON + 3_600_000);
    const [shanxi, beijing] = [statusBits(8, []), statusBits(64, [7])];
    const answers = [
      {
        epoch: await cardOf(town, 'CN-SX', 4, NOON, shanxi),
        status: [
          await statusOf({ number: 4, bits: shanxi }),
          await statusOf({ region: 'CN-BJ', number: 9, bits: beijing }),
        ],
      },
      { epoch: await cardOf(town, 'CN-SX', 5, later, shanxi) },
    ];
    const { phone, requests } = await connected(() => answers.shift() ?? {});
    await syncNow(phone);
    await syncNow(phone);
    expect(requests.map((one) => one.have.status)).toEqual([{}, { 'CN-SX': 4, 'CN-BJ': 9 }]);
    expect([...(await heldLists(phone.vault)).statuses].sort()).toEqual([
      ['CN-BJ', { list: { epoch: 9, bits: beijing }, asOf: later }],
      ['CN-SX', { list: { epoch: 4, bits: shanxi }, asOf: later }],
    ]);
    const replayed = {
      epoch: await cardOf(town, 'CN-SX', 6, later, shanxi),
      status: [await statusOf({ region: 'CN-BJ', number: 8 })],
    };
    answers.push(replayed);
    const refused = await syncNow(phone);
    expect(refused.ok ? 'ok' : refused.error.code).toBe('epoch.older');
    expect((await heldLists(phone.vault)).statuses.get('CN-BJ')?.list.bits).toEqual(beijing);
  });

  test('an own list that the card no longer names is asked for again, and until it comes it still counts with its age', async () => {
    const old = statusBits(64, [5]);
    const first = {
      epoch: await cardOf(town, 'CN-SX', 4, NOON, old),
      status: [await statusOf({ number: 4, bits: old })],
    };
    const second = { epoch: await cardOf(town, 'CN-SX', 5, instant(NOON + 60_000), statusBits(64, [5, 6])) };
    const { phone, requests } = await connected((request) =>
      request.have.status?.['CN-SX'] === undefined ? first : second,
    );
    await syncNow(phone);
    await syncNow(phone);
    await syncNow(phone);
    expect(requests.map((one) => one.have.status?.['CN-SX'])).toEqual([undefined, 4, 0]);
    expect((await heldLists(phone.vault)).statuses.get('CN-SX')).toEqual({ list: { epoch: 0, bits: old }, asOf: NOON });
  });

  /** A region's list over `bits`; its card may say other bits, or be signed by another town. */
  async function statusOf(given: {
    readonly by?: Town;
    readonly region?: TownRegion;
    readonly number?: number;
    readonly bits?: Uint8Array;
    readonly says?: Uint8Array;
  }) {
    const { by = town, region = 'CN-SX', number = 3, bits = statusBits(64, [1]) } = given;
    const card = await cardOf(by, region, number, NOON, given.says ?? bits);
    return { region, card, epoch: number, list: toBase64url(await packStatus(bits)) };
  }

  async function epochOf(number: number): Promise<string> {
    const card = { region: 'CN-SX', number, time: NOON, statusList: new Uint8Array(32), keySet: new Uint8Array(32) };
    return toBase64url(await epochMessage.sign(card, town.issuer));
  }
});

describe('giving an allowance back', () => {
  test('signs a closing that stands for the chain, once, and spends no more', async () => {
    const { phone } = await connected(() => ({}));
    const row = await giveAllowance(town, phone);
    expect((await closeAllowance(phone, row.id)).ok).toBe(true);
    const again = await closeAllowance(phone, row.id);
    expect(again.ok ? 'ok' : again.error.code).toBe('allowance.none');
    const queued = await phone.vault.outbox.toArray();
    const read = closingMessage.read(queued[0]?.bytes ?? new Uint8Array());
    expect(queued).toHaveLength(1);
    expect(read.ok && read.value.message).toMatchObject({ lastNumber: 0, lastTotal: 0, last: row.previous });
  });

  test('a worn allowance is given back only after the road was proved, and a fresh one asked for', async () => {
    const { phone, requests } = await connected((request) => ({ closed: request.closings.length > 0 ? serials : [] }));
    const row = await giveAllowance(town, phone);
    const serials = [row.serial];
    await phone.vault.allowances.update(row.id, { count: 3, spent: 150_00 });
    expect((await syncNow(phone)).ok).toBe(true);
    expect(requests.map((one) => [one.closings.length, one.want !== undefined])).toEqual([
      [0, false],
      [1, true],
    ]);
    expect((await phone.vault.allowances.get(row.id))?.state).toBe('closed');
  });

  test('one whose key no passkey locks is exchanged at the first sync after the phone got a lock, and only once', async () => {
    const serials: string[] = [];
    const { phone, requests } = await connected((request) => ({ closed: request.closings.length > 0 ? serials : [] }));
    const plain = await giveAllowance(town, phone);
    serials.push(plain.serial);
    await syncNow(phone);
    expect((await phone.vault.allowances.get(plain.id))?.state).toBe('live');
    await openLock(phone.vault, 'passkey', new Uint8Array(32).fill(7));
    closeLock(phone.vault);
    await syncNow(phone);
    expect((await phone.vault.allowances.get(plain.id))?.state).toBe('closed');
    expect(requests.at(-1)?.want).toMatchObject({ wrapped: true });
    const sealed = await giveAllowance(town, phone);
    await syncNow(phone);
    expect((await phone.vault.allowances.get(sealed.id))?.state).toBe('live');
  });

  test('one the region has revoked is closed by its own key as soon as the lock is open, and a fresh one asked for', async () => {
    const bits = statusBits(64, [1]);
    const revoking = {
      epoch: await cardOf(town, 'CN-SX', 4, NOON, bits),
      status: [
        {
          region: 'CN-SX',
          card: await cardOf(town, 'CN-SX', 4, NOON, bits),
          epoch: 4,
          list: toBase64url(await packStatus(bits)),
        },
      ],
    };
    const serials: string[] = [];
    const { phone, requests } = await connected((request) => ({
      ...revoking,
      closed: request.closings.length > 0 ? serials : [],
    }));
    const secret = new Uint8Array(32).fill(7);
    await openLock(phone.vault, 'passkey', secret);
    const [row, other] = [
      await giveAllowance(town, phone),
      await giveAllowance(town, phone, { statusIndex: 2, payees: [newId(NOON)] }),
    ];
    serials.push(row.serial);
    closeLock(phone.vault);
    await syncNow(phone);
    await syncNow(phone);
    expect(requests.map((one) => [one.closings.length, one.want !== undefined])).toEqual([
      [0, false],
      [0, true],
    ]);
    expect((await phone.vault.allowances.get(row.id))?.state).toBe('revoked');
    await openLock(phone.vault, 'passkey', secret);
    await syncNow(phone);
    await syncNow(phone);
    expect(requests.slice(2).map((one) => one.closings.length)).toEqual([0, 1, 0]);
    expect((await phone.vault.allowances.get(row.id))?.state).toBe('closed');
    expect((await phone.vault.allowances.get(other.id))?.state).toBe('live');
  });

  test('a revoked one whose closing the house does not take is closed once and then left to the claim window', async () => {
    const { phone, requests } = await connected(() => ({}));
    const row = await giveAllowance(town, phone);
    await phone.vault.allowances.update(row.id, { state: 'revoked' });
    for (let round = 0; round < 12; round += 1) await syncNow(phone);
    expect(await waiting(phone.vault)).toBe(0);
    expect(requests.at(-1)?.closings).toEqual([]);
    expect(new Set(requests.flatMap((one) => one.closings)).size).toBe(1);
    expect((await phone.vault.allowances.get(row.id))?.state).toBe('revoked');
  });

  test('with no road it stays', async () => {
    const { phone } = await connected(() => 'lost');
    const row = await giveAllowance(town, phone);
    await phone.vault.allowances.update(row.id, { count: 4, spent: 190_00 });
    await syncNow(phone);
    expect((await phone.vault.allowances.get(row.id))?.state).toBe('live');
  });
});

describe('the client', () => {
  let calls: { url: string; init: RequestInit }[];
  beforeEach(() => {
    calls = [];
  });

  function client(respond: (at: number) => Response | Promise<Response>) {
    const vault = openVault(`client-${crypto.randomUUID()}`);
    const ask = createClient({
      vault,
      clock: () => NOON,
      send: async (url, init) => {
        calls.push({ url, init });
        return await respond(calls.length);
      },
    });
    return { vault, ask };
  }

  const json = (body: unknown, status = 200) =>
    new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/problem+json' } });

  // what answers | as the app sees it
  test.each<[string, () => Response | Promise<Response>, string]>([
    ['nobody', () => Promise.reject(new TypeError('Failed to fetch')), 'house.unreachable'],
    [
      'a hotel that wants a sign-in',
      () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
      'house.unreachable',
    ],
    [
      'a refusal',
      () => json({ type: 'x', title: 'No', status: 409, code: 'ledger.insufficient' }, 409),
      'ledger.insufficient',
    ],
    ['a refusal from a newer server', () => json({ code: 'moon.phase' }, 409), 'house.fault'],
    [
      'half an answer',
      () => new Response('{"co', { headers: { 'content-type': 'application/json' } }),
      'house.unreachable',
    ],
    ['an answer', () => json({ fine: true }), 'ok'],
  ])('%s', async (_name, respond, expected) => {
    const { ask } = client(respond);
    const answer = await ask({ method: 'GET', path: '/x' });
    expect(answer.ok ? 'ok' : answer.error.code).toBe(expected);
  });

  test('gives up in time', async () => {
    const { vault } = client(() => json({}));
    const ask = createClient({
      vault,
      clock: () => NOON,
      send: (_url, init) =>
        new Promise((_done, fail) => init.signal?.addEventListener('abort', () => fail(init.signal?.reason))),
    });
    const started = performance.now();
    const answer = await ask({ method: 'GET', path: '/x', timeout: 50 as never });
    expect(answer).toEqual({ ok: false, error: { code: 'house.unreachable' } });
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('learns the server’s time from a refusal and says it once more', async () => {
    const serverTime = NOON + 3_600_000;
    const { vault, ask } = client((at) => (at === 1 ? json({ code: 'device.clock-skew', serverTime }, 401) : json({})));
    await createDeviceKey(vault, NOON);
    expect((await ask({ method: 'POST', path: '/sync', body: {}, signed: true })).ok).toBe(true);
    const stamps = calls.map((call) => (call.init.headers as Record<string, string>).authorization?.split(':')[1]);
    expect(stamps).toEqual([String(NOON), String(serverTime)]);
  });

  test('keeps the figures of a refusal', () => {
    expect(refusalIn({ code: 'payment.over-each', limit: 100, detail: 'words', status: 409 })).toEqual({
      code: 'payment.over-each',
      detail: { limit: 100 },
    });
  });
});

describe('the probe', () => {
  // what answers | the road
  test.each<[string, (nonce: string) => unknown, number, string]>([
    ['a signed card, quickly', (nonce) => ({ nonce, epoch: toBase64url(town.epoch) }), 30, 'online'],
    ['a signed card, slowly', (nonce) => ({ nonce, epoch: toBase64url(town.epoch) }), 3000, 'weak'],
    ['a signed card out of a cache', () => ({ nonce: 'old', epoch: toBase64url(town.epoch) }), 30, 'offline'],
    ['a card of another network', (nonce) => ({ nonce, epoch: toBase64url(stranger.epoch) }), 30, 'offline'],
    ['something else', () => ({ hello: 'wifi' }), 30, 'offline'],
  ])('%s', async (_name, answer, latency, road) => {
    const phone = await buyPhone(town, '王小明');
    const ask: Phone['ask'] = async <Answer>(asked: { path: string }) => {
      phone.time = instant(phone.time + latency);
      const nonce = new URL(asked.path, 'http://localhost').searchParams.get('nonce') ?? '';
      return { ok: true, value: answer(nonce) as Answer } as const;
    };
    expect(await probe({ ...phone, clock: () => phone.time, ask })).toBe(road);
    expect(phone.link.now().road).toBe(road);
  });

  test('no answer is no road, whatever the browser says of itself', async () => {
    const phone = await buyPhone(town, '王小明');
    expect(navigator.onLine).toBe(true);
    expect(await probe(phone)).toBe('offline');
  });
});
