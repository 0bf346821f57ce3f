/**
 * A statement of account: what moved in one currency between two moments, and what was there before and after.
 * The files beside this one write it in the formats of others.
 * Invariant: `opening` and the lines come to `closing`; a line has the same id in every format, and in every statement.
 */
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, toHex } from '#shared/base/bytes.ts';
import type { Instant } from '#shared/base/time.ts';
import { type Currency, isCurrency } from '#shared/money/currency.ts';
import { money, toDecimal } from '#shared/money/money.ts';

/** What a line is about. */
export type LineKind = 'payment' | 'top-up' | 'withdrawal' | 'fee' | 'refund' | 'debt';

/** One movement. `minor` is above zero when money came in. */
export interface StatementLine {
  /** 32 hexadecimal digits; see {@link lineId}. */
  readonly id: string;
  readonly at: Instant;
  readonly kind: LineKind;
  readonly minor: number;
  readonly peer?: { readonly name: string; readonly region?: string };
  readonly memo?: string;
  /** Guaranteed, but not spendable yet. */
  readonly pending: boolean;
  /** Where the person files it: an id of letters, digits and hyphens, and its name in words. */
  readonly category: { readonly id: string; readonly name: string };
}

/** One currency of one wallet from `from` to `to` (not included), the oldest line first. */
export interface Statement {
  readonly wallet: string;
  readonly owner: string;
  readonly region: string;
  readonly currency: Currency;
  readonly from: Instant;
  readonly to: Instant;
  readonly madeAt: Instant;
  readonly opening: number;
  readonly closing: number;
  readonly lines: readonly StatementLine[];
  /** How many minutes the reader's wall clock is ahead of UTC at a moment. */
  readonly offsetAt: (at: number) => number;
}

/** Checks what every writer relies on. */
export function checkStatement(statement: Statement): Statement {
  const { opening, closing, lines, currency } = statement;
  assert(isCurrency(currency), `no currency: ${currency}`);
  const sum = lines.reduce((total, line) => total + line.minor, opening);
  assert(sum === closing, `a statement comes to ${sum}, not to ${closing}`);
  for (const { id } of lines) assert(/^[0-9a-f]{32}$/.test(id), `no id of a line: ${id}`);
  return statement;
}

/**
 * The id of a bill as every format can carry it: 16 bytes in hexadecimal. Of a payment the first half of its own id, as
 * signed messages refer to it; of everything else the id without its hyphens.
 */
export function lineId(bill: string): string {
  const plain = bill.replaceAll('-', '').toLowerCase();
  if (/^[0-9a-f]{32}$/.test(plain)) return plain;
  const bytes = fromBase64url(bill);
  assert(bytes !== undefined && bytes.length >= 16, `no id of a bill: ${bill}`);
  return toHex(bytes.subarray(0, 16));
}

/** A sum as every format writes it: digits and a point. */
export function decimal(minor: number, currency: Currency): string {
  return toDecimal(money(minor, currency));
}

/** A moment on the reader's wall clock. */
export interface WallTime {
  /** `2026-11-24` */
  readonly date: string;
  /** `10:15:30` */
  readonly time: string;
  /** `+08:00` */
  readonly zone: string;
}

/** The moment `at` as the reader's clock shows it. */
export function wallTime({ offsetAt }: Pick<Statement, 'offsetAt'>, at: number): WallTime {
  const offset = offsetAt(at);
  const [date = '', time = ''] = new Date(at + offset * 60_000).toISOString().split(/[T.]/);
  const two = (number: number) => String(Math.trunc(number)).padStart(2, '0');
  const length = Math.abs(offset);
  return { date, time, zone: `${offset < 0 ? '-' : '+'}${two(length / 60)}:${two(length % 60)}` };
}

/** `2026-11-24T10:15:30+08:00` */
export function isoTime(statement: Pick<Statement, 'offsetAt'>, at: number): string {
  const { date, time, zone } = wallTime(statement, at);
  return `${date}T${time}${zone}`;
}

/** A text in one line of at most `most` characters, without what no format can carry. */
export function oneLine(text: string, most: number): string {
  const plain = text.toWellFormed().replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\uFFFE\uFFFF]+/gu, ' ');
  return [...plain.trim()].slice(0, most).join('');
}

/** A text as it stands between the tags of XML. */
export function xmlText(text: string, most: number): string {
  return oneLine(text, most).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** What a line says of itself in one text: who it was with, else what it was, in the writer's words. */
export function lineTitle(line: StatementLine, words: Readonly<Record<LineKind, string>>): string {
  return line.peer?.name ?? words[line.kind];
}
