/** A stranger opens a wallet although every answer is lost once, comes back by passkey, and stops a lost phone. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { fromBase64url, joinBytes, toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { deviceHeader } from '#tests/kit/member.ts';
import type { Person } from '#tests/kit/person.ts';
import { button, openTown, synced, told, words } from '#tests/kit/story.ts';

const town = openTown();
const PHONE = '13900501001';

/** Presses `key` while answers are lost, reads that the house cannot be reached, and presses again with the network back. */
async function pressTwice(person: Person, key: string): Promise<void> {
  await person.network('deaf');
  await button(person, key).click();
  await person.page.getByText(words(person, 'refusal_house_unreachable')).waitFor({ timeout: 30_000 });
  await person.network('open');
  await button(person, key).click();
}

test('a wallet is opened though the answer of each step is lost once and the page is loaded anew in between', async () => {
  const ming = await town.visitor('ming', { locale: 'zh-CN' });
  const { page } = ming;
  const began = Date.now();
  await page.goto(`${town.house.origin}/`, { waitUntil: 'domcontentloaded' });
  const phone = page.getByLabel(words(ming, 'identity_phone_label'));
  await phone.fill('12345');
  await button(ming, 'identity_open_wallet').click();
  await page.getByText(words(ming, 'refusal_signup_phone')).waitFor();
  await phone.fill(PHONE);
  await button(ming, 'identity_open_wallet').click();
  await page.getByLabel(words(ming, 'identity_name_label'), { exact: true }).fill('小明');
  await page.getByText('小明 ··1001').waitFor();
  await pressTwice(ming, 'identity_send_code');
  const code = await town.house.smsCode(`+86${PHONE}`);
  const field = page.getByLabel(words(ming, 'identity_code_label'));
  await field.waitFor();

  await page.reload();
  await button(ming, 'identity_open_wallet').click();
  await button(ming, 'identity_send_code').click();
  await field.fill(code === '000000' ? '000001' : '000000');
  await page.getByText(words(ming, 'refusal_signup_code_wrong', { left: 4 })).waitFor();
  await ming.network('deaf');
  await field.fill(code);
  await page.getByText(words(ming, 'refusal_house_unreachable')).waitFor({ timeout: 30_000 });
  await ming.network('open');
  await field.fill(code);
  await button(ming, 'identity_passkey_make').waitFor();

  await pressTwice(ming, 'identity_passkey_make');
  await page.waitForURL(`${town.house.origin}/`, { timeout: 30_000 });
  await synced(ming);
  const wallets = await page.evaluate(async () => (await (await fetch('/session')).json()).person);
  expect(wallets).toMatchObject({ nameShown: '小明 ··1001', region: 'CN-SX', phone: '139****1001' });
  console.log(`a wallet with every answer lost once: ${Date.now() - began} ms`);
});

test('the wallet is back by one touch of the passkey, and a lost phone is stopped', async () => {
  const hong = await town.newcomer('hong', { called: '小红', phone: '13900501002' });
  const { page } = hong;
  await page.evaluate(() => fetch('/session', { method: 'DELETE' }));
  await page.goto(`${town.house.origin}/welcome?next=/me/devices`);
  await button(hong, 'identity_sign_in').click();
  await page.waitForURL(`${town.house.origin}/me/devices`);

  const lost = softKey();
  const device = { id: newId(instant(Date.now()), randomBytes(10)), key: lost.key, name: 'Old phone' };
  const enrolled = await page.evaluate(
    async (body) =>
      (
        await fetch('/devices', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).status,
    device,
  );
  expect(enrolled).toBe(200);
  expect((await sync(device.id, lost.privateKey)).status).toBe(200);

  await page.reload();
  await page.getByText('Old phone').click();
  await button(hong, 'identity_stop').click();
  await page
    .getByRole('dialog')
    .getByRole('button', { name: words(hong, 'identity_stop'), exact: true })
    .click();
  await page.getByText(words(hong, 'identity_stopped'), { exact: true }).waitFor();
  const refused = await sync(device.id, lost.privateKey);
  expect([refused.status, (await refused.json()).code]).toEqual([403, 'device.revoked']);

  // What was heard of the devices is there with no network, and says how old it is.
  await page.context().setOffline(true);
  await page.goto(`${town.house.origin}/me`);
  await page.goto(`${town.house.origin}/me/devices`);
  await page.getByText('Old phone').waitFor();
  await page.getByText(words(hong, 'identity_stopped'), { exact: true }).waitFor();
  await page
    .getByText(words(hong, 'security_read_at', { ago: '' }).trim())
    .first()
    .waitFor();
  await page.context().setOffline(false);
});

test('a passkey is given a name, and the last one offers no way to remove it', async () => {
  const gang = await town.newcomer('gang', { called: 'Ana', phone: '13900501003' });
  const { page } = gang;
  await page.goto(`${town.house.origin}/me/passkeys`);
  await told(gang, 'identity_second_title').waitFor();
  await page.locator('ul.card button').first().click();
  await page.getByLabel(words(gang, 'identity_label'), { exact: true }).fill('Blue phone');
  expect(await button(gang, 'identity_remove').count()).toBe(0);
  await button(gang, 'identity_save').click();
  await page.getByText('Blue phone').waitFor();
});

async function sync(id: string, privateKey: KeyObject): Promise<Response> {
  const body = { cursor: 0, payments: [], closings: [], receipts: [], forks: [], have: {} };
  const authorization = deviceHeader({ id, privateKey }, 'POST', '/sync', body, Date.now());
  return await fetch(`${town.house.origin}/sync`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

function softKey(): { key: string; privateKey: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const [across, up] = [fromBase64url(x), fromBase64url(y)];
  if (!across || !up) throw new Error('no point');
  return { key: toBase64url(joinBytes(Uint8Array.of(2 + ((up[31] ?? 0) & 1)), across)), privateKey };
}
