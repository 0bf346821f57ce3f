/**
 * Payments: what people signed for each other with no network, settled once for ever whoever brings it in.
 * Invariant: a payment id is posted at most once; everything credited to payees came out of a hold, the guarantee or
 * the payer's own balance in the same transaction.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { HeldAllowance } from '#server/allowance/allowance.ts';
import type { Identity } from '#server/identity/identity.ts';
import { openSealing, type SettledProof, settledProof } from '#server/payment/claims.ts';
import { openFinality } from '#server/payment/finality.ts';
import { listCases, readCase } from '#server/payment/fork.ts';
import { matureDue, noteEpochs, openRecovery, seedGuarantee } from '#server/payment/guarantee.ts';
import type { DisputeHook, PaymentParts } from '#server/payment/parts.ts';
import { openReconcile } from '#server/payment/reconcile.ts';
import { heldRow } from '#server/payment/settle.ts';
import { openSignatures } from '#server/payment/signatures.ts';
import * as store from '#server/payment/store.ts';
import { takeReceipt } from '#server/payment/void.ts';
import { gather } from '#server/platform/batch.ts';
import type { Sql } from '#server/platform/database.ts';
import { openRecent, type Recent } from '#server/platform/recent.ts';
import type { CaseFile, CaseSummary, PaymentView, ReceiptState } from '#shared/api/payment.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { PaymentAnswer } from '#shared/api/sync.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { HeldPayment } from '#shared/protocol/chain.ts';
import { readFork } from '#shared/protocol/fork.ts';

export type { DisputeHook, PaymentParts } from '#server/payment/parts.ts';
export { claimUnit, matureUnit, transferId } from '#server/payment/posting.ts';
export { fundOwed, type PaymentRow, type PaymentStory } from '#server/payment/store.ts';
export { nodeVerifier } from '#server/payment/verifier.ts';

/** What this capability remembers. */
export const paymentSchema = {
  name: 'payment',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** The front door. */
export interface Payments {
  /**
   * Settles uploaded payments (bytes as signed) and answers each, in order. Repeats, in whatever order and by whomever,
   * answer the same and change nothing. What is no payment is answered with the hash of its bytes as id.
   */
  readonly reconcile: (uploader: Id, payments: readonly Uint8Array[]) => Promise<PaymentAnswer[]>;
  /** Keeps what payees say; a void gives the payment back. Answers each: undefined when taken, else why not. */
  readonly takeReceipts: (from: Id, receipts: readonly Uint8Array[]) => Promise<(Refusal | undefined)[]>;
  /** Settles both payments of each fork proof; the proof itself is then found again here. Answers each like a receipt. */
  readonly takeForks: (from: Id, forks: readonly Uint8Array[]) => Promise<(Refusal | undefined)[]>;
  /** All payments of each allowance, for whoever closes them. */
  readonly heldPayments: (
    tx: Sql,
    allowances: readonly Pick<HeldAllowance, 'region' | 'id'>[],
  ) => Promise<Map<Id, HeldPayment[]>>;
  /** What windows tell of these payments, given and found by base64url of their ids; unknown ones are absent. */
  readonly stories: (tx: Sql, names: readonly string[]) => Promise<ReadonlyMap<string, store.PaymentStory>>;
  /** The issuer's signed word that a settled payment is final; the same bytes every time. Undefined when it is not. */
  readonly finality: (id: Uint8Array) => Promise<Uint8Array | undefined>;
  /** A payment as `wallet` may see it. Refusal: request.not-found. */
  readonly view: (
    wallet: Id,
    id: Uint8Array,
    options: { readonly finality: boolean },
  ) => Promise<Result<PaymentView, Refusal>>;
  /** Whether a payment still stands, for anybody who has its id from a receipt. Refusal: request.not-found. */
  readonly receiptState: (id: Uint8Array) => Promise<Result<ReceiptState, Refusal>>;
  /** The cases that concern `wallet`. */
  readonly cases: (wallet: Id) => Promise<CaseSummary[]>;
  /** One case as `wallet` may read it. Refusal: request.not-found. */
  readonly caseFile: (wallet: Id, id: Id) => Promise<Result<CaseFile, Refusal>>;
  /** Lets new credits of wallets pay their debts to the guarantee fund first. */
  readonly recoverDebts: () => Promise<void>;
  /** Makes spendable what the claim window kept, and notes epochs; periodic work. Answers how many payments ripened. */
  readonly ripen: () => Promise<number>;
  /** Takes what was settled since into the trees whose roots the next epoch cards name; periodic work. */
  readonly sealClaims: () => Promise<void>;
  /** Registers who is told, in the same transaction, of payments for which nothing is posted. */
  readonly onDisputed: (hook: DisputeHook) => void;
  /** What is not settled yet, the cases opened, and what the guarantee fund is owed: for whoever watches the house. */
  readonly standing: () => Promise<Standing>;
  /** Starts the threads that verify signatures now instead of when they are first needed. */
  readonly startThreads: () => void;
  /** Ends the verifying threads. */
  readonly close: () => Promise<void>;
}

/** How payments stand, by region; sums in minor units. */
export interface Standing {
  readonly waiting: readonly store.WaitingRow[];
  readonly cases: readonly { readonly region: string; readonly kind: string; readonly count: number }[];
  readonly owed: readonly { readonly region: string; readonly currency: string; readonly owed: number }[];
}

/** What {@link openPayments} is given; the rest has defaults that tests and the simulation replace. */
export type PaymentDeps = Omit<PaymentParts, 'signatures' | 'random' | 'disputed'> &
  Partial<Pick<PaymentParts, 'signatures' | 'random'>> & { readonly identity: Pick<Identity, 'people'> };

/**
 * Payments remembered for windows that tell of them at once, at about 1 kB each: all that settles while a window tells of
 * the batch before. What is not remembered is read again, an eighth of what a payment costs on the embedded database.
 */
const STORIES_LEAST = 3_000;

/** Opens payments on a migrated database. */
export async function openPayments(deps: PaymentDeps): Promise<Payments> {
  const hooks: DisputeHook[] = [];
  const parts: PaymentParts = {
    ...deps,
    signatures: deps.signatures ?? openSignatures(),
    random: deps.random ?? ((length) => randomBytes(length)),
    disputed: async (tx, rows) => {
      for (const hook of hooks) await hook(tx, rows);
    },
  };
  await seedGuarantee(parts);
  const told = openRecent<store.PaymentStory>(STORIES_LEAST);
  const reconcile = openReconcile(parts, told);
  parts.regions.nameClaims(async (tx, region) => (await store.newestTree(tx, region))?.root);
  const seal = openSealing(parts);
  const sealTogether = gather<void, void>((callers) => seal().then(() => callers), { most: 100_000 });
  const recover = openRecovery(parts);
  const recoverTogether = gather<void, void>((callers) => recover().then(() => callers), { most: 100_000 });
  const finality = openFinality(parts);
  const names = async (wallets: readonly Id[]) =>
    new Map([...(await deps.identity.people(wallets))].map(([id, person]) => [id, person.verifiedName]));
  return {
    reconcile,
    takeReceipts: (from, receipts) => inTurn(receipts, (bytes) => takeReceipt(parts, from, bytes)),
    takeForks: (from, forks) =>
      inTurn(forks, async (bytes) => {
        const read = readFork(bytes);
        if (!read.ok) return read;
        await reconcile(from, [read.value.left.bytes, read.value.right.bytes]);
        return ok(null);
      }),
    async heldPayments(tx, allowances) {
      const chains = Map.groupBy(await store.chainsOf(tx, allowances), ({ allowance }) => allowance);
      return new Map([...chains].map(([id, rows]) => [id, rows.map(heldRow)]));
    },
    stories: (tx, wanted) => readStories(tx, told, wanted),
    finality,
    view: (wallet, id, options) => viewPayment(parts, { names, finality }, wallet, id, options.finality),
    receiptState: async (id) => {
      const [row] = await store.knownPayments(parts.database, [id]);
      if (row === undefined) return refuse({ code: 'request.not-found' });
      return ok({ state: row.state === 'voided' ? 'reversed' : row.state });
    },
    cases: (wallet) => listCases(parts, wallet),
    async caseFile(wallet, id) {
      const file = await readCase(parts, wallet, id, names);
      return file === undefined ? refuse({ code: 'request.not-found' }) : ok(file);
    },
    recoverDebts: () => recoverTogether(),
    async ripen() {
      await noteEpochs(parts);
      return matureDue(parts);
    },
    sealClaims: () => sealTogether(),
    onDisputed: (hook) => {
      hooks.push(hook);
    },
    async standing() {
      const waiting = await store.readWaiting(deps.database);
      const cases = await store.countCases(deps.database);
      return { waiting, cases, owed: await store.readOwed(deps.database) };
    },
    startThreads: () => parts.signatures.start(),
    close: () => parts.signatures.close(),
  };
}

async function readStories(
  tx: Sql,
  told: Recent<store.PaymentStory>,
  names: readonly string[],
): Promise<Map<string, store.PaymentStory>> {
  const stories = new Map<string, store.PaymentStory>();
  const missing: Uint8Array[] = [];
  for (const name of names) {
    const story = told.find(name);
    if (story !== undefined) stories.set(name, story);
    else missing.push(fromBase64url(name) ?? new Uint8Array());
  }
  if (missing.length === 0) return stories;
  for (const row of await store.readStories(tx, missing)) stories.set(toBase64url(row.id), row);
  return stories;
}

async function inTurn(
  all: readonly Uint8Array[],
  take: (bytes: Uint8Array) => Promise<Result<unknown, Refusal>>,
): Promise<(Refusal | undefined)[]> {
  const answers: (Refusal | undefined)[] = [];
  for (const bytes of all) {
    const taken = await take(bytes);
    answers.push(taken.ok ? undefined : taken.error);
  }
  return answers;
}

/** What is told of a payment beside its row. */
interface Told {
  readonly names: (wallets: readonly Id[]) => Promise<ReadonlyMap<Id, string>>;
  readonly finality: Payments['finality'];
}

async function viewPayment(
  parts: PaymentParts,
  { names, finality: finalityOf }: Told,
  wallet: Id,
  id: Uint8Array,
  wantsFinality: boolean,
): Promise<Result<PaymentView, Refusal>> {
  const [row] = await store.readPayments(parts.database, [id]);
  if (row === undefined || (row.payer !== wallet && row.payee !== wallet)) return refuse({ code: 'request.not-found' });
  const role = row.payer === wallet ? 'payer' : 'payee';
  const [peer, region] = role === 'payer' ? [row.payee, row.payee_region] : [row.payer, row.region];
  const finality = wantsFinality ? await finalityOf(id) : undefined;
  const proof = finality && (await settledProof(parts, row.payee_region, id));
  const receipts = await store.receiptsOf(parts.database, [id]);
  const taken = receipts.find(({ checked, status }) => checked && status === 'accepted');
  return ok({
    id: toBase64url(row.id),
    role,
    state: row.state,
    amount: row.amount,
    currency: row.currency,
    peer: { id: peer, name: (await names([peer])).get(peer) ?? '', region },
    guaranteed: row.guaranteed,
    ...(row.code === null ? {} : { code: row.code }),
    signedAt: row.signed_at,
    ...(taken === undefined ? {} : { handedAt: taken.said_at }),
    uploadedAt: row.uploaded_at,
    uploadedBy: row.uploaded_by === row.payer ? 'payer' : row.uploaded_by === row.payee ? 'payee' : 'another',
    ...(row.matures_at === null ? {} : { spendableAt: row.matures_at }),
    ...(finality === undefined ? {} : { finality: toBase64url(finality) }),
    ...(proof === undefined ? {} : { settled: writeProof(proof) }),
  });
}

function writeProof({ card, inclusion }: SettledProof): NonNullable<PaymentView['settled']> {
  const { place, count, path } = inclusion;
  return { card: toBase64url(card), place, count, path: path.map(toBase64url) };
}
