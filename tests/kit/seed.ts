/** Data of a wallet in daily use, put straight into a page's IndexedDB so that screens can be looked at with no server. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright';
import type { CaseFile } from '#shared/api/payment.ts';
import { fromHex, toBase64url } from '#shared/base/bytes.ts';
import { readFork } from '#shared/protocol/fork.ts';
import { SEEDED_CONTACT, SEEDED_KEY_SET } from '#tests/kit/signed.ts';

/** The payment that waits for a signal in the seeded wallet. */
export const SEEDED_PAYMENT = 'c2VlZGVkLXBheW1lbnQtd2FpdGluZy1mb3Itc2lnbmFs';

/** The seeded cases: one of the reader as payer, one as payee. */
export const SEEDED_CASES = {
  payer: '01900000-0000-7000-8000-0000000000c1',
  payee: '01900000-0000-7000-8000-0000000000c2',
} as const;

const SEEDED_ALLOWANCE = toBase64url(new Uint8Array(32).fill(7));

const HOUR = 3_600_000;
const WALLET = '01900000-0000-7000-8000-000000000001';

type Rows = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

/** What the seeded phone holds: a wallet in daily use, one with cases beside that, a new one, or none. */
export type Seed = 'full' | 'cases' | 'empty' | 'none';

/** Fills the vault of `page`, once the app has made it. */
export async function seedVault(page: Page, kind: Seed): Promise<void> {
  if (kind === 'none') return;
  await page.waitForFunction(async () => (await indexedDB.databases()).some(({ name }) => name === 'piaohao'));
  const now = Date.now();
  await keepRows(page, wallet(now, kind));
  if (kind === 'full' || kind === 'cases') {
    await keepRows(page, { ...money(now), ...history(now), ...opinions(now) });
    await keepSigned(page, now);
  }
  if (kind === 'cases') await keepRows(page, cases(now));
}

/** Draws everything for elders, the main text at `text` px. */
export function keepElderText(page: Page, text: 20 | 24 | 30): Promise<void> {
  return keepRows(page, { settings: [{ name: 'elderText', value: text }] });
}

/** Lets the person have chosen to be told of what comes while the app is closed. */
export function keepNotices(page: Page): Promise<void> {
  return keepRows(page, { settings: [{ name: 'notices', value: { details: false } }] });
}

/** Lets the house have told of older bills that are not here yet. */
export function keepPastMissing(page: Page): Promise<void> {
  return keepRows(page, { settings: [{ name: 'pastMissing', value: true }] });
}

/** Lets the last sync have told what codes may be sent in a day, and that some of it is gone. */
export function keepNews(page: Page): Promise<void> {
  const codeFrom = Date.now() - HOUR;
  const value = { asks: 0, claims: 0, codeDay: 500_00, codeFrom, codeSpent: 20_00 };
  return keepRows(page, { settings: [{ name: 'transferNews', value }] });
}

/** The key of the allowance, made in the page since no key can be carried there, and what the region has signed. */
async function keepSigned(page: Page, now: number): Promise<void> {
  const contact = {
    ...SEEDED_CONTACT,
    region: 'CN-SX',
    lastAt: now - HOUR,
    certificate: [...SEEDED_CONTACT.certificate],
  };
  await page.evaluate(
    async ({ keySet, contact, now }) => {
      const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' };
      const pair = await crypto.subtle.generateKey(ecdsa, false, ['sign', 'verify']);
      const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
      const point = Uint8Array.of(2 + ((raw.at(-1) ?? 0) & 1), ...raw.slice(1, 33));
      const rows = {
        keys: { id: 'seeded-key', use: 'allowance', public: point, plain: pair.privateKey, madeAt: now },
        lists: { name: 'keySet', bytes: Uint8Array.from(keySet), version: 1, keptAt: now },
        contacts: { ...contact, certificate: Uint8Array.from(contact.certificate) },
      };
      const opening = indexedDB.open('piaohao');
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error);
      });
      const work = database.transaction(Object.keys(rows), 'readwrite');
      for (const [name, row] of Object.entries(rows)) work.objectStore(name).put(row);
      await new Promise((resolve, reject) => {
        work.oncomplete = resolve;
        work.onerror = () => reject(work.error);
      });
      database.close();
    },
    { keySet: [...SEEDED_KEY_SET], contact, now },
  );
}

