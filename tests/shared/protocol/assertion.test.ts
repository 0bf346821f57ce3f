/** What a browser hands over, packed to 69 bytes and a tail; and what no verifier would accept, refused on the phone already. */
import { describe, expect, test } from 'vitest';
import { joinBytes, utf8 } from '#shared/base/bytes.ts';
import { packAssertion, readAssertion, writeAssertion } from '#shared/protocol/assertion.ts';
import { isLowS, toLowS } from '#shared/protocol/signature.ts';
import { assertionOf, type assertionOf as Bend, KEY_SET, seed } from '#tests/vectors/cast.ts';

const challenge = seed('challenge');
const expected = { challenge, rpId: KEY_SET.rpId, origins: KEY_SET.origins };

describe('packing', () => {
  test.each<[string, Parameters<typeof Bend>[1], number]>([
    ['the bare template', {}, 71],
    ['a counter', { counter: 4_000_000_000 }, 71],
    ['the second origin', { origin: 'https://beijing.piaohao.example' }, 74],
    ['an added member', { tail: ',"extraData":"x"' }, 90],
  ])('keeps %s', (_name, bent, length) => {
    const packed = packAssertion(assertionOf(challenge, bent), expected);
    if (!packed.ok) throw new Error(packed.error.code);
    const bytes = writeAssertion(packed.value);
    expect(joinBytes(...bytes)).toHaveLength(length);
    expect(readAssertion(joinBytes(...bytes), bytes.length)).toEqual(packed);
    expect(isLowS(packed.value.signature)).toBe(true);
  });

  test.each<[string, Parameters<typeof Bend>[1], string]>([
    ['a foreign frame', { crossOrigin: true }, 'payment.passkey-client-data'],
    ['a top origin', { tail: ',"topOrigin":"https://evil.example"' }, 'payment.passkey-client-data'],
    ['a second origin member', { tail: ',"origin":"https://evil.example"' }, 'payment.passkey-client-data'],
    ['a broken tail', { tail: ',"x":' }, 'payment.passkey-client-data'],
    [
      'an origin that only begins like ours',
      { origin: 'https://piaohao.example.evil.example' },
      'payment.passkey-client-data',
    ],
    ['another relying party', { rpId: 'evil.example' }, 'payment.passkey-origin'],
    ['attested data', { flags: 0x5d }, 'payment.passkey-flags'],
    ['an extension flag without extensions', { flags: 0x9d }, 'payment.passkey-flags'],
  ])('refuses %s', (_name, bent, code) => {
    expect(packAssertion(assertionOf(challenge, bent), expected)).toMatchObject({ ok: false, error: { code } });
  });

  test('refuses another challenge, a byte order mark, a short authenticator data and a signature that is none', () => {
    const given = assertionOf(challenge);
    const cases = [
      assertionOf(seed('other')),
      { ...given, clientDataJSON: joinBytes(Uint8Array.of(0xef, 0xbb, 0xbf), given.clientDataJSON) },
      { ...given, clientDataJSON: utf8('{}') },
      { ...given, authenticatorData: given.authenticatorData.subarray(0, 36) },
      { ...given, signature: given.signature.subarray(1) },
    ];
    for (const one of cases) expect(packAssertion(one, expected).ok).toBe(false);
  });

  test('a signature keeps one of its two forms', () => {
    const high = new Uint8Array(64).fill(0xfe);
    expect(isLowS(high)).toBe(false);
    expect(isLowS(toLowS(high))).toBe(true);
    expect(toLowS(toLowS(high))).toEqual(toLowS(high));
  });
});
