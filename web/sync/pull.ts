/**
 * Takes in what a sync brought down. Nothing signed is kept before its signature is verified against the pinned root.
 * Invariant: the outbox lets go of a payment only when the server has answered for that very payment.
 */
import type { Refusal } from '#shared/api/refusal.ts';
import type { RegionStatus, SyncAnswer } from '#shared/api/sync.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Instant, toSeconds } from '#shared/base/time.ts';
import type { Epoch } from '#shared/protocol/epoch.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import type { Signed } from '#shared/protocol/message.ts';
import type { Checked } from '#shared/protocol/refusal.ts';
import { type Checks, verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { isRevoked, unpackStatus } from '#shared/protocol/status.ts';
import {
  allowanceChecks,
  certificateChecks,
  epochChecks,
  finalityChecks,
  keySetChecks,
  knownAllowance,
  statusListOf,
} from '#shared/protocol/trust.ts';
import { hintsAtCase } from '#web/sync/cases.ts';
import { keepAllowance, markAllowance } from '#web/vault/allowances.ts';
import { keepBills } from '#web/vault/bills.ts';
import { leave } from '#web/vault/outbox.ts';
import { applyPaymentAnswer, keepFinality } from '#web/vault/payments.ts';
import type { AllowanceRow, ListRow, OutboxRow } from '#web/vault/rows.ts';
import { dropSetting, keepSetting, readSetting } from '#web/vault/settings.ts';
import { believedTime, raiseTimeFloor } from '#web/vault/time-floor.ts';
import { type HeldStatus, heldLists, keepList, statusName } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Verifies and keeps everything in `answer`; `sent` are the outbox rows the request carried. */
export async function takeAnswer(
  vault: Vault,
  answer: SyncAnswer,
  sent: readonly OutboxRow[],
  now: Instant,
): Promise<Result<undefined, Refusal>> {
  const keySet = await takeKeySet(vault, answer, now);
  if (!keySet.ok) return keySet;
  const refused = await readSetting(vault, 'allowanceRefused');
  for (const take of [takeEpoch, takeCertificate, takeAllowance]) {
    const taken = await take(vault, answer, keySet.value.message, now);
    if (!taken.ok) return taken;
  }
  for (const one of answer.answers) {
    await applyPaymentAnswer(vault, one, now);
    await takeFinality(vault, one.id, one.finality, keySet.value.message, now);
  }
  for (const serial of answer.closed) await markAllowance(vault, serial, 'closed');
  await letGo(vault, sent);
  await vault.transaction('rw', vault.balances, async () => {
    await vault.balances.clear();
    await vault.balances.bulkPut(answer.balances);
  });
  if (hintsAtCase(answer, refused)) await keepSetting(vault, 'caseHint', now);
  await keepBills(vault, answer.bills, answer.cursor, answer.more);
  if (answer.payeeTerms) await keepSetting(vault, 'payeeTerms', answer.payeeTerms);
  if (answer.transfers) await keepSetting(vault, 'transferNews', answer.transfers);
  if (answer.alarms !== undefined) await keepSetting(vault, 'alarms', answer.alarms);
  await keepSetting(vault, 'syncedAt', now);
  return ok(undefined);
}

/** Tries after which a closing nobody answered for is given up: the money comes back when the claim window is over. */
const CLOSING_TRIES = 20;

/** States of an allowance whose closing the house has not answered for. */
const OPEN_ENDED: ReadonlySet<AllowanceRow['state'] | undefined> = new Set(['closing', 'revoked']);

/** Receipts and proofs are taken whenever a sync succeeds; a closing goes again until its allowance is closed. */
async function letGo(vault: Vault, sent: readonly OutboxRow[]): Promise<void> {
  const closings = sent.filter((row) => row.kind === 'closing');
  const allowances = await vault.allowances.bulkGet(closings.map((row) => row.id));
  const done = closings.filter((row, at) => !OPEN_ENDED.has(allowances[at]?.state) || row.tries >= CLOSING_TRIES);
  const taken = sent.filter(({ kind }) => kind === 'receipt' || kind === 'fork' || kind === 'note');
  await leave(vault, [...done, ...taken]);
}

/** Runs one check over bytes in text form. */
async function checked<Value>(
  text: string,
  checks: (bytes: Uint8Array) => Checks<Checked<Value>>,
): Promise<Result<Value, Refusal>> {
  const bytes = fromBase64url(text);
  return bytes ? await verifyAsync(checks(bytes), webVerifier()) : refuse({ code: 'message.malformed' });
}

async function takeKeySet(vault: Vault, answer: SyncAnswer, now: Instant): Promise<Result<Signed<KeySet>, Refusal>> {
  const { keySet: held } = await heldLists(vault);
  if (answer.keySet === undefined) return held ? ok(held) : refuse({ code: 'wallet.none' });
  const root = fromBase64url((await readSetting(vault, 'networkRoot')) ?? '');
  if (root?.length !== 33) return refuse({ code: 'wallet.none' });
  const time = await believedTime(vault, now);
  const context = { now: time.now, floor: time.floor, ...(held ? { held: held.message } : {}) };
  const taken = await checked(answer.keySet, (bytes) => keySetChecks(bytes, root, context));
  if (!taken.ok) return taken;
  const { bytes, message } = taken.value;
  await keepList(vault, { name: 'keySet', bytes, version: message.epoch, keptAt: now });
  return taken;
}

async function takeEpoch(
  vault: Vault,
  answer: SyncAnswer,
  keySet: KeySet,
  now: Instant,
): Promise<Result<undefined, Refusal>> {
  const { epoch: held, statuses } = await heldLists(vault);
  const taken = await checked(answer.epoch, (bytes) => epochChecks(bytes, keySet, held?.message));
  if (!taken.ok) return taken;
  const epoch = taken.value.message;
  const brought: ListRow[] = [];
  for (const one of answer.status ?? []) {
    const row = await statusRow(one, keySet, statuses.get(one.region), now);
    if (!row.ok) return row;
    brought.push(row.value);
  }
  await vault.transaction('rw', vault.lists, async () => {
    await confirmStatuses(vault, statuses, epoch);
    await vault.lists.bulkPut(brought);
    await keepList(vault, { name: 'epoch', bytes: taken.value.bytes, version: epoch.number, keptAt: now });
  });
  await raiseTimeFloor(vault, epoch.time);
  await stopRevoked(vault);
  return ok(undefined);
}

/** What this phone's own region has revoked would be refused by every payee: it is no longer offered for spending. */
async function stopRevoked(vault: Vault): Promise<void> {
  const { statuses } = await heldLists(vault);
  for (const row of await vault.allowances.where('state').equals('live').toArray()) {
    const held = statuses.get(row.region);
    const known = knownAllowance(row.bytes);
    if (held && known.ok && isRevoked(held.list, known.value.message.statusIndex)) {
      await vault.allowances.update(row.id, { state: 'revoked' });
    }
  }
}

/** One region's list, verified by that region's own card: signed by its issuer, not older than the one held, naming these bits. */
async function statusRow(
  status: RegionStatus,
  keySet: KeySet,
  held: HeldStatus | undefined,
  now: Instant,
): Promise<Result<ListRow, Refusal>> {
  const { region } = status;
  const older = held && { region, number: held.list.epoch };
  const card = await checked(status.card, (bytes) => epochChecks(bytes, keySet, older));
  if (!card.ok) return card;
  const { message } = card.value;
  const packed = fromBase64url(status.list);
  if (!packed) return refuse({ code: 'status.malformed' });
  const bits = await unpackStatus(packed);
  if (!bits.ok) return bits;
  if (message.region !== region) return refuse({ code: 'epoch.list-differs' });
  const list = statusListOf(message, bits.value);
  if (!list.ok) return list;
  const { number, time } = message;
  return ok({ name: statusName(region), bytes: list.value.bits, version: number, keptAt: now, asOf: time });
}

/**
 * What did not come anew is still the newest, by the server's word at the time of its card. Only the list of the card's
 * own region can be held against it: one it does not name is asked for again, and until then keeps its age.
 */
async function confirmStatuses(vault: Vault, held: ReadonlyMap<string, HeldStatus>, epoch: Epoch): Promise<void> {
  for (const [region, { list, asOf }] of held) {
    const outdated = region === epoch.region && !statusListOf(epoch, list.bits).ok;
    const change = outdated ? { version: 0 } : { asOf: Math.max(asOf, epoch.time) };
    await vault.lists.update(statusName(region), change);
  }
}

async function takeCertificate(
  vault: Vault,
  answer: SyncAnswer,
  keySet: KeySet,
  now: Instant,
): Promise<Result<undefined, Refusal>> {
  if (answer.certificate === undefined) return ok(undefined);
  const time = await believedTime(vault, now);
  const trust = { keySet, now: time.now, floor: time.floor };
  const taken = await checked(answer.certificate, (bytes) => certificateChecks(bytes, trust));
  if (!taken.ok) return taken;
  const { bytes, message } = taken.value;
  await keepList(vault, { name: 'certificate', bytes, version: toSeconds(message.expires), keptAt: now });
  return ok(undefined);
}

async function takeAllowance(
  vault: Vault,
  answer: SyncAnswer,
  keySet: KeySet,
  now: Instant,
): Promise<Result<undefined, Refusal>> {
  if (answer.allowanceRefused === undefined) await dropSetting(vault, 'allowanceRefused');
  else await keepSetting(vault, 'allowanceRefused', answer.allowanceRefused);
  if (answer.allowance === undefined) return ok(undefined);
  const taken = await checked(answer.allowance, (bytes) => allowanceChecks(bytes, keySet));
  if (!taken.ok) return taken;
  await keepAllowance(vault, taken.value, now);
  return ok(undefined);
}

/** The house's word that a payment is settled: the payer may show it to a payee who has no signal, both on a receipt. */
async function takeFinality(vault: Vault, id: string, text: string | undefined, keySet: KeySet, now: Instant) {
  if (text === undefined) return;
  const taken = await checked(text, (bytes) => finalityChecks(bytes, keySet));
  if (taken.ok) await keepFinality(vault, id, taken.value.bytes, now);
}
