/** Every screen of the built app with seeded data and no server behind it, as the picture script and the accessibility check visit them. */
import { join } from 'node:path';
import Fastify from 'fastify';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright';
import { serveApp } from '#server/platform/static.ts';
import type { AgreementView, ClosingView, HoldingList, HoldingRows } from '#shared/api/account.ts';
import type { LimitsView } from '#shared/api/allowance.ts';
import type { Card, CardList, TermsList, TopUp, Withdrawal, WithdrawalTermsList } from '#shared/api/funding.ts';
import type { DeviceList, PasskeyList } from '#shared/api/identity.ts';
import type { PasswordView } from '#shared/api/password.ts';
import type { RealNameView } from '#shared/api/real-name.ts';
import type { AlarmList, SecurityEvent, SecurityEventCode } from '#shared/api/security.ts';
import type { QuestionView } from '#shared/api/security-question.ts';
import type { AppealView, DeskFile, DeskList, Standing } from '#shared/api/support.ts';
import type { TransferFeed } from '#shared/api/transfer.ts';
import { bringTwoNotes } from '#tests/kit/apart.ts';
import {
  keepElderText,
  keepNews,
  keepNotices,
  keepPastMissing,
  keepRows,
  SEEDED_CASES,
  SEEDED_PAYMENT,
  type Seed,
  seedVault,
} from '#tests/kit/seed.ts';
import { SEEDED_ADDRESS, SEEDED_LINK } from '#tests/kit/signed.ts';

/** One screen: where, with what data, and what is done before it is looked at. */
export interface Scene {
  readonly name: string;
  readonly path: string;
  readonly seed?: Seed;
  readonly offline?: boolean;
  /** Whether the phone keeps what it is answered here, where another scene would see it: then it has one alone. */
  readonly alone?: true;
  /** What the house would answer, by the path it is asked; everything else it is asked has no answer. */
  readonly answers?: Readonly<Record<string, object>>;
  /** What the browser is made to be before the app is opened in it. */
  readonly before?: (page: Page) => Promise<void>;
  readonly act?: (page: Page) => Promise<void>;
}

/** What the house would answer to these questions, and what is done then. */
const answeringAll = (
  answers: Readonly<Record<string, object>>,
  act?: (page: Page) => Promise<void>,
): Pick<Scene, 'answers' | 'act'> => ({ answers, ...(act ? { act } : {}) });

/** The row that says one of these. */
const row = (page: Page, ...said: readonly string[]) =>
  page.getByRole('button', { name: new RegExp(said.join('|')) }).first();

/** What the house would answer to one question. */
const answering = (path: string, body: object, then?: (page: Page) => Promise<void>) =>
  answeringAll({ [path]: body }, then);

/** A payment password in daily use. */
const PASSWORD: PasswordView = {
  isSet: true,
  setAt: 1_763_000_000_000,
  guessesLeft: 5,
  mustReset: false,
  currency: 'CNY',
  free: { each: 30_00, count: 10, left: 8, eachMost: 500_00, countMost: 20 },
  largeFrom: 2000_00,
};

const DEBIT: Card = {
  ...{ id: '01900000-0000-7000-8000-0000000000d1', state: 'bound', bank: 'icbc', kind: 'debit', last4: '6783' },
  ...{ isDefault: true, startedAt: 1_763_000_000_000 },
};
const CREDIT: Card = {
  ...{ id: '01900000-0000-7000-8000-0000000000d2', state: 'bound', bank: 'cmb', kind: 'credit', last4: '6788' },
  ...{ isDefault: false, startedAt: 1_763_000_000_000 },
};
const BINDING: Card = {
  ...{ id: '01900000-0000-7000-8000-0000000000d3', state: 'binding', page: 'http://127.0.0.1:4801/card/bind/1' },
  ...{ isDefault: false, startedAt: 1_763_000_000_000 },
};
const CARDS: CardList = { cards: [DEBIT, CREDIT, BINDING] };

/** What withdrawals cost a person whose name is certified. */
const PAYOUT: WithdrawalTermsList = {
  terms: [
    {
      ...{ currency: 'CNY', least: 100, most: 20_000_00, dayMost: 50_000_00, dayLeft: 50_000_00 },
      ...{ free: 1_000_00, freeLeft: 620_00, feeFixed: 10, feeBasisPoints: 10, arrivalSeconds: 7_200 },
    },
  ],
};

const CHANNELS: TermsList = {
  terms: (
    [
      ['bank-transfer', 20_000_00, 0, 60],
      ['third-party', 10_000_00, 0, 5],
      ['credit-card', 5_000_00, 60, 5],
      ['counter', 20_000_00, 0, 1_800],
    ] as const
  ).map(([channel, most, feeBasisPoints, arrivalSeconds]) => ({
    ...{ channel, currency: 'CNY', least: 100, most, dayMost: 50_000_00, dayLeft: 50_000_00 },
    ...{ feeFixed: 0, feeBasisPoints, arrivalSeconds },
  })),
};

