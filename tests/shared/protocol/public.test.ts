/** Our functions agree with the vectors of others: Wycheproof, COSE, WebAuthn, RFC 8949 and RFC 9285. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fromBase64url, fromHex, joinBytes, toHex, utf8 } from '#shared/base/bytes.ts';
import { assertedBytes, packAssertion } from '#shared/protocol/assertion.ts';
import { fromBase45, toBase45 } from '#shared/protocol/base45.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import { toBeSigned } from '#shared/protocol/cose.ts';
import { compressPoint, expandPoint } from '#shared/protocol/point.ts';
import { fromDer, toLowS, webVerifier } from '#shared/protocol/signature.ts';
import { nodeVerifier } from '#tests/vectors/replay.ts';

function held<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`../../vectors/public/${name}.json`, import.meta.url), 'utf8'));
}

function hex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = fromHex(text);
  if (bytes === undefined) throw new Error(`not hexadecimal: ${text}`);
  return bytes;
}

function compressed(point: string): Uint8Array<ArrayBuffer> {
  const key = compressPoint(hex(point));
  if (key === undefined) throw new Error('not a point');
  expect(toHex(expandPoint(key) ?? new Uint8Array())).toBe(point);
  return key;
}

interface Wycheproof {
  groups: { key: string; tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[] }[];
}

/** Every test with its group's key; what the collection calls acceptable is legacy leniency, which we refuse. */
function wycheproof(name: string) {
  return held<Wycheproof>(name).groups.flatMap(({ key, tests }) => tests.map((row) => ({ ...row, key })));
}

const web = webVerifier();

describe('Wycheproof ECDSA P-256, raw signatures', () => {
  test.each(wycheproof('wycheproof-p1363'))('$tcId $comment: $result', async ({ key, msg, sig, result }) => {
    const question = { key: compressed(key), message: hex(msg), signature: hex(sig) };
    expect(question.signature.length === 64 && nodeVerifier(question)).toBe(result === 'valid');
    expect(await web(question)).toBe(result === 'valid');
  });
});

describe('Wycheproof ECDSA P-256, DER signatures', () => {
  test.each(wycheproof('wycheproof-der'))('$tcId $comment: $result', async ({ key, msg, sig, result }) => {
    const raw = fromDer(hex(sig));
    const question = { key: compressed(key), message: hex(msg), signature: toLowS(raw ?? new Uint8Array(64)) };
    expect(raw !== undefined && nodeVerifier(question)).toBe(result === 'valid');
    expect(raw !== undefined && (await web(question))).toBe(result === 'valid');
  });
});

describe('COSE_Sign1', () => {
  interface Row {
    title: string;
    protected: string;
    external: string;
    payload: string;
    toBeSigned?: string;
    signature: string;
    valid: boolean;
  }
  const { key, tests } = held<{ key: { x: string; y: string }; tests: Row[] }>('cose-sign1');
  const point = joinBytes(
    Uint8Array.of(4),
    fromBase64url(key.x) ?? new Uint8Array(),
    fromBase64url(key.y) ?? new Uint8Array(),
  );
  test.each(tests)('$title', (row) => {
    const message = toBeSigned(hex(row.protected), hex(row.external), hex(row.payload));
    if (row.toBeSigned !== undefined) expect(toHex(message)).toBe(row.toBeSigned);
    const signature = hex(row.signature);
    expect(nodeVerifier({ key: compressed(toHex(point)), message, signature })).toBe(row.valid);
  });
});

describe('WebAuthn Level 3', () => {
  interface Row {
    title: string;
    key: string;
    challenge: string;
    authenticatorData: string;
    clientDataJSON: string;
    signature: string;
    expect: string;
  }
  const { tests } = held<{ tests: Row[] }>('webauthn-assertion');
  test.each(tests)('$title: $expect', (row) => {
    const given = {
      authenticatorData: hex(row.authenticatorData),
      clientDataJSON: hex(row.clientDataJSON),
      signature: hex(row.signature),
    };
    const origin = 'https://example.org';
    const packed = packAssertion(given, { challenge: hex(row.challenge), rpId: 'example.org', origins: [origin] });
    expect(packed.ok ? 'ok' : packed.error.code).toBe(row.expect);
    if (!packed.ok) return;
    const message = assertedBytes(packed.value, 'example.org', origin, hex(row.challenge));
    expect(nodeVerifier({ key: compressed(row.key), message, signature: packed.value.signature })).toBe(true);
  });
});

describe('RFC 8949', () => {
  const a = held<{
    whole: { hex: string; value: number | boolean }[];
    canonical: string[];
    textKeys: string[];
    outside: string[];
  }>('cbor-appendix-a');
  test.each(a.whole)('appendix A, 0x$hex is $value', ({ hex: text, value }) => {
    expect(decodeCbor(hex(text))).toEqual({ ok: true, value });
    expect(toHex(encodeCbor(value))).toBe(text);
  });

  test.each([...a.canonical, ...a.textKeys])('appendix A, 0x%s reads and re-encodes', (text) => {
    const read = decodeCbor(hex(text));
    expect(read.ok && toHex(encodeCbor(read.value))).toBe(text);
  });

  test.each(a.outside)('appendix A, 0x%s is well-formed but outside this protocol', (text) => {
    expect(decodeCbor(hex(text)).ok).toBe(false);
  });

  const rows = Object.entries(held<{ bad: Record<string, string[]> }>('cbor-appendix-f').bad).flatMap(([why, list]) =>
    list.map((text) => [text, why] as const),
  );
  test.each(rows)('appendix F, 0x%s is refused: %s', (text) => {
    expect(decodeCbor(hex(text))).toMatchObject({ ok: false, error: { code: 'message.malformed' } });
  });
});

describe('RFC 9285', () => {
  const { good, bad } = held<{ good: { text: string; base45: string }[]; bad: string[] }>('base45');
  test.each(good)('$text is $base45', ({ text, base45 }) => {
    expect(toBase45(utf8(text))).toBe(base45);
    expect(toHex(fromBase45(base45) ?? new Uint8Array())).toBe(toHex(utf8(text)));
  });

  test.each(bad)('"%s" is no Base45', (text) => {
    expect(fromBase45(text)).toBeUndefined();
  });
});
