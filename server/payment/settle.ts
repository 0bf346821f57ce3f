/**
 * Settles verified payments inside one transaction: who pays, what it proves, what is posted, what is remembered.
 * Invariant: each payment id is decided once for ever, under the lock of its allowance; within the bounds of the guarantee
 * every payee that is owed is credited in full whatever the order, and only who funds it depends on the order.
 */
import type { CertifiedPayee, HeldAllowance } from '#server/allowance/allowance.ts';
import { writeDown } from '#server/logbook/logbook.ts';
import { openJudge } from '#server/payment/guarantee.ts';
import type { PaymentParts } from '#server/payment/parts.ts';
import { claimUnit, rememberedAccounts } from '#server/payment/posting.ts';
import * as store from '#server/payment/store.ts';
import { verifiedVoids } from '#server/payment/void.ts';
import { findByKey, type Sql } from '#server/platform/database.ts';
import { heldOpenUntil } from '#server/region/region.ts';
import type { RefusalCode } from '#shared/api/refusal.ts';
import type { PaymentAnswer } from '#shared/api/sync.ts';
import { assert } from '#shared/base/assert.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { type Instant, instant } from '#shared/base/time.ts';
import { contradictionIn, forkIn, type HeldPayment, heldOf, signsFor } from '#shared/protocol/chain.ts';
import { writeFork } from '#shared/protocol/fork.ts';
import { askSignature } from '#shared/protocol/message.ts';
import { readPayment, type SignedPayment } from '#shared/protocol/payment.ts';
import { hasGuarantee } from '#shared/rules/guarantee.ts';

/** A payment whose own bytes were verified, and who brought it. */
export interface Upload {
  readonly payment: SignedPayment;
  readonly uploader: Id;
  /** The payment's id and the reference of its allowance, as base64url. */
  readonly name: string;
  readonly allowanceName: string;
  /** The payment beside it, named likewise, whose signature was taken for its own; see signed-for.ts. */
  readonly signedFor?: string;
}

/** A payment as it is handed on. */
export function uploadOf(payment: SignedPayment, uploader: Id): Upload {
  return { payment, uploader, name: toBase64url(payment.id), allowanceName: toBase64url(payment.message.allowance) };
}

/** What became of a batch: an answer to each upload, and the rows that were written, by base64url of their ids. */
export interface Settled {
  readonly answers: PaymentAnswer[];
  readonly written: ReadonlyMap<string, store.PaymentRow>;
}

/** What the house says of a payment it knows, named by base64url of its id. */
export function answerOf(name: string, known: Pick<store.PaymentRow, 'state' | 'code'>): PaymentAnswer {
  if (known.state === 'settled' || known.state === 'arriving') return { id: name, outcome: known.state };
  if (known.state === 'disputed') return { id: name, outcome: 'disputed', ...(known.code ? { code: known.code } : {}) };
  return { id: name, outcome: 'refused', code: 'payment.voided' };
}

/** A refusal of something that is no payment to us, named likewise. */
export function refusedAnswer(name: string, code: RefusalCode): PaymentAnswer {
  return { id: name, outcome: 'refused', code };
}

interface Chain {
  readonly allowance: HeldAllowance;
  remaining: number;
  readonly held: HeldPayment[];
  readonly known: Map<string, Pick<store.PaymentRow, 'state' | 'code'>>;
}

interface Draft {
  readonly name: string;
  readonly own: HeldPayment;
  readonly row: store.PaymentRow;
  readonly chain: Chain;
  readonly payment: SignedPayment;
  readonly against: { readonly kind: 'fork' | 'overspent'; readonly other: HeldPayment } | undefined;
}

/**
 * Settles `uploads` in their order and answers each; the same payment twice gets the same answer.
 * `newest`: number of each region's newest epoch card.
 */
