/** What channels, the providers' reasons (ISO 20022, of a card ISO 8583) and an arrival time say to a person. */
import { m } from '#web/paraglide/messages.js';

/** A channel by its name. */
export function channelName(channel: string): string {
  switch (channel) {
    case 'third-party':
      return m.funding_third_party();
    case 'counter':
      return m.funding_counter();
    case 'credit-card':
      return m.funding_credit_card();
    default:
      return m.funding_bank_transfer();
  }
}

/** Why the bank declined, and what to do about it. */
export function reasonWords(reason: string): { readonly why: string; readonly remedy: string } {
  switch (reason) {
    case 'AM04':
      return { why: m.funding_reason_am04(), remedy: m.funding_reason_am04_do() };
    case 'AC04':
      return { why: m.funding_reason_ac04(), remedy: m.funding_reason_ac04_do() };
    case 'AC06':
      return { why: m.funding_reason_ac06(), remedy: m.funding_reason_ac06_do() };
    case 'DS02':
      return { why: m.funding_reason_ds02(), remedy: m.funding_reason_ds02_do() };
    case 'TM01':
      return { why: m.funding_reason_tm01(), remedy: m.funding_reason_tm01_do() };
    case 'AM05':
      return { why: m.funding_reason_am05(), remedy: m.funding_reason_am05_do() };
    default:
      return { why: m.funding_reason_other({ reason }), remedy: m.funding_reason_other_do() };
  }
}

/** When money of this channel usually arrives. */
export function arrivalText(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return minutes <= 1 ? m.funding_arrival_minute() : m.funding_arrival_minutes({ minutes });
}
