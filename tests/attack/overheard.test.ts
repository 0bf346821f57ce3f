/** The ear every house of the tests is opened with: what it takes for a secret, what it does not, and that it speaks up. */
import { describe, expect, test } from 'vitest';
import { openStage } from '#tests/attack/stage.ts';
import { startHouse } from '#tests/kit/house.ts';
import { openMember } from '#tests/kit/member.ts';
import { keepSecret, keepTyped, openEar, secretsIn } from '#tests/kit/overheard.ts';

describe('what no log may hold', () => {
  test.each([
    ['the number of a card', '{"card":"6225880123456783"}'],
    ['the number of a card', '{"card":4111111111111111}'],
    ['the number of a card', 'paid with 6222021234567894, it said'],
    ['an identity number', '{"who":"11010519491231002X"}'],
    ['an identity number', '{"who":"11010519491231002x"}'],
    ['a mobile number', '{"msg":"texted 19876543201"}'],
    ['a mobile number', '{"to":"+8613912345678"}'],
    ['a cookie', '{"headers":{"Set-Cookie":"a=b"}}'],
    ['a cookie', '{"cookie":"__Host-sid=x"}'],
    ['the word of a device', '{"authorization":"Device 01980000-0000-7000-8000-000000000000:1:x"}'],
    ['a signature', `{"payment":"${'aB3_'.repeat(21)}"}`],
    ['words of people', '{"memo":"买药"}'],
  ])('%s: %s', (what, said) => expect(secretsIn(said)).toEqual([what]));

  test.each([
    ['a card that fails its check', '{"card":"6225880123456784"}'],
    ['an identity number that fails its check', '{"who":"110105194912310021"}'],
    ['milliseconds', '{"at":1795918208123}'],
    ['an id that is all digits', '"wallet":"01912345-6789-7123-8123-139123456789"'],
    ['a digest that is all digits', `"sha256":"a${'6225880123456783'.repeat(3)}"`],
    ['how long it took', '{"responseTime":3.13912345678}'],
    ['when it was', '{"time":"2026-11-29T02:10:08.123Z"}'],
    ['the drawn name of a request', '"reqId":"b19a4b01-5a09-48bd-a462-f13912345678"'],
    ['a place in a file', 'at file:///server/main.ts:139:12345678'],
    ['a sum', '"theirs":13912345'],
  ])('but not %s', (_what, said) => expect(secretsIn(said)).toEqual([]));
});

test('what is kept is found as it was kept, and not inside of something longer', () => {
  keepSecret('a password', '730291');
  keepTyped({ proof: { by: 'password', password: '940275' }, address: 'heard@example.com', amount: 500_00 });
  expect(secretsIn('"password":"730291"')).toEqual(['a password']);
  expect(secretsIn('"password":"940275"')).toEqual(['what was typed as password']);
  expect(secretsIn('mailed to heard@example.com')).toEqual(['what was typed as address']);
  expect(secretsIn('"theirs":17302910, "ours":0.730291, "id":"a-730291"')).toEqual([]);
});

test('what is kept in one file is no secret in another of the same process', () => {
  keepSecret('a code', '835102');
  keepSecret('a code', '604417', 'another.test.ts');
  const said = '{"theirs":835102,"ours":604417}';
  expect(secretsIn(said, 'another.test.ts')).toEqual(['a code']);
  expect(secretsIn('{"theirs":835102}', 'another.test.ts')).toEqual([]);
  expect(secretsIn('{"theirs":835102}', import.meta.filename)).toEqual(['a code']);
  expect(secretsIn('{"ours":604417}')).toEqual([]);
});

test('a house in this process that says one is found out when it closes, and no other', async () => {
  const [silent, loud] = [await openStage(), await openStage()];
  const ming = await openMember(loud.place, { phone: '13812349999' });
  loud.house.app.log.info({ told: { deep: { deeper: ming.cookies.get('__Host-sid') } } }, 'a session began');
  await silent.close();
  await expect(loud.close()).rejects.toThrow('said the value of a cookie');
});

test('and so is a house of its own processes, of what it said before it was killed', async () => {
  const house = await startHouse({ environment: { LOG_LEVEL: 'info' } });
  const ready = /"route":"[^"]+"/;
  await fetch(`${house.origin.replace('localhost', '127.0.0.1')}/network`);
  await expect.poll(() => house.log()).toMatch(ready);
  const forget = keepSecret('the address of a route', '/network');
  await house.kill();
  await expect(house.stop()).rejects.toThrow('the server said the address of a route');
  // Every other house may.
  forget();
});

test('what is thrown tells what was said, and never the secret', () => {
  const ear = openEar('a house');
  keepSecret('a code', '518264');
  ear.write('{"code":"518');
  ear.write('264"}');
  expect(() => ear.close()).toThrow(/^a house said a code$/);
});