export async function settle(
  parts: PaymentParts,
  tx: Sql,
  uploads: readonly Upload[],
  newest: ReadonlyMap<string, number>,
): Promise<Settled> {
  const now = parts.clock();
  // A connection answers in the order it is asked: what needs no answer of before is asked at once.
  const [, chains, payees] = await Promise.all([
    findByKey(tx),
    lockChains(parts, tx, uploads),
    parts.allowances.payees(tx, [...new Set(uploads.map((one) => one.payment.message.payee))]),
  ]);
  const voids = await verifiedVoids(
    tx,
    uploads.map((one) => one.payment),
    payees,
  );
  const judge = openJudge(parts, tx, now, newest);
  const unsigned = await unsignedOf(parts, uploads, chains, payees);

  const drafts: Draft[] = [];
  const refused = new Map<string, PaymentAnswer>();
  for (const upload of uploads) {
    const { payment, name } = upload;
    const chain = chains.get(upload.allowanceName);
    if (chain?.known.has(name) || refused.has(name)) continue;
    const payee = payees.get(payment.message.payee);
    if (chain === undefined || payee === undefined) {
      refused.set(name, refusedAnswer(name, chain ? 'payment.payee-unknown' : 'allowance.unknown'));
      continue;
    }
    if (unsigned.has(name)) {
      refused.set(name, refusedAnswer(name, 'payment.signature'));
      continue;
    }
    const decided = decide({ parts, upload, chain, payee, voided: voids.has(name), now, judge });
    const draft = decided instanceof Promise ? await decided : decided;
    chain.held.push(draft.own);
    chain.known.set(name, draft.row);
    drafts.push(draft);
  }
  const proving = drafts.filter(isToProve);
  await parts.allowances.holdIssuing(
    tx,
    proving.filter(isToStop).map(({ chain }) => chain.allowance),
  );
  const rows = await write(parts, tx, drafts, now);
  const disputed = rows.filter((row) => row.state === 'disputed');
  if (disputed.length > 0) await parts.disputed(tx, disputed);
  const written = new Map<string, store.PaymentRow>();
  drafts.forEach((draft, at) => {
    const row = rows[at];
    assert(row !== undefined, 'one draft, one row');
    draft.chain.known.set(draft.name, row);
    written.set(draft.name, row);
  });
  for (const draft of proving) await prove(parts, tx, draft, drafts, now);
  const answers = uploads.map(({ name, allowanceName }) => {
    const known = chains.get(allowanceName)?.known.get(name);
    const answer = known === undefined ? refused.get(name) : answerOf(name, known);
    assert(answer !== undefined, 'every upload is decided');
    return answer;
  });
  return { answers, written };
}

async function lockChains(parts: PaymentParts, tx: Sql, uploads: readonly Upload[]): Promise<Map<string, Chain>> {
  const references = new Map(uploads.map(({ payment, allowanceName }) => [allowanceName, payment.message.allowance]));
  const locked = await parts.allowances.lockMany(tx, [...references.values()]);
  const chains = new Map<string, Chain>();
  const byId = new Map<Id, Chain>();
  for (const [name, allowance] of locked) {
    const chain = { allowance, remaining: allowance.remaining, held: [], known: new Map() };
    chains.set(name, chain);
    byId.set(allowance.id, chain);
  }
  for (const row of await store.chainsOf(tx, [...locked.values()])) {
    const chain = byId.get(row.allowance);
    chain?.held.push(heldRow(row));
    chain?.known.set(toBase64url(row.id), row);
  }
  return chains;
}

/** Those, by their names, that nobody signed after all: what was to sign for them is refused here, or goes another way. */
async function unsignedOf(
  parts: PaymentParts,
  uploads: readonly Upload[],
  chains: ReadonlyMap<string, Chain>,
  payees: ReadonlyMap<Id, CertifiedPayee>,
): Promise<Set<string>> {
  const [standing, unsigned] = [new Set<string>(), new Set<string>()];
  for (const { payment, name, allowanceName, signedFor } of uploads.toReversed()) {
    const chain = chains.get(allowanceName);
    if (chain === undefined || !payees.has(payment.message.payee)) continue;
    const isSigned =
      signedFor === undefined || standing.has(signedFor) || (await isSignedItself(parts, chain, payment));
    (isSigned ? standing : unsigned).add(name);
  }
  return unsigned;
}

async function isSignedItself(parts: PaymentParts, { allowance }: Chain, payment: SignedPayment): Promise<boolean> {
  const [good = false] = await parts.signatures.ask([askSignature(payment, allowance.signed.message.deviceKey)]);
  return good;
}

/** A payment row as the checks of a chain want it. */
export function heldRow(row: store.ChainPayment): HeldPayment {
  const { id, number, amount, total, payee_id: payee, previous } = row;
  return { id, number, amount, total, payee, previous };
}

interface Question {
  readonly parts: PaymentParts;
  readonly upload: Upload;
  readonly chain: Chain;
  readonly payee: CertifiedPayee;
  readonly voided: boolean;
  readonly now: Instant;
  readonly judge: ReturnType<typeof openJudge>;
}

