/** Our functions agree with the vectors of others: Wycheproof, COSE, WebAuthn, RFC 8949 and RFC 9285. */
import { readFileSync } from 'node:fs';
import { sha256 } from '@noble/hashes/sha2.js';
import { decode } from 'cborg';
import { describe, expect, test } from 'vitest';
import { fromBase64url, fromHex, joinBytes, toHex, utf8 } from '#shared/base/bytes.ts';
import {
  askAssertion,
  type BrowserAssertion,
  FLAGS,
  packAssertion,
  readAssertion,
  writeAssertion,
} from '#shared/protocol/assertion.ts';
import { fromBase45, toBase45 } from '#shared/protocol/base45.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import { openEnvelope, sealEnvelope, toBeSigned } from '#shared/protocol/cose.ts';
import { compressPoint, expandPoint } from '#shared/protocol/point.ts';
import { fromDer, toLowS, webVerifier } from '#shared/protocol/signature.ts';
import { PAYER } from '#tests/vectors/cast.ts';
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
    cbor: string;
    toBeSigned?: string;
    external: string;
    signature: 'verifies' | 'fails' | 'no COSE_Sign1';
    refusedFor: string;
  }
  const { key, tests } = held<{ key: { x: string; y: string }; tests: Row[] }>('cose-sign1');
  const point = joinBytes(
    Uint8Array.of(4),
    fromBase64url(key.x) ?? new Uint8Array(),
    fromBase64url(key.y) ?? new Uint8Array(),
  );
  const bare = (inner: () => unknown): unknown => inner();
  const tags = { 18: bare, 98: bare, 991: bare, 998: bare };
  const rows = tests.map((row) => ({ ...row, bytes: hex(row.cbor) }));

  test.each(rows.filter((row) => row.signature !== 'no COSE_Sign1'))(
    '$title: the signature $signature',
    async (row) => {
      const [header, , payload, signature] = decode(row.bytes, { useMaps: true, tags }) as Uint8Array<ArrayBuffer>[];
      // An empty map is signed as no bytes at all (RFC 9052 section 4.4).
      const signed = header && toHex(header) === 'a0' ? new Uint8Array() : (header ?? new Uint8Array());
      const message = toBeSigned(signed, hex(row.external), payload ?? new Uint8Array());
      const isOurs = toHex(signed) === '' || toHex(signed).startsWith('a10126') || toHex(signed).startsWith('a20126');
      if (row.signature === 'verifies') expect(toHex(message)).toBe(row.toBeSigned);
      const question = { key: compressed(toHex(point)), message, signature: signature ?? new Uint8Array() };
      for (const asked of [question, { ...question, signature: toLowS(question.signature) }]) {
        expect(isOurs && nodeVerifier(asked)).toBe(row.signature === 'verifies');
        expect(isOurs && (await web(asked))).toBe(row.signature === 'verifies');
      }
    },
  );

  test.each(rows)('$title is no message of ours: $refusedFor', ({ bytes, external }) => {
    expect(openEnvelope(hex(external), bytes)).toMatchObject({ ok: false, error: { code: 'message.malformed' } });
  });

  test('the same content in our one layout opens, and its bytes to be signed are theirs but for the key id', async () => {
    const payload = utf8('This is the content.');
    const external = hex('11aa22bb33cc44dd55006699');
    const opened = openEnvelope(external, await sealEnvelope(external, payload, PAYER));
    if (!opened.ok) throw new Error(opened.error.code);
    const theirs = tests.find((row) => row.title.startsWith('sign-pass-02'))?.toBeSigned ?? '';
    const header = `49a201260444${toHex(opened.value.kid)}`;
    expect(toHex(opened.value.signedBytes)).toBe(theirs.replace('43a10126', header));
  });
});