/** A withdrawal as the house tells it. */
const WITHDRAWAL: Withdrawal = {
  id: '01900000-0000-7000-8000-0000000000e1',
  reference: '01900000-0000-7000-8000-0000000000e2',
  card: { id: DEBIT.id, bank: 'icbc', last4: '6783' },
  ...{ amount: 1_500_00, fee: 98, currency: 'CNY', state: 'pending' },
  ...{ startedAt: 1_763_000_000_000, changedAt: 1_763_000_000_000 },
};

/** A charge that its bank declined. */
const CHARGE: TopUp = {
  ...WITHDRAWAL,
  id: '01900000-0000-7000-8000-0000000000e3',
  channel: 'credit-card',
  card: { id: CREDIT.id, bank: 'cmb', last4: '6788' },
  state: 'declined',
  reason: '51',
};

/** A top-up whose code is to be shown at a counter. */
const { card: _card, ...PLAIN } = WITHDRAWAL;
const SLIP: TopUp = {
  ...PLAIN,
  ...{ id: '01900000-0000-7000-8000-0000000000e4', channel: 'counter', fee: 0 },
  ...{ state: 'pending', code: '402918837465', until: Date.UTC(2030, 0, 1) },
};

/** An act that was open when the page was last left, and how the house tells of it now. */
const leftOpen = (way: '/top-ups' | '/withdrawals', told: TopUp | Withdrawal) => {
  const { id, amount, currency, startedAt } = told;
  const channel = 'channel' in told ? told.channel : 'payout';
  const terms = { '/top-ups/terms': CHANNELS, '/withdrawals/terms': PAYOUT, '/cards': CARDS };
  return answeringAll({ ...terms, [`${way}/${id}`]: told }, async (page) => {
    await keepRows(page, { topUps: [{ id, channel, amount, currency, startedAt, state: 'asked', detail: {} }] });
    await page.reload({ waitUntil: 'networkidle' });
  });
};

/** Types a sum on the keypad. */
const typing = (keys: string) => async (page: Page) => {
  for (const key of keys) await page.locator('.keypad button', { hasText: key }).first().click();
};

/** A request that waits, and a claim that waits for an answer. */
const FEED: TransferFeed = {
  asks: [
    {
      ...{ id: '01900000-0000-7000-8000-00000000a001', role: 'payer', state: 'open', amount: 33_34, currency: 'CNY' },
      ...{ peer: { name: '*明 ··4001', region: 'CN-SX' }, memo: '火锅', certificate: 'oA' },
      ...{ madeAt: 1_763_000_000_000, expiresAt: 1_795_800_000_000, changedAt: 1_763_000_000_000 },
    },
  ],
  splits: [],
  claims: [
    {
      ...{ id: '01900000-0000-7000-8000-00000000a002', role: 'payee', state: 'asked', amount: 25_00, currency: 'CNY' },
      ...{ payment: 'A'.repeat(43), peer: { name: '小明 ··4001', region: 'CN-SX' }, reason: '输错了号码' },
      ...{ held: 25_00, given: 0, madeAt: 1_763_000_000_000, dueAt: 1_763_259_200_000, silence: 'release' },
      timeline: [
        { at: 1_763_000_000_000, code: 'claimed', amount: 25_00, reason: '输错了号码' },
        { at: 1_763_000_000_000, code: 'held', amount: 25_00 },
      ],
    },
  ],
};

/** What the browser says of notices; with leave they are switched on. */
const letTold = (leave: NotificationPermission | 'none'): Pick<Scene, 'before' | 'act'> => ({
  before: async (page) => {
    await page.addInitScript((said) => {
      if (said === 'none') Reflect.deleteProperty(globalThis, 'PushManager');
      else Object.defineProperty(Notification, 'permission', { value: said });
    }, leave);
  },
  act: async (page) => {
    if (leave === 'granted') {
      await keepNotices(page);
      await page.reload({ waitUntil: 'networkidle' });
    }
    await page.waitForTimeout(400);
  },
});

/** Opens the sheet that asks for a proof, by a change of what goes without one. */
async function askForProof(page: Page): Promise<void> {
  await page.locator('form input').first().fill('50');
  await page.locator('form button').click();
  await page.locator('dialog[open] .pin, dialog[open] .notice').first().waitFor();
}

const MORNING = Date.UTC(2026, 10, 26, 1, 12);
const securityEvent = (number: number, code: SecurityEventCode, rest: Partial<SecurityEvent> = {}): SecurityEvent => ({
  ...{ id: `01900000-0000-7000-8000-0000000e000${number}`, code, at: MORNING - number * 5_400_000, region: 'CN-SX' },
  about: {},
  ...rest,
});

