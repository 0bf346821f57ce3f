/**
 * The verbs a journey is told in: what people do on their screens, found by roles and by the app's own words, and what
 * the house's books say afterwards. A town is one house and the people of one story.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import {
  type AccountKind,
  type JournalSide,
  type JournalTransfer,
  openLedger,
  type TransferKind,
} from '#server/ledger/ledger.ts';
import { systemClock } from '#server/platform/clock.ts';
import { type Database, openDatabase } from '#server/platform/database.ts';
import { openRegions } from '#server/region/region.ts';
import { type RefusalCode, refusalRemedy } from '#shared/api/refusal.ts';
import type { Duration } from '#shared/base/time.ts';
import { type Policy, TIERS } from '#shared/rules/policy.ts';
import { type House, type HouseOptions, startHouse } from '#tests/kit/house.ts';
import { openPerson, type Person, type PersonOptions } from '#tests/kit/person.ts';

const ROOT = join(import.meta.dirname, '../..');
const REGIONS = ['CN-SX', 'CN-BJ'] as const;
/** A region of the town. */
export type RegionCode = (typeof REGIONS)[number];

/** How long a person waits for something that takes a road. */
const PATIENCE_MS = 30_000;

type Phone = Omit<PersonOptions, 'origin'>;

/** Who comes to live in the town. */
export interface Newcomer extends Phone {
  /** The name on the wallet. */
  readonly called: string;
  /** Eleven digits. */
  readonly phone: string;
  readonly region?: RegionCode;
}

/** One house and the people of one story. */
export interface Town {
  readonly house: House;
  /** Opens a phone without a wallet. */
  visitor(name: string, phone?: Phone): Promise<Person>;
  /** Opens a phone and registers its owner. */
  newcomer(name: string, who: Newcomer): Promise<Person>;
  /** Looks after a phone that was switched on again or copied. */
  adopt(person: Promise<Person>): Promise<Person>;
  /** Ends the server as a power cut would, has the ledger proved by its auditor, and reads the journals. */
  closeBooks(): Promise<Books>;
  /** Ends the server, gives every region another policy for people of every tier, and starts it again. */
  policy(change: Partial<Policy>): Promise<void>;
  /** Ends the server, lets `length` go by for everybody who is leaving, and starts it again. */
  leaversWait(length: Duration): Promise<void>;
}

/** A town for the tests of this file: the house opens before them, and in each test nobody may meet a fault of a page. */
export function openTown(options: HouseOptions = {}): Town {
  let opened: House | undefined;
  const people: Person[] = [];
  const wallets = new Map<string, string>();
  const house = () => {
    if (!opened) throw new Error('the house is open inside tests only');
    return opened;
  };
  const adopt = async (person: Promise<Person>) => {
    people.push(await person);
    return await person;
  };
  const visitor = (name: string, phone: Phone = {}) => adopt(openPerson(name, { origin: house().origin, ...phone }));
  beforeAll(async () => {
    opened = await startHouse({ build: true, ...options });
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') {
      console.log(opened?.log());
      for (const person of people) await picture(person, `failed-${person.name}`).catch(() => undefined);
    }
    expect(people.flatMap(({ name, complaints }) => complaints.map((complaint) => `${name}: ${complaint}`))).toEqual(
      [],
    );
  });
  afterAll(async () => {
    await Promise.all(people.map((person) => person.close()));
    await opened?.stop();
  });
  return {
    get house() {
      return house();
    },
    visitor,
    async newcomer(name, { called, phone, region = 'CN-SX', ...options }) {
      const person = await visitor(name, options);
      wallets.set(await register(house(), person, { called, phone, region }), name);
      return person;
    },
    adopt,
    async closeBooks() {
      await house().kill('server');
      audit(house());
      return await readBooks(house(), wallets);
    },
    async policy(change) {
      await house().kill('server');
      await rewritePolicy(house(), change);
      await house().restart('server');
    },
    async leaversWait(length) {
      await house().kill('server');
      await withDatabase(house(), (database) =>
        database.query('update account_closing set asked_at = asked_at - $1, due_at = due_at - $1', [length]),
      );
      await house().restart('server');
    },
  };
}

