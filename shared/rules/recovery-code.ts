/**
 * The recovery code a person prints and keeps: with it alone a wallet is frozen when the phone is gone.
 * 95 random bits and a check letter in Crockford's base 32, in four groups of five: read aloud, typed with slips forgiven.
 */

/** Crockford's alphabet: no I, L, O and U, which are read as others. */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LENGTH = 20;

/** The code of 95 bits out of `random` (at least 19 bytes; five bits of each count). */
export function writeRecoveryCode(random: Uint8Array): string {
  const body = Array.from(random.slice(0, LENGTH - 1), (byte) => LETTERS[byte & 31] ?? '').join('');
  return (body + checkOf(body)).replace(/(.{5})(?=.)/g, '$1-');
}

/** The twenty letters a person meant with `typed`, or undefined when a letter is wrong, missing or exchanged. */
export function readRecoveryCode(typed: string): string | undefined {
  const text = typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  const isWhole = text.length === LENGTH && [...text].every((letter) => LETTERS.includes(letter));
  return isWhole && checkOf(text.slice(0, -1)) === text.slice(-1) ? text : undefined;
}

/** A weighted sum modulo the prime 31: one wrong letter and two exchanged neighbours change it. */
function checkOf(body: string): string {
  const sum = [...body].reduce((total, letter, at) => total + (at + 1) * LETTERS.indexOf(letter), 0);
  return LETTERS[sum % 31] ?? '';
}
