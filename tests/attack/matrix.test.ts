/**
 * Everybody against everybody's things: each route of the contract, asked by nobody, by a stranger's session and by a
 * stranger's phone for what is another person's. A route that is not in the table below fails the first test.
 */
import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHttp } from '#server/platform/http.ts';
import { isFinal, type TopUp } from '#shared/api/funding.ts';
import { REAL_NAME_TERMS } from '#shared/api/real-name.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { toBase64url, utf8 } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { writeNote } from '#shared/protocol/note.ts';
import { writeRecoveryCode } from '#shared/rules/recovery-code.ts';
import {
  anotherCaller,
  cookieOf,
  deviceWord,
  EMPTY_SYNC,
  faultOf,
  fund,
  type Given,
  knock,
  openPurse,
  openStage,
  ownRoutes,
  type Stage,
} from '#tests/attack/stage.ts';
import { softAuthenticator } from '#tests/kit/authenticator.ts';
import { good, type Member, newDevice, openMember } from '#tests/kit/member.ts';
import { MEMORY_ORIGIN } from '#tests/kit/memory-house.ts';

/**
 * public: says the same to everybody. own: speaks of who is signed in. theirs: names a thing of one person, which to all
 * others is not there. phone: speaks of the phone that signed. brought: the same, and believes only signed words. browser: a step of the very browser that began.
 * bank: believed for its signature alone. desk: for agents; to everybody else there is no such thing.
 */
type Kind = 'public' | 'own' | 'theirs' | 'phone' | 'brought' | 'browser' | 'bank' | 'desk';