// Words

const WORDS = { zh: readWords('zh'), en: readWords('en') };

function readWords(language: 'zh' | 'en'): Readonly<Record<string, string>> {
  const folder = join(ROOT, 'web/messages');
  const files = readdirSync(folder).filter((name) => name.endsWith(`.${language}.json`));
  return Object.assign({}, ...files.map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8'))));
}

/** A message of the app in the language of `person`, with its figures. */
export function words(
  person: Pick<Person, 'language'>,
  key: string,
  facts: Record<string, string | number> = {},
): string {
  const text = WORDS[person.language][key];
  if (text === undefined) throw new Error(`the app has no message ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(facts[name]));
}

/** What the screen says of a refusal: what happened, and below it what to do. */
export function refusalWords(person: Person, code: RefusalCode): string {
  const key = (name: string) => name.replace(/[.-]/g, '_');
  return [words(person, `refusal_${key(code)}`), words(person, `remedy_${key(refusalRemedy(code))}`)]
    .filter((text) => text !== '')
    .join('\n');
}

/** The button called by a message of the app. */
export function button(person: Person, key: string, page: Page = person.page): Locator {
  return page.getByRole('button', { name: words(person, key), exact: true });
}

/** Text on the screen, by its message. */
export function told(person: Pick<Person, 'language' | 'page'>, key: string, page: Page = person.page): Locator {
  return page.getByText(words(person, key), { exact: true }).first();
}

// Getting about

const DOORS = { pay: 'home_pay', receive: 'home_receive', 'top-up': 'home_top_up', bills: 'home_bills' } as const;

/** Opens the app at its first screen, as a tap on its icon does. */
export async function wake(person: Person, origin: string): Promise<void> {
  await person.page.goto(`${origin}/`, { waitUntil: 'domcontentloaded' });
  await home(person);
}

/** Goes to the first screen: by the way back where there is one, else by its address. */
export async function home(person: Person, page: Page = person.page): Promise<void> {
  if (!(await acts(person, page).isVisible())) {
    const back = page.getByRole('link', { name: words(person, 'ui_back'), exact: true });
    const isNear = (await back.getAttribute('href', { timeout: 200 }).catch(() => null)) === '/';
    const stepped =
      isNear &&
      (await back.click({ timeout: 2_000 }).then(
        () => true,
        () => false,
      ));
    if (!stepped && !(await acts(person, page).isVisible())) {
      await page.goto(new URL('/', page.url()).href, { waitUntil: 'domcontentloaded' });
    }
  }
  await acts(person, page).waitFor({ timeout: PATIENCE_MS });
}

/** What one can do on the first screen. */
function acts(person: Person, page: Page = person.page): Locator {
  return page.getByRole('navigation', { name: words(person, 'home_acts') });
}

/** Goes through one of the doors of the first screen. */
export async function go(person: Person, where: keyof typeof DOORS, page: Page = person.page): Promise<void> {
  await home(person, page);
  await page.getByRole('link', { name: words(person, DOORS[where]), exact: true }).click();
  // A click is answered before the next screen stands there; what is read until then is still this one.
  await acts(person, page).waitFor({ state: 'hidden' });
}

/** Cuts or gives back the network of several people at once. */
export async function network(state: 'open' | 'cut' | 'deaf', ...people: Person[]): Promise<void> {
  await Promise.all(people.map((person) => person.network(state)));
}

// A wallet

/** Opens a wallet through every step of the welcome: phone, name, code, passkey. Answers its id. */
export async function register(
  house: House,
  person: Person,
  { called, phone, region }: { readonly called: string; readonly phone: string; readonly region: RegionCode },
): Promise<string> {
  const { page } = person;
  await page.goto(`${house.origin}/`, { waitUntil: 'domcontentloaded' });
  await page.getByLabel(words(person, 'identity_phone_label')).fill(phone);
  await button(person, 'identity_open_wallet').click();
  await page.getByLabel(words(person, 'identity_name_label'), { exact: true }).fill(called);
  await page.getByRole('radio', { name: REGION_NAMES[region][person.language], exact: true }).check();
  await button(person, 'identity_send_code').click();
  await page.getByLabel(words(person, 'identity_code_label')).fill(await house.smsCode(`+86${phone}`));
  await button(person, 'identity_passkey_make').click({ timeout: PATIENCE_MS });
  await acts(person).waitFor({ timeout: PATIENCE_MS });
  await synced(person);
  // From here on the app opens with no network: the worker holds all of it.
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  return page.evaluate(async () => (await (await fetch('/session')).json()).person.wallet as string);
}

const REGION_NAMES = { 'CN-SX': { zh: '山西', en: 'Shanxi' }, 'CN-BJ': { zh: '北京', en: 'Beijing' } } as const;

/** Waits until the first screen says that the network is there and the last sync is done. */
export async function synced(person: Person): Promise<void> {
  await home(person);
  // On a busy machine the road that was just proved may count as weak: it is a road all the same.
  const proved = told(person, 'home_state_online').or(told(person, 'home_state_weak'));
  await proved.first().waitFor({ timeout: PATIENCE_MS });
}

// Money

/** Tops up by bank transfer; `amount` as one types it. */
export async function topUp(person: Person, amount: string): Promise<void> {
  await go(person, 'top-up');
  await typeSum(person, amount);
  await button(person, 'funding_go').click({ timeout: PATIENCE_MS });
  await told(person, 'funding_settled').waitFor({ timeout: PATIENCE_MS });
  await person.page.getByRole('link', { name: words(person, 'funding_done'), exact: true }).click();
  await acts(person).waitFor();
}

/** Waits at the first screen until money stands ready for payments without a network. */
export async function waitForAllowance(person: Person): Promise<void> {
  await home(person);
  await person.page.getByText(words(person, 'home_payments_left')).waitFor({ timeout: PATIENCE_MS });
}

/** The sums of the first screen, in minor units; `all` is what the person has in every form. */
export async function balance(
  person: Person,
): Promise<Readonly<Record<'available' | 'setAside' | 'arriving' | 'all', number>>> {
  await home(person);
  const card = person.page.getByRole('region', { name: words(person, 'home_balance'), exact: true });
  // The vault is read after the screen stands: until then there is no sum to read.
  await card.locator('.phrase').first().waitFor({ timeout: PATIENCE_MS });
  const sums = await card.locator('.phrase').allTextContents();
  const [available = NaN, setAside = NaN, arriving = NaN] = sums.map((sum) => Number(sum.replace(/[^\d]/g, '')));
  return { available, setAside, arriving, all: available + setAside + arriving };
}

/** Waits until the person has this much in every form, in minor units. */
export async function untilBalance(person: Person, all: number): Promise<void> {
  await expect.poll(async () => (await balance(person)).all, { timeout: PATIENCE_MS }).toBe(all);
}

/** Types a sum on the keypad. */
export async function typeSum(person: Person, amount: string): Promise<void> {
  const keypad = person.page.getByRole('group', { name: words(person, 'ui_keypad') });
  for (const key of amount) {
    const name = key === '.' ? words(person, 'ui_keypad_point') : key;
    await keypad.getByRole('button', { name, exact: true }).click();
  }
}

// Paying and being paid

/** The payee types a sum and shows the code. */
export async function ask(payee: Person, amount: string): Promise<void> {
  await tryToAsk(payee, amount);
  await code(payee).waitFor();
}

/** The payee types a sum, whatever comes of it. */
export async function tryToAsk(payee: Person, amount: string): Promise<void> {
  await go(payee, 'receive');
  await typeSum(payee, amount);
  await button(payee, 'pay_receive_show').click();
}

/** The code a screen shows. */
export function code(person: Person, page: Page = person.page): Locator {
  return page.getByRole('main').locator('svg[data-version]');
}

/** The text behind the code a screen shows: what a camera reads. */
export async function codeText(person: Person): Promise<string> {
  return (await person.page.locator('[data-code]').getAttribute('data-text')) ?? '';
}

/** The payer points the camera at the payee's screen and sees who asks for how much, verified. */
export async function scan(payer: Person, payee: Person, page: Page = payer.page): Promise<void> {
  await look(payer, payee, page);
  try {
    await told(payer, 'pay_verified_name', page).waitFor({ timeout: PATIENCE_MS });
  } catch (late) {
    // What it says instead is the reason.
    throw new Error(`${payer.name} reads: ${await page.getByRole('main').ariaSnapshot()}`, { cause: late });
  }
}

/** The payer points the camera at a screen, whatever comes of it. */
export async function look(payer: Person, at: Person, page: Page = payer.page): Promise<void> {
  await payer.lookAt(at);
  await go(payer, 'pay', page);
}

/** The payer says yes and shows the code. */
export async function confirm(payer: Person): Promise<void> {
  await button(payer, 'pay_confirm').click();
  await code(payer).waitFor({ timeout: PATIENCE_MS });
}

/** The payer scans, compares who, how much and the match code with the payee's screen, says yes and shows the code. */
export async function pay(payer: Person, payee: Person, asked: Asked): Promise<void> {
  await scan(payer, payee);
  const main = payer.page.getByRole('main');
  expect(await main.getByRole('heading').textContent()).toBe(asked.name);
  expect(await main.locator('.phrase').textContent()).toBe(asked.amount);
  expect(await match(payer)).toBe(await match(payee));
  await confirm(payer);
}

/** Who asks for how much, as the payer's screen must say it: `Li Hong ··8002`, `¥12.50`. */
export interface Asked {
  readonly name: string;
  readonly amount: string;
}

/** The four symbols people compare aloud. */
export async function match(person: Person): Promise<string> {
  const figure = person.page.getByRole('figure', { name: words(person, 'ui_match') });
  return (await figure.locator('p').getAttribute('aria-label')) ?? '';
}

/** The payee points the camera at the payer's code; answers what the screen says of it. */
export async function collect(payee: Person, payer: Person): Promise<'verified' | 'arrived'> {
  await payee.lookAt(payer);
  const verified = told(payee, 'pay_verified');
  const done = verified.or(told(payee, 'pay_arrived')).first();
  const scanning = button(payee, 'pay_receive_scan');
  await scanning.or(done).first().waitFor({ timeout: PATIENCE_MS });
  // With two networks it may have arrived before the camera is held up, and then nothing is left to scan.
  await scanning.click({ timeout: PATIENCE_MS / 3 }).catch(async (gone: unknown) => {
    if (!(await done.isVisible())) throw gone;
  });
  await done.waitFor({ timeout: PATIENCE_MS });
  return (await verified.isVisible()) ? 'verified' : 'arrived';
}

/** What the screen says went wrong: what happened, and what to do. */
export async function refusal(person: Person, page: Page = person.page): Promise<string> {
  const alert = page.getByRole('alert').first();
  await alert.waitFor({ timeout: PATIENCE_MS });
  const lines = await alert.locator('.words > *').allTextContents();
  return lines.map((line) => line.trim()).join('\n');
}

/** Gives a text to the scanner that is open, as one sent by another app. */
export async function paste(person: Person, text: string): Promise<void> {
  const field = person.page.getByLabel(words(person, 'pay_paste_label'));
  if (!(await field.isVisible())) await button(person, 'pay_paste').click();
  await field.fill(text);
  await button(person, 'pay_paste_read').click();
}

// Bills

/** The list of bills, newest first: `who sum state`, such as `小明 −¥12.50 Settled`. */
export async function bills(person: Person): Promise<string[]> {
  await go(person, 'bills');
  return await billRows(person);
}

/** Waits until the list of bills reads like this. */
export async function untilBills(person: Person, expected: readonly string[]): Promise<void> {
  await go(person, 'bills');
  await expect.poll(() => billRows(person), { timeout: PATIENCE_MS }).toEqual(expected);
}

async function billRows(person: Person): Promise<string[]> {
  const rows = person.page.getByRole('main').getByRole('listitem');
  await rows.first().or(told(person, 'bill_none')).first().waitFor();
  // A page of the list is drawn a few rows at a time.
  await person.page.locator('main [aria-busy="true"]').first().waitFor({ state: 'detached' });
  return rows.evaluateAll(
    (items, settled) =>
      items.map((item) =>
        ['.title', '.phrase', '.state']
          .map((part) => item.querySelector(part)?.textContent?.trim() ?? settled)
          .join(' '),
      ),
    words(person, 'bill_state_settled'),
  );
}

/** Keeps a picture of the screen in the folder SHOTS, when there is one. */
export async function picture(person: Person, name: string): Promise<void> {
  const folder = process.env.SHOTS;
  if (folder) await person.page.screenshot({ path: join(folder, `${name}.png`) });
}

// The books

/** What the house has written, looked at with the server stopped; amounts in minor units. */
export interface Books {
  /** All transfers of all regions, in the order of each journal. */
  readonly transfers: readonly JournalTransfer[];
  /** The moves of transfers of these kinds, as `claim 12.50 ming -> hong`; accounts but `available` are named as well. */
  lines(...kinds: readonly TransferKind[]): string[];
  /** What all accounts of a kind (of one person) hold: credits less debits. */
  sum(kind: AccountKind, name?: string): number;
}

/** Runs the real auditor over the data of a house whose server does not run; throws with its words when it is not content. */
function audit(house: House): void {
  const node = join(ROOT, 'node_modules/node/bin/node');
  const done = spawnSync(node, [join(ROOT, 'server/command.ts'), 'audit:ledger'], {
    cwd: ROOT,
    env: house.environment,
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(`The auditor is not content (${done.status}):\n${done.stdout}${done.stderr}`);
}

async function readBooks(house: House, names: ReadonlyMap<string, string>): Promise<Books> {
  const transfers = await withDatabase(house, async (database) => {
    const ledger = openLedger({ database });
    const journals = await Promise.all(REGIONS.map((region) => ledger.journal(region, 0, 10_000)));
    return journals.flat();
  });
  const called = ({ kind, owner }: JournalSide) => {
    const name = owner === null ? '' : (names.get(owner) ?? owner);
    return kind === 'available' ? name : `${kind}${name ? ` ${name}` : ''}`;
  };
  const moves = transfers.flatMap((transfer) => transfer.moves.map((move) => ({ ...move, of: transfer.kind })));
  const isOf = (side: JournalSide, kind: AccountKind, name: string | undefined) =>
    side.kind === kind && (name === undefined || names.get(side.owner ?? '') === name);
  return {
    transfers,
    lines: (...kinds) =>
      moves
        .filter((move) => kinds.includes(move.of))
        .map((move) => `${move.of} ${(move.amount / 100).toFixed(2)} ${called(move.debit)} -> ${called(move.credit)}`),
    sum: (kind, name) =>
      moves.reduce(
        (sum, { debit, credit, amount }) =>
          sum + (isOf(credit, kind, name) ? amount : 0) - (isOf(debit, kind, name) ? amount : 0),
        0,
      ),
  };
}

/** The data of a house whose server does not run. */
async function withDatabase<Value>(house: House, work: (database: Database) => Promise<Value>): Promise<Value> {
  const { DATABASE_URL: databaseUrl } = house.environment;
  const database = await openDatabase({ dataDir: house.dataDir, ...(databaseUrl ? { databaseUrl } : {}) });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Gives every region another policy, as its operator would: in the database, with the server stopped. */
async function rewritePolicy(house: House, change: Partial<Policy>): Promise<void> {
  await withDatabase(house, async (database) => {
    const regions = await openRegions({
      database,
      clock: systemClock,
      keysDir: join(house.dataDir, 'keys'),
      rpId: 'localhost',
      origins: [house.origin],
    });
    for (const region of REGIONS) {
      for (const tier of TIERS) {
        const policy = await regions.policy(region, tier);
        await regions.setPolicy(region, tier, { ...policy, ...change, epoch: policy.epoch + 1 });
      }
    }
  });
}
