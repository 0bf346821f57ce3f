/** How an allowance ends: closed by its device, stopped by the house, released when nobody can claim from it any more. */
import { type HeldAllowance, type HeldPayments, heldOf, type StopReason } from '#server/allowance/held.ts';
import { lockHeld } from '#server/allowance/lock.ts';
import type { AllowanceParts } from '#server/allowance/parts.ts';
import { keyOfCose } from '#server/allowance/passkey.ts';
import * as store from '#server/allowance/store.ts';
import type { Device, RevokedPasskey } from '#server/identity/identity.ts';
import { available, holdOf, receivable } from '#server/ledger/chart.ts';
import type { Move, Transfer } from '#server/ledger/ledger.ts';
import type { Sql } from '#server/platform/database.ts';
import { heldOpenUntil, type Regions } from '#server/region/region.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { sameBytes, toBase64url } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import { money } from '#shared/money/money.ts';
import type { HeldPayment } from '#shared/protocol/chain.ts';
import { closingMessage } from '#shared/protocol/closing.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { closingChecks } from '#shared/protocol/witness.ts';

/** Allowances released in one transaction: small enough to stay out of everybody's way. */
const RELEASED_AT_ONCE = 100;

/** Reasons that say nothing against the phone itself. */
const INNOCENT: readonly StopReason[] = ['passkey-revoked', 'wallet-frozen', 'wallet-paused', 'limits-eased'];

const verifier = webVerifier();

/**
 * Closes by the devices' signed words, all in one transaction, and answers each in order. What a word says was paid stays on
 * hold until it is claimed or the window is over.
 */
export async function closeAllowances(
  parts: AllowanceParts,
  closings: readonly Uint8Array[],
  heldPayments: HeldPayments,
): Promise<Result<Id, Refusal>[]> {
  const words = closings.map((bytes) => ({ bytes, read: closingMessage.read(bytes) }));
  const references = words.flatMap(({ read }) => (read.ok ? [read.value.message.allowance] : []));
  if (references.length === 0) return words.map(({ read }) => (read.ok ? refuse({ code: 'allowance.unknown' }) : read));
  return parts.database.transaction(async (tx) => {
    // One that is closed by two words here stands here once.
    const locked = new Map((await lockHeld(tx, references)).map((one) => [toBase64url(one.reference), one]));
    const chains = await heldPayments(tx, [...locked.values()]);
    const ends = new Map<Id, Ending>();
    const answers: Result<Id, Refusal>[] = [];
    for (const { bytes, read } of words) {
      const held = read.ok ? locked.get(toBase64url(read.value.message.allowance)) : undefined;
      const ending = read.ok ? await endingBy(bytes, held, (held && chains.get(held.id)) ?? []) : read;
      answers.push(ending.ok ? ok(ending.value.held.id) : ending);
      if (ending.ok && isOpen(ending.value.held) && !ends.has(ending.value.held.id)) {
        ends.set(ending.value.held.id, ending.value);
      }
    }
    await end(parts, tx, 'close', [...ends.values()]);
    return answers;
  });
}

/** How its device's word `closing` ends `held`, or why that does not count. */
async function endingBy(
  closing: Uint8Array,
  held: HeldAllowance | undefined,
  payments: readonly HeldPayment[],
): Promise<Result<Ending, Refusal>> {
  if (held === undefined) return refuse({ code: 'allowance.unknown' });
  const checked = await verifyAsync(closingChecks(closing, held.signed, payments), verifier);
  if (!checked.ok) return checked;
  if (held.state === 'stopped' && !isInnocent(held)) return refuse({ code: 'allowance.stopped' });
  const { lastTotal } = checked.value.message;
  const returned = Math.max(0, held.total - held.returned - Math.max(lastTotal, held.claimed));
  return ok({ held, moves: returnMoves(held, returned), returned, closing });
}

/** Whether a word of its device still changes it. */
function isOpen({ state }: HeldAllowance): boolean {
  return state === 'live' || state === 'stopped';
}

/**
 * Until `tx` ends nothing is issued to these wallets, and what was being issued is there: whoever stops a phone stops all it
 * has, or it gets no more.
 */
export async function holdIssuing(tx: Sql, owners: readonly Pick<HeldAllowance, 'region' | 'wallet'>[]): Promise<void> {
  if (owners.length > 0) await store.lockSettings(tx, owners);
}

/** Stops one allowance and its device; its wallet's issuing is held. */
export async function stopAllowance(
  tx: Sql,
  regions: Regions,
  allowance: { readonly region: string; readonly id: Id },
  reason: StopReason,
  at: Instant,
): Promise<void> {
  const owner = await store.readOwner(tx, allowance.region, allowance.id);
  assert(owner !== undefined, `no allowance ${allowance.id} in ${allowance.region}`);
  const device = { region: allowance.region, id: owner.device, wallet: owner.wallet };
  await store.stopDevice(tx, device, reason, at);
  await revoke(
    tx,
    regions,
    device.region,
    await store.stopAllowances(tx, device.region, device.id, allowance.id, reason),
  );
}

/** Stops a device and its live allowances. */
export async function stopDeviceOf(
  tx: Sql,
  regions: Regions,
  device: Pick<Device, 'region' | 'id' | 'wallet'>,
  reason: StopReason,
  at: Instant,
): Promise<void> {
  await holdIssuing(tx, [device]);
  await store.stopDevice(tx, device, reason, at);
  await revoke(tx, regions, device.region, await store.stopAllowances(tx, device.region, device.id, null, reason));
}