/** What opens the wallet of the seeded phone, and what happened to it. */
const SECURITY = {
  '/security-events': {
    events: [
      securityEvent(1, 'signed-in', { device: 'Pixel 12' }),
      securityEvent(2, 'free-set', { about: { each: 50_00, count: 5, currency: 'CNY' } }),
      securityEvent(3, 'password-locked'),
      securityEvent(4, 'device-enrolled', { device: '平板电脑' }),
      securityEvent(5, 'recovery-code'),
    ],
    more: true,
  },
  '/passkeys': { rpId: 'localhost', user: 'AA', passkeys: [{}, {}] },
  '/devices': { devices: [{ id: 'a' }, { id: 'b' }, { id: 'c', revokedAt: 1 }] },
  '/sessions': {
    sessions: [
      {
        id: 'a',
        passkey: 'Pixel 12',
        startedAt: MORNING - 600_000,
        seenAt: MORNING,
        endsAt: MORNING + 42_600_000,
        current: true,
      },
      {
        id: 'b',
        passkey: 'MacBook',
        startedAt: MORNING - 7_200_000,
        seenAt: MORNING - 900_000,
        endsAt: MORNING + 36_000_000,
        current: false,
      },
    ],
  },
  '/freeze': { codeMadeAt: 1_762_000_000_000 },
  '/alarms': { alarms: [], paused: false },
  '/support/standing': { held: [], answerMs: 259_200_000, agent: true },
};

const ALARMS: AlarmList = {
  alarms: [
    { id: 'a', rule: 'burst', answer: 'pause', at: MORNING, amount: 88_00, currency: 'CNY' },
    { id: 'b', rule: 'new-device', answer: 'alert', at: MORNING - 3_600_000, amount: 0, currency: 'CNY' },
  ],
  paused: true,
};

/** Held back, and heard. */
const STANDING: Standing = {
  held: [
    { reason: 'frozen-by-code', since: MORNING - 86_400_000 },
    { reason: 'new-device', until: MORNING + 3_600_000 },
  ],
  answerMs: 259_200_000,
  agent: false,
};
const APPEAL: AppealView = {
  ...{ id: 'a', about: 'frozen-by-code', words: '恢复码和手机一起丢了，手机已经找回来。', state: 'open' },
  ...{ madeAt: MORNING, dueAt: Date.UTC(2030, 0, 1) },
};

const DESK: DeskList = {
  name: 'liu',
  roles: ['cases', 'recovery'],
  cases: [
    {
      id: '01900000-0000-7000-8000-00000000d001',
      kind: 'appeal',
      state: 'open',
      who: '*雨桐',
      reason: 'frozen-by-code',
      openedAt: MORNING,
      dueAt: Date.UTC(2030, 0, 1),
      first: { name: 'wei', outcome: 'granted', answer: '身份已核实，已解冻。', own: false },
    },
    {
      id: '01900000-0000-7000-8000-00000000d002',
      kind: 'alarm',
      state: 'open',
      who: 'H* B*',
      reason: 'burst',
      openedAt: MORNING,
      dueAt: Date.UTC(2030, 0, 2),
    },
    {
      id: '01900000-0000-7000-8000-00000000d003',
      kind: 'recovery',
      state: 'granted',
      who: '*建国',
      reason: '换了号码',
      openedAt: MORNING,
      dueAt: MORNING,
    },
  ],
};
const DESK_FILE: DeskFile = {
  case: DESK.cases[0] as DeskList['cases'][number],
  words: APPEAL.words,
  person: { wallet: 'w', name: '*雨桐', phone: '139****5678', tier: 'real-name', since: Date.UTC(2026, 2, 3) },
  held: STANDING.held,
  alarms: ALARMS.alarms,
  events: SECURITY['/security-events'].events,
  devices: [
    { name: 'Pixel 12', createdAt: MORNING },
    { name: '旧手机', createdAt: MORNING - 9e9, revokedAt: MORNING },
  ],
};

const QUESTION: QuestionView = { question: '第一只猫叫什么名字？', setAt: MORNING };

/** Somebody on the telephone is looked up. */
const findCaller = async (page: Page): Promise<void> => {
  await page.locator('input[type=tel]').fill('13912345678');
  await page.locator('form button').click();
  await page.locator('textarea').waitFor();
};

const AGREEMENT: AgreementView = {
  version: 1,
  effectiveAt: Date.UTC(2026, 10, 1),
  zh: '票号服务协议\n\n一、这是什么\n票号是装在您手机里的钱包。您可以在有网络和没有网络时付款、收款。\n\n二、您的钱\n余额是票号欠您的钱，一元对一元记在复式账上。',
  en: 'Piaohao terms of service\n\n1. What this is\nPiaohao is a wallet on your phone. You can pay and be paid with a network and without one.\n\n2. Your money\nYour balance is money Piaohao owes you, kept one for one in a double-entry ledger.',
  acceptedVersion: 1,
  acceptedAt: Date.UTC(2026, 10, 2, 3, 4),
};

const HOLDINGS: HoldingList = {
  holdings: [
    { name: 'identity_wallet', purpose: 'person', keep: 'person', rows: 1 },
    { name: 'identity_passkey', purpose: 'sign-in', keep: 'person', rows: 2 },
    { name: 'identity_session', purpose: 'sign-in', keep: 'closure', rows: 3 },
    { name: 'bill', purpose: 'bills', keep: 'books', rows: 1_284 },
  ],
  analytics: false,
  keepMs: 315_576_000_000,
};

const CLOSING: ClosingView = {
  state: 'open',
  blockers: [
    { blocker: 'offline', amount: 42_000, currency: 'CNY' },
    { blocker: 'money', amount: 1_286_450, currency: 'CNY' },
    { blocker: 'under-way' },
  ],
  coolingMs: 604_800_000,
  keepMs: 315_576_000_000,
};

