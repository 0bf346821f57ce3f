/** Addresses strangers name: whether they may be called, looked at as written and again when the call is made. */
import type { LookupAddress, lookup } from 'node:dns';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { isOpenAddress, mayCall, openStrangers } from '#server/platform/stranger.ts';

const table = (text: string): string[] => text.trim().split(/\s+/);

test.each(
  table(`127.0.0.1 127.9.9.9 0.0.0.0 10.1.2.3 100.64.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1 192.0.0.8
    192.0.2.1 198.18.0.1 198.51.100.7 203.0.113.9 224.0.0.1 240.0.0.1 255.255.255.255
    ::1 :: ::ffff:10.0.0.1 ::ffff:8.8.8.8 64:ff9b::a00:1 fc00::1 fd12::1 fe80::1 ff02::1 2001:db8::1 2002:a00:1:: 2001::1 localhost`),
)('%s leads inside or nowhere', (address) => {
  expect(isOpenAddress(address)).toBe(false);
});

test.each(table('8.8.8.8 1.1.1.1 172.32.0.1 100.128.0.1 2606:4700::1111 2a00:1450:4001::5'))(
  '%s is open',
  (address) => {
    expect(isOpenAddress(address)).toBe(true);
  },
);

test.each([
  ['https://fcm.googleapis.com/fcm/send/abc', true],
  ['https://web.push.apple.com/QGx', true],
  ['https://8.8.8.8/a', true],
  ['http://fcm.googleapis.com/a', false],
  ['https://localhost/a', false],
  ['https://printer.local/a', false],
  ['https://metadata.google.internal/a', false],
  ['https://intranet/a', false],
  ['https://127.0.0.1/a', false],
  ['https://2130706433/a', false],
  ['https://0x7f.1/a', false],
  ['https://[::1]/a', false],
  ['https://[::ffff:127.0.0.1]/a', false],
  ['https://user:word@push.example.com/a', false],
  ['file:///etc/passwd', false],
  ['push.example.com', false],
])('%s may be called: %s', (url, may) => {
  expect(mayCall(url, { inside: [] })).toBe(may);
});

test.each([
  ['inside', ['127.0.0.1']],
  ['of which one is inside', ['8.8.8.8', '10.0.0.1']],
  ['of the other kind', ['::ffff:192.168.1.1']],
])(
  'a name that stands for an address %s is not called, whatever it stood for when it was kept',
  async (_what, found) => {
    const resolve = ((_host: string, _options: object, done: (error: null, all: LookupAddress[]) => void) =>
      done(
        null,
        found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )) as unknown as typeof lookup;
    const post = openStrangers({ inside: [] }, resolve);
    const asked = { headers: {}, body: new Uint8Array(), timeoutMs: 2_000 };
    expect(await post('https://push.example.com/', asked)).toEqual({ ok: false, error: 'forbidden' });
  },
);

test('what is named as inside is called, a redirect is not followed, and silence ends', async () => {
  let calls = 0;
  const server = createServer((request, response) => {
    calls += 1;
    if (request.url === '/away') response.writeHead(302, { location: '/there', 'retry-after': '7' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const post = openStrangers({ inside: [host] });
  const asked = { headers: {}, body: new Uint8Array(3), timeoutMs: 300 };
  expect(await post(`http://${host}/away`, asked)).toEqual({ ok: true, value: { status: 302, retryAfter: 7 } });
  expect(await post(`http://${host}/silent`, asked)).toEqual({ ok: false, error: 'timeout' });
  expect(await post('http://127.0.0.1:1/', asked)).toEqual({ ok: false, error: 'forbidden' });
  expect(calls).toBe(2);
  server.closeAllConnections();
  server.close();
});