const ROUTES: readonly (readonly [route: string, kind: Kind])[] = [
  ['GET /livez', 'public'],
  ['GET /readyz', 'public'],
  ['GET /network', 'public'],
  ['GET /network/past', 'public'],
  ['GET /probe', 'public'],
  ['POST /signups', 'browser'],
  ['POST /signups/{id}/text', 'browser'],
  ['POST /signups/{id}/code', 'browser'],
  ['POST /signups/{id}/passkey-options', 'browser'],
  ['POST /signups/{id}/passkey', 'browser'],
  ['POST /sign-in/options', 'public'],
  ['POST /sign-in', 'browser'],
  ['POST /step-up/options', 'own'],
  ['POST /step-up', 'own'],
  ['GET /session', 'own'],
  ['DELETE /session', 'browser'],
  ['GET /sessions', 'own'],
  ['DELETE /sessions', 'own'],
  ['DELETE /sessions/{id}', 'theirs'],
  ['GET /passkeys', 'own'],
  ['POST /passkeys/options', 'own'],
  ['POST /passkeys', 'own'],
  ['PATCH /passkeys/{id}', 'theirs'],
  ['DELETE /passkeys/{id}', 'theirs'],
  ['GET /devices', 'own'],
  ['POST /devices', 'theirs'],
  ['PATCH /devices/{id}', 'theirs'],
  ['DELETE /devices/{id}', 'theirs'],
  ['GET /real-name', 'own'],
  ['POST /real-name', 'own'],
  ['GET /limits', 'own'],
  ['GET /payment-password', 'own'],
  ['PUT /payment-password', 'own'],
  ['PUT /payment-password/free', 'own'],
  ['GET /security-events', 'own'],
  ['GET /security-question', 'own'],
  ['PUT /security-question', 'own'],
  ['DELETE /security-question', 'own'],
  ['GET /email', 'own'],
  ['POST /email', 'own'],
  ['POST /email/{id}/code', 'theirs'],
  ['POST /recoveries', 'theirs'],
  ['GET /recoveries/{id}', 'theirs'],
  ['POST /recoveries/{id}/passkey', 'theirs'],
  ['POST /recoveries/{id}/code', 'theirs'],
  ['PUT /recoveries/{id}/code', 'theirs'],
  ['PUT /recoveries/{id}/password', 'theirs'],
  ['GET /freeze', 'own'],
  ['POST /freeze', 'own'],
  ['POST /freeze/by-code', 'browser'],
  ['POST /freeze/end', 'own'],
  ['POST /freeze/code', 'own'],
  ['GET /alarms', 'own'],
  ['POST /alarms/{id}/answer', 'theirs'],
  ['GET /allowance/settings', 'own'],
  ['PUT /allowance/settings', 'own'],
  ['GET /payments/{id}', 'theirs'],
  ['GET /receipts/{id}', 'public'],
  ['POST /pay-codes', 'brought'],
  ['GET /pay-codes/{id}', 'phone'],
  ['GET /cases', 'own'],
  ['GET /cases/{id}', 'theirs'],
  ['GET /transfers', 'own'],
  ['POST /transfers/find', 'own'],
  ['GET /transfers/address', 'own'],
  ['GET /transfers/nickname', 'own'],
  ['PUT /transfers/nickname', 'own'],
  ['POST /transfers/requests', 'theirs'],
  ['POST /transfers/requests/{id}/decline', 'theirs'],
  ['POST /transfers/requests/{id}/cancel', 'theirs'],
  ['POST /transfers/requests/{id}/remind', 'theirs'],
  ['POST /transfers/splits', 'theirs'],
  ['POST /transfers/claims', 'theirs'],
  ['POST /transfers/claims/{id}/answer', 'theirs'],
  ['POST /transfers/claims/{id}/withdraw', 'theirs'],
  ['POST /top-ups', 'theirs'],
  ['GET /top-ups', 'own'],
  ['GET /top-ups/terms', 'own'],
  ['GET /top-ups/{id}', 'theirs'],
  ['GET /support/standing', 'own'],
  ['POST /support/appeals', 'theirs'],
  ['GET /desk', 'desk'],
  ['GET /desk/cases/{id}', 'desk'],
  ['POST /desk/cases/{id}/decision', 'desk'],
  ['POST /desk/find', 'desk'],
  ['POST /desk/hints', 'desk'],
  ['POST /desk/recoveries', 'desk'],
  ['GET /agreement', 'own'],
  ['POST /agreement', 'own'],
  ['GET /account/data', 'own'],
  ['GET /account/data/{name}', 'own'],
  ['GET /account/export', 'own'],
  ['PUT /account/consent', 'own'],
  ['GET /account/closing', 'own'],
  ['POST /account/closing', 'own'],
  ['DELETE /account/closing', 'own'],
  ['POST /withdrawals', 'theirs'],
  ['GET /withdrawals', 'own'],
  ['GET /withdrawals/terms', 'own'],
  ['GET /withdrawals/{id}', 'theirs'],
  ['POST /cards', 'theirs'],
  ['GET /cards', 'own'],
  ['GET /cards/{id}', 'theirs'],
  ['PUT /cards/{id}/default', 'theirs'],
  ['DELETE /cards/{id}', 'theirs'],
  ['POST /callbacks/{channel}', 'bank'],
  ['GET /bills', 'own'],
  ['POST /sync', 'phone'],
  ['GET /notices', 'phone'],
  ['PUT /notices', 'phone'],
  ['DELETE /notices', 'phone'],
  ['GET /notebook/{wallet}', 'theirs'],
  ['GET /notebook/{wallet}/_changes', 'theirs'],
  ['POST /notebook/{wallet}/_bulk_get', 'theirs'],
  ['POST /notebook/{wallet}/_revs_diff', 'theirs'],
  ['POST /notebook/{wallet}/_bulk_docs', 'theirs'],
  ['GET /notebook/{wallet}/_local/{id}', 'theirs'],
  ['PUT /notebook/{wallet}/_local/{id}', 'theirs'],
];

const MINGS_NOTE = { _id: 'note:b1', type: 'note', bill: 'b1', text: '明天还老王', at: 1, _rev: '1-a' };

interface Owned {
  readonly passkey: string;
  readonly device: string;
  readonly session: string;
  readonly alarm: string;
  readonly appeal: string;
  readonly topUp: string;
  readonly recovery: string;
  readonly email: string;
  readonly card: string;
  readonly withdrawal: string;
  readonly payment: string;
  readonly fileOf: string;
  /** Ming gave it unasked, and claims it back; and what Ming asks the stall for. */
  readonly given: string;
  readonly claim: string;
  readonly ask: string;
  readonly paid: readonly string[];
}

/** Nobody else has one. */
const MING_PASSWORD = '805417';