/** What is held of one kind, as it stands. */
const HELD: HoldingRows = {
  rows: [
    {
      ...{ region: 'CN-SX', id: '01900000-0000-7000-8000-00000000f001', name: '乔雨桐', phone_hash: '(secret)' },
      ...{ phone_masked: '139****5678', tier: 'real-name', created_at: 1_762_000_000_000, frozen_at: null },
    },
  ],
};

const TIER = { perDay: 1_000_00, spend: { most: 1_000_00, per: 'life' } } as const;
const LIMITS: LimitsView = {
  ...{ currency: 'CNY', tier: 'unproved', spent: 318_50 },
  tiers: [
    { ...TIER, tier: 'unproved', perPayment: 100_00, offline: 200_00, online: 1_000_00 },
    {
      ...{ ...TIER, tier: 'real-name', perPayment: 200_00, offline: 500_00, online: 5_000_00 },
      spend: { most: 100_000_00, per: 'year' },
    },
    {
      ...{ ...TIER, tier: 'two-factor', perPayment: 500_00, offline: 1_000_00, online: 50_000_00 },
      spend: { most: 200_000_00, per: 'year' },
    },
  ],
};
const ASKED = { id: 'a', wants: 'real-name', askedAt: MORNING } as const;
const certified = (proved: RealNameView, limits: Partial<LimitsView> = {}) =>
  answeringAll({ '/real-name': proved, '/limits': { ...LIMITS, ...limits } });

const PASSKEYS: PasskeyList = {
  ...{ rpId: 'localhost', user: 'AA' },
  passkeys: [
    {
      ...{ id: 'a', name: 'Pixel 12', offline: true, synced: true, backedUp: true, current: true },
      ...{ createdAt: MORNING - 9e9, usedAt: MORNING },
    },
    { id: 'b', name: '安全钥匙', offline: true, synced: false, backedUp: false, current: false, createdAt: MORNING },
  ],
};
const DEVICES: DeviceList = {
  devices: [
    { id: '01900000-0000-7000-8000-00000000de01', name: 'Pixel 12', createdAt: MORNING - 9e9, seenAt: MORNING },
    { id: '01900000-0000-7000-8000-00000000de02', name: '平板电脑', createdAt: MORNING - 8e9, seenAt: MORNING - 9e7 },
    { id: '01900000-0000-7000-8000-00000000de03', name: '旧手机', createdAt: MORNING - 9e9, revokedAt: MORNING },
  ],
};

