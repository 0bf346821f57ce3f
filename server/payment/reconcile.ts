/**
 * From uploaded bytes to answers: read once, verify together, settle together. Whatever waits goes as one batch, and
 * while one batch is being written the next one is verified.
 */
import { hash } from 'node:crypto';
import { newestEpochs } from '#server/payment/guarantee.ts';
import type { PaymentParts } from '#server/payment/parts.ts';
import { answerOf, refusedAnswer, settle, type Upload, uploadOf } from '#server/payment/settle.ts';
import { walkTogether } from '#server/payment/signatures.ts';
import { namedByNext } from '#server/payment/signed-for.ts';
import * as store from '#server/payment/store.ts';
import { gather } from '#server/platform/batch.ts';
import { findByKey } from '#server/platform/database.ts';
import { sha256 } from '#server/platform/digest.ts';
import type { Recent } from '#server/platform/recent.ts';
import type { PaymentAnswer } from '#shared/api/sync.ts';
import { assert } from '#shared/base/assert.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { readPayment } from '#shared/protocol/payment.ts';
import type { Checked } from '#shared/protocol/refusal.ts';
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
    { most: BATCH_MOST, sizeOf: (list) => list.length, atOnce: 3 },
  );
  const checked = gather<Brought, (PaymentAnswer | Upload)[]>(
    async (lists) =>
      partsOf(
        await check(parts, known, lists),
        lists.map((one) => one.payments),
      ),
    // Checks write nothing, so the next ones are read and looked up while the threads verify these.
    { most: BATCH_MOST, sizeOf: ({ payments }) => payments.length, atOnce: 2 },
  );
  return async (uploader, payments) => {
    const weighed = await checked({ uploader, payments });
    const open = weighed.filter(isUpload);
    const given = open.length === 0 ? [] : await settled(open);
    let at = 0;
    return weighed.map((one) => {
      const answer = isUpload(one) ? given[at++] : one;
      assert(answer !== undefined, 'every payment is answered');
      return answer;
    });
  };
}

/** What one person brings: read only when its turn comes, for what is read is ten times as large. */
interface Brought {
  readonly uploader: Id;
  readonly payments: readonly Uint8Array[];
}

function isUpload(one: PaymentAnswer | Upload): one is Upload {
  return 'payment' in one;
}

/** The answers to lists that went together, each list's own. */
function partsOf<Answer>(answers: readonly Answer[], lists: readonly (readonly unknown[])[]): Answer[][] {
  let at = 0;
  return lists.map((list) => {
    at += list.length;
    return answers.slice(at - list.length, at);
  });
}

/** What is to be settled of what was brought, and the answer to all that is known already or does not count; in order. */
async function check(
  parts: PaymentParts,
  known: Map<string, Verified<Allowance>>,
  lists: readonly Brought[],
): Promise<(PaymentAnswer | Upload)[]> {
  const items = lists.flatMap(({ uploader, payments }) => payments.map((bytes) => readUpload(uploader, bytes)));
  const uploads = items.filter(isUpload);
  await learnAllowances(parts, known, uploads);
  const repeats = await repeatsOf(parts, known, uploads);
  const open = uploads.filter(({ name }) => !repeats.has(name));
  const { refused, signedFor } = await verdictsOf(parts, known, open);
  return items.map((one) => {
    if (!isUpload(one)) return one;
    const row = repeats.get(one.name);
    if (row !== undefined) return answerOf(one.name, row);
    const signer = signedFor.get(one);
    return refused.get(one) ?? (signer === undefined ? one : { ...one, signedFor: signer.name });
  });
}

/** Payments in the book on the allowances of `uploads`, by base64url of their ids: looked for by the few, not by the many. */
async function repeatsOf(
  parts: PaymentParts,
  known: ReadonlyMap<string, Verified<Allowance>>,
  uploads: readonly Upload[],
): Promise<Map<string, store.KnownPayment>> {
  const allowances = new Map<string, store.AllowanceName>();
  for (const { allowanceName } of uploads) {
    const allowance = known.get(allowanceName);
    if (allowance !== undefined) allowances.set(allowanceName, allowance.message);
  }
  if (allowances.size === 0) return new Map();
  const rows = await parts.database.transaction(async (tx) => {
    await findByKey(tx);
    return store.knownOfAllowances(tx, [...allowances.values()]);
  });
  return new Map(rows.map((row) => [toBase64url(row.id), row]));
}

/** What came as a payment of `uploader`, or the refusal of what cannot be read: it has no payment id, so the hash of what came names it. */
function readUpload(uploader: Id, bytes: Uint8Array): PaymentAnswer | Upload {
  const read = readPayment(bytes, sha256);
  return read.ok ? uploadOf(read.value, uploader) : refusedAnswer(hash('sha256', bytes, 'base64url'), read.error.code);
}

/** What was verified: the answers to those that do not count by what their own bytes say, and who signs for whom. */
interface Verdicts {
  readonly refused: ReadonlyMap<Upload, PaymentAnswer>;
  readonly signedFor: ReadonlyMap<Upload, Upload>;
}

async function verdictsOf(
  parts: PaymentParts,
  known: ReadonlyMap<string, Verified<Allowance>>,
  uploads: readonly Upload[],
): Promise<Verdicts> {
  const { message: keySet } = await parts.regions.keySet();
  const context = { role: 'server', keySet, now: parts.clock(), floor: 0 as Instant, held: [] } as const;
  const walk = ({ payment, allowanceName }: Upload, signedFor: boolean) => {
    const allowance = known.get(allowanceName);
    const input = allowance === undefined ? { payment } : { payment, known: allowance };
    return paymentChecks(input, { ...context, signedFor });
  };
  const refused = new Map<Upload, PaymentAnswer>();
  const judge = (upload: Upload, result: Checked<unknown> | undefined) => {
    assert(result !== undefined, 'every walk ends');
    if (!result.ok) refused.set(upload, refusedAnswer(upload.name, result.error.code));
  };
  const askEach = async (some: readonly Upload[]) => {
    const walks = some.map((one) => walk(one, false));
    const results = await walkTogether(walks, parts.signatures);
    some.forEach((one, at) => {
      judge(one, results[at]);
    });
  };

  const named = namedByNext(uploads);
  await askEach(uploads.filter((one) => !named.has(one)));
  const signedFor = new Map<Upload, Upload>();
  const alone = new Set<Upload>();
  for (const one of uploads.toReversed()) {
    const next = named.get(one);
    if (next === undefined) continue;
    // What does not count is not in the book afterwards, and can sign for nothing there.
    const step = refused.has(next) || alone.has(next) ? undefined : walk(one, true).next();
    if (step?.done) {
      judge(one, step.value);
      signedFor.set(one, next);
    } else alone.add(one);
  }
  await askEach([...alone]);
  return { refused, signedFor };
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