let stage: Stage;
/** Has everything: a passkey, a phone, money, a top-up, a payment, a case against them. */
let ming: Member;
let owned: Owned;
/** Ming paid them. */
let stall: Member;
/** Has nothing to do with either. */
let stranger: Member;
/** What only Ming, and the stall where it is about both, may ever read. */
let marks: readonly string[];

beforeAll(async () => {
  stage = await openStage();
  const { place } = stage;
  ming = await openMember(place, { name: '明大有', phone: '13911112222' });
  stall = await openMember(place, { name: '石头记', phone: '13933334444' });
  stranger = await openMember(place, { name: '莫问谁', phone: '13955556666' });
  for (const one of [stall, stranger]) await good(one.device.ask('POST', '/sync', EMPTY_SYNC));
  await fund(stage, ming, 500_00);
  await fund(stage, stranger, 500_00);
  const purse = await openPurse(ming, place);
  const note = writeNote({
    ...{ payee: stall.device.id, id: newId(place.clock()), amount: 12_12, currency: 'CNY', time: place.clock() },
    memo: '明的附言',
  });
  const paid = [
    await purse.pay(stall, 11_11),
    await purse.pay(stall, 12_12, { invoice: hash('sha256', note, 'buffer').subarray(0, 16) }),
    await purse.pay(stall, 13_13, { fork: true }),
  ];
  const payments = paid.map((one) => one.bytes);
  const given = paid[1]?.id ?? '';
  const notes = [{ payment: given, note: toBase64url(note) }];
  const settled = await good(ming.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, payments, notes }));
  expect(settled.answers.map((one) => one.outcome)).toEqual(['settled', 'settled', expect.any(String)]);
  const chosen = { id: newId(place.clock()), password: MING_PASSWORD, proof: { by: 'passkey' } };
  await good(ming.ask('PUT', '/payment-password', chosen));
  const [recovery, email] = [newId(place.clock()), newId(place.clock())];
  await good(ming.ask('POST', '/recoveries', { id: recovery }));
  await good(ming.ask('PUT', '/security-question', { question: '明的问题是什么', answer: '煤球' }));
  await good(ming.ask('POST', '/email', { id: email, address: 'mingdayou@example.com' }));
  const pages = { docs: [MINGS_NOTE], new_edits: false };
  await good(ming.device.ask('POST', `/notebook/${ming.wallet}/_bulk_docs`, pages));
  const topUp = newId(place.clock());
  await good(ming.ask('POST', '/top-ups', { id: topUp, channel: 'bank-transfer', amount: 50_00, currency: 'CNY' }));
  const [claim, ask] = [newId(place.clock()), newId(place.clock())];
  await good(ming.ask('POST', '/transfers/claims', { id: claim, payment: given, reason: '明输错了' }));
  await good(ming.ask('POST', '/transfers/requests', askOf(ask)));
  // What is seen before and after must not change by itself: the top-up has had its last word.
  for (let state = 'started'; !isFinal(state as TopUp['state']); ) {
    ({ state } = await good(ming.ask<TopUp>('GET', `/top-ups/${topUp}`)));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { cases } = await good(ming.ask<{ cases: { id: string }[] }>('GET', '/cases'));
  const { passkeys } = await good(ming.ask<{ passkeys: { id: string }[] }>('GET', '/passkeys'));
  const tablet = newDevice(place);
  await good(ming.ask('POST', '/devices', { id: tablet.id, key: tablet.key, name: '平板' }));
  const { alarms } = await good(ming.ask<{ alarms: { id: string }[] }>('GET', '/alarms'));
  const { sessions } = await good(ming.ask<{ sessions: { id: string }[] }>('GET', '/sessions'));
  const { bills } = await good(ming.ask<{ bills: { id: string }[] }>('GET', '/bills'));
  const { reference } = await good(ming.ask<{ reference: string }>('GET', `/top-ups/${topUp}`));
  owned = {
    passkey: passkeys[0]?.id ?? '',
    device: ming.device.id,
    session: sessions[0]?.id ?? '',
    alarm: alarms[0]?.id ?? '',
    appeal: await withAppeal(stage, ming),
    topUp,
    recovery,
    email,
    ...(await withCard(stage, ming)),
    payment: paid[0]?.id ?? '',
    fileOf: cases[0]?.id ?? '',
    given,
    claim,
    ask,
    paid: payments,
  };
  expect(bills.length).toBeGreaterThan(1);
  marks = [
    ...Object.values(owned).flat(),
    ...paid.map((one) => one.id),
    ...bills.map((one) => one.id),
    reference,
    ming.wallet,
    ming.phone,
    '明大有',
    '明的附言',
    '明输错了',
    '明的申诉',
    '明的问题',
    MINGS_NOTE.text,
    '139****2222',
    '··2222',
    ...ming.cookies.values(),
    toBase64url(ming.authenticator.passkeys[0]?.userHandle ?? new Uint8Array()),
  ];
  for (const mark of marks) expect(mark.length).toBeGreaterThan(2);
});
afterAll(() => stage?.close());

