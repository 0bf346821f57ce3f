/**
 * Offline money: allowances issued against a hold, closed, stopped and released; and the certificates payees show.
 * Invariant: hold[allowance] in the ledger = total - claimed - returned of its row, at every commit.
 */
import { readFileSync } from 'node:fs';
import { type CertifiedPayee, openCertificates } from '#server/allowance/certificate.ts';
import {
  closeAllowances,
  holdIssuing,
  releaseDue,
  stopAllowance,
  stopAllowancesOfPasskey,
  stopAllowancesOfWallet,
  stopDeviceOf,
} from '#server/allowance/ending.ts';
import { exposureOf } from '#server/allowance/fund.ts';
import type { Want } from '#server/allowance/grant.ts';
import { type HeldAllowance, type HeldPayments, heldOf, type StopReason } from '#server/allowance/held.ts';
import { type Issued, openIssuing } from '#server/allowance/issue.ts';
import { lockHeld } from '#server/allowance/lock.ts';
import type { AllowanceParts } from '#server/allowance/parts.ts';
import * as store from '#server/allowance/store.ts';
import type { Device } from '#server/identity/identity.ts';
import { writeDown } from '#server/logbook/logbook.ts';
import type { Sql } from '#server/platform/database.ts';
import type { LimitsView, TierLimits } from '#shared/api/allowance.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import { allowancePolicy, spendSince, TIERS } from '#shared/rules/policy.ts';

export type { CertifiedPayee } from '#server/allowance/certificate.ts';
export type { Want } from '#server/allowance/grant.ts';
export type { HeldAllowance, HeldPayments, StopReason } from '#server/allowance/held.ts';
export type { Issued } from '#server/allowance/issue.ts';
export type { AllowanceParts } from '#server/allowance/parts.ts';

