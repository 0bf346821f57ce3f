/**
 * F10: a passkey's answer bent in every single byte, and every good answer shown again wherever somebody could try it:
 * nothing bent passes, nothing passes twice, and what was refused has changed nothing but to spend its challenge.
 */
import { readFileSync } from 'node:fs';
import { encode } from 'cborg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { IdentityParts } from '#server/identity/parts.ts';
import { ES256, verifyAssertion } from '#server/identity/passkey.ts';
import type { PasskeyRow } from '#server/identity/store.ts';
import { nodeVerifier } from '#server/payment/verifier.ts';
import type { AssertionAnswer } from '#shared/api/identity.ts';
import { fromBase64url, fromHex, joinBytes, sameBytes, toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { duration, type Instant } from '#shared/base/time.ts';
import { askAssertion, packAssertion, readAssertion, writeAssertion } from '#shared/protocol/assertion.ts';
import { softAuthenticator } from '#tests/kit/authenticator.ts';
import { isLong, report } from '#tests/kit/fault-report.ts';
import { type Browser, good, type Member, openBrowser, openMember } from '#tests/kit/member.ts';
import { ORIGIN, openPlace } from '#tests/server/identity/place.ts';
import { assertionOf, KEY_SET, PASSKEY, seed } from '#tests/vectors/cast.ts';

/** What a byte is changed by: in the long run to all other values it can have, otherwise bit by bit and altogether. */
const BENDS = isLong ? Array.from({ length: 255 }, (_, at) => at + 1) : [0x01, 0x02, 0x10, 0x80, 0xff];

function* bent(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
  for (const [at, byte] of bytes.entries()) {
    for (const bend of BENDS) {
      const other = Uint8Array.from(bytes);
      other[at] = byte ^ bend;
      yield other;
    }
  }
}

const exact = (text: string): Uint8Array<ArrayBuffer> => {
  const bytes = fromBase64url(text);
  if (!bytes) throw new Error('not base64url');
  return Uint8Array.from(bytes);
};
const hex = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(fromHex(text) ?? new Uint8Array());

/** What of an answer the passkey made or the browser wrote. */
const PARTS = ['authenticatorData', 'clientDataJSON', 'signature'] as const;

/** Whose passkey it is, as the house remembers it. */
function rowOf(id: Uint8Array, publicKey: Uint8Array, flags: number): PasskeyRow {
  return {
    ...{ region: 'CN-SX', id, wallet: '0192f1c0-0000-7000-8000-000000000001' as Id, public_key: publicKey },
    ...{ algorithm: ES256, counter: 0, backup_eligible: (flags & 8) !== 0, backed_up: (flags & 16) !== 0 },
    ...{ transports: '', aaguid: '', name: '', created_at: 0 as Instant, used_at: null, revoked_at: null },
  };
}

/** One credential whose answer is bent: the house it belongs to, the answer as it was, and what it was made for. */
interface Sitter {
  readonly name: string;
  readonly house: { readonly origin: string; readonly rpId: string };
  readonly passkey: PasskeyRow;
  readonly userHandle: Uint8Array;
  readonly answer: AssertionAnswer;
  readonly challenge: Uint8Array;
}

function ownSitter(): Sitter {
  const authenticator = softAuthenticator(ORIGIN);
  const challenge = seed('bent challenge');
  authenticator.create({ challenge: '', rp: { id: 'localhost' }, user: { id: toBase64url(seed('bent user')) } });
  const [own] = authenticator.passkeys;
  if (!own) throw new Error('no passkey');
  const answer = authenticator.get({ challenge: toBase64url(challenge) });
  const passkey = rowOf(own.id, own.publicKey, 8 + 16);
  const house = { origin: ORIGIN, rpId: 'localhost' };
  return { name: 'our own', house, passkey, userHandle: own.userHandle, answer, challenge };
}

/** Every ES256 credential of WebAuthn Level 3 section 16 whose user was verified. */
function specSitters(): Sitter[] {
  const { tests } = JSON.parse(readFileSync(new URL('../vectors/public/webauthn.json', import.meta.url), 'utf8')) as {
    tests: { section: string; key: string; authentication: Record<string, string>; expect: string }[];
  };
  return tests
    .filter((row) => row.expect === 'ok')
    .map(({ section, key, authentication }) => {
      const part = (name: string) => hex(authentication[name] ?? '');
      const point = hex(key);
      const cose = new Map<number, unknown>([
        [1, 2],
        [3, ES256],
        [-1, 1],
        [-2, point.subarray(1, 33)],
        [-3, point.subarray(33)],
      ]);
      const id = seed(`credential ${section}`);
      const named = toBase64url(id);
      const response = Object.fromEntries(PARTS.map((name) => [name, toBase64url(part(name))])) as Record<
        (typeof PARTS)[number],
        string
      >;
      return {
        name: `section ${section}`,
        house: { origin: 'https://example.org', rpId: 'example.org' },
        passkey: rowOf(id, encode(cose), part('authenticatorData')[32] ?? 0),
        userHandle: seed('somebody'),
        answer: { id: named, rawId: named, type: 'public-key', response, clientExtensionResults: {} },
        challenge: part('challenge'),
      };
    });
}

function judge(sitter: Sitter, change: Partial<AssertionAnswer['response']> = {}) {
  const { house, passkey, userHandle, answer, challenge } = sitter;
  const changed = { ...answer, response: { ...answer.response, ...change } };
  const parts = house as unknown as IdentityParts;
  return verifyAssertion(parts, changed, challenge, passkey, { userHandle, mustName: false });
}

const SITTERS = [ownSitter(), ...specSitters()].map((sitter) => [sitter.name, sitter] as const);

const LONG = { timeout: 1_800_000 };

test.each(SITTERS)('F10: the house lets %s in, and nothing bent of it', LONG, async (name, sitter) => {
  expect((await judge(sitter)).ok).toBe(true);
  let tried = 0;
  for (const part of PARTS) {
    for (const other of bent(exact(sitter.answer.response[part]))) {
      tried += 1;
      const judged = await judge(sitter, { [part]: toBase64url(other) });
      if (judged.ok) throw new Error(`${part} ${toBase64url(other)} was let in`);
      expect(judged.error.code).toBe('passkey.refused');
    }
  }
  report('F10 an answer to the house bent', tried, { passkey: name, accepted: 0 });
});

test('F10: the other forms of a good signature: padded, indefinite and long lengths are no form of it', async () => {
  const sitter = ownSitter();
  const der = exact(sitter.answer.response.signature);
  const inner = der.subarray(2);
  const [length] = der.subarray(1);
  if (length === undefined) throw new Error('no signature');
  const forms: Record<string, Uint8Array> = {
    'the length said in two bytes': joinBytes(Uint8Array.of(0x30, 0x81, length), inner),
    'the length left open': joinBytes(Uint8Array.of(0x30, 0x80), inner, Uint8Array.of(0, 0)),
    'something behind it': joinBytes(der, Uint8Array.of(0)),
    'something behind it, counted': joinBytes(Uint8Array.of(0x30, length + 1), inner, Uint8Array.of(0)),
    'a set instead of a sequence': joinBytes(Uint8Array.of(0x31, length), inner),
  };
  for (const [form, bytes] of Object.entries(forms)) {
    expect((await judge(sitter, { signature: toBase64url(bytes) })).ok, form).toBe(false);
  }
});

test('F10: an assertion on a payment: not one byte of it can be another', () => {
  const challenge = seed('challenge');
  const packed = packAssertion(assertionOf(challenge), { challenge, rpId: KEY_SET.rpId, origins: KEY_SET.origins });
  if (!packed.ok) throw new Error(packed.error.code);
  const [compact = new Uint8Array()] = writeAssertion(packed.value);
  const verifies = nodeVerifier();
  const passkey = { key: PASSKEY.key, backupEligible: (packed.value.flags & 8) !== 0 };
  const verdict = (bytes: Uint8Array): string => {
    const read = readAssertion(bytes, 1);
    if (!read.ok) return read.error.code;
    const asked = askAssertion(read.value, passkey, KEY_SET, challenge);
    if (!asked.ok) return asked.error.code;
    return verifies(asked.value) ? 'ok' : 'payment.passkey-signature';
  };
  expect(verdict(compact)).toBe('ok');
  const verdicts = new Set<string>();
  let tried = 0;
  for (const [at, byte] of compact.entries()) {
    for (let bend = 1; bend < 256; bend += 1) {
      const other = Uint8Array.from(compact);
      other[at] = byte ^ bend;
      verdicts.add(verdict(other));
      tried += 1;
    }
  }
  report('F10 an assertion on a payment bent', tried, { accepted: Number(verdicts.has('ok')) });
  expect([...verdicts].sort()).toEqual([
    'message.malformed',
    'message.twin-signature',
    'payment.passkey-flags',
    'payment.passkey-signature',
  ]);
});

describe('at the door', () => {
  let place: Awaited<ReturnType<typeof openPlace>>;
  let ming: Member;
  let hong: Member;
  beforeAll(async () => {
    place = await openPlace();
    ming = await openMember(place, { phone: '13900101001' });
    hong = await openMember(place, { phone: '13900101002', name: '小红' });
  });
  afterAll(() => place.close());

  const optionsOf = async (browser: Browser, path: string) =>
    (await good<{ options: object }>(browser.ask('POST', path))).options;

  /** When a session was seen, and that its browser has taken the newer cookie. */
  const COMES_AND_GOES = ['seen_at', 'previous_hash', 'previous_until'];

  /** Everything else that identity remembers, but for challenges and the counts of who asked how often. */
  async function remembered(): Promise<string> {
    const tables = await place.database.query<{ name: string }>(
      `select table_name as name from information_schema.tables
       where table_name like 'identity\\_%' and table_name not in ('identity_challenge', 'identity_count')
       order by table_name`,
    );
    expect(tables.length).toBeGreaterThan(4);
    const rows = await Promise.all(
      tables.map(({ name }) =>
        place.database.query(`select (to_jsonb(one) - $1::text[])::text as said from ${name} as one order by 1`, [
          COMES_AND_GOES,
        ]),
      ),
    );
    return JSON.stringify(rows);
  }

  async function signedIn(member: Member): Promise<Browser> {
    const browser = openBrowser(place);
    const answer = member.authenticator.get(await optionsOf(browser, '/sign-in/options'));
    await good(browser.ask('POST', '/sign-in', { answer }));
    return browser;
  }

  test('F10: a good sign-in shown again, everywhere: to the same browser, another, a step-up, as another passkey', async () => {
    const browser = openBrowser(place);
    const answer = ming.authenticator.get(await optionsOf(browser, '/sign-in/options'));
    await good(browser.ask('POST', '/sign-in', { answer }));
    const others = [browser, openBrowser(place), await signedIn(hong), await signedIn(ming)];
    const before = await remembered();
    const refused: string[] = [];
    for (const other of others) {
      for (const path of ['/sign-in', '/step-up', '/passkeys']) {
        const reply = await other.ask<{ code: string }>('POST', path, { answer, name: 'x' });
        refused.push(reply.body.code);
        expect(reply.status, path).toBeGreaterThanOrEqual(400);
      }
    }
    expect(new Set(refused)).toEqual(new Set(['passkey.challenge', 'session.none', 'request.malformed']));
    expect(await remembered()).toBe(before);
  });

  test('F10: a good step-up shown again: to the same session, another of the same person, another person’s', async () => {
    const browser = await signedIn(ming);
    const answer = ming.authenticator.get(await optionsOf(browser, '/step-up/options'));
    await good(browser.ask('POST', '/step-up', { answer }));
    const sessions = [browser, await signedIn(ming), await signedIn(hong)];
    const before = await remembered();
    for (const other of sessions) {
      const fresh = await other.ask<{ code: string }>('POST', '/step-up', { answer });
      expect(fresh.body.code).toBe('passkey.challenge');
      // Also with a challenge of its own under way.
      await optionsOf(other, '/step-up/options');
      expect((await other.ask<{ code: string }>('POST', '/step-up', { answer })).body.code).toBe('passkey.challenge');
    }
    expect(await remembered()).toBe(before);
  });

  test('F10: one byte of each place bent, and the same answer unbent behind it: refused, and nothing is remembered of it', async () => {
    const before = await remembered();
    const sample = ming.authenticator.get(await optionsOf(openBrowser(place), '/sign-in/options'));
    let tried = 0;
    for (const part of PARTS) {
      const length = exact(sample.response[part]).length;
      for (let at = 0; at < length; at += isLong ? 1 : 5) {
        const browser = openBrowser(place);
        const answer = ming.authenticator.get(await optionsOf(browser, '/sign-in/options'));
        const bytes = exact(answer.response[part]);
        const whole = Uint8Array.from(bytes);
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ 0x01;
        const response = { ...answer.response, [part]: toBase64url(bytes) };
        const reply = await browser.ask<{ code: string }>('POST', '/sign-in', { answer: { ...answer, response } });
        expect(reply.body.code, `${part} ${at}`).toMatch(/^passkey\.(refused|challenge)$/);
        expect(browser.cookies.has('__Host-sid')).toBe(false);
        expect(sameBytes(bytes, whole)).toBe(false);
        tried += 1;
      }
    }
    expect(await remembered()).toBe(before);
    report('F10 bent at the door', tried, { accepted: 0, remembered: 0 });
  });

  test('F10: the vectors of the specification, shown to a house that is not theirs', async () => {
    const before = await remembered();
    for (const { answer } of specSitters()) {
      const browser = openBrowser(place);
      await optionsOf(browser, '/sign-in/options');
      expect((await browser.ask<{ code: string }>('POST', '/sign-in', { answer })).body.code).toMatch(/^passkey\./);
    }
    expect(await remembered()).toBe(before);
  });

  test('F10: an answer kept for five minutes and a moment', async () => {
    const browser = openBrowser(place);
    const answer = ming.authenticator.get(await optionsOf(browser, '/sign-in/options'));
    place.pass(duration(301, 's'));
    expect((await browser.ask<{ code: string }>('POST', '/sign-in', { answer })).body.code).toBe('passkey.challenge');
  });
});