/** Puts rows into the vault of `page` as they are. */
export async function keepRows(page: Page, rows: Rows): Promise<void> {
  await page.evaluate(async (wanted) => {
    const names = Object.keys(wanted);
    // The app makes its vault; on a busy machine its network rests before it has. Opened before, it would be an empty one.
    while (!(await indexedDB.databases()).some(({ name }) => name === 'piaohao')) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const opening = indexedDB.open('piaohao');
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    const work = database.transaction(names, 'readwrite');
    for (const name of names) for (const row of wanted[name] ?? []) work.objectStore(name).put(row);
    await new Promise((resolve, reject) => {
      work.oncomplete = resolve;
      work.onerror = () => reject(work.error);
    });
    database.close();
  }, rows);
}

function wallet(now: number, kind: Seed): Rows {
  const settings: { name: string; value: unknown }[] = [
    { name: 'wallet', value: { id: WALLET, region: 'CN-SX', name: '乔雨桐' } },
    { name: 'persisted', value: kind !== 'empty' },
  ];
  if (kind !== 'empty') {
    const heard = now - 12 * 60_000;
    settings.push({ name: 'syncedAt', value: heard }, { name: 'devicesAt', value: heard });
  }
  return { settings };
}

function money(now: number): Rows {
  return {
    balances: [{ currency: 'CNY', available: 1_286_450, setAside: 42_000, arriving: 8_800, frozen: 0, owed: 0 }],
    allowances: [
      {
        id: SEEDED_ALLOWANCE,
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
    devices: [
      { id: 'a', name: 'Pixel 12', place: 0, createdAt: now - 300 * HOUR, seenAt: now - 12 * 60_000 },
      { id: 'b', name: 'iPad', place: 1, createdAt: now - 900 * HOUR, seenAt: now - 26 * HOUR },
      { id: 'c', name: 'Mate 60', place: 2, createdAt: now - 2_000 * HOUR, revokedAt: now - 320 * HOUR },
    ],
  };
}

const OWN = '01900000-0000-7000-8000-0000000000';

/** Budgets near their end and not, a rule, own categories, a note; of one name and one note another phone says otherwise. */
function opinions(now: number): Rows {
  const at = now - 3 * HOUR;
  const bill = '01900000-0000-7000-8000-000000000003';
  const budget = (id: string, category: string, amount: number) => ({
    ...{ _id: `budget:${OWN}${id}`, type: 'budget', category, currency: 'CNY', amount, noticeAt: 80, at },
  });
  const said: readonly (Readonly<Record<string, unknown>> & { _id: string; disputed?: 1 })[] = [
    budget('b0', 'all', 250_000),
    budget('b1', 'food', 50_000),
    { _id: `category:${OWN}c0`, type: 'category', category: `${OWN}c0`, name: '茶馆', at, disputed: 1 },
    { _id: `category:${OWN}c1`, type: 'category', category: `${OWN}c1`, name: '孩子的兴趣班', at },
    { _id: `rule:${OWN}d0`, type: 'rule', when: { peer: '茶', most: 200_00 }, category: `${OWN}c0`, at },
    { _id: `note:${bill}`, type: 'note', bill, text: '和老王一起，他请下一次', at, disputed: 1 },
    { _id: `tags:${bill}`, type: 'tags', bill, tags: ['工作餐', '报销'], at },
  ];
  const rows = said.map(({ disputed = 0, ...opinion }) => ({
    ...{ id: opinion._id, type: opinion.type, opinion, revision: '1-seeded', disputed },
    ...('bill' in opinion ? { bill: opinion.bill } : {}),
  }));
  // The copy counts as renewed: the notebook behind it is empty, and would be read anew.
  const book = `piaohao-notebook-${WALLET}`;
  return { opinions: rows, settings: [{ name: 'notebookRead', value: { book, sequence: 0, withRevisions: true } }] };
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
    ['payment', 'out', 'settled', 200_000, '房东老周', '房租', 170],
    ['payment', 'out', 'settled', 200_000, '房东老周', '房租', 170 + 31 * 24],
    ['payment', 'out', 'settled', 200_000, '房东老周', '房租', 170 + 61 * 24],
    ['payment', 'in', 'settled', 680_000, '太原书城', '工资', 190 + 31 * 24],
  ] as const;
  const bills = told.map(([kind, direction, state, amount, name, memo, hours], at) => {
    const signed = now - hours * HOUR;
    const times = { signed, handed: signed + 4_000, uploaded: signed + 95_000, reconciled: signed + 95_040 };
    return {
      id: `01900000-0000-7000-8000-${String(at + 3).padStart(12, '0')}`,
      sequence: at + 1,
      ...{ kind, direction, state, amount, currency: 'CNY', region: 'CN-SX' },
      ...(name ? { peer: { id: `peer-${name}`, name, region: at % 2 ? 'CN-BJ' : 'CN-SX' } } : {}),
      ...(memo ? { memo } : {}),
      times: state === 'settled' ? { ...times, posted: signed + 95_060 } : times,
      at: signed,
      month: new Date(signed).toISOString().slice(0, 7),
    };
  });
  const signedAt = now - 9 * 60_000;
  const payment = {
    ...{ id: SEEDED_PAYMENT, invoice: 'seeded-invoice', allowance: SEEDED_ALLOWANCE, number: 3, amount: 2_600 },
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

/** Two cases around the frozen fork proof: in one this wallet's phone was copied, in the other it was paid by such a phone. */
function cases(now: number): Rows {
  const vectors = JSON.parse(readFileSync(new URL('../vectors/fork.json', import.meta.url), 'utf8')) as [
    { readonly given: { readonly fork: string } },
  ];
  const bytes = fromHex(vectors[0].given.fork) ?? new Uint8Array();
  const fork = readFork(bytes);
  if (!fork.ok) throw new Error(fork.error.code);
  const { left, right } = fork.value;
  const [one, other] = [toBase64url(left.id), toBase64url(right.id)];
  const at = now - 30 * HOUR;
  const proofs = [{ payment: one, other, kind: 'fork' as const, proof: toBase64url(bytes) }];
  const about = { kind: 'fork', region: 'CN-SX', openedAt: at, amount: 12_00, currency: 'CNY', proofs } as const;
  const event = (code: CaseFile['timeline'][0]['code'], moment: number, more: object = {}) => ({
    at: moment,
    code,
    ...more,
  });
  const signed = left.message.time;
  const payer: CaseFile = {
    ...{ ...about, id: SEEDED_CASES.payer, role: 'payer' },
    timeline: [
      event('signed', signed, { payment: one, number: 1, amount: 18_00, name: '晋味面馆' }),
      event('signed', signed, { payment: other, number: 1, amount: 18_00, name: '平遥古城早点铺' }),
      event('uploaded', at - HOUR, { payment: one, amount: 18_00, name: '晋味面馆' }),
      event('paid-from-allowance', at - HOUR, { payment: one, amount: 18_00, name: '晋味面馆' }),
      event('uploaded', at, { payment: other, amount: 18_00, name: '平遥古城早点铺' }),
      event('paid-from-allowance', at, { payment: other, amount: 6_00, name: '平遥古城早点铺' }),
      event('paid-by-guarantee', at, { payment: other, amount: 12_00, name: '平遥古城早点铺' }),
      event('conflict-found', at, { payment: other, number: 1 }),
      event('stopped', at),
      event('owed', now, { amount: 12_00 }),
    ],
  };
  const payee: CaseFile = {
    ...{ ...about, id: SEEDED_CASES.payee, role: 'payee', openedAt: at - HOUR },
    timeline: [
      event('signed', signed, { payment: other, number: 1, amount: 18_00, name: '王建国 ··8001' }),
      event('uploaded', at, { payment: other, amount: 18_00, name: '王建国 ··8001' }),
      event('paid-from-allowance', at, { payment: other, amount: 6_00, name: '王建国 ··8001' }),
      event('paid-by-guarantee', at, { payment: other, amount: 12_00, name: '王建国 ··8001' }),
      event('conflict-found', at, { payment: other, number: 1 }),
      event('stopped', at),
      event('spendable', now + 300 * HOUR, { payment: other, amount: 12_00, name: '王建国 ··8001' }),
    ],
  };
  const rows = [payer, payee].map((file) => ({ id: file.id, openedAt: file.openedAt, file, notice: 1, keptAt: now }));
  return { cases: rows, settings: [{ name: 'casesAt', value: now - 3 * HOUR }] };
}
