/**
 * Codes to a phone or a post box of somebody who is signed in: six random digits, good for ten minutes and five guesses.
 * Invariant: a guess is counted before it is compared; what is kept is a keyed hash.
 */
import { randomInt, timingSafeEqual } from 'node:crypto';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import { codeText } from '#server/identity/sms.ts';
import * as store from '#server/identity/store.ts';
import { mayAct } from '#server/identity/throttle.ts';
import type { Sql } from '#server/platform/database.ts';
import type { CodeWay } from '#shared/api/recovery.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { after, duration, type Instant, instant } from '#shared/base/time.ts';

const CODE_LIFE = duration(10, 'min');
const RESEND_AFTER = duration(60, 's');
const GUESSES = 5;

/** What a code is for: an act of a wallet, and the way it goes. */
export interface CodeFor {
  readonly region: string;
  readonly wallet: Id;
  /** A code that proves an address never proves a factor of a recovery, whatever ids they were given. */
  readonly purpose: 'address' | 'recovery';
  readonly subject: Id;
  readonly way: CodeWay;
}

/** When another code may be asked for. */
export function resendAt(row: store.CodeRow | undefined): Instant | undefined {
  return row?.sent_at == null ? undefined : after(row.sent_at, RESEND_AFTER);
}

/**
 * Sends a code for `about` to `to`. Refusals: `signup.code-wait`, `request.too-many`, `sms.unreachable`,
 * `mail.unreachable`.
 */
export async function sendCode(
  parts: IdentityParts,
  about: CodeFor,
  to: { readonly address: string; readonly masked: string },
): Promise<Result<undefined, Refusal>> {
  const now = parts.clock();
  const code = String(randomInt(1_000_000)).padStart(6, '0');
  const sealed = parts.secrets.seal(to.address);
  await store.openCode(parts.database, { ...about, masked: to.masked, sealed });
  const counted = `${about.region} ${to.address}`;
  const may = await mayAct(parts, 'text-phone', counted, parts.limits.textsPerPhoneHour);
  if (!may.ok) return may;
  const sent = {
    hash: hashOf(parts, about, code),
    masked: to.masked,
    sealed,
    at: now,
    expiresAt: after(now, CODE_LIFE),
    notAfter: instant(now - RESEND_AFTER),
  };
  if (!(await store.claimCodeFor(parts.database, about, sent))) {
    const waits = (resendAt(await store.readCode(parts.database, about)) ?? after(now, RESEND_AFTER)) - now;
    return no('signup.code-wait', { seconds: Math.max(1, Math.ceil(waits / 1000)) });
  }
  if (await deliver(parts, about.way, to.address, code)) return ok(undefined);
  await store.unclaimCodeFor(parts.database, about);
  return no(about.way === 'phone' ? 'sms.unreachable' : 'mail.unreachable');
}

function deliver(parts: IdentityParts, way: CodeWay, to: string, code: string): Promise<boolean> {
  const host = new URL(parts.origin).hostname;
  const id = newId(parts.clock());
  // The house keeps nobody's language: a code is understood in either.
  if (way === 'phone') return parts.sendText({ id, to, text: codeText(code, 'zh', host) });
  const text = `${codeText(code, 'zh', host)}\n\n${codeText(code, 'en', host)}`;
  return parts.sendMail({ id, to, subject: '票号验证码 · Piaohao code', text });
}

/** Whether `code` is the one that was sent for `about`, noted in its row. Refusals: `signup.code-wrong`, `signup.code-spent`. */
export async function proveCode(
  parts: IdentityParts,
  about: CodeFor,
  code: string,
): Promise<Result<store.CodeRow, Refusal>> {
  const before = await store.readCode(parts.database, about);
  if (before?.proved_at != null) return ok(before);
  const now = parts.clock();
  const guess = await store.spendGuess(parts.database, about, GUESSES, now);
  if (!guess?.code_hash) return no('signup.code-spent');
  if (!timingSafeEqual(guess.code_hash, hashOf(parts, about, code))) {
    return no('signup.code-wrong', { left: GUESSES - guess.attempts });
  }
  await store.proveCodeFor(parts.database, about, now);
  return ok({ ...guess, proved_at: now });
}

/** Forgets the codes of an act that is over. */
export function forgetCodes(tx: Sql, about: Omit<CodeFor, 'way'>): Promise<void> {
  return store.dropCodes(tx, about);
}

function hashOf(parts: IdentityParts, { region, wallet, purpose, subject, way }: CodeFor, code: string): Uint8Array {
  return parts.secrets.hash('code', `${region} ${wallet} ${purpose} ${subject} ${way} ${code}`);
}
