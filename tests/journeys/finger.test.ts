/** The finger at the till, with no network: above the small sums it is in the payment, and it opens the key that signs. */
import { describe, expect, test } from 'vitest';
import { assertedBytes } from '#shared/protocol/assertion.ts';
import { readFrame } from '#shared/protocol/frame.ts';
import { readPayment } from '#shared/protocol/payment.ts';
import { webVerifier } from '#shared/protocol/signature.ts';
import { knownAllowance } from '#shared/protocol/trust.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  balance,
  bills,
  button,
  code,
  codeText,
  collect,
  confirm,
  network,
  openTown,
  picture,
  refusal,
  refusalWords,
  scan,
  synced,
  told,
  topUp,
  untilBalance,
  untilBills,
  waitForAllowance,
  wake,
  words,
} from '#tests/kit/story.ts';

const town = openTown();
const HONG = 'Li Hong ··8002';
const TOP_UP = 'Top-up ¥500.00 Settled';

let ming: Person;
let hong: Person;

/** The page about the offline allowance, as sentences. */
async function allowancePage(person: Person): Promise<string | null> {
  await person.page.goto(`${town.house.origin}/me/allowance`, { waitUntil: 'domcontentloaded' });
  await told(person, 'pay_offline_lock').waitFor();
  return await person.page.getByRole('main').textContent();
}

/** Hours until the moment the page names as the end. */
async function hoursOfLife(person: Person): Promise<number> {
  const allowances = await person.page.evaluate(
    () =>
      new Promise<{ notBeforeSeconds: number; expiresSeconds: number }[]>((done) => {
        const opening = indexedDB.open('piaohao');
        opening.onsuccess = () => {
          const all = opening.result.transaction('allowances').objectStore('allowances').getAll();
          all.onsuccess = () => {
            opening.result.close();
            done(all.result);
          };
        };
      }),
  );
  return ((allowances[0]?.expiresSeconds ?? 0) - (allowances[0]?.notBeforeSeconds ?? 0)) / 3600;
}

test('three people come to the town, where an allowance may be 400 yuan', async () => {
  await town.policy({ total: 400_00, perPayee: 200_00 });
  ming = await town.newcomer('ming', { called: 'Ming', phone: '13800138001', prf: 'lasting' });
  hong = await town.newcomer('hong', { called: 'Li Hong', phone: '13800138002' });
  await topUp(ming, '500');
  await waitForAllowance(ming);
});

