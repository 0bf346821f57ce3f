/**
 * Sending to somebody who has not asked: found by number or nickname, paid before, or on a code. It ends in the same
 * offer as a scanned invoice, so it is confirmed, signed and carried like any other payment.
 * Invariant: a name is shown only from a certificate that was verified here, and before any sum.
 */
import type { Refusal } from '#shared/api/refusal.ts';
import type { Address } from '#shared/api/transfer.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { CLOCK_SKEW, NOTE_LIFETIME } from '#shared/base/limits.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, duration, type Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { type Certificate, certificateMessage } from '#shared/protocol/certificate.ts';
import { writeFrame } from '#shared/protocol/frame.ts';
import { matchCode } from '#shared/protocol/invoice.ts';
import { noteAsInvoice, readNote, writeNote } from '#shared/protocol/note.ts';
import { isFit } from '#shared/protocol/schema.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { certificateChecks, type Verified } from '#shared/protocol/trust.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';
import type { Offer } from '#web/pay/payer.ts';
import { recentContacts } from '#web/vault/contacts.ts';
import type { PaymentRow } from '#web/vault/rows.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';
import { readTrust } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

interface Here {
  readonly vault: Vault;
  readonly clock: Clock;
}

/** Somebody money can be sent to, verified. `how` they were come by decides what they may be sent. */
export interface Addressee {
  readonly certificate: Verified<Certificate>;
  readonly how: 'found' | 'code';
}

/** What is to be sent; `ask` is the id of the request it answers. */
export interface Gift {
  readonly amount: number;
  readonly currency: Currency;
  readonly memo?: string;
  readonly ask?: Id;
}

const DAY = duration(1, 'd');

/** Verifies where money shall go. Refusals: those of certificates and of `readTrust`, `transfer.self`. */
export async function readAddressee(
  needs: Here,
  bytes: Uint8Array,
  how: Addressee['how'],
): Promise<Result<Addressee, Refusal>> {
  const held = await readTrust(needs.vault, needs.clock());
  if (!held.ok) return held;
  const checked = await verifyAsync(certificateChecks(bytes, held.value.trust), webVerifier());
  if (!checked.ok) return checked;
  const own = held.value.lists.certificate?.message.payee;
  return checked.value.message.payee === own
    ? refuse({ code: 'transfer.self' })
    : ok({ certificate: checked.value, how });
}

/** Asks the house for whoever has exactly this number or nickname. Refusals: `transfer.nobody` and others of finding. */
export async function findAddressee(needs: IdentityNeeds, who: string): Promise<Result<Addressee, Refusal>> {
  const body = { who: who.trim() };
  const found = await withPasskey(needs, () => needs.ask<Address>({ method: 'POST', path: '/transfers/find', body }));
  const bytes = found.ok ? fromBase64url(found.value.certificate) : undefined;
  if (!found.ok) return found;
  return bytes ? await readAddressee(needs, bytes, 'found') : refuse({ code: 'message.malformed' });
}