/** What Ming asks the stall for. */
const askOf = (id: string) => ({
  ...{ id, payee: stall.device.id, amount: 15_15, currency: 'CNY' },
  expiresAt: stage.place.clock() + 86_400_000,
});
/** An appeal that waits for its answer, as a limit of yesterday would have left it. */
async function withAppeal({ house, place }: Stage, { wallet }: Pick<Member, 'wallet'>): Promise<string> {
  const id = newId(place.clock());
  await house.database.query(
    `insert into support_case (region, id, wallet, kind, reason, words, state, opened_at, due_at)
     values ('CN-SX', $1, $2, 'appeal', 'watched', '明的申诉', 'open', $3, $3)`,
    [id, wallet, place.clock()],
  );
  return id;
}

/** A bound card and a withdrawal to it, as binding at the bank and the bank's yes would have left them. */
async function withCard(
  { house, place }: Stage,
  { wallet }: Pick<Member, 'wallet'>,
): Promise<{ card: string; withdrawal: string }> {
  const now = place.clock();
  const [card, withdrawal] = [newId(now), newId(now)];
  await house.database.query(
    `insert into funding_card (region, id, wallet, reference, state, token, bin, bank, kind, last4, started_at, changed_at)
     values ('CN-SX', $1, $2, $3, 'bound', 'tok_of_a_card_that_is_none', '622588', 'cmb', 'debit', '6783', $4, $4)`,
    [card, wallet, newId(now), now],
  );
  await house.database.query(
    `insert into funding (region, id, wallet, reference, way, channel, currency, amount, fee, card, card_bank, card_last4,
       state, day, started_at, changed_at)
     values ('CN-SX', $1, $2, $3, 'out', 'payout', 'CNY', 3000, 0, $4, 'cmb', '6783', 'settled', 0, $5, $5)`,
    [withdrawal, wallet, newId(now), card, now],
  );
  return { card, withdrawal };
}

/** What Ming sees of everything, to be the same before and after. */
async function mingSees(): Promise<string> {
  const paths = [
    '/session',
    '/passkeys',
    '/devices',
    '/sessions',
    '/allowance/settings',
    '/payment-password',
    '/security-events',
    '/alarms',
    '/support/standing',
    '/email',
    '/security-question',
    `/recoveries/${owned.recovery}`,
    '/cases',
    `/cases/${owned.fileOf}`,
    `/payments/${owned.payment}`,
    `/top-ups/${owned.topUp}`,
    `/cards/${owned.card}`,
    `/withdrawals/${owned.withdrawal}`,
    '/bills',
    '/transfers',
    `/notebook/${ming.wallet}/_changes`,
  ];
  const seen: unknown[] = [];
  for (const path of paths) seen.push((await good(ming.ask('GET', path))) as unknown);
  return JSON.stringify(seen, (key, value) =>
    ['state', 'changedAt', 'usedAt', 'seenAt'].includes(key) ? undefined : value,
  );
}

