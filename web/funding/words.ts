/** What channels, cards, the providers' reasons (ISO 20022, of a charge ISO 8583) and an arrival time say to a person. */
import type { Card } from '#shared/api/funding.ts';
import { BANKS } from '#shared/rules/card-number.ts';
import type { CardMark } from '#web/funding/cards.ts';
import { m } from '#web/paraglide/messages.js';
import { getLocale } from '#web/paraglide/runtime.js';

/** Why something did not happen, and what to do about it. */
export interface ReasonWords {
  readonly why: string;
  readonly remedy: string;
  /** What has to be another one before it can go well; absent: it may be tried as it was, or by another way. */
  readonly change?: 'sum' | 'card';
}

type Said = readonly [why: () => string, remedy: () => string, change?: ReasonWords['change']];

const CHANNELS: Readonly<Record<string, () => string>> = {
  'bank-transfer': m.funding_bank_transfer,
  'third-party': m.funding_third_party,
  counter: m.funding_counter,
  'credit-card': m.funding_credit_card,
};

/** Why a bank or another provider declined a top-up. */
const DECLINES: Readonly<Record<string, Said>> = {
  AM04: [m.funding_reason_am04, m.funding_reason_am04_do, 'sum'],
  AC04: [m.funding_reason_ac04, m.funding_reason_ac04_do],
  AC06: [m.funding_reason_ac06, m.funding_reason_ac06_do],
  DS02: [m.funding_reason_ds02, m.funding_reason_ds02_do],
  TM01: [m.funding_reason_tm01, m.funding_reason_tm01_do],
  AM05: [m.funding_reason_am05, m.funding_reason_am05_do],
  '05': [m.funding_reason_05, m.funding_reason_05_do],
  '14': [m.funding_reason_14, m.funding_reason_14_do, 'card'],
  '51': [m.funding_reason_51, m.funding_reason_51_do, 'sum'],
  '54': [m.funding_reason_54, m.funding_reason_54_do, 'card'],
  '61': [m.funding_reason_61, m.funding_reason_61_do, 'sum'],
  '62': [m.funding_reason_62, m.funding_reason_62_do],
  '68': [m.funding_reason_68, m.funding_reason_68_do],
  '91': [m.funding_reason_91, m.funding_reason_91_do],
  '96': [m.funding_reason_96, m.funding_reason_96_do],
};

/** Why a bank did not carry out a withdrawal. */
const REJECTS: Readonly<Record<string, Said>> = {
  AC04: [m.withdrawal_reason_ac04, m.withdrawal_reason_ac04_do],
  AC06: [m.withdrawal_reason_ac06, m.withdrawal_reason_ac06_do],
  AM04: [m.withdrawal_reason_am04, m.withdrawal_reason_am04_do],
};

/** Why a card was not bound. */
const REFUSALS: Readonly<Record<string, () => string>> = {
  cancelled: m.card_refused_cancelled,
  expired: m.card_refused_expired,
  refused: m.card_refused_refused,
  'unknown-bank': m.card_refused_unknown_bank,
  taken: m.card_refused_taken,
};

/** A channel by its name. */
export function channelName(channel: string): string {
  return (inTable(CHANNELS, channel) ?? m.funding_bank_transfer)();
}

/** Why a top-up was declined, and what to do about it. */
export function reasonWords(reason: string): ReasonWords {
  return said(DECLINES, reason) ?? { why: m.funding_reason_other({ reason }), remedy: m.funding_reason_other_do() };
}

/** Why a withdrawal came back, and what to do about it. */
export function rejectWords(reason: string): ReasonWords {
  return (
    said(REJECTS, reason) ?? { why: m.withdrawal_reason_other({ reason }), remedy: m.withdrawal_reason_other_do() }
  );
}

/** Why a card was not bound. */
export function bindingWords(reason: string | undefined): string {
  return (inTable(REFUSALS, reason ?? '') ?? m.card_refused_other)();
}

/** A bank by its short name. */
export function bankName(bank: string): string {
  return BANKS[bank]?.[getLocale()] ?? bank;
}

/** A card as people call it: the bank and the last four digits. */
export function cardName({ bank, last4 }: Pick<CardMark, 'bank' | 'last4'>): string {
  return `${bankName(bank)} ··${last4}`;
}

/** Debit or credit. */
export function cardKind(kind: Card['kind']): string {
  return kind === 'credit' ? m.card_credit() : m.card_debit();
}

/** When money of this way usually arrives. */
export function arrivalText(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  if (minutes <= 1) return m.funding_arrival_minute();
  return minutes < 90
    ? m.funding_arrival_minutes({ minutes })
    : m.funding_arrival_hours({ hours: Math.round(minutes / 60) });
}

/** What a table of ours says to a word that came from outside. */
function inTable<Value>(table: Readonly<Record<string, Value>>, word: string): Value | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

function said(words: Readonly<Record<string, Said>>, reason: string): ReasonWords | undefined {
  const found = inTable(words, reason);
  if (!found) return undefined;
  const [why, remedy, change] = found;
  return { why: why(), remedy: remedy(), ...(change ? { change } : {}) };
}
