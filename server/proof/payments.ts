/**
 * Proves payments: each row against the bytes its payer signed, the signature, who it is between, and what was posted for
 * it; and each posting of a payment against the payments there are.
 */
import { claimUnit, matureUnit, nodeVerifier, transferId } from '#server/payment/payment.ts';
import type { Sql } from '#server/platform/database.ts';
import { sha256 } from '#server/platform/digest.ts';
import { type Find, PAGE, pages } from '#server/proof/finding.ts';
import { type FindPosted, type Posted, readPosted } from '#server/proof/posted.ts';
import * as store from '#server/proof/store.ts';
import { fromBase64url, sameBytes, toBase64url } from '#shared/base/bytes.ts';
import { SIGNS_FOR_STEPS } from '#shared/base/limits.ts';
import { instant } from '#shared/base/time.ts';
import { askSignature } from '#shared/protocol/message.ts';
import { readPayment, type SignedPayment } from '#shared/protocol/payment.ts';
import { verifySync } from '#shared/protocol/signature.ts';
import { wordChecks } from '#shared/protocol/witness.ts';

type Act = Parameters<typeof transferId>[1];
type Side = Parameters<typeof transferId>[2];

const ACTS: readonly (readonly [Act, Side])[] = [
  ['claim', 'payer'],
  ['claim', 'payee'],
  ['mature', 'payee'],
  ['reverse', 'payer'],
  ['reverse', 'payee'],
];

/** When a posting was made is no part of what it says. */
const ANY_TIME = instant(0);

/** Reads all payments and all postings of payments; answers how many payments there are. */
export async function provePayments(tx: Sql, find: Find): Promise<number> {
  const verify = nodeVerifier();
  let count = 0;
  const read = (last?: store.AuditPayment) => store.paymentPage(tx, last?.id ?? null, PAGE);
  for await (const page of pages(read)) {
    count += page.length;
    const rows = page.map((row) => ({ row, places: placesOf(row) }));
    const posted = await readPosted(
      tx,
      rows.flatMap(({ places }) => places),
    );
    const unsigned: store.AuditPayment[] = [];
    for (const { row, places } of rows) {
      if (!proveSigned(row, verify, find)) unsigned.push(row);
      provePosted(row, places, posted, find);
      if ((row.state === 'voided' || row.state === 'reversed') && !row.given_up) {
        find('payment-void', row.region, nameOf(row), row.amount, `is ${row.state}, and its payee never gave it up`);
      }
      if (row.guaranteed > 0 && !row.in_case) {
        find('case', row.region, nameOf(row), row.guaranteed, 'was paid by the guarantee, and there is no case');
      }
    }
    await proveSignedFor(tx, unsigned, verify, find);
  }
  for (const { region } of await store.journals(tx)) await proveClaims(tx, region, find);
  await proveSums(tx, find);
  return count;
}

function nameOf({ id }: Pick<store.AuditPayment, 'id'>): string {
  return `payment ${toBase64url(id)}`;
}

/** Where a posting of a payment stands, when there is one. */
interface Place {
  readonly act: Act;
  readonly side: Side;
  readonly region: string;
  readonly id: string;
}

function placesOf(row: store.AuditPayment): Place[] {
  return ACTS.map(([act, side]) => ({
    ...{ act, side },
    region: side === 'payer' ? row.region : row.payee_region,
    id: transferId(row.id, act, side),
  }));
}

/** Answers whether the key of its allowance signed it. */
function proveSigned(row: store.AuditPayment, verify: ReturnType<typeof nodeVerifier>, find: Find): boolean {
  const { region } = row;
  const read = readPayment(row.bytes, sha256);
  const differs = read.ok ? differences(row, read.value) : ['the bytes cannot be read'];
  if (differs.length > 0) {
    const off = read.ok ? row.amount - read.value.message.amount : 0;
    find('payment-message', region, nameOf(row), off, `differs from what was signed: ${differs.join(', ')}`);
  }
  const wrong = partyFault(row);
  if (wrong) find('payment-parties', region, nameOf(row), 0, wrong);
  return !read.ok || row.device_key === null || verify(askSignature(read.value, row.device_key));
}

/** What is not signed itself stands when a later payment of the book, which names it, signs for it. */
async function proveSignedFor(
  tx: Sql,
  rows: readonly store.AuditPayment[],
  verify: ReturnType<typeof nodeVerifier>,
  find: Find,
): Promise<void> {
  for (const row of rows) {
    const read = readPayment(row.bytes, sha256);
    const behind = await store.paymentsBehind(tx, row, SIGNS_FOR_STEPS);
    const later = behind.map(({ bytes }) => readPayment(bytes, sha256)).flatMap((one) => (one.ok ? [one.value] : []));
    if (read.ok && row.device_key && verifySync(wordChecks(read.value, later, row.device_key), verify)) continue;
    find('payment-signature', row.region, nameOf(row), row.amount, 'is not signed by the key of its allowance');
  }
}

function differences(row: store.AuditPayment, { id, message }: SignedPayment): string[] {
  const same: Readonly<Record<string, boolean>> = {
    id: sameBytes(id, row.id),
    allowance: row.reference === null || sameBytes(message.allowance, row.reference),
    number: message.number === row.number,
    amount: message.amount === row.amount,
    total: message.total === row.total,
    payee: message.payee === row.payee_id,
    previous: sameBytes(message.previous, row.previous),
    invoice: sameBytes(message.invoice, row.invoice),
    time: message.time === row.signed_at,
  };
  return Object.keys(same).filter((field) => !same[field]);
}