/** The request of `route` that would reach Ming's thing: the address with Ming's id, the body with Ming's words. */
function aimed(route: string): { method: string; url: string; body: object | undefined } {
  const [method = '', path = ''] = route.split(' ');
  const ids: Readonly<Record<string, string>> = {
    '/passkeys/{id}': owned.passkey,
    '/devices/{id}': owned.device,
    '/sessions/{id}': owned.session,
    '/alarms/{id}/answer': owned.alarm,
    '/desk/cases/{id}': owned.appeal,
    '/desk/cases/{id}/decision': owned.appeal,
    '/payments/{id}': owned.payment,
    '/receipts/{id}': owned.payment,
    '/pay-codes/{id}': owned.payment,
    '/cases/{id}': owned.fileOf,
    '/top-ups/{id}': owned.topUp,
    '/transfers/requests/{id}/decline': owned.ask,
    '/transfers/requests/{id}/cancel': owned.ask,
    '/transfers/requests/{id}/remind': owned.ask,
    '/transfers/claims/{id}/answer': owned.claim,
    '/transfers/claims/{id}/withdraw': owned.claim,
    '/email/{id}/code': owned.email,
    ...Object.fromEntries(
      ['', '/passkey', '/code', '/password'].map((end) => [`/recoveries/{id}${end}`, owned.recovery]),
    ),
    '/withdrawals/{id}': owned.withdrawal,
    '/cards/{id}': owned.card,
    '/cards/{id}/default': owned.card,
    '/callbacks/{channel}': 'bank-transfer',
  };
  const id = ids[path] ?? ming.wallet;
  const query: Readonly<Record<string, string>> = {
    '/payments/{id}': '?finality=true',
    '/probe': `?nonce=${'A'.repeat(22)}&region=CN-SX`,
    '/callbacks/{channel}': '?region=CN-SX',
    '/bills': '?after=0&limit=500',
  };
  return {
    method,
    url:
      path
        .replace('{wallet}', ming.wallet)
        .replace('{name}', 'identity_wallet')
        .replace(/\{\w+\}/, id) + (query[path] ?? ''),
    body: bodyOf(route),
  };
}