/** Every screen of the app, and the states of it that matter. */
export const SCENES: readonly Scene[] = [
  { name: 'home', path: '/' },
  { name: 'home-offline', path: '/', offline: true },
  { name: 'home-empty', path: '/', seed: 'empty' },
  { name: 'welcome', path: '/welcome', seed: 'none' },
  { name: 'pay', path: '/pay' },
  { name: 'pay-code', path: `/pay/code/${SEEDED_PAYMENT}` },
  { name: 'pay-show', path: '/pay/show' },
  { name: 'pay-show-none', path: '/pay/show', seed: 'empty' },
  { name: 'pay-show-offline', path: '/pay/show', offline: true },
  { name: 'receive', path: '/receive' },
  { name: 'transfer', path: '/transfer' },
  { name: 'transfer-offline', path: '/transfer', offline: true },
  { name: 'transfer-first', path: '/transfer', seed: 'empty' },
  {
    name: 'transfer-sum',
    path: SEEDED_LINK,
    act: async (page) => {
      await keepNews(page);
      await page.reload({ waitUntil: 'networkidle' });
      await typing('501')(page);
      await page.locator('.keypad button').last().click();
    },
  },
  {
    name: 'transfer-code',
    path: '/transfer/code',
    alone: true,
    ...answering('/transfers/address', { certificate: SEEDED_ADDRESS }),
  },
  { name: 'transfer-code-unreached', path: '/transfer/code' },
  { name: 'requests', path: '/request', ...answering('/transfers', FEED) },
  { name: 'requests-sent', path: '/request?sent', ...answering('/transfers', FEED) },
  { name: 'requests-unread', path: '/request' },
  { name: 'request-new', path: '/request/new' },
  { name: 'split', path: '/split' },
  { name: 'claims', path: '/claims', ...answering('/transfers', FEED) },
  { name: 'nickname', path: '/me/nickname', ...answering('/transfers/nickname', { pauseDays: 90 }) },
  { name: 'top-up', path: '/top-up' },
  {
    name: 'top-up-card',
    path: '/top-up',
    ...answeringAll({ '/top-ups/terms': CHANNELS, '/cards': CARDS }, async (page) => {
      await page.locator('input[value="credit-card"]').check();
      await typing('800')(page);
      // To where one comes from: a row under the head is nothing to press.
      await page.evaluate(() => scrollTo(0, 0));
    }),
  },
  { name: 'top-up-open', path: '/top-up', alone: true, ...leftOpen('/top-ups', { ...CHARGE, state: 'pending' }) },
  {
    name: 'top-up-open-settled',
    path: '/top-up',
    alone: true,
    ...leftOpen('/top-ups', { ...CHARGE, state: 'settled' }),
  },
  { name: 'top-up-open-declined', path: '/top-up', alone: true, ...leftOpen('/top-ups', CHARGE) },
  {
    name: 'withdraw-open-returned',
    path: '/withdraw',
    alone: true,
    ...leftOpen('/withdrawals', { ...WITHDRAWAL, state: 'returned', reason: 'AC04' }),
  },
  {
    name: 'top-up-counter',
    path: `/top-up/${SLIP.id}`,
    alone: true,
    ...answering(`/top-ups/${SLIP.id}`, SLIP),
  },
  { name: 'top-up-declined', path: `/top-up/${CHARGE.id}`, ...answering(`/top-ups/${CHARGE.id}`, CHARGE) },
  {
    name: 'withdraw',
    path: '/withdraw',
    ...answeringAll({ '/withdrawals/terms': PAYOUT, '/cards': CARDS }, typing('1500')),
  },
  {
    name: 'withdraw-no-card',
    path: '/withdraw',
    ...answeringAll({ '/withdrawals/terms': PAYOUT, '/cards': { cards: [] } }),
  },
  {
    name: 'withdraw-no-name',
    path: '/withdraw',
    ...answeringAll({ '/withdrawals/terms': { terms: [] }, '/cards': { cards: [] } }),
  },
  { name: 'withdraw-unreached', path: '/withdraw' },
  {
    name: 'withdrawal-way',
    path: `/withdraw/${WITHDRAWAL.id}`,
    ...answering(`/withdrawals/${WITHDRAWAL.id}`, WITHDRAWAL),
  },
  {
    name: 'withdrawal-back',
    path: `/withdraw/${WITHDRAWAL.id}`,
    ...answering(`/withdrawals/${WITHDRAWAL.id}`, { ...WITHDRAWAL, state: 'returned', reason: 'AC04' }),
  },
  { name: 'cards', path: '/me/cards', ...answering('/cards', CARDS) },
  { name: 'cards-none', path: '/me/cards', ...answering('/cards', { cards: [] }) },
  { name: 'cards-unreached', path: '/me/cards' },
  { name: 'card', path: `/me/cards/${CREDIT.id}`, ...answering(`/cards/${CREDIT.id}`, CREDIT) },
  { name: 'card-binding', path: `/me/cards/${BINDING.id}`, ...answering(`/cards/${BINDING.id}`, BINDING) },
  {
    name: 'card-refused',
    path: `/me/cards/${BINDING.id}`,
    ...answering(`/cards/${BINDING.id}`, { ...BINDING, state: 'refused', reason: 'cancelled' }),
  },
  { name: 'bills', path: '/bills' },
  {
    name: 'bills-broken',
    path: '/bills',
    before: async (page) => {
      await page.addInitScript(() => {
        IDBDatabase.prototype.transaction = () => {
          throw new DOMException('gone', 'InvalidStateError');
        };
      });
    },
  },
  {
    name: 'bills-past-missing',
    path: '/bills',
    alone: true,
    act: async (page) => {
      await keepPastMissing(page);
      await page.reload({ waitUntil: 'networkidle' });
    },
  },
  { name: 'bills-empty', path: '/bills', seed: 'empty' },
  { name: 'bills-search', path: '/bills?text=dt' },
  { name: 'bills-none', path: '/bills?text=zzzz&flow=in' },
  {
    name: 'bills-filter',
    path: '/bills?flow=out&least=20',
    act: async (page) => await page.locator('search button').click(),
  },
  { name: 'month', path: '/bills/month' },
  {
    name: 'month-table',
    path: '/bills/month',
    act: async (page) => await page.locator('figure summary').first().click(),
  },
  { name: 'month-empty', path: '/bills/month/2020-01' },
  { name: 'export', path: '/bills/export' },
  { name: 'import', path: '/bills/import' },
  { name: 'bill', path: `/bills/${SEEDED_PAYMENT}` },
  { name: 'bill-settled', path: '/bills/01900000-0000-7000-8000-000000000003' },
  { name: 'bill-missing', path: '/bills/nothing' },
  { name: 'home-case', path: '/', seed: 'cases' },
  { name: 'cases', path: '/cases', seed: 'cases' },
  { name: 'cases-never', path: '/cases' },
  { name: 'case-payer', path: `/cases/${SEEDED_CASES.payer}`, seed: 'cases' },
  { name: 'case-payee', path: `/cases/${SEEDED_CASES.payee}`, seed: 'cases' },
  {
    name: 'case-proof',
    path: `/cases/${SEEDED_CASES.payee}`,
    seed: 'cases',
    act: async (page) => await page.locator('.acts button').first().click(),
  },
  { name: 'case-missing', path: '/cases/nothing', seed: 'cases' },
  {
    name: 'note',
    path: '/bills/01900000-0000-7000-8000-000000000003',
    act: async (page) => await row(page, '餐饮', 'Food').click(),
  },
  {
    name: 'apart',
    path: '/bills/01900000-0000-7000-8000-000000000003',
    alone: true,
    act: async (page) => {
      await bringTwoNotes(page, '01900000-0000-7000-8000-000000000003');
      const brought = page.waitForResponse((answer) => answer.url().includes('/_bulk_get'));
      await page.reload({ waitUntil: 'load' });
      await brought;
      await row(page, '去选择', 'Choose').click();
      await page.getByText('iPad').waitFor();
    },
  },
  { name: 'notebook', path: '/me/notebook' },
  { name: 'notebook-empty', path: '/me/notebook', seed: 'empty' },
  { name: 'notebook-none', path: '/me/notebook', seed: 'none' },
  {
    name: 'notebook-budget',
    path: '/me/notebook',
    act: async (page) => await row(page, '新预算', 'New budget').click(),
  },
  {
    name: 'notebook-rule',
    path: '/me/notebook',
    act: async (page) => await row(page, '名称包含', 'Name contains').click(),
  },
  {
    name: 'notebook-category',
    path: '/me/notebook',
    act: async (page) => {
      await row(page, '新分类', 'New category').click();
      await page.locator('dialog[open] footer button').first().click();
    },
  },
  { name: 'receipt', path: '/bills/01900000-0000-7000-8000-000000000003/receipt' },
  { name: 'check', path: '/check' },
  { name: 'check-not', path: '/check#AAAA' },
  { name: 'freeze-lost', path: '/freeze', seed: 'none' },
  { name: 'me', path: '/me' },
  { name: 'me-sign-out', path: '/me', act: async (page) => await page.locator('button.danger').click() },
  { name: 'allowance', path: '/me/allowance' },
  { name: 'real-name', path: '/me/real-name', ...certified({ tier: 'unproved' }) },
  {
    name: 'real-name-review',
    path: '/me/real-name',
    ...certified({ tier: 'unproved', latest: { ...ASKED, state: 'review' } }),
  },
  {
    name: 'real-name-refused',
    path: '/me/real-name',
    ...certified({
      tier: 'unproved',
      latest: { ...ASKED, state: 'refused', reason: 'mismatch', decidedAt: MORNING },
    }),
  },
  {
    name: 'real-name-proved',
    path: '/me/real-name',
    alone: true,
    ...certified(
      {
        ...{ tier: 'real-name', name: '乔雨桐', number: '1****************X' },
        latest: { ...ASKED, state: 'proved', decidedAt: MORNING },
      },
      { tier: 'real-name', spent: 12_864_50 },
    ),
  },
  { name: 'real-name-unreached', path: '/me/real-name' },
  { name: 'freeze', path: '/me/freeze', ...answering('/freeze', SECURITY['/freeze']) },
  {
    name: 'freeze-by-code',
    path: '/me/freeze',
    alone: true,
    ...answering('/freeze', { frozenAt: 1_763_000_000_000, by: 'code', codeMadeAt: 1_762_000_000_000 }),
  },
  { name: 'freeze-unreached', path: '/me/freeze' },
  { name: 'password', path: '/me/password', ...answering('/payment-password', PASSWORD) },
  {
    name: 'password-risk',
    path: '/me/password',
    ...answering('/payment-password', { ...PASSWORD, risk: 'new-device', riskUntil: 1_763_090_000_000 }),
  },
  {
    name: 'password-locked',
    path: '/me/password',
    ...answering('/payment-password', { ...PASSWORD, guessesLeft: 0, lockedUntil: 1_763_010_800_000 }),
  },
  { name: 'password-unreached', path: '/me/password' },
  {
    name: 'password-first',
    path: '/me/password/set',
    ...answering('/payment-password', { ...PASSWORD, isSet: false }),
  },
  { name: 'password-change', path: '/me/password/set', ...answering('/payment-password', PASSWORD) },
  {
    name: 'password-forgot',
    path: '/me/password/forgot',
    ...answering('/recoveries', {
      ...{ id: '01900000-0000-7000-8000-0000000000f1', expiresAt: 1_763_001_800_000, missing: 1, done: false },
      ...{
        passkey: true,
        support: false,
        phone: { masked: '139****5678', proved: false, resendAt: 1_763_000_000_000 },
      },
      email: { masked: 'q***@example.com', proved: false },
    }),
  },
  {
    name: 'password-email',
    path: '/me/password/email',
    ...answering('/email', { masked: 'q***@example.com', provedAt: 1_763_000_000_000 }),
  },
  { name: 'password-proof', path: '/me/password', ...answering('/payment-password', PASSWORD, askForProof) },
  { name: 'security-never', path: '/me/security', seed: 'empty' },
  { name: 'security', path: '/me/security', ...answeringAll(SECURITY) },
  {
    name: 'security-frozen',
    path: '/me/security',
    alone: true,
    ...answeringAll({
      ...SECURITY,
      '/freeze': { frozenAt: 1_763_000_000_000, by: 'code', codeMadeAt: 1_762_000_000_000 },
    }),
  },
  {
    name: 'security-freeze',
    path: '/me/security',
    alone: true,
    ...answeringAll(SECURITY, async (page) => await page.locator('main button.danger').last().click()),
  },
  { name: 'security-alarms', path: '/me/security', alone: true, ...answeringAll({ ...SECURITY, '/alarms': ALARMS }) },
  { name: 'question', path: '/me/security/question', ...answering('/security-question', QUESTION) },
  {
    name: 'question-none',
    path: '/me/security/question',
    ...answering('/security-question', {}, async (page) => await page.locator('form button').click()),
  },
  { name: 'question-unreached', path: '/me/security/question' },
  { name: 'appeal', path: '/me/security/appeal', ...answering('/support/standing', STANDING) },
  {
    name: 'appeal-open',
    path: '/me/security/appeal',
    ...answering('/support/standing', { ...STANDING, appeal: APPEAL }),
  },
  {
    name: 'appeal-refused',
    path: '/me/security/appeal',
    ...answering('/support/standing', {
      ...STANDING,
      appeal: { ...APPEAL, state: 'refused', decidedAt: MORNING, answer: '证件与登记不符，请带身份证到网点办理。' },
    }),
  },
  {
    name: 'appeal-none',
    path: '/me/security/appeal',
    ...answering('/support/standing', SECURITY['/support/standing']),
  },
  { name: 'desk', path: '/desk', ...answering('/desk', DESK) },
  { name: 'desk-empty', path: '/desk', ...answering('/desk', { ...DESK, cases: [] }) },
  {
    name: 'desk-caller',
    path: '/desk',
    ...answeringAll({ '/desk': DESK, '/desk/find': DESK_FILE.person }, findCaller),
  },
  {
    name: 'desk-caller-hint',
    path: '/desk',
    ...answeringAll(
      {
        '/desk': DESK,
        '/desk/find': { ...DESK_FILE.person, question: QUESTION.question },
        '/desk/hints': { match: true },
      },
      async (page) => {
        await findCaller(page);
        await page.getByLabel(/对方的回答|What the caller answers/).fill('煤球');
        await page.getByRole('button', { name: /^核对$|^Check$/ }).click();
        await page.locator('.notice.good').waitFor();
      },
    ),
  },
  {
    name: 'desk-case',
    path: `/desk/${DESK.cases[0]?.id}`,
    ...answering(`/desk/cases/${DESK.cases[0]?.id}`, DESK_FILE),
  },
  { name: 'sessions', path: '/me/security/sessions', ...answeringAll(SECURITY) },
  {
    name: 'session-end',
    path: '/me/security/sessions',
    ...answeringAll(SECURITY, async (page) => await page.locator('main button.row').first().click()),
  },
  { name: 'devices-unreached', path: '/me/devices' },
  { name: 'devices', path: '/me/devices', alone: true, ...answering('/devices', DEVICES) },
  { name: 'passkeys', path: '/me/passkeys', ...answering('/passkeys', PASSKEYS) },
  { name: 'passkeys-unreached', path: '/me/passkeys' },
  { name: 'language', path: '/me/language' },
  { name: 'install', path: '/me/install' },
  { name: 'notices', path: '/me/notices' },
  { name: 'notices-on', path: '/me/notices', ...letTold('granted') },
  { name: 'notices-denied', path: '/me/notices', ...letTold('denied') },
  { name: 'notices-none', path: '/me/notices', ...letTold('none') },
  { name: 'home-offer', path: '/', ...letTold('default') },
  { name: 'agreement', path: '/me/agreement', ...answering('/agreement', AGREEMENT) },
  { name: 'agreement-new', path: '/me/agreement', ...answering('/agreement', { ...AGREEMENT, version: 2 }) },
  { name: 'data', path: '/me/data', ...answering('/account/data', HOLDINGS) },
  {
    name: 'data-rows',
    path: '/me/data/identity_wallet',
    ...answering('/account/data/identity_wallet', HELD),
  },
  { name: 'close', path: '/me/close', ...answering('/account/closing', CLOSING) },
  { name: 'close-clear', path: '/me/close', ...answering('/account/closing', { ...CLOSING, blockers: [] }) },
  {
    name: 'close-cooling',
    path: '/me/close',
    ...answering('/account/closing', { ...CLOSING, state: 'cooling', dueAt: Date.UTC(2026, 11, 3, 4), blockers: [] }),
  },
  { name: 'about', path: '/me/about' },
];