/** What this capability remembers. */
export const allowanceSchema = {
  name: 'allowance',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** What a person may set for their own allowances, and between which bounds; sums in minor units of `currency`. */
export interface AllowanceSettings {
  readonly currency: Currency;
  /** null: as much as the policy allows. */
  readonly cap: number | null;
  readonly count: number | null;
  readonly most: {
    readonly total: number;
    readonly count: number;
    readonly perPayment: number;
    readonly perDay: number;
  };
}

/** The front door. */
export interface Allowances {
  /** The rows of these references by base64url of the reference, locked in one order until `tx` ends; unknown ones are absent. */
  readonly lockMany: (tx: Sql, references: readonly Uint8Array[]) => Promise<Map<string, HeldAllowance>>;
  /** The rows of these references likewise, not locked: for what of them never changes. */
  readonly readMany: (tx: Sql, references: readonly Uint8Array[]) => Promise<Map<string, HeldAllowance>>;
  /** Notes `amount` more taken out of each hold; the caller posts the same sums in the same `tx`. */
  readonly claim: (
    tx: Sql,
    claims: readonly { readonly region: string; readonly id: Id; readonly amount: number }[],
  ) => Promise<void>;
  /**
   * Holds the issuing to these wallets until `tx` ends. Before {@link Allowances.stop}, and before anything is posted: who
   * issues posts last.
   */
  readonly holdIssuing: (tx: Sql, owners: readonly Pick<HeldAllowance, 'region' | 'wallet'>[]) => Promise<void>;
  /**
   * Stops one allowance and its device: its status bit and those of the device's other live allowances are set, and
   * the device gets no new one. Stopping twice is the same act; the first reason stays.
   */
  readonly stop: (
    tx: Sql,
    allowance: { readonly region: string; readonly id: Id },
    reason: StopReason,
    at: Instant,
  ) => Promise<void>;
  /** Who stands behind these payee ids, of every region; unknown ids are absent. */
  readonly payees: (tx: Sql, payees: readonly Id[]) => Promise<Map<Id, CertifiedPayee>>;
  /** Issues what the device asks for, or says why not; asking again with the same key answers the same allowance. */
  readonly issue: (device: Device, want: Want) => Promise<Result<Issued, Refusal>>;
  /**
   * Closes by signed closings, all in one transaction, and gives the rest back at once; again is the same act. Answers each
   * in order with the id of its allowance.
   */
  readonly close: (closings: readonly Uint8Array[], held: HeldPayments) => Promise<Result<Id, Refusal>[]>;
  /** Gives back what is left of allowances whose claim window is over; answers how many there were. */
  readonly releaseDue: () => Promise<number>;
  /** A certificate when the device's own (good until `until`) is missing or half spent; undefined when it is fine. */
  readonly certificate: (device: Device, until: Instant | undefined) => Promise<Uint8Array | undefined>;
  /** The most the guarantee fund may come to be owed as things stand, in minor units of the region's home currency. */
  readonly exposure: (region: string) => Promise<number>;
  /** What each tier lets a person do, and what is used of theirs. */
  readonly limits: (wallet: Id) => Promise<Result<LimitsView, Refusal>>;
  /** What the person set, and the bounds. */
  readonly settings: (wallet: Id) => Promise<Result<AllowanceSettings, Refusal>>;
  /** Sets cap and count for allowances from now on; null goes back to the policy's. */
  readonly setSettings: (
    wallet: Id,
    to: { readonly cap: number | null; readonly count: number | null },
  ) => Promise<Result<AllowanceSettings, Refusal>>;
}

/** Opens allowances on a migrated database, and stops them whenever their device or passkey is revoked. */
export function openAllowances(parts: AllowanceParts): Allowances {
  const { database, regions, clock } = parts;
  const certificates = openCertificates(parts);
  parts.identity.onDeviceRevoked((tx, device, at) => stopDeviceOf(tx, regions, device, 'device-revoked', at));
  parts.identity.onPasskeyRevoked((tx, passkey) => stopAllowancesOfPasskey(tx, regions, passkey));
  parts.identity.onFrozen((tx, owner) => stopAllowancesOfWallet(tx, regions, owner, 'wallet-frozen'));
  parts.identity.watch.onAlarm(async (tx, alarm) => {
    if (alarm.answer === 'pause') await stopAllowancesOfWallet(tx, regions, alarm, 'wallet-paused');
  });
  parts.identity.onEased((tx, owner) => stopAllowancesOfWallet(tx, regions, owner, 'limits-eased'));
  return {
    lockMany: async (tx, references) => byReference(await lockHeld(tx, references)),
    readMany: async (tx, references) =>
      byReference(references.length === 0 ? [] : (await store.readByReference(tx, references)).map(heldOf)),
    claim: (tx, claims) => claimAll(tx, claims),
    holdIssuing,
    stop: (tx, allowance, reason, at) => stopAllowance(tx, regions, allowance, reason, at),
    payees: certificates.payees,
    issue: openIssuing(parts),
    close: (closings, held) => closeAllowances(parts, closings, held),
    releaseDue: () => releaseDue(parts),
    certificate: certificates.renew,
    async exposure(code) {
      const region = await regions.find(code);
      return region === undefined ? 0 : exposureOf(parts, database, region, 0, clock());
    },
    limits: (wallet) => readLimits(parts, wallet),
    settings: (wallet) => readSettings(parts, wallet),
    setSettings: (wallet, to) => writeSettings(parts, wallet, to),
  };
}

function byReference(held: readonly HeldAllowance[]): Map<string, HeldAllowance> {
  return new Map(held.map((one) => [toBase64url(one.reference), one]));
}

async function claimAll(tx: Sql, claims: readonly { region: string; id: Id; amount: number }[]): Promise<void> {
  const some = claims.filter((one) => one.amount > 0);
  if (some.length > 0) await store.addClaims(tx, some);
}

async function readLimits(parts: AllowanceParts, wallet: Id): Promise<Result<LimitsView, Refusal>> {
  const person = await parts.identity.person(wallet);
  const region = person && (await parts.regions.find(person.region));
  if (!person || !region) return refuse({ code: 'request.not-found' });
  const policies = await Promise.all(TIERS.map((tier) => parts.regions.policy(person.region, tier)));
  const tiers = TIERS.flatMap((tier, at): TierLimits[] => {
    const policy = policies[at];
    if (policy === undefined) return [];
    const { total, perPayment, perDay, spend } = policy;
    return [{ tier, perPayment, offline: total, perDay, online: region.terms.lockedMost[tier], spend }];
  });
  const { spend } = await parts.regions.policy(person.region, person.tier);
  const spent = await store.sumSpent(parts.database, person.region, wallet, spendSince(spend, parts.clock()));
  return ok({ currency: region.currency, tier: person.tier, spent, tiers });
}

async function readSettings(parts: AllowanceParts, wallet: Id): Promise<Result<AllowanceSettings, Refusal>> {
  const person = await parts.identity.person(wallet);
  const region = person && (await parts.regions.find(person.region));
  if (!person || !region) return refuse({ code: 'request.not-found' });
  const policy = await parts.regions.policy(person.region, person.tier);
  const { total, maxCount, perPayment } = allowancePolicy(policy, true);
  const setting = await store.readSetting(parts.database, person.region, wallet);
  const most = { total, count: maxCount, perPayment, perDay: policy.perDay };
  return ok({ currency: region.currency, cap: setting.cap, count: setting.count, most });
}

async function writeSettings(
  parts: AllowanceParts,
  wallet: Id,
  to: { readonly cap: number | null; readonly count: number | null },
): Promise<Result<AllowanceSettings, Refusal>> {
  const now = await readSettings(parts, wallet);
  if (!now.ok) return now;
  const { most, currency } = now.value;
  if ((to.cap ?? 0) > most.total) return refuse({ code: 'allowance.cap-high', detail: { most: most.total, currency } });
  if ((to.count ?? 1) > most.count) return refuse({ code: 'allowance.count-high', detail: { most: most.count } });
  const person = await parts.identity.person(wallet);
  if (!person) return refuse({ code: 'request.not-found' });
  const { region } = person;
  await parts.database.transaction(async (tx) => {
    await store.writeSetting(tx, region, wallet, { cap: to.cap, count: to.count });
    const about = { cap: to.cap, count: to.count };
    await writeDown(tx, [{ region, at: parts.clock(), act: 'limits-set', who: `wallet ${wallet}`, about }]);
  });
  return ok({ ...now.value, cap: to.cap, count: to.count });
}