function bodyOf(route: string): object | undefined {
  const challenge = toBase64url(utf8('x'.repeat(32)));
  const asMing = ming.authenticator.get({ challenge, rpId: 'localhost' });
  const made = softAuthenticator(stage.place.origin).create({
    challenge,
    rp: { id: 'localhost' },
    user: { id: 'AAAA' },
  });
  const bodies: Readonly<Record<string, object>> = {
    'POST /signups': { id: ming.wallet, region: 'CN-SX', name: '明大有', phone: ming.phone, language: 'zh' },
    'POST /signups/{id}/code': { code: '000000' },
    'POST /agreement': { version: 1 },
    'PUT /account/consent': { analytics: true },
    'POST /account/closing': { id: ming.wallet },
    'POST /signups/{id}/passkey': { name: 'x', answer: made },
    'POST /sign-in': { answer: asMing },
    'POST /step-up': { answer: asMing },
    'POST /passkeys': { name: 'x', answer: made },
    'PATCH /passkeys/{id}': { name: 'mine now' },
    'POST /devices': { id: owned.device, key: ming.device.key, name: 'mine now' },
    'PATCH /devices/{id}': { name: 'mine now' },
    'POST /real-name': { id: newId(instant(Date.now())), wants: 'two-factor', agreed: REAL_NAME_TERMS },
    'POST /freeze/by-code': { code: writeRecoveryCode(new Uint8Array(19)) },
    'POST /freeze/end': {},
    'POST /alarms/{id}/answer': { mine: false },
    'POST /support/appeals': { id: owned.appeal, about: 'watched', words: 'mine now' },
    'POST /desk/cases/{id}/decision': { outcome: 'granted', answer: 'mine now' },
    'POST /desk/find': { phone: ming.phone },
    'PUT /security-question': { question: '第一只猫叫什么', answer: '不是你的' },
    'POST /desk/hints': { wallet: ming.wallet, answer: '煤球' },
    'POST /desk/recoveries': { id: newId(instant(Date.now())), wallet: ming.wallet, why: 'mine now' },
    'PUT /payment-password': {
      id: newId(instant(Date.now())),
      password: '730291',
      proof: { by: 'password', password: MING_PASSWORD },
    },
    'PUT /payment-password/free': { each: 1_00, count: 1, proof: { by: 'password', password: MING_PASSWORD } },
    'POST /email': { id: newId(instant(Date.now())), address: 'stranger@example.com' },
    'POST /email/{id}/code': { code: '000000' },
    'POST /recoveries': { id: owned.recovery },
    'POST /recoveries/{id}/code': { way: 'phone' },
    'PUT /recoveries/{id}/code': { way: 'phone', code: '000000' },
    'PUT /recoveries/{id}/password': { password: '730291' },
    'PUT /allowance/settings': { cap: 1_00, count: 1 },
    'POST /transfers/find': { who: ming.phone },
    'PUT /transfers/nickname': { nickname: 'mo_wen_shui' },
    'POST /transfers/requests': askOf(owned.ask),
    'POST /transfers/requests/{id}/decline': {},
    'POST /transfers/splits': {
      ...{ id: newId(stage.place.clock()), total: 30_30, own: 15_15, currency: 'CNY' },
      expiresAt: askOf(owned.ask).expiresAt,
      shares: [{ id: owned.ask, payee: stall.device.id, amount: 15_15 }],
    },
    'POST /transfers/claims': { id: owned.claim, payment: owned.given, reason: 'mine now' },
    'POST /transfers/claims/{id}/answer': { give: 1 },
    'POST /top-ups': { id: owned.topUp, channel: 'bank-transfer', amount: 50_00, currency: 'CNY' },
    'POST /withdrawals': {
      id: owned.withdrawal,
      card: owned.card,
      amount: 30_00,
      currency: 'CNY',
      proof: { by: 'passkey' },
    },
    'POST /cards': { id: owned.card },
    'POST /callbacks/{channel}': {
      id: newId(instant(Date.now())),
      at: Math.floor(Date.now() / 1000),
      message: JSON.stringify({ id: owned.topUp, status: 'ACSC', amount: 50_00, currency: 'CNY' }),
      signature: 'A'.repeat(86),
    },
    'POST /notebook/{wallet}/_bulk_get': { docs: [{ id: 'note:b1' }] },
    'POST /notebook/{wallet}/_revs_diff': { 'note:b1': ['1-a'] },
    'POST /notebook/{wallet}/_bulk_docs': {
      docs: [{ ...MINGS_NOTE, text: 'mine now', _rev: '2-b' }],
      new_edits: false,
    },
    'PUT /notebook/{wallet}/_local/{id}': { _id: '_local/x', last_seq: 1 },
    'POST /pay-codes': { code: owned.payment, invoice: owned.payment, certificate: owned.payment },
    'PUT /notices': {
      ...{ endpoint: 'https://push.example.com/a', publicKey: 'B'.repeat(87), secret: 'B'.repeat(22) },
      ...{ houseKey: 'B'.repeat(87), details: true },
    },
    'POST /sync': { ...EMPTY_SYNC, wallet: ming.wallet, device: owned.device },
  };
  return bodies[route];
}

async function send(
  route: string,
  headers: (method: string, url: string, payload: Buffer) => Record<string, string>,
): Promise<Given> {
  const { method, url, body } = aimed(route);
  const payload = Buffer.from(body === undefined ? '' : JSON.stringify(body));
  return knock(stage, {
    method: method as 'GET',
    url,
    remoteAddress: anotherCaller(),
    headers: {
      origin: stage.place.origin,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers(method, url, payload),
    },
    ...(body === undefined ? {} : { payload }),
  });
}

const heard = ({ text, headers }: Given) => `${text} ${JSON.stringify(headers)}`;
const tellsOfMing = (given: Given) => marks.filter((mark) => heard(given).includes(mark));
/** What a request itself carried may stand in its answer: that is no leak. */
const sentMarks = (route: string) => {
  const { url, body } = aimed(route);
  return new Set(marks.filter((mark) => `${url} ${JSON.stringify(body) ?? ''}`.includes(mark)));
};
const codeOf = ({ status, text }: Given) =>
  `${status} ${status >= 400 ? (JSON.parse(text) as { code: string }).code : ''}`.trim();

test('every route of the contract is in the table, and nothing else is', () => {
  const told = stage.routes.map(({ method, path }) => `${method} ${path}`).sort();
  expect(ROUTES.map(([route]) => route).sort()).toEqual(told);
});

/** What the house answers and the contract does not tell of: the contract itself, and the files of the app where it is built. */
const UNTOLD = new Set(['GET /openapi.json', 'GET *']);