/** A way to look: the width and height of the glass, the theme and the language. */
export interface Look {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly theme: 'light' | 'dark';
  readonly locale: 'zh-CN' | 'en-US';
  /** The main text's size in px for elders. */
  readonly elder?: 20 | 24 | 30;
}

/** The ways they are looked at. */
export const LOOKS: readonly Look[] = [
  { name: 'zh-light', width: 390, height: 844, theme: 'light', locale: 'zh-CN' },
  { name: 'zh-dark', width: 390, height: 844, theme: 'dark', locale: 'zh-CN' },
  { name: 'en-light', width: 390, height: 844, theme: 'light', locale: 'en-US' },
  { name: 'en-dark', width: 390, height: 844, theme: 'dark', locale: 'en-US' },
  { name: 'en-small', width: 360, height: 640, theme: 'light', locale: 'en-US' },
  { name: 'zh-elder', width: 390, height: 844, theme: 'light', locale: 'zh-CN', elder: 20 },
  { name: 'en-eldest', width: 390, height: 844, theme: 'dark', locale: 'en-US', elder: 30 },
  { name: 'zh-tablet', width: 820, height: 1180, theme: 'light', locale: 'zh-CN' },
  { name: 'zh-tablet-dark', width: 820, height: 1180, theme: 'dark', locale: 'zh-CN' },
  { name: 'zh-tablet-elder', width: 820, height: 1180, theme: 'light', locale: 'zh-CN', elder: 24 },
  { name: 'en-tablet', width: 1180, height: 820, theme: 'light', locale: 'en-US' },
  { name: 'en-tablet-dark', width: 820, height: 1180, theme: 'dark', locale: 'en-US' },
  { name: 'en-tablet-elder', width: 1180, height: 820, theme: 'dark', locale: 'en-US', elder: 24 },
];

