/**
 * A whole story told at the log's most talkative, by real processes: people who register, pay, top up, mistype and
 * attack, a server that dies and a text network that is gone; on both databases. Afterwards every secret of the story is looked for in the
 * output, and those that must not lie in the clear are looked for in the database.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Card, isFinal, type TopUp } from '#shared/api/funding.ts';
import { REAL_NAME_TERMS } from '#shared/api/real-name.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { checkLetter } from '#shared/rules/identity-number.ts';
import {
  atTheDesk,
  commands,
  leaving,
  notesAndNotices,
  type Telling,
  withdrawn,
  wordsWithMoney,
} from '#tests/attack/confidences.ts';
import { deviceWord, EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { lookInside } from '#tests/kit/fault-house.ts';
import { DEBIT_CARD } from '#tests/kit/funding.ts';
import { type House, startHouse } from '#tests/kit/house.ts';
import {
  deviceHeader,
  good,
  type Member,
  newDevice,
  openBrowser,
  openMember,
  type Place,
  stepUp,
} from '#tests/kit/member.ts';
import { overHttp } from '#tests/kit/over-http.ts';
import { openPushService, type PushService } from '#tests/kit/push.ts';

const clock = () => instant(Date.now());
const CARD = '6222020200012345678';
const ID_NUMBER = '11010519491231002X';
const WORDS = '机密备注';

let house: House;
let place: Place;
let service: PushService;
let log = '';
/** What operators were told by their commands. */
let told = '';
const secrets = new Map<string, string>();
const keep = (what: string, secret: string) => void secrets.set(what, secret);

/** The whole story, on one of the databases; afterwards its log is what is looked at. */
async function tellOn(database: 'pglite' | 'postgres'): Promise<void> {
  secrets.clear();
  service = await openPushService();
  const environment = { LOG_LEVEL: 'debug', INSIDE_HOSTS: service.host };
  house = await startHouse({ database, paceMs: 20, linesKept: 1_000_000, environment });
  place = {
    app: overHttp(house.origin),
    origin: house.origin,
    clock,
    codeFor: async (phone) => {
      const code = await house.smsCode(phone);
      keep(`code of ${phone}`, code);
      return code;
    },
  };
  const ming = await arrival('李小明', '13812340001', 'ming');
  const hua = await arrival('王小华', '13812340009', 'hua');
  await moneyComesAndGoes(ming, hua);
  const card = await nameAndCard(hua);
  const telling: Telling = { house, place, keep, arrival };
  await withdrawn(telling, hua, card);
  await passwordsAndMail(ming);
  const an = await arrival('安道全', '13812340021', 'an');
  const bo = await arrival('薄荷生', '13812340022', 'bo');
  await topUp(an, 100_00);
  await good(bo.device.ask('POST', '/sync', EMPTY_SYNC));
  await notesAndNotices(telling, an, service);
  await wordsWithMoney(telling, an, bo);
  const granted = await atTheDesk(telling, bo);
  await leaving(telling, an);
  told = [...granted, ...(await commands(telling))].join('\n');
  await mistakes(ming, hua);
  await faults(ming);
  for (const [who, one] of [['ming', ming] as const, ['hua', hua] as const]) keepCookies(who, one);
  await house.restart('server');
  await good(ming.device.ask('POST', '/sync', EMPTY_SYNC));
  log = house.log();
}

async function arrival(name: string, phone: string, who: string): Promise<Member> {
  const member = await openMember(place, { name, phone });
  keep(`${who}'s name`, name);
  keep(`${who}'s phone`, phone);
  keep(`${who}'s masked phone`, `${phone.slice(0, 3)}****${phone.slice(-4)}`);
  keep(`${who}'s wallet`, member.wallet);
  keep(`${who}'s device`, member.device.id);
  keep(`${who}'s device key`, member.device.key);
  keep(`${who}'s passkey`, toBase64url(member.authenticator.passkeys[0]?.id ?? new Uint8Array()));
  keepCookies(who, member);
  return member;
}

function keepCookies(who: string, { cookies }: Member): void {
  for (const [name, value] of cookies) keep(`${who}'s ${name} ${value.slice(0, 4)}`, value);
}

async function topUp(who: Member, amount: number): Promise<void> {
  const id = newId(clock());
  keep(`a top-up of ${amount}`, id);
  const request = { id, channel: 'bank-transfer', amount, currency: 'CNY' };
  for (let state = 'started'; !isFinal(state as TopUp['state']); ) {
    state = (await good(who.ask<TopUp>('POST', '/top-ups', request))).state;
  }
}

