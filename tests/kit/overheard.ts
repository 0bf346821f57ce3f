/**
 * What the houses of a test said, read when each of them closes for what no log may hold: numbers of cards, identities
 * and phones, words and signatures of people, and whatever anybody in these tests typed, was texted or was let in by.
 * Invariant: an ear that was opened and is closed has heard nothing secret, or the test fails.
 */
import { expect } from 'vitest';
import { hasCheckDigit } from '#shared/rules/card-number.ts';
import { checkLetter } from '#shared/rules/identity-number.ts';

/** Listens to one house. */
export interface Ear {
  readonly write: (said: string) => void;
  /** Throws when something secret was said; names what, never the secret. */
  readonly close: () => void;
}

/** What was typed, by the file of tests in which it was: files share a process, and six digits of one may stand in another by chance. */
const keptIn = new Map<string, Map<string, string>>();

function keptBy(file: string): Map<string, string> {
  const kept = keptIn.get(file) ?? new Map<string, string>();
  keptIn.set(file, kept);
  return kept;
}

/** The file of tests that is under way; benches have houses as well, and are none. */
function fileUnderWay(): string {
  try {
    return expect.getState().testPath ?? '';
  } catch {
    return '';
  }
}

/**
 * From now on no house of `file` may say `secret`, until what is answered is called; one too short to be told from any other word is
 * left out.
 */
export function keepSecret(what: string, secret: string, file = fileUnderWay()): () => void {
  const kept = keptBy(file);
  if (secret.length >= 6) kept.set(secret, what);
  return () => void kept.delete(secret);
}

/** Members of a request whose value is its sender's own, and what such a value looks like when it is meant. */
const TYPED: Readonly<Record<string, RegExp>> = {
  password: /^\d{6}$/,
  code: /^(?:\d{6}|[A-Z0-9-]{20,})$/,
  phone: /^\d{11}$/,
  number: /^\d{17}[\dX]$/,
  address: /^\S+@\S+$/,
  endpoint: /^https?:.{12}/,
  secret: /^[\w-]{22,}$/,
  answer: /^.{6,}$/s,
  words: /^.{6,}$/s,
  memo: /^.{6,}$/s,
  reason: /\p{sc=Han}/u,
};

/** Keeps what somebody typed into the body of a request, at any depth. */
export function keepTyped(body: unknown): void {
  if (typeof body !== 'object' || body === null) return;
  for (const [name, value] of Object.entries(body)) {
    if (typeof value === 'string' && TYPED[name]?.test(value)) keepSecret(`what was typed as ${name}`, value);
    else keepTyped(value);
  }
}

/** Drawn or measured beside what a line says, so that it may look like anything. */
const BESIDE = /"(?:time|pid|responseTime)":[^,}]*|"reqId":"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"/g;

/** Digits that stand by themselves: not in an id, a digest, a decimal or an address. */
const alone = (digits: string) => new RegExp(`(?<![\\w.-])${digits}(?![\\w-]|\\.\\d)`, 'g');

const SHAPES: readonly (readonly [what: string, shape: RegExp, isMeant?: (found: string) => boolean])[] = [
  // No card begins like the milliseconds of this century; one number of ten passes the check by chance.
  ['the number of a card', alone('[2-69]\\d{12,18}'), hasCheckDigit],
  [
    'an identity number',
    alone('[1-9]\\d{16}[\\dXx]'),
    (one) => checkLetter(one.slice(0, 17)) === one.at(-1)?.toUpperCase(),
  ],
  ['a mobile number', alone('(?:\\+?86)?1[3-9]\\d{9}')],
  ['a cookie', /__Host-|set-cookie/gi],
  ['the word of a device', /\bDevice [0-9a-f-]{36}:/gi],
  ['a signature', /[A-Za-z0-9_-]{80,}/g],
  ['words of people', /\p{sc=Han}/gu],
];

/** What of `text` no log of a house in `file` may hold; each kind once. */
export function secretsIn(text: string, file = fileUnderWay()): string[] {
  const plain = text.replace(BESIDE, '');
  const shapes = SHAPES.filter(([, shape, isMeant]) =>
    plain.match(shape)?.some((found) => isMeant?.(found) ?? true),
  ).map(([what]) => what);
  const words = [...keptBy(file)]
    .filter(([secret]) => plain.includes(secret) && standsIn(plain, secret))
    .map(([, what]) => what);
  return [...new Set([...shapes, ...words])];
}

/** Six digits inside of a longer number are no code. */
function standsIn(text: string, secret: string): boolean {
  return new RegExp(`(?<![\\w.-])${RegExp.escape(secret)}(?![\\w-])`).test(text);
}

/** Opens an ear for `house`, whose name stands in what is thrown. */
export function openEar(house: string): Ear {
  const said: string[] = [];
  return {
    write: (text) => void said.push(text),
    close() {
      const found = secretsIn(said.join(''));
      said.length = 0;
      if (found.length > 0) throw new Error(`${house} said ${found.join(', ')}`);
    },
  };
}