/** The look of this name; throws when there is none. */
export function lookOf(name: string): Look {
  return called(LOOKS, name);
}

/** The scene of this name; throws when there is none. */
export function sceneOf(name: string): Scene {
  return called(SCENES, name);
}

function called<One extends { readonly name: string }>(all: readonly One[], wanted: string): One {
  const found = all.find(({ name }) => name === wanted);
  if (!found) throw new Error(`nothing here is called ${wanted}`);
  return found;
}

/** Whether a look is a tablet's, upright or lying. */
export const isTablet = ({ width }: Look): boolean => width > 500;

/** The built app served alone, and a browser. */
export interface Stage {
  readonly browser: Browser;
  readonly origin: string;
  readonly close: () => Promise<void>;
}

/** The header by which a page says which scene it shows. */
const SCENE = 'x-scene';

/** Serves `build` and starts a browser; close it in the end. */
export async function openStage(build: string): Promise<Stage> {
  const app = Fastify();
  // By the house itself: a browser keeps no files for a page whose requests are answered on the way.
  app.addHook('onRequest', async (request, reply) => {
    const scene = SCENES.find(({ name }) => name === request.headers[SCENE]);
    const answer = scene?.answers?.[request.url.split('?', 1)[0] ?? '/'];
    // A screen and a question may have the same address: the screen is what is navigated to.
    if (answer && request.headers['sec-fetch-mode'] !== 'navigate') return reply.send(answer);
  });
  await serveApp(app, join(build));
  const origin = await app.listen({ port: 0, host: 'localhost' });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  });
  return {
    browser,
    origin,
    close: async () => {
      await browser.close();
      await app.close();
    },
  };
}