async function moneyComesAndGoes(ming: Member, hua: Member): Promise<void> {
  await topUp(ming, 500_00);
  await good(hua.device.ask('POST', '/sync', EMPTY_SYNC));
  const purse = await openPurse(ming, place);
  const paid = [await purse.pay(hua, 10_00), await purse.pay(hua, 20_00), await purse.pay(hua, 5_00, { fork: true })];
  for (const one of paid) {
    keep(`payment ${one.id.slice(0, 6)}`, one.id);
    keep(`signed payment ${one.id.slice(0, 6)}`, one.bytes);
  }
  const payments = paid.map((one) => one.bytes);
  await good(ming.device.ask('POST', '/sync', { ...EMPTY_SYNC, payments }));
  await good(hua.device.ask('POST', '/sync', { ...EMPTY_SYNC, payments }));
  for (const path of ['/bills', '/cases', '/devices', '/passkeys', `/payments/${paid[0]?.id}?finality=true`]) {
    await good(ming.ask('GET', path));
  }
  const { options } = await good(ming.ask<{ options: { challenge: string } }>('POST', '/step-up/options'));
  keep('a challenge', options.challenge);
  await good(ming.ask('POST', '/step-up', { answer: ming.authenticator.get(options) }));
}

/** A name is proved and a card bound: its number is typed on the bank's page, which is another process. */
async function nameAndCard(hua: Member): Promise<string> {
  const identity = `14010619900307001${checkLetter('14010619900307001')}`;
  keep('a proved identity number', identity);
  const claim = { id: newId(clock()), wants: 'real-name', agreed: REAL_NAME_TERMS };
  await good(hua.ask('POST', '/real-name', { ...claim, name: '王小华', number: identity }));
  const id = newId(clock());
  const card = (await hua.ask<Card>('POST', '/cards', { id })).body;
  const page = new URL(card.page ?? '', house.sandboxOrigin);
  const submit = (act: string, fields: Readonly<Record<string, string>>) =>
    fetch(`${house.sandboxOrigin}${page.pathname}/${act}`, { method: 'POST', body: new URLSearchParams(fields) });
  keep('a bound card', DEBIT_CARD);
  await submit('fill', { name: '王小华', number: DEBIT_CARD, identity, phone: hua.phone });
  await submit('confirm', { code: await place.codeFor(`+86${hua.phone}`) });
  expect(await good(hua.ask<Card>('GET', `/cards/${id}`))).toMatchObject({ state: 'bound', last4: '6783' });
  return id;
}

/** A payment password is chosen, mistyped, and found again by a text and a mail. */
async function passwordsAndMail(ming: Member): Promise<void> {
  const [chosen, wrong, next, address] = ['730291', '805417', '640283', 'ming.li@example.com'];
  keep('a payment password', chosen);
  keep('a wrong payment password', wrong);
  keep('a payment password found again', next);
  keep('an e-mail address', address);
  const id = newId(clock());
  await good(ming.ask('PUT', '/payment-password', { id, password: chosen, proof: { by: 'passkey' } }));
  const proof = { by: 'password', password: wrong };
  expect((await ming.ask('PUT', '/payment-password/free', { each: 1, count: 1, proof })).status).toBe(403);
  expect((await ming.ask('PUT', '/payment-password', { id, password: `${wrong}x`, proof })).status).toBe(400);
  await good(ming.ask('POST', '/email', { id: newId(clock()), address }));
  const [question, answer] = ['第一只猫叫什么名字', '煤球三世'];
  keep('a security question', question);
  keep('its answer', answer);
  await good(ming.ask('PUT', '/security-question', { question, answer }));
  const again = newId(clock());
  const recovery = `/recoveries/${again}`;
  await good(ming.ask('POST', '/recoveries', { id: again }));
  await stepUp(ming);
  await good(ming.ask('POST', `${recovery}/passkey`));
  await good(ming.ask('POST', `${recovery}/code`, { way: 'phone' }));
  const code = await place.codeFor(`+86${ming.phone}`);
  await good(ming.ask('PUT', `${recovery}/code`, { way: 'phone', code }));
  await good(ming.ask('PUT', `${recovery}/password`, { password: next }));
}