/** What was stopped stands in the next status list. */
async function revoke(
  tx: Sql,
  regions: Regions,
  region: string,
  stopped: readonly Pick<store.AllowanceRow, 'status_index'>[],
): Promise<void> {
  await regions.revoke(
    tx,
    region,
    stopped.map((one) => one.status_index),
  );
}

/**
 * Stops the live allowances that name a revoked passkey: whoever holds it could sign large payments with them. The phone
 * itself is not in doubt, so it goes on with a new one, and its closing of the old one still counts.
 */
export async function stopAllowancesOfPasskey(tx: Sql, regions: Regions, passkey: RevokedPasskey): Promise<void> {
  const key = keyOfCose(passkey.publicKey);
  if (key === undefined) return;
  // An allowance being issued just now is seen, or names the next passkey.
  await holdIssuing(tx, [passkey]);
  const rows = await store.lockLive(tx, passkey.region, passkey.wallet);
  const named = rows.filter((row) => {
    const held = heldOf(row).signed.message.passkey;
    return held !== undefined && sameBytes(held.key, key);
  });
  await stopThese(tx, regions, passkey.region, named, 'passkey-revoked');
}

/**
 * Stops all live allowances of a wallet that is being frozen or paused, or whose limits fall for a day. Its phones are
 * not in doubt, perhaps only one is out of hand: they go on with new allowances, when the freeze or the pause ends or at
 * once under the lower limits, and their closings count meanwhile.
 */
export async function stopAllowancesOfWallet(
  tx: Sql,
  regions: Regions,
  { region, wallet }: { readonly region: string; readonly wallet: Id },
  reason: 'wallet-frozen' | 'wallet-paused' | 'limits-eased',
): Promise<void> {
  await holdIssuing(tx, [{ region, wallet }]);
  await stopThese(tx, regions, region, await store.lockLive(tx, region, wallet), reason);
}

/** Whether an allowance was stopped for what its phone did not do: its word still counts. */
function isInnocent({ stopReason }: HeldAllowance): boolean {
  return stopReason !== undefined && INNOCENT.includes(stopReason);
}

/** What is stopped here may still be closed by its phone. */
async function stopThese(
  tx: Sql,
  regions: Regions,
  region: string,
  rows: readonly store.AllowanceRow[],
  reason: StopReason,
): Promise<void> {
  if (rows.length === 0) return;
  await store.stopThese(
    tx,
    region,
    rows.map((row) => row.id),
    reason,
  );
  await revoke(tx, regions, region, rows);
}

/** Releases everything that is due, some at a time; answers how many there were. */
export async function releaseDue(parts: AllowanceParts): Promise<number> {
  let released = 0;
  const now = parts.clock();
  // What waits behind a closed border still has its claim: no hold goes back to a payer who may have spent it there.
  const regions = await parts.regions.all();
  if (heldOpenUntil(regions, now) > now) return 0;
  await store.forgetOutstanding(parts.database, now);
  for (const { region } of regions) {
    for (let last = RELEASED_AT_ONCE; last === RELEASED_AT_ONCE; released += last) {
      last = await parts.database.transaction((tx) => releaseSome(parts, tx, region));
    }
  }
  return released;
}

async function releaseSome(parts: AllowanceParts, tx: Sql, region: string): Promise<number> {
  const due = (await store.takeDue(tx, region, parts.clock(), RELEASED_AT_ONCE)).map(heldOf);
  const owed = new Map<string, number>();
  const ends: Ending[] = [];
  for (const held of due) {
    const debt = receivable(held.region, held.wallet, held.currency);
    const owes = owed.get(debt.id) ?? (await parts.ledger.balances(held.region, [debt], tx))[0] ?? 0;
    const paid = Math.min(owes, held.remaining);
    owed.set(debt.id, owes - paid);
    const hold = holdOf(held.region, held.id, held.currency, held.wallet);
    const repay = paid === 0 ? [] : [{ debit: hold, credit: debt, amount: money(paid, held.currency) }];
    const moves = [...repay, ...returnMoves(held, held.remaining - paid)];
    ends.push({ held, moves, returned: held.remaining, closing: null });
  }
  await end(parts, tx, 'release', ends);
  return due.length;
}

function returnMoves(held: HeldAllowance, amount: number): Move[] {
  if (amount === 0) return [];
  const hold = holdOf(held.region, held.id, held.currency, held.wallet);
  const purse = available(held.region, held.wallet, held.currency);
  return [{ debit: hold, credit: purse, amount: money(amount, held.currency) }];
}

/** What goes out of a hold when its allowance ends. */
interface Ending {
  readonly held: HeldAllowance;
  readonly moves: Move[];
  readonly returned: number;
  /** The device's word, when it was that. */
  readonly closing: Uint8Array | null;
}

/** Notes the ends and gives back the money: last, for then nobody else can post. */
async function end(
  parts: AllowanceParts,
  tx: Sql,
  kind: 'close' | 'release',
  endings: readonly Ending[],
): Promise<void> {
  const at = parts.clock();
  const state = kind === 'close' ? 'closed' : 'released';
  await store.endAllowances(
    tx,
    endings.map(({ held: { region, id }, returned, closing }) => ({ region, id, state, returned, closing })),
  );
  const units = endings
    .filter((one) => one.moves.length > 0)
    .map(({ held, moves }): Transfer[] => [
      { region: held.region, id: newId(at), kind, moves, at, about: { allowance: held.id } },
    ]);
  for (const posted of await parts.ledger.postWithin(tx, units)) {
    assert(posted.ok, `a hold has what its row says: ${posted.ok ? '' : posted.error.code}`);
  }
}