/** Most payments are decided at once; only a shortfall asks the guarantee. */
function decide(question: Question): Draft | Promise<Draft> {
  const { upload, chain, voided } = question;
  const { payment, name } = upload;
  const own = heldOf(payment);
  const fork = forkIn(chain.held, own);
  const other = fork ?? contradictionIn(chain.held, own);
  const against = other && { kind: fork ? ('fork' as const) : ('overspent' as const), other };
  const draft = (fate: Fate): Draft => ({ name, own, row: rowOf(question, fate), chain, payment, against });
  if (voided) return draft({ state: 'voided' });
  const fate = fateOf(question);
  return fate instanceof Promise ? fate.then(draft) : draft(fate);
}

/** What becomes of a payment and who pays it; what is not said is nothing. */
type Fate = Pick<store.PaymentRow, 'state'> &
  Partial<Pick<store.PaymentRow, 'held' | 'guaranteed' | 'late' | 'code' | 'matures_at'>>;

function rowOf({ upload, chain, payee, now }: Question, fate: Fate): store.PaymentRow {
  const { payment, uploader } = upload;
  const { allowance } = chain;
  const core = payment.message;
  return {
    region: allowance.region,
    id: payment.id,
    allowance: allowance.id,
    number: core.number,
    amount: core.amount,
    total: core.total,
    currency: allowance.currency,
    previous: core.previous,
    invoice: core.invoice,
    payer: allowance.wallet,
    payee_id: core.payee,
    payee: payee.wallet,
    payee_region: payee.region,
    signed_at: core.time,
    uploaded_at: now,
    uploaded_by: uploader,
    state: fate.state,
    held: fate.held ?? 0,
    guaranteed: fate.guaranteed ?? 0,
    late: fate.late ?? 0,
    code: fate.code ?? null,
    matures_at: fate.matures_at ?? null,
    bytes: payment.bytes,
  };
}

/** Who pays: the hold as far as it goes, then the guarantee; after the release the payer's own balance. */
function fateOf(question: Question): Fate | Promise<Fate> {
  const { upload, chain, payee } = question;
  const { allowance } = chain;
  const { amount } = upload.payment.message;
  if (allowance.state === 'released') {
    if (allowance.wallet === payee.wallet) return { state: 'disputed', code: 'guarantee.linked' };
    return { state: 'settled', late: amount };
  }
  if (amount > chain.remaining) return guaranteed(question);
  chain.remaining -= amount;
  return { state: 'settled', held: amount };
}

/** What the hold lacks, the guarantee pays, when it does. */
async function guaranteed({ parts, upload, chain, payee, judge, now }: Question): Promise<Fate> {
  const { allowance } = chain;
  const core = upload.payment.message;
  const held = Math.min(core.amount, chain.remaining);
  const shortfall = core.amount - held;
  const fault = await judge({
    region: allowance.region,
    currency: allowance.currency,
    amount: shortfall,
    payer: allowance.wallet,
    allowance: { id: allowance.id, total: allowance.total, isLocked: allowance.payee !== undefined },
    payee: payee.wallet,
    payeeRegion: payee.region,
    epoch: core.epoch,
    signedAt: core.time,
    claimUntil: claimEnd(parts, allowance, payee, now),
    linked: allowance.wallet === payee.wallet || allowance.device === payee.payee,
    graded: payee.guarantee !== 'none',
    answerable: hasGuarantee(allowance.signed.message),
  });
  if (fault !== undefined) return { state: 'disputed', code: fault };
  chain.remaining -= held;
  return { state: 'arriving', held, guaranteed: shortfall, matures_at: allowance.claimUntil };
}

/** A claim that a closed border held up is not late while that border holds it open. */
function claimEnd(parts: PaymentParts, allowance: HeldAllowance, payee: CertifiedPayee, now: Instant): Instant {
  if (allowance.region === payee.region) return allowance.claimUntil;
  return instant(Math.max(allowance.claimUntil, heldOpenUntil(parts.regions.list(), now)));
}

/**
 * Writes and posts what was decided; a late claim that the payer's balance does not cover becomes a dispute. All is asked at
 * once: the loop makes the postings ready while the database writes the rows.
 */