describe('WebAuthn Level 3', () => {
  interface Row {
    section: string;
    title: string;
    key: string;
    registration?: { attestationObject: string };
    authentication: { challenge: string; authenticatorData: string; clientDataJSON: string; signature: string };
    expect: string;
  }
  const house = { rpId: 'example.org', origins: ['https://example.org'] };
  const rows = held<{ tests: Row[] }>('webauthn').tests.map(({ authentication, ...row }) => ({
    ...row,
    challenge: hex(authentication.challenge),
    given: {
      authenticatorData: hex(authentication.authenticatorData),
      clientDataJSON: hex(authentication.clientDataJSON),
      signature: hex(authentication.signature),
    },
    passkey: {
      key: compressed(row.key),
      backupEligible: (hex(authentication.authenticatorData)[32] ?? 0) % 16 >= FLAGS.backupEligible,
    },
  }));

  /** What a payee says of an assertion: packed as the phone packs it, then asked as the checks of a payment ask. */
  function answer({ challenge, passkey }: (typeof rows)[number], given: BrowserAssertion): string {
    const packed = packAssertion(given, { ...house, challenge });
    if (!packed.ok) return packed.error.code;
    const parts = writeAssertion(packed.value);
    const read = readAssertion(joinBytes(...parts), parts.length);
    if (!read.ok) return read.error.code;
    const asked = askAssertion(read.value, passkey, house, challenge);
    if (!asked.ok) return asked.error.code;
    return nodeVerifier(asked.value) ? 'ok' : 'payment.passkey-signature';
  }

  test.each(rows)('$section $title: $expect', (row) => {
    expect(answer(row, row.given)).toBe(row.expect);
  });

  test.each(rows)('$section $title: every byte of the signature counts', ({ given, passkey }) => {
    const { authenticatorData, clientDataJSON, signature } = given;
    const message = joinBytes(authenticatorData, sha256(clientDataJSON));
    const verifies = (der: Uint8Array, over: Uint8Array): boolean => {
      const raw = fromDer(der);
      return raw !== undefined && nodeVerifier({ key: passkey.key, message: over, signature: toLowS(raw) });
    };
    expect(verifies(signature, message)).toBe(true);
    for (const [at] of signature.entries()) {
      for (const other of altered(signature, at)) expect(verifies(other, message)).toBe(false);
    }
    for (const [at] of message.entries()) {
      for (const other of altered(message, at)) expect(verifies(signature, other)).toBe(false);
    }
  });

  test.each(rows.filter((row) => row.expect === 'ok'))('$section $title: one altered byte is refused', (row) => {
    for (const part of ['authenticatorData', 'clientDataJSON', 'signature'] as const) {
      for (const [at] of row.given[part].entries()) {
        for (const other of altered(row.given[part], at)) {
          expect(answer(row, { ...row.given, [part]: other })).toMatch(/^payment\.passkey-/);
        }
      }
    }
  });

  test('a user who is not verified is all that some of them lack', () => {
    const lacking = rows.filter((row) => row.expect === 'payment.passkey-flags');
    expect(lacking.map((row) => row.section)).toEqual(['16.2', '16.3', '16.14', '16.15', '16.16']);
    for (const { given } of lacking) expect((given.authenticatorData[32] ?? 0) & FLAGS.userVerified).toBe(0);
  });
});

/** `bytes` with the one at `at` changed: its lowest bit, its highest, and all of them. */
function altered(bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer>[] {
  return [0x01, 0x80, 0xff].map((mask) => bytes.map((byte, place) => (place === at ? byte ^ mask : byte)) as never);
}

describe('RFC 8949', () => {
  const a = held<{
    whole: { hex: string; value: number | boolean }[];
    canonical: string[];
    textKeys: string[];
    outside: string[];
    former: string[];
  }>('cbor-appendix-a');
  test.each(a.whole)('appendix A, 0x$hex is $value', ({ hex: text, value }) => {
    expect(decodeCbor(hex(text))).toEqual({ ok: true, value });
    expect(toHex(encodeCbor(value))).toBe(text);
  });

  test.each([...a.canonical, ...a.textKeys])('appendix A, 0x%s reads and re-encodes', (text) => {
    const read = decodeCbor(hex(text));
    expect(read.ok && toHex(encodeCbor(read.value))).toBe(text);
  });

  test.each([...a.outside, ...a.former])('appendix A, 0x%s is outside this protocol', (text) => {
    expect(decodeCbor(hex(text)).ok).toBe(false);
  });

  test('appendix A is held whole', () => {
    expect(a.whole.length + a.canonical.length + a.textKeys.length + a.outside.length).toBe(81);
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