test('every route the house answers is in the contract, so that none is outside of the table', async () => {
  const told = stage.routes.map(({ method, path }) => `${method} ${path}`);
  const own = ownRoutes(stage.house).filter((route) => !UNTOLD.has(route));
  expect(own.sort()).toEqual(told.sort());
});

test('a route that is hidden from the contract would be seen', async () => {
  const app = await createHttp({ origin: MEMORY_ORIGIN, logLevel: 'silent', trustProxy: [] });
  app.post('/back/:door/open', { schema: { hide: true } }, async () => 'open');
  app.route({ method: 'DELETE', url: '/back/:door', schema: { hide: true }, handler: async () => 'gone' });
  await app.ready();
  expect(ownRoutes({ app })).toEqual(expect.arrayContaining(['POST /back/{door}/open', 'DELETE /back/{door}']));
  await app.close();
});

test('the marks are what their owner reads, so that a leak would be seen', async () => {
  const seen = await mingSees();
  for (const mark of [
    ming.wallet,
    owned.passkey,
    owned.device,
    owned.payment,
    owned.fileOf,
    owned.topUp,
    owned.card,
    owned.withdrawal,
    '明大有',
    '139****2222',
  ]) {
    expect(seen).toContain(mark);
  }
});

/** Of another person's things these may be asked by a phone as well, which then hears that they are not there. */
const BY_PHONE: ReadonlySet<string> = new Set([
  'GET /payments/{id}',
  'GET /bills',
  'GET /transfers',
  ...ROUTES.map(([route]) => route).filter((route) => route.includes(' /notebook/')),
]);

const NOBODY: Readonly<Record<Kind, RegExp>> = {
  public: /^200$/,
  own: /^401 session\.none$/,
  theirs: /^401 session\.none$/,
  phone: /^401 device\.signature$/,
  brought: /^401 device\.signature$/,
  browser: /^(204|4\d\d (signup\.id-reused|signup\.unknown|passkey\.challenge|freeze\.code-unknown))$/,
  bank: /^400 funding\.notice-forged$/,
  desk: /^401 session\.none$/,
};

describe('nobody in particular', () => {
  test.each(ROUTES)('%s (%s)', async (route, kind) => {
    const given = await send(route, () => ({}));
    expect(faultOf(given)).toBeUndefined();
    expect(codeOf(given)).toMatch(NOBODY[kind]);
    expect(tellsOfMing(given).filter((mark) => !sentMarks(route).has(mark))).toEqual([]);
  });
});

const STRANGER: Readonly<Record<Kind, RegExp>> = {
  public: /^200$/,
  own: /^(200|204|4\d\d (passkey\.\w+|request\.malformed|session\.step-up|real-name\.first|password\.none|wallet\.frozen|closing\.blocked))$/,
  theirs:
    /^(404 ([\w.]*not-found|recovery\.unknown)|403 signup\.code-spent|409 (device|funding|ask|recovery|appeal)\.id-reused)$/,
  phone: /^401 device\.signature$/,
  brought: /^401 device\.signature$/,
  browser: /^(204|4\d\d (signup\.id-reused|signup\.unknown|passkey\.challenge|freeze\.code-unknown))$/,
  bank: /^400 funding\.notice-forged$/,
  desk: /^404 request\.not-found$/,
};
const ENDS_SESSION = ['DELETE /session', 'DELETE /sessions'];
const BEFORE_LEAVING = [
  ...ROUTES.filter(([route]) => !ENDS_SESSION.includes(route)),
  ...ROUTES.filter(([route]) => ENDS_SESSION.includes(route)),
];

