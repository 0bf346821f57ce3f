/** Data of a wallet in daily use, put straight into a page's IndexedDB so that screens can be looked at with no server. */
import type { Page } from 'playwright';

/** The payment that waits for a signal in the seeded wallet. */
export const SEEDED_PAYMENT = 'c2VlZGVkLXBheW1lbnQtd2FpdGluZy1mb3Itc2lnbmFs';

const HOUR = 3_600_000;

type Rows = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

/** Fills the vault of `page`, once the app has made it. `none` leaves a phone without a wallet. */
export async function seedVault(page: Page, kind: 'full' | 'empty' | 'none'): Promise<void> {
  if (kind === 'none') return;
  await page.waitForFunction(async () => (await indexedDB.databases()).some(({ name }) => name === 'piaohao'));
  const now = Date.now();
  await put(page, wallet(now, kind));
  if (kind === 'full') await put(page, { ...money(now), ...history(now) });
}

async function put(page: Page, rows: Rows): Promise<void> {
  await page.evaluate(async (wanted) => {
    const opening = indexedDB.open('piaohao');
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    const names = Object.keys(wanted);
    const work = database.transaction(names, 'readwrite');
    for (const name of names) for (const row of wanted[name] ?? []) work.objectStore(name).put(row);
    await new Promise((resolve, reject) => {
      work.oncomplete = resolve;
      work.onerror = () => reject(work.error);
    });
    database.close();
  }, rows);
}

function wallet(now: number, kind: 'full' | 'empty'): Rows {
  const settings: { name: string; value: unknown }[] = [
    { name: 'wallet', value: { id: '01900000-0000-7000-8000-000000000001', region: 'CN-SX', name: '乔雨桐' } },
    { name: 'persisted', value: kind === 'full' },
  ];
  if (kind === 'full') settings.push({ name: 'syncedAt', value: now - 12 * 60_000 });
  return { settings };
}

function money(now: number): Rows {
  return {
    balances: [{ currency: 'CNY', available: 1_286_450, setAside: 42_000, arriving: 8_800, frozen: 0, owed: 0 }],
    keys: [{ id: 'seeded-key', use: 'allowance', public: new Array(33).fill(2), madeAt: now }],
    allowances: [
      {
        id: 'seeded-allowance',
        bytes: [],
        serial: '01900000-0000-7000-8000-000000000002',
        region: 'CN-SX',
        key: 'seeded-key',
        state: 'live',
        currency: 'CNY',
        total: 50_000,
        most: 10,
        spent: 8_000,
        count: 3,
        previous: [],
        notBeforeSeconds: Math.floor(now / 1000) - 3600,
        expiresSeconds: Math.floor(now / 1000) + 63 * 3600,
        keptAt: now,
      },
    ],
    devices: [{ id: 'a', name: 'Pixel 12', current: true, createdAt: now - 300 * HOUR, lastSeenAt: now }],
  };
}

function history(now: number): Rows {
  const told = [
    ['payment', 'out', 'settled', 1_850, '晋味面馆', '两碗刀削面', 5],
    ['payment', 'in', 'settled', 12_000, '李青禾', '周末房租', 21],
    ['top-up', 'neutral', 'settled', 100_000, undefined, undefined, 26],
    ['payment', 'out', 'settled', 650, '平遥古城早点铺', undefined, 30],
    ['payment', 'in', 'arriving', 8_800, '王建国', undefined, 47],
    ['payment', 'out', 'disputed', 4_500, 'Harbin Books & Coffee Limited', 'two novels', 74],
    ['top-up', 'neutral', 'declined', 20_000, undefined, undefined, 99],
    ['payment', 'out', 'settled', 3_200, '地铁', undefined, 122],
    ['refund', 'in', 'settled', 3_200, '地铁', undefined, 123],
  ] as const;
  const bills = told.map(([kind, direction, state, amount, name, memo, hours], at) => {
    const signed = now - hours * HOUR;
    const times = { signed, handed: signed + 4_000, uploaded: signed + 95_000, reconciled: signed + 95_040 };
    return {
      id: `01900000-0000-7000-8000-${String(at + 3).padStart(12, '0')}`,
      sequence: at + 1,
      ...{ kind, direction, state, amount, currency: 'CNY', region: 'CN-SX' },
      ...(name ? { peer: { id: `peer-${at}`, name, region: at % 2 ? 'CN-BJ' : 'CN-SX' } } : {}),
      ...(memo ? { memo } : {}),
      times: state === 'settled' ? { ...times, posted: signed + 95_060 } : times,
      at: signed,
      month: new Date(signed).toISOString().slice(0, 7),
    };
  });
  const signedAt = now - 9 * 60_000;
  const payment = {
    ...{ id: SEEDED_PAYMENT, invoice: 'seeded-invoice', allowance: 'seeded-allowance', number: 3, amount: 2_600 },
    ...{
      cumulative: 8_000,
      currency: 'CNY',
      payee: { id: 'p', name: '乔家大院茶铺', region: 'CN-SX' },
      memo: '龙井一壶',
    },
    ...{ match: '山水云月', core: {}, bytes: [], state: 'handed', invoiceBytes: [], certificateBytes: [] },
    ...{ reservedAt: signedAt, signedAt, handedAt: signedAt + 3_000 },
  };
  const outbox = [{ order: 1, kind: 'payment', id: SEEDED_PAYMENT, bytes: [1], queuedAt: signedAt, tries: 0 }];
  return { bills, payments: [payment], outbox };
}