describe('with a passkey that locks keys', () => {
  test('the whole allowance for three days, and at worst nothing is lost', async () => {
    const page = await allowancePage(ming);
    expect(page).toContain('¥400.00');
    expect(page).toContain(words(ming, 'pay_offline_lock_yes'));
    expect(page).toContain(words(ming, 'pay_offline_worst', { sum: '¥0.00' }));
    expect(page).toContain(words(ming, 'pay_offline_worst_locked'));
    expect(await hoursOfLife(ming)).toBe(72);
    await picture(ming, 'allowance-locked');
  });

  test('above the small sums: the passkey signs with no network, and the payee verifies it with none', async () => {
    await network('cut', ming, hong);
    await ask(hong, '60');
    await scan(ming, hong);
    await told(ming, 'pay_needs_passkey').waitFor();
    await confirm(ming);
    expect(await isSignedByPasskey(await codeText(ming))).toBe(true);
    const version = await code(ming).getAttribute('data-version');
    expect(Number(version)).toBeLessThanOrEqual(19);
    expect(await collect(hong, ming)).toBe('verified');
  });

  test('a finger of somebody else: a clear refusal, nothing reserved, nothing lost; the owner pays the same code', async () => {
    const before = await balance(ming);
    await ask(hong, '35');
    await ming.finger(true, false);
    await scan(ming, hong);
    await button(ming, 'pay_confirm').click();
    expect(await refusal(ming)).toBe(refusalWords(ming, 'passkey.cancelled'));
    await told(ming, 'pay_nothing_left').waitFor();
    await picture(ming, 'finger-refused');
    expect(await balance(ming)).toEqual(before);
    expect(await bills(ming)).toEqual([`${HONG} −¥60.00 To upload`, TOP_UP]);

    await ming.finger(true);
    await scan(ming, hong);
    await confirm(ming);
    expect(await collect(hong, ming)).toBe('verified');
    expect(await bills(ming)).toEqual([`${HONG} −¥35.00 To upload`, `${HONG} −¥60.00 To upload`, TOP_UP]);
  });

  test('both settle once the network is back', async () => {
    await network('open', ming, hong);
    await untilBills(ming, [`${HONG} −¥35.00 Settled`, `${HONG} −¥60.00 Settled`, TOP_UP]);
    await untilBalance(hong, 95_00);
    await untilBalance(ming, 405_00);
  });

  test('the phone was off: one touch at the first small payment opens the key, the next needs none', async () => {
    await ming.finger(true);
    await synced(ming);
    await ming.kill();
    ming = await town.adopt(ming.reopen());
    await network('cut', ming, hong);
    await wake(ming, town.house.origin);
    const sums = ['2', '3'];
    for (const [at, sum] of sums.entries()) {
      await ask(hong, sum);
      await scan(ming, hong);
      expect(await told(ming, 'pay_locked_once').isVisible()).toBe(at === 0);
      await confirm(ming);
      expect(await collect(hong, ming)).toBe('verified');
      expect(await ming.fingersAsked()).toBe(1);
    }
    await network('open', ming, hong);
    await untilBalance(hong, 100_00);
  });

  test('the phone was off again: the touch that signs a large payment opens the key as well', async () => {
    // Four of five payments are made: the phone gives the rest back and gets a fresh allowance before it goes dark.
    await synced(ming);
    await ming.page.locator('.facts strong').first().filter({ hasText: /^5$/ }).waitFor();
    await ming.kill();
    ming = await town.adopt(ming.reopen());
    await network('cut', ming, hong);
    await wake(ming, town.house.origin);
    const mei = await town.newcomer('mei', { called: 'Mei', phone: '13800138003', prf: false });
    await mei.network('cut');
    await ask(mei, '50');
    await scan(ming, mei);
    await confirm(ming);
    expect(await collect(mei, ming)).toBe('verified');
    expect(await ming.fingersAsked()).toBe(1);
    await network('open', ming, mei, hong);
    await untilBalance(mei, 50_00);
    await mei.close();
  });
});

describe('with a passkey that cannot lock keys', () => {
  test('half as much, for a day, and the page says what can be lost', async () => {
    const lan = await town.newcomer('lan', { called: 'Lan', phone: '13800138004', prf: false });
    await topUp(lan, '500');
    await waitForAllowance(lan);
    const page = await allowancePage(lan);
    expect(page).toContain('¥200.00');
    expect(page).toContain(words(lan, 'pay_offline_lock_no'));
    expect(page).toContain(words(lan, 'pay_offline_worst', { sum: '¥200.00' }));
    expect(page).toContain(words(lan, 'pay_offline_worst_plain'));
    expect(await hoursOfLife(lan)).toBe(24);
    await picture(lan, 'allowance-plain');
  });
});

test('every sum was posted once, and the books are proved', async () => {
  const books = await town.closeBooks();
  expect(books.lines('claim', 'shortfall', 'late-claim').sort()).toEqual(
    ['2.00', '3.00', '35.00', '50.00', '60.00']
      .map((sum) => `claim ${sum} hold ming -> ${sum === '50.00' ? 'mei' : 'hong'}`)
      .sort(),
  );
});

/** Whether a payment's code holds an assertion of the very passkey its allowance names, checked here from its bytes. */
async function isSignedByPasskey(text: string): Promise<boolean> {
  const frame = readFrame(text);
  if (!frame.ok || frame.value.kind !== 'payment' || !frame.value.allowance) return false;
  const payment = readPayment(frame.value.payment);
  const allowance = knownAllowance(frame.value.allowance);
  if (!payment.ok || !allowance.ok) return false;
  const { assertion, id } = payment.value;
  const { passkey } = allowance.value.message;
  if (!assertion || !passkey) return false;
  const message = assertedBytes(assertion, 'localhost', town.house.origin, id);
  return await webVerifier()({ key: passkey.key, message, signature: assertion.signature });
}
