/** The house's checks of a new passkey agree with the registrations of Web Authentication Level 3, section 16. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { IdentityParts } from '#server/identity/parts.ts';
import { verifyNewPasskey } from '#server/identity/passkey.ts';
import { fromHex, toBase64url, toHex } from '#shared/base/bytes.ts';

interface Row {
  section: string;
  title: string;
  key: string;
  registration?: { challenge: string; credentialId: string; clientDataJSON: string; attestationObject: string };
}

const source = new URL('../../vectors/public/webauthn.json', import.meta.url);
const { tests } = JSON.parse(readFileSync(source, 'utf8')) as { tests: Row[] };

/** What the house answers to each: it asks for a verified user, takes no frame of others, and wants no attestation. */
const ANSWERS = `
16.2  | the user was not verified                                                   | refused
16.3  | its own signature as attestation                                            | taken
16.4  | made in a frame of another origin                                           | refused
16.5  | made under another top origin                                               | refused
16.6  | the user was not verified, and the id is longer than any                    | refused
16.7  | attested by a certificate nobody asked for                                  | taken
16.14 | attested for an Android key by a root that is not Google's                  | refused
16.15 | the user was not verified                                                   | refused
16.16 | the user was not verified                                                   | refused
`;

const rows = ANSWERS.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

function text(hex: string): string {
  return toBase64url(fromHex(hex) ?? new Uint8Array());
}

function ask(row: Row, bend: { challenge?: string; attestationObject?: string } = {}) {
  const given = { ...row.registration, ...bend };
  const parts = { rpId: 'example.org', origin: 'https://example.org' } as IdentityParts;
  const id = text(given.credentialId ?? '');
  const response = {
    clientDataJSON: text(given.clientDataJSON ?? ''),
    attestationObject: text(given.attestationObject ?? ''),
  };
  const answer = { id, rawId: id, type: 'public-key' as const, response, clientExtensionResults: {} };
  return verifyNewPasskey(parts, answer, fromHex(given.challenge ?? '') ?? new Uint8Array());
}

describe('a registration of section 16', () => {
  test('all that are held have an answer', () => {
    expect(tests.filter((row) => row.registration).map((row) => row.section)).toEqual(rows.map(([section]) => section));
  });

  test.each(rows)('%s, %s, is %s', async (section, _what, expected) => {
    const row = tests.find((one) => one.section === section);
    if (!row) throw new Error(`no vector ${section}`);
    const taken = await ask(row);
    expect(taken.ok ? 'taken' : 'refused').toBe(expected);
    if (!taken.ok) return;
    // The credential's key is the one its assertions verify with.
    expect(toHex(taken.value.publicKey)).toContain(row.key.slice(2, 66));
    expect((await ask(row, { challenge: `00${row.registration?.challenge.slice(2)}` })).ok).toBe(false);
    const other = row.registration?.attestationObject.replace('bfabc374', 'bfabc375') ?? '';
    expect((await ask(row, { attestationObject: other })).ok).toBe(false);
  });
});