async function mistakes(ming: Member, hua: Member): Promise<void> {
  keep('a card', CARD);
  keep('an ID number', ID_NUMBER.slice(0, 17));
  keep('words', WORDS);
  const answers = [
    await ming.ask('POST', '/devices', { id: CARD, key: ID_NUMBER, name: WORDS }),
    await ming.ask('PATCH', `/devices/${hua.device.id}`, { name: WORDS }),
    await ming.ask('GET', `/top-ups/${ID_NUMBER}`),
    await ming.ask('GET', `/nowhere/${CARD}?phone=13812340001&name=${encodeURIComponent(WORDS)}`),
    await ming.ask('GET', `/bills?after=${CARD}`),
    await openBrowser(place).ask('POST', '/signups', {
      id: newId(clock()),
      region: 'CN-SX',
      name: WORDS.repeat(9),
      phone: CARD,
      language: 'zh',
    }),
    await openBrowser(place).ask('POST', `/signups/${ming.wallet}/code`, { code: '123456' }),
    await openBrowser(place).ask('POST', '/sign-in', { answer: ming.authenticator.get({ challenge: 'AAAA' }) }),
  ];
  const forged = deviceHeader(newDevice(place), 'POST', '/sync', EMPTY_SYNC, clock());
  keep('a forged word', forged.split(':')[2] ?? '');
  const word = deviceWord(ming, 'POST', '/sync');
  keep('a word that is for another body', word.split(':')[2] ?? '');
  const own = house.origin.replace('localhost', '127.0.0.1');
  const json = { origin: house.origin, 'content-type': 'application/json' };
  for (const init of [
    { headers: { ...json, authorization: forged }, body: JSON.stringify(EMPTY_SYNC) },
    { headers: { ...json, authorization: word }, body: JSON.stringify(EMPTY_SYNC) },
    { headers: { ...json, cookie: `__Host-sid=${CARD}` }, body: `{"name":"${WORDS}",` },
    { headers: { ...json, origin: `https://${CARD}.example` }, body: '{}' },
  ]) {
    const answer = await fetch(`${own}/sync`, { method: 'POST', ...init });
    answers.push({ status: answer.status, body: {}, headers: {} });
  }
  expect(answers.map(({ status }) => status).filter((status) => status < 400 || status >= 500)).toEqual([]);
}

/** Neither texts nor bank can be reached, and the server dies while it works. */
async function faults(ming: Member): Promise<void> {
  await house.kill('sandbox');
  const phone = '13812340077';
  keep('a phone no text came to', phone);
  const asked = { id: newId(clock()), region: 'CN-SX', name: WORDS, phone, language: 'zh' };
  const answer = await openBrowser(place).ask('POST', '/signups', asked);
  expect(answer.status).toBe(503);
  const id = newId(clock());
  keep('a top-up no bank heard of', id);
  await ming.ask('POST', '/top-ups', { id, channel: 'bank-transfer', amount: 30_00, currency: 'CNY' });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const underWay = ming.device.ask('POST', '/sync', EMPTY_SYNC).catch(() => undefined);
  await house.kill('server');
  await underWay;
  await house.restart();
}

/** What each looks like, whoever's it is. */
const SHAPES: readonly (readonly [what: string, shape: RegExp])[] = [
  ['a mobile number', /(?<!\d)1[3-9]\d{9}(?!\d)/],
  ['a card or identity number', /(?<![\d.-])\d{15,19}[Xx]?(?![\d-])/],
  ['a cookie', /__Host-|set-cookie/i],
  ['an Authorization', /\bDevice [0-9a-f-]{36}:/i],
  ['a signature', /[A-Za-z0-9_-]{80,}/],
  ['Chinese words of people', /\p{sc=Han}/u],
];

/** Which secrets of the story stand in `text`. */
function secretsIn(text: string): string[] {
  return [...secrets].flatMap(([what, secret]) =>
    new RegExp(`(?<![\\d.])${RegExp.escape(secret)}(?!\\d)`, 'i').test(text) ? [what] : [],
  );
}

/** What each line has beside what it says: drawn or measured, so that it may look like anything. */
const BESIDE = /"(?:time|pid|responseTime)":[^,}]*|"reqId":"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"/g;

function shapesIn(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(BESIDE, ''));
  return SHAPES.filter(([, shape]) => lines.some((line) => shape.test(line))).map(([what]) => what);
}