async function write(
  parts: PaymentParts,
  tx: Sql,
  drafts: readonly Draft[],
  now: Instant,
): Promise<store.PaymentRow[]> {
  const decided = drafts.map(({ row }) => row);
  const paid = drafts.filter(({ row }) => row.held + row.guaranteed + row.late > 0);
  const accounts = rememberedAccounts();
  const [, , posted] = await Promise.all([
    store.insertPayments(tx, decided),
    parts.allowances.claim(tx, claimsOf(paid)),
    parts.ledger.postWithin(
      tx,
      paid.map(({ row, name }) => claimUnit(row, now, { name, accounts })),
    ),
  ]);
  const uncovered = new Set<store.PaymentRow>();
  paid.forEach(({ row }, at) => {
    const answer = posted[at];
    assert(answer !== undefined, 'one unit, one answer');
    if (answer.ok) return;
    const late = row.late > 0 && answer.error.code === 'ledger.insufficient';
    assert(late, `a payment the hold covers is posted: ${answer.error.code}`);
    uncovered.add(row);
  });
  if (uncovered.size === 0) return decided;
  await store.disputeLate(
    tx,
    [...uncovered].map(({ id }) => id),
  );
  return decided.map((row) =>
    uncovered.has(row) ? { ...row, state: 'disputed', late: 0, code: store.UNCOVERED } : row,
  );
}

function claimsOf(drafts: readonly Draft[]): { region: string; id: Id; amount: number }[] {
  const claims = new Map<Chain, number>();
  for (const { chain, row } of drafts) claims.set(chain, (claims.get(chain) ?? 0) + row.held);
  return [...claims].map(([{ allowance }, amount]) => ({ region: allowance.region, id: allowance.id, amount }));
}

/** Whether a payment contradicts another of its allowance, or promised more than was there. */
function isToProve(draft: Draft): boolean {
  const { row, against } = draft;
  return (
    against !== undefined || row.guaranteed > 0 || (isToStop(draft) && (row.code?.startsWith('guarantee.') ?? false))
  );
}

/** Whether what is proved of a payment stops its allowance and the device: one that is over stops nobody. */
function isToStop({ chain }: Draft): boolean {
  return chain.allowance.state !== 'released';
}

/** Keeps what a payment proves against its payer, and stops the allowance and the device. */
async function prove(
  parts: PaymentParts,
  tx: Sql,
  draft: Draft,
  drafts: readonly Draft[],
  now: Instant,
): Promise<void> {
  const { chain, row, payment, against } = draft;
  const kind = against?.kind ?? 'overspent';
  const { region, id: allowance } = chain.allowance;
  if (isToStop(draft)) await parts.allowances.stop(tx, { region, id: allowance }, kind, now);
  const id = newId(now, parts.random(10));
  if (await store.openCase(tx, { region, id, allowance, payer: row.payer, kind, opened_at: now })) {
    const about = { kind, allowance, payment: toBase64url(row.id) };
    await writeDown(tx, [{ region, at: now, act: 'case-opened', who: 'house', about }]);
  }
  if (against === undefined) return;
  const other = await paymentOf(tx, against.other.id, drafts);
  const later: SignedPayment[] = [];
  for (const one of [payment, other]) later.push(...(await signersOf(parts, tx, chain, one, drafts)));
  const [left, right] = toBase64url(row.id) < toBase64url(other.id) ? [payment, other] : [other, payment];
  await store.insertProof(tx, {
    region,
    allowance,
    payment: left.id,
    other: right.id,
    kind,
    found_at: now,
    bytes: writeFork(chain.allowance.signed.bytes, payment, other, later),
  });
}

/** The payments up to the one whose signature stands for `payment`; none when it is signed itself. */
async function signersOf(
  parts: PaymentParts,
  tx: Sql,
  chain: Chain,
  payment: SignedPayment,
  drafts: readonly Draft[],
): Promise<SignedPayment[]> {
  const later: SignedPayment[] = [];
  for (let one = payment; !(await isSignedItself(parts, chain, one)); ) {
    const own = heldOf(one);
    const next = chain.held.find((held) => signsFor(held, own));
    if (next === undefined) break;
    one = await paymentOf(tx, next.id, drafts);
    later.push(one);
  }
  return later;
}

async function paymentOf(tx: Sql, id: Uint8Array, drafts: readonly Draft[]): Promise<SignedPayment> {
  const name = toBase64url(id);
  const here = drafts.find((one) => toBase64url(one.row.id) === name);
  if (here !== undefined) return here.payment;
  const [row] = await store.readPayments(tx, [id]);
  const read = row && readPayment(row.bytes);
  assert(read?.ok === true, 'a payment of the book can be read');
  return read.value;
}
