/** What one browser alone can read, held against the example of RFC 8291, and the word of the house against RFC 8292. */
import { createECDH, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { encrypt, houseKey, isPoint, MESSAGE_MOST_BYTES, vapidWord } from '#server/notice/push-message.ts';
import { toBase64url, utf8 } from '#shared/base/bytes.ts';
import { duration, instant } from '#shared/base/time.ts';
import { bytes, decrypt, wordFault } from '#tests/kit/push.ts';

/** RFC 8291, appendix A. */
const EXAMPLE = {
  text: 'When I grow up, I want to be a watermelon',
  own: bytes('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw'),
  salt: bytes('DGv6ra1nlYgDCS1FRnbzlw'),
  browser: {
    privateKey: bytes('q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94'),
    publicKey: bytes('BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4'),
    secret: bytes('BTBZMqHH6r4Tts7J_aSIgg'),
  },
  body: 'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
};

test('the example of RFC 8291 comes out byte for byte, and is read again', () => {
  const body = encrypt(EXAMPLE.browser, utf8(EXAMPLE.text), EXAMPLE);
  expect(toBase64url(body)).toBe(EXAMPLE.body);
  expect(decrypt(EXAMPLE.browser, body).toString()).toBe(EXAMPLE.text);
});

test('no two messages look alike, the longest fits, and nobody else reads it', () => {
  const text = utf8('x'.repeat(MESSAGE_MOST_BYTES - 86));
  const [one, other] = [encrypt(EXAMPLE.browser, text), encrypt(EXAMPLE.browser, text)];
  expect(toBase64url(one)).not.toBe(toBase64url(other));
  expect(one.length).toBeLessThanOrEqual(4_096);
  expect(decrypt(EXAMPLE.browser, one).length).toBe(text.length);
  const stranger = { ...EXAMPLE.browser, secret: randomBytes(16) };
  expect(() => decrypt(stranger, one)).toThrow();
});

test('a point is one of the curve, whole and not compressed', () => {
  const half = createECDH('prime256v1');
  half.generateKeys();
  const point = half.getPublicKey();
  const bent = Uint8Array.from(point);
  bent[64] = (bent[64] ?? 0) ^ 1;
  const tried = [point, half.getPublicKey(null, 'compressed'), bent, new Uint8Array(65), point.subarray(1)];
  expect(tried.map(isPoint)).toEqual([true, false, false, false, false]);
});

test('the word of the house is for one service, ends, and is signed by the key it names', () => {
  const key = houseKey(randomBytes(32));
  const now = instant(1_764_000_000_000);
  const word = vapidWord(key, 'https://push.example/a/b', 'https://wallet.example', now, duration(12, 'h'));
  const name = toBase64url(key.publicKey);
  expect(wordFault(word, name, 'https://push.example', now)).toBeUndefined();
  expect(wordFault(word, name, 'https://other.example', now)).toBe('for another service: https://push.example');
  expect(wordFault(word, name, 'https://push.example', now + 13 * 3_600_000)).toMatch(/^good until/);
  expect(wordFault(word.replace(/\.(.)/, '.$1A'), name, 'https://push.example', now)).toBe('a false signature');
  expect(wordFault(word, toBase64url(houseKey(randomBytes(32)).publicKey), 'https://push.example', now)).toMatch(
    /^another key/,
  );
});