/** Everything the database holds, as it lies there: the files of the embedded one, the rows of the other. */
async function heldOn(database: 'pglite' | 'postgres'): Promise<Buffer[]> {
  if (database === 'pglite')
    return readdirSync(join(house.dataDir, 'pglite'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
  return lookInside(house, async (opened) => {
    const tables = await opened.query<{ name: string }>(
      `select quote_ident(tablename) as name from pg_tables where schemaname = 'public'`,
    );
    const rows = [];
    for (const { name } of tables)
      rows.push(...(await opened.query<{ row: string }>(`select t::text as row from ${name} t`)));
    return rows.map(({ row }) => Buffer.from(row));
  });
}

describe.each(['pglite', 'postgres'] as const)('on %s', (database) => {
  // Real processes, two of them killed, and passwords hashed at a cost: a busy machine takes minutes.
  beforeAll(() => tellOn(database), 480_000);
  afterAll(async () => {
    await house?.stop();
    await service?.close();
  });

  test('the log speaks, and of what happened', () => {
    // Requests alone: how many lines of other kinds there are depends on how quickly the parts start.
    expect(log.match(/"route":/g)?.length ?? 0).toBeGreaterThan(20);
    expect(log).toContain('"route":"/sync"');
    expect(log).toContain('"route":"/signups/:id/code"');
    expect(log).toContain('"route":"/desk/cases/:id/decision"');
    expect(secrets.size).toBeGreaterThan(70);
  });

  test('no secret of the story stands in it, and nothing that looks like one', () => {
    expect(secretsIn(log)).toEqual([]);
    expect(shapesIn(log)).toEqual([]);
  });

  test('an operator is told of wallets by their ids, and nothing else of people', () => {
    expect(told.match(/ is proved: /g), 'books, payments, logbook and statements').toHaveLength(4);
    expect(told).toContain('issuing off');
    expect(secretsIn(told).filter((what) => !what.endsWith("'s wallet"))).toEqual([]);
    expect(shapesIn(told)).toEqual([]);
  });

  test('each secret would have been found, wherever in the log it had stood', () => {
    const lines = log.split('\n');
    const missed = [...secrets].filter(([what, secret], at) => {
      const place = (at * 7919) % lines.length;
      const planted = lines.with(place, `${lines[place]?.slice(0, -1)},"said":"${secret}"}`).join('\n');
      return !secretsIn(planted).includes(what);
    });
    expect(missed.map(([what]) => what)).toEqual([]);
  });

  describe('what merely looks like one would have been found', () => {
    test.each([
      ['a mobile number', '{"msg":"texted 13912345678"}'],
      ['a mobile number', '{"to":"+86 18612345678"}'],
      ['a card or identity number', '{"card":"6217001234567890123"}'],
      ['a card or identity number', '{"card":4111111111111111}'],
      ['a card or identity number', '{"who":"11010519491231002X"}'],
      ['a cookie', '{"headers":{"Set-Cookie":"a=b"}}'],
      ['a cookie', '{"cookie":"__Host-sid=x"}'],
      ['an Authorization', '{"authorization":"Device 01980000-0000-7000-8000-000000000000:1:x"}'],
      ['a signature', `{"payment":"${'aB3_'.repeat(21)}"}`],
      ['Chinese words of people', '{"note":"机密"}'],
    ])('%s in %s', (what, line) => expect(shapesIn(`${log}\nserver: ${line}`)).toEqual([what]));
  });

  test.each([
    ['the drawn name of a request', '"reqId":"b19a4b01-5a09-48bd-a462-f13912345678"', []],
    ['a name of a request that was not drawn', '"reqId":"13912345678"', ['a mobile number']],
    ['how long an answer took', '"responseTime":3.13912345678', []],
  ])('%s: %s', (_what, said, found) => expect(shapesIn(`server: {"level":30,${said}}`)).toEqual(found));

  test('phones, cards, identity numbers, codes’ carriers and sessions do not lie in the clear in the database', async () => {
    const files = await heldOn(database);
    const hidden = [...secrets].filter(([what]) =>
      /'s phone|bound card|proved identity|__Host-|no text came|e-mail/.test(what),
    );
    expect(hidden.length).toBeGreaterThan(4);
    expect(
      files.some((file) => file.includes('李小明')),
      'names are there, so the files were read',
    ).toBe(true);
    expect(hidden.filter(([, secret]) => files.some((file) => file.includes(secret))).map(([what]) => what)).toEqual(
      [],
    );
  });
});
