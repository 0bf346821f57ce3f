/**
 * From uploaded bytes to answers: read once, verify together, settle together. Whatever waits goes as one batch, and
 * while one batch is being written the next one is verified.
 */
import { hash } from 'node:crypto';
import { newestEpochs } from '#server/payment/guarantee.ts';
import type { PaymentParts } from '#server/payment/parts.ts';
import { answerOf, refusedAnswer, settle, type Upload, uploadOf } from '#server/payment/settle.ts';
import { walkTogether } from '#server/payment/signatures.ts';
import * as store from '#server/payment/store.ts';
import { gather } from '#server/platform/batch.ts';
import { sha256 } from '#server/platform/digest.ts';
import type { Recent } from '#server/platform/recent.ts';
import type { PaymentAnswer } from '#shared/api/sync.ts';
import { assert } from '#shared/base/assert.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { readPayment } from '#shared/protocol/payment.ts';
import type { Verified } from '#shared/protocol/trust.ts';
import { paymentChecks } from '#shared/protocol/verify.ts';

/** Payments in one transaction: 1,000 take about 0.1 s, in which the next 1,000 are verified. */
const BATCH_MOST = 1_000;

/** Allowances kept verified between uploads, at about 2 kB each. */
const ALLOWANCES_KEPT = 20_000;

/** The function that reconciles one person's uploads; calls of one moment share their batches. `told` hears of what was written. */
export function openReconcile(
  parts: PaymentParts,
  told: Recent<store.PaymentStory>,
): (uploader: Id, payments: readonly Uint8Array[]) => Promise<PaymentAnswer[]> {
  const known = new Map<string, Verified<Allowance>>();
  const settled = gather<readonly Upload[], PaymentAnswer[]>(
    async (lists) => {
      const newest = await newestEpochs(parts);
      const { answers, written } = await parts.database.transaction((tx) => settle(parts, tx, lists.flat(), newest));
      // Only now: before the commit nobody may be told.
      for (const [name, row] of written) told.keep(name, row);
      return partsOf(answers, lists);
    },
    { most: BATCH_MOST, sizeOf: (list) => list.length },
  );
  const checked = gather<readonly Upload[], (PaymentAnswer | undefined)[]>(
    async (lists) => partsOf(await check(parts, known, lists.flat()), lists),
    { most: BATCH_MOST, sizeOf: (list) => list.length },
  );
  return async (uploader, payments) => {
    const answers: (PaymentAnswer | undefined)[] = [];
    const readable: { readonly item: Upload; readonly at: number }[] = [];
    for (const [at, bytes] of payments.entries()) {
      const read = readPayment(bytes, sha256);
      if (read.ok) readable.push({ item: uploadOf(read.value, uploader), at });
      // What cannot be read has no payment id: it is named by the hash of what came.
      else answers[at] = refusedAnswer(hash('sha256', bytes, 'base64url'), read.error.code);
    }
    for (const answer of [checked, settled]) {
      const open = readable.filter(({ at }) => answers[at] === undefined);
      if (open.length === 0) break;
      const given = await answer(open.map((one) => one.item));
      for (const [place, { at }] of open.entries()) answers[at] = given[place];
    }
    return payments.map((_, at) => {
      const answer = answers[at];
      assert(answer !== undefined, 'every payment is answered');
      return answer;
    });
  };
}

/** The answers to lists that went together, each list's own. */
function partsOf<Answer>(answers: readonly Answer[], lists: readonly (readonly unknown[])[]): Answer[][] {
  let at = 0;
  return lists.map((list) => {
    at += list.length;
    return answers.slice(at - list.length, at);
  });
}

/** The answers of those that are known already or do not count; undefined for those that are to be settled. */
async function check(
  parts: PaymentParts,
  known: Map<string, Verified<Allowance>>,
  items: readonly Upload[],
): Promise<(PaymentAnswer | undefined)[]> {
  const ids = items.map((one) => one.payment.id);
  const repeats = new Map((await store.knownPayments(parts.database, ids)).map((row) => [toBase64url(row.id), row]));
  const answers = items.map(({ name }) => {
    const row = repeats.get(name);
    return row && answerOf(name, row);
  });
  await learnAllowances(
    parts,
    known,
    items.filter((_, at) => answers[at] === undefined),
  );
  const { message: keySet } = await parts.regions.keySet();
  const now = parts.clock();
  const open = items.flatMap(({ payment, allowanceName }, at) => {
    if (answers[at] !== undefined) return [];
    return [{ at, payment, allowance: known.get(allowanceName) }];
  });
  const walks = open.map(({ payment, allowance }) =>
    paymentChecks(
      { payment, ...(allowance ? { known: allowance } : {}) },
      { role: 'server', keySet, now, floor: 0 as Instant, held: [] },
    ),
  );
  const results = await walkTogether(walks, parts.signatures);
  for (const [place, { at, payment }] of open.entries()) {
    const result = results[place];
    assert(result !== undefined, 'every walk ends');
    if (!result.ok) answers[at] = refusedAnswer(toBase64url(payment.id), result.error.code);
  }
  return answers;
}

/** Brings the allowances these payments ride on into `known`; only what the house itself issued counts. */
async function learnAllowances(
  parts: PaymentParts,
  known: Map<string, Verified<Allowance>>,
  items: readonly Upload[],
): Promise<void> {
  const missing = new Map<string, Uint8Array>();
  for (const { payment, allowanceName: name } of items) {
    if (!known.has(name)) missing.set(name, payment.message.allowance);
  }
  if (missing.size === 0) return;
  if (known.size + missing.size > ALLOWANCES_KEPT) known.clear();
  const rows = await parts.allowances.readMany(parts.database, [...missing.values()]);
  for (const [name, row] of rows) known.set(name, row.signed);
}