/** The address in the fragment of a link. Refusal: `code.none`. */
export async function addresseeOfLink(needs: Here, fragment: string): Promise<Result<Addressee, Refusal>> {
  const bytes = fromBase64url(fragment.replace(/^#/, ''));
  return bytes && bytes.length > 0 ? await readAddressee(needs, bytes, 'code') : refuse({ code: 'code.none' });
}

/** Somebody paid before who can be paid again now, with no network. */
export interface Recent {
  readonly payee: string;
  readonly name: string;
  readonly region: string;
}

const RECENT_MOST = 8;

/** Whom this phone has paid and can pay again, the newest first. */
export async function recents(vault: Vault, now: Instant): Promise<Recent[]> {
  const rows = await recentContacts(vault, RECENT_MOST);
  return rows.flatMap((row) => {
    const read = row.certificate && certificateMessage.read(row.certificate);
    if (!read?.ok || read.value.message.expires + CLOCK_SKEW < now) return [];
    return [{ payee: row.id, name: row.name, region: row.region }];
  });
}

/** The address of somebody paid before. Refusals: `code.none`, those of certificates. */
export async function addresseeOfRecent(needs: Here, payee: string): Promise<Result<Addressee, Refusal>> {
  const row = await needs.vault.contacts.get(payee);
  return row?.certificate ? await readAddressee(needs, row.certificate, 'found') : refuse({ code: 'code.none' });
}

/** Writes the note and makes the offer that is confirmed and paid. Refusals: `invoice.memo`, `transfer.code-day`, those of `readTrust`. */
export async function offerGift(needs: Here, to: Addressee, gift: Gift): Promise<Result<Offer, Refusal>> {
  if (gift.memo !== undefined && !isFit(gift.memo)) return refuse({ code: 'invoice.memo' });
  const { vault, clock } = needs;
  const held = await readTrust(vault, clock());
  if (!held.ok) return held;
  const left = await codeDayLeft(vault, clock());
  if (to.how === 'code' && gift.amount > left) {
    return refuse({ code: 'transfer.code-day', detail: { left, currency: gift.currency } });
  }
  const { now, keySet } = held.value.trust;
  const before = gift.ask === undefined ? undefined : await giftForAsk(vault, gift.ask);
  const isFresh = before !== undefined && (before.state !== 'reserved' || before.reservedAt + NOTE_LIFETIME > now);
  const bytes = isFresh
    ? before.invoiceBytes
    : writeNote({
        payee: to.certificate.message.payee,
        id: gift.ask ?? newId(now),
        amount: gift.amount,
        currency: gift.currency,
        ...(gift.memo ? { memo: gift.memo } : {}),
        time: now,
      });
  const note = noteAsInvoice(bytes);
  if (!note.ok) return note;
  const { certificate, how } = to;
  return ok({ certificate, invoice: note.value, match: matchCode(note.value.id), keySet, unasked: how });
}

/** The payment by which this phone answers the request `ask`, if it has: so a request is paid once from it, however often. */
async function giftForAsk(vault: Vault, ask: Id): Promise<PaymentRow | undefined> {
  return await vault.payments
    .filter((row) => {
      if (row.unasked === undefined || row.state === 'refused') return false;
      const note = readNote(row.invoiceBytes);
      return note.ok && note.value.id === ask;
    })
    .last();
}

/**
 * What codes on paper and links may still be sent today, in minor units: a swapped code costs no more. What other phones
 * of the wallet have sent is known as of the last sync; before the first one the region has allowed nothing yet.
 */
export async function codeDayLeft(vault: Vault, now: Instant): Promise<number> {
  const news = await readSetting(vault, 'transferNews');
  if (news === undefined) return 0;
  const { codeDay, codeFrom = 0, codeSpent = 0 } = news;
  const from = codeFrom + Math.floor((now - codeFrom) / DAY) * DAY;
  const own = await vault.payments
    .filter((row) => row.unasked === 'code' && row.reservedAt >= from && row.state !== 'refused')
    .toArray();
  const kept = await vault.outbox.where('kind').equals('note').toArray();
  const waiting = new Set(kept.map(({ id }) => id));
  const untold = own.filter(({ id, state }) => state === 'reserved' || waiting.has(id));
  const told = from === codeFrom ? codeSpent : 0;
  return Math.max(0, codeDay - Math.max(sumOf(own), told + sumOf(untold)));
}

function sumOf(rows: readonly PaymentRow[]): number {
  return rows.reduce((sum, { amount }) => sum + amount, 0);
}

/** One's own address as the texts of a code and as a link to share; asks the house when none is held. */
export async function ownAddress(
  needs: IdentityNeeds,
  origin: string,
): Promise<Result<{ readonly texts: string[]; readonly link: string; readonly certificate: Certificate }, Refusal>> {
  const held = await readSetting(needs.vault, 'ownAddress');
  const kept = held === undefined ? undefined : certificateMessage.read(fromBase64url(held) ?? new Uint8Array());
  const ask = () => needs.ask<Address>({ method: 'GET', path: '/transfers/address' });
  const asked = kept?.ok ? await ask() : await withPasskey(needs, ask);
  const bytes = asked.ok ? fromBase64url(asked.value.certificate) : kept?.ok ? kept.value.bytes : undefined;
  if (bytes === undefined) return asked.ok ? refuse({ code: 'message.malformed' }) : asked;
  const read = certificateMessage.read(bytes);
  if (!read.ok) return read;
  if (asked.ok) await keepSetting(needs.vault, 'ownAddress', asked.value.certificate);
  const texts = writeFrame({ kind: 'address', certificate: bytes });
  return ok({ texts, link: `${origin}/transfer#${toBase64url(bytes)}`, certificate: read.value.message });
}