/** A screen that stands, and what the page said against it. */
export interface Visit {
  readonly page: Page;
  readonly complaints: readonly string[];
  /** Puts the page back: the next scene on this phone opens in it. */
  readonly leave: () => Promise<void>;
}

/** A phone as `look` says, its vault seeded; close it afterwards. */
export async function openPhone({ browser, origin }: Stage, look: Look, seed: Seed): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.theme,
    locale: look.locale,
    timezoneId: 'Asia/Shanghai',
    deviceScaleFactor: 1,
    serviceWorkers: 'block',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(`${origin}/me/about`, { waitUntil: 'networkidle' });
  await seedVault(page, seed);
  if (look.elder !== undefined) await keepElderText(page, look.elder);
  await page.close();
  return context;
}

/** The pages of a phone that were left. A browser starts a process for a new one, and it has read none of the app yet. */
const left = new WeakMap<BrowserContext, Page[]>();

/** Goes to the scene on a phone that has its seed; leave the page afterwards. */
export async function visit({ origin }: Stage, phone: BrowserContext, scene: Scene): Promise<Visit> {
  const pages = left.get(phone) ?? [];
  left.set(phone, pages);
  const page = (scene.before ? undefined : pages.pop()) ?? (await phone.newPage());
  await scene.before?.(page);
  await page.setExtraHTTPHeaders({ [SCENE]: scene.name });
  const complaints: string[] = [];
  // What the screen before says while it is taken away is not said by this one.
  page.once('framenavigated', () => listen(page, scene, complaints));
  await page.goto(origin + scene.path, { waitUntil: 'networkidle' });
  if (scene.offline) await phone.setOffline(true);
  await page.waitForTimeout(350);
  await scene.act?.(page);
  await page.waitForTimeout(150);
  complaints.push(...(await page.evaluate(tooWide)));
  return {
    page,
    complaints,
    async leave() {
      if (scene.before) return await page.close();
      for (const said of ['pageerror', 'console'] as const) page.removeAllListeners(said);
      await page.unrouteAll({ behavior: 'ignoreErrors' });
      pages.push(page);
    },
  };
}

/** By how much the page is wider than the glass. Runs in the page. */
export function tooWide(): string[] {
  const by = document.documentElement.scrollWidth - innerWidth;
  return by > 0 ? [`wider than the glass by ${by} px`] : [];
}

/** Notes what the page says against the scene. */
function listen(page: Page, scene: Scene, complaints: string[]): void {
  page.on('pageerror', (error) => {
    // No service worker stands behind these pages: what is fetched late cannot be had offline here.
    if (!(scene.offline && /Unable to preload|dynamically imported/.test(String(error))))
      complaints.push(String(error));
  });
  page.on('console', (said) => {
    if (/Content Security|Trusted/.test(said.text())) complaints.push(said.text());
  });
}
