/**
 * The notes of payments nobody asked for: what they were for, and which request they answer.
 * Invariant: a note is believed only where a payment of the same payer names it; until then it is the uploader's talk.
 */
import type { Sql } from '#server/platform/database.ts';
import { sha256 } from '#server/platform/digest.ts';
import type { Owner, TransferParts } from '#server/transfer/parts.ts';
import * as store from '#server/transfer/store.ts';
import type { UploadedNote } from '#shared/api/transfer.ts';
import { fromBase64url, sameBytes, toBase64url } from '#shared/base/bytes.ts';
import { instant } from '#shared/base/time.ts';
import { readNote } from '#shared/protocol/note.ts';

/** Keeps uploaded notes, any number of times; what is none is left out. A request that one answers knows its payment. */
export async function takeNotes(parts: TransferParts, owner: Owner, notes: readonly UploadedNote[]): Promise<void> {
  for (const one of notes) {
    const bytes = fromBase64url(one.note);
    const payment = fromBase64url(one.payment);
    const read = bytes && readNote(bytes);
    if (bytes === undefined || payment?.length !== 32 || !read?.ok) continue;
    const { id, payee, amount, currency, memo, time } = read.value;
    const now = parts.clock();
    const row: store.NoteRow = {
      ...{ region: owner.region, payment, payer: owner.wallet, id, payee, amount, currency },
      reference: sha256(bytes).subarray(0, 16),
      memo: memo ?? null,
      // The clock of a phone may run ahead; nothing is sent in the future.
      codeAt: one.toCode ? instant(Math.min(time, now)) : null,
    };
    await parts.database.transaction(async (tx) => {
      if (await store.insertNote(tx, row, now)) await nameInAsk(parts, tx, row);
    });
  }
}

async function nameInAsk(parts: TransferParts, tx: Sql, note: store.NoteRow): Promise<void> {
  const ask = await store.lockAsk(tx, note.id);
  if (ask?.asked !== note.payer || ask.state === 'paid') return;
  if (ask.amount !== note.amount || ask.currency !== note.currency) return;
  const payee = (await parts.allowances.payees(tx, [note.payee])).get(note.payee);
  if (payee?.wallet !== ask.asker) return;
  await store.updateAsk(tx, { ...ask, payment: note.payment, changedAt: parts.clock() });
}

/** The notes of these payments by base64url of their ids, where the payer wrote one and the payment names it. */
export async function notesOf(
  parts: Pick<TransferParts, 'payments'>,
  tx: Sql,
  payments: readonly Uint8Array[],
): Promise<Map<string, store.NoteRow>> {
  const notes = payments.length === 0 ? [] : await store.readNotes(tx, payments);
  const names = [...new Set(notes.map((note) => toBase64url(note.payment)))];
  const stories = names.length === 0 ? new Map() : await parts.payments.stories(tx, names);
  const believed = new Map<string, store.NoteRow>();
  for (const note of notes) {
    const name = toBase64url(note.payment);
    const story = stories.get(name);
    if (story?.payer === note.payer && sameBytes(note.reference, story.invoice)) believed.set(name, note);
  }
  return believed;
}