function partyFault(row: store.AuditPayment): string | undefined {
  if (row.wallet === null) return `names the allowance ${row.allowance}, which does not exist`;
  if (row.wallet !== row.payer) return `is paid by ${row.payer}, its allowance is ${row.wallet}'s`;
  if (row.allowance_currency !== row.currency)
    return `is in ${row.currency}, its allowance in ${row.allowance_currency}`;
  if (row.certified === null) return `its payee is not certified in ${row.payee_region}`;
  return row.certified === row.payee ? undefined : `is paid to ${row.payee}, its payee is ${row.certified}`;
}

function provePosted(row: store.AuditPayment, places: readonly Place[], posted: FindPosted, find: Find): void {
  const isPosted = row.held + row.guaranteed + row.late > 0;
  const matured = places.some(({ act, region, id }) => act === 'mature' && posted(region, id) !== undefined);
  const expected = new Map<string, string>();
  const units = isPosted ? claimUnit(row, ANY_TIME) : [];
  const mayMature = row.guaranteed > 0 && (row.state === 'settled' || (row.state === 'reversed' && matured));
  for (const { region, id, kind, moves } of [...units, ...(mayMature ? matureUnit(row, ANY_TIME) : [])]) {
    const told = moves.map(({ debit, credit, amount }) => moveText(debit.id, credit.id, amount.minor, amount.currency));
    expected.set(`${region} ${id}`, [kind, ...told.sort()].join(' '));
  }
  for (const { act, side, region, id } of places) {
    const found = posted(region, id);
    const wrong =
      act === 'reverse' ? reverseFault(row, side, found) : postingFault(expected.get(`${region} ${id}`), found);
    if (wrong) find('payment-posting', row.region, nameOf(row), row.amount, `${act} at the ${side}: ${wrong}`);
  }
}

function postingFault(expected: string | undefined, found: Posted | undefined): string | undefined {
  if (found === undefined) return expected === undefined ? undefined : 'is not posted';
  if (expected === undefined) return 'is posted, which its state does not say';
  const told = found.moves.map((one) => moveText(one.debit ?? '', one.credit ?? '', one.amount, one.currency));
  const text = [found.kind, ...told.sort()].join(' ');
  return text === expected ? undefined : `is posted as ${text}, and should be ${expected}`;
}

function moveText(debit: string, credit: string, minor: number, currency: string): string {
  return `${debit}>${credit}:${minor} ${currency}`;
}

/** How a payment is given back depends on what was owed that day: what counts is that the payee gave all of it. */
function reverseFault(row: store.AuditPayment, side: Side, found: Posted | undefined): string | undefined {
  const isHome = row.region === row.payee_region;
  // Who pays himself takes nothing back; at home one transfer, kept at the payer, says both sides.
  const movesNothing = row.payer === row.payee && row.guaranteed === 0;
  const isDue = row.state === 'reversed' && !movesNothing && (side === 'payer' || !isHome);
  if (!isDue) return found === undefined ? undefined : 'is posted, which its state does not say';
  if (found === undefined) return 'is not posted';
  if (side === 'payer' && !isHome) return undefined;
  const given = found.moves.filter(({ debit_owner: owner }) => owner === row.payee);
  const sum = given.reduce((all, { amount }) => all + amount, 0);
  const amount = row.held + row.guaranteed + row.late;
  return sum === amount ? undefined : `gives back ${sum} of ${amount}`;
}

async function proveClaims(tx: Sql, region: string, find: Find): Promise<void> {
  const read = (last?: store.AuditClaim) => store.claimPage(tx, region, last?.cursor ?? 0, PAGE);
  for await (const page of pages(read)) {
    const named = page.map((one) => ({ ...one, of: fromBase64url(one.payment ?? '') }));
    const known = await store.present(
      tx,
      named.flatMap(({ of }) => of ?? []),
    );
    const there = new Set(known.map(({ id }) => toBase64url(id)));
    for (const { id, cursor, kind, payment, of } of named) {
      const row = `transfer ${id} at ${cursor}`;
      if (of === undefined || !there.has(payment ?? '')) {
        find('posting-orphaned', region, row, 0, `is a ${kind} of the payment ${payment}, which does not exist`);
      } else if (!ACTS.some(([act, side]) => transferId(of, act, side) === id)) {
        find('posting-orphaned', region, row, 0, `is a second ${kind} of the payment ${payment}`);
      }
    }
  }
}

async function proveSums(tx: Sql, find: Find): Promise<void> {
  for (const { region, currency, says, sum } of await store.wrongFunds(tx)) {
    find('fund', region, `fund in ${currency}`, says - sum, `says ${says} is owed, all receivables come to ${sum}`);
  }
  for await (const page of pages((last?: store.AuditPlace) => store.placePage(tx, last ?? null, PAGE))) {
    for (const { region, payment, place, settled } of page) {
      const says = `is ${toBase64url(payment)}, which is not settled to this region`;
      if (!settled) find('claim-place', region, `claim ${place}`, 0, says);
    }
  }
  for (const { region, places, says } of await store.wrongTrees(tx)) {
    find('claim-place', region, 'claims', places - says, `${places} places, the newest root says ${says}`);
  }
  for (const { region, allowance } of await store.looseProofs(tx)) {
    find('case', region, `proof against ${allowance}`, 0, 'lacks its case or one of its payments');
  }
}