describe("a stranger's phone", () => {
  test.each(ROUTES)('%s (%s)', async (route, kind) => {
    const given = await send(route, (method, url, payload) => ({
      authorization: deviceWord(stranger, method, url, payload),
    }));
    expect(faultOf(given)).toBeUndefined();
    const expected = BY_PHONE.has(route) ? STRANGER[kind] : NOBODY[kind];
    const phones: Partial<Record<Kind, RegExp>> = {
      phone: /^(?:200|204|409 notice\.key)$/,
      brought: /^400 message\.malformed$/,
    };
    expect(codeOf(given)).toMatch(phones[kind] ?? expected);
    expect(tellsOfMing(given).filter((mark) => !sentMarks(route).has(mark))).toEqual([]);
    if (kind === 'phone') expect(tellsOfMing(given)).toEqual([]);
  });

  test("under the name of Ming's phone it is not believed", async () => {
    const given = await send('POST /sync', (method, url, payload) => ({
      authorization: deviceWord(stranger, method, url, payload).replace(stranger.device.id, owned.device),
    }));
    expect(codeOf(given)).toBe('401 device.signature');
  });

  test("may carry Ming's payments, as any road may, and learns no more than what it carries", async () => {
    const before = await mingSees();
    const carried = await good(
      stranger.device.ask<SyncAnswer>('POST', '/sync', {
        ...EMPTY_SYNC,
        payments: [...owned.paid],
        closings: [...owned.paid],
        forks: [...owned.paid],
      }),
    );
    expect(carried.answers).toHaveLength(3);
    const text = JSON.stringify({ ...carried, answers: [] });
    expect(marks.filter((mark) => text.includes(mark))).toEqual([]);
    expect(carried.bills.filter((bill) => JSON.stringify(bill).includes(ming.wallet))).toEqual([]);
    expect(await mingSees()).toBe(before);
  });

  test('asks for an allowance that pays Ming and learns no name', async () => {
    const { key } = newDevice(stage.place);
    const want = { key, currency: 'CNY', wrapped: true, total: 1_00, payee: ming.wallet };
    const answer = await good(stranger.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, want }));
    expect(JSON.stringify(answer)).not.toContain('明大有');
    expect(JSON.stringify(answer)).not.toContain('2222');
  });
});

describe("a stranger's session", () => {
  let before = '';
  beforeAll(async () => {
    before = await mingSees();
  });

  test.each(BEFORE_LEAVING)('%s (%s)', async (route, kind) => {
    const given = await send(route, () => cookieOf(stranger));
    expect(faultOf(given)).toBeUndefined();
    expect(codeOf(given)).toMatch(ENDS_SESSION.includes(route) ? /^(204|401 session\.none)$/ : STRANGER[kind]);
    expect(tellsOfMing(given).filter((mark) => !sentMarks(route).has(mark))).toEqual([]);
    if (given.status < 300) expect(tellsOfMing(given)).toEqual([]);
  });

  test('nothing of what is Ming’s has changed, nor is gone', async () => {
    expect(await mingSees()).toBe(before);
  });
});

test('the other side of a payment reads of the payment, and of nothing else', async () => {
  const view = await stall.ask('GET', `/payments/${owned.payment}`);
  expect(view.status).toBe(200);
  const text = JSON.stringify([
    view.body,
    await good(stall.ask('GET', '/bills')),
    await good(stall.ask('GET', '/cases')),
    (await stall.ask('GET', `/cases/${owned.fileOf}`)).body,
    await good(stall.device.ask('POST', '/sync', EMPTY_SYNC)),
  ]);
  const secret = [ming.phone, '139****2222', owned.passkey, owned.topUp, owned.device, ...ming.cookies.values()];
  expect(secret.filter((mark) => text.includes(mark))).toEqual([]);
  for (const path of [`/top-ups/${owned.topUp}`, `/cards/${owned.card}`, `/withdrawals/${owned.withdrawal}`])
    expect((await stall.ask('GET', path)).status).toBe(404);
});

test('a cookie that was ended, or is another text of the same length, opens nothing', async () => {
  const [name, token] = [...ming.cookies].find(([one]) => one === '__Host-sid') ?? ['', ''];
  const flipped = `${token.slice(0, -4)}${token.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
  for (const cookie of [
    `${name}=${flipped}`,
    `${name}=`,
    `${name}=${'A'.repeat(43)}`,
    `sid=${token}`,
    `${name}x=${token}`,
  ]) {
    expect((await knock(stage, { url: '/session', headers: { cookie } })).status).toBe(401);
  }
  expect((await knock(stage, { url: '/session', headers: { cookie: `${name}=${token}` } })).status).toBe(200);
  expect((await ming.ask('DELETE', '/session')).status).toBe(204);
  expect((await knock(stage, { url: '/session', headers: { cookie: `${name}=${token}` } })).status).toBe(401);
});
