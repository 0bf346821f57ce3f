/**
 * Issuing: one transaction puts the money on hold, keeps the row and the signed bytes, so that a device that lost the
 * answer asks again with the same key and gets the same allowance.
 * Invariant: one wallet issues one allowance after the other; a device key has one allowance for ever.
 */

import { type Limits, lockedLimits, openLimits } from '#server/allowance/limit.ts';
import type { AllowanceParts } from '#server/allowance/parts.ts';
import * as store from '#server/allowance/store.ts';
import type { Device, Passkey, Person } from '#server/identity/identity.ts';
import { available, holdOf, receivable } from '#server/ledger/chart.ts';
import type { Sql } from '#server/platform/database.ts';
import { heldOpenUntil, isBorderOpen, type Region } from '#server/region/region.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { SyncRequest } from '#shared/api/sync.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { type Id, newId, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, type Duration, duration, fromSeconds, type Instant, instant, toSeconds } from '#shared/base/time.ts';
import { type Currency, isCurrency } from '#shared/money/currency.ts';
import { money } from '#shared/money/money.ts';
import {
  ALLOWANCE_VERSION,
  type Allowance,
  type AllowancePasskey,
  allowanceMessage,
} from '#shared/protocol/allowance.ts';
import { decodeCbor } from '#shared/protocol/cbor.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { compressPoint, expandPoint } from '#shared/protocol/point.ts';
import { guaranteeOf, reservedFor } from '#shared/rules/guarantee.ts';
import { allowancePolicy, boundedPolicy, type Policy, spendSince } from '#shared/rules/policy.ts';

/** What a device asks for. */
export type Want = NonNullable<SyncRequest['want']>;

/** An allowance as it goes to its device. */
export interface Issued {
  readonly id: Id;
  readonly reference: Uint8Array;
  readonly bytes: Uint8Array;
}

/** One-off allowances a wallet may have out at once: a payer at a till needs one; more is a program gone wild. */
const LOCKED_MOST = 8;

const DAY: Duration = duration(1, 'd');

/** What is known of who asks, before the transaction. */
interface Asker {
  readonly device: Device;
  readonly person: Person;
  readonly region: Region;
  readonly policy: Policy;
  readonly passkey: AllowancePasskey | undefined;
  readonly want: Want;
  readonly key: Uint8Array;
  readonly currency: Currency;
}

/** What may be issued. */
interface Grant {
  readonly limits: Limits;
  readonly life: Duration;
  readonly payee: Id | undefined;
  /** Whether the fund stands behind it. */
  readonly isGuaranteed: boolean;
}

/** Throws away a transaction with a refusal. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.code);
    this.refusal = refusal;
  }
}

/** Opens issuing. */
export function openIssuing(parts: AllowanceParts): {
  readonly issue: (device: Device, want: Want) => Promise<Result<Issued, Refusal>>;
  readonly exposure: (tx: Sql, region: string, now: Instant) => Promise<number>;
} {
  return {
    exposure: async (tx, region, now) => {
      const found = await parts.regions.find(region);
      return found === undefined ? 0 : exposureOf(parts, tx, found, 0, now);
    },
    async issue(device, want) {
      const asker = await askerOf(parts, device, want);
      if (!asker.ok) return asker;
      const pause = await weighed(parts, asker.value);
      if (pause) return refuse(pause);
      try {
        return ok(await parts.database.transaction((tx) => issueWithin(parts, tx, asker.value)));
      } catch (error) {
        if (error instanceof Refused) return refuse(error.refusal);
        throw error;
      }
    },
  };
}

/** Money for one payee leaves at once, as a payment with a network: it is weighed before. An alarm outlives the refusal. */
async function weighed(parts: AllowanceParts, { device, want, key, currency }: Asker): Promise<Refusal | undefined> {
  const payee = readId(want.payee ?? '');
  if (payee === undefined || (await store.readByKey(parts.database, device.region, key))) return undefined;
  const [certified] = await store.readCertificates(parts.database, [payee]);
  if (!certified) return undefined;
  const act = { amount: want.total ?? 0, currency, toRegion: certified.region };
  return (await parts.identity.watch.weigh(device, act)).stop;
}

async function askerOf(parts: AllowanceParts, device: Device, want: Want): Promise<Result<Asker, Refusal>> {
  const key = fromBase64url(want.key);
  if (key === undefined || expandPoint(key) === undefined) return refuse({ code: 'allowance.key' });
  const [person, region, passkeys] = await Promise.all([
    parts.identity.person(device.wallet),
    parts.regions.find(device.region),
    parts.identity.passkeysOf(device.wallet),
  ]);
  if (!person || !region) return refuse({ code: 'request.not-found' });
  if (!isCurrency(want.currency) || want.currency !== region.currency) {
    return refuse({ code: 'allowance.currency', detail: { currency: region.currency } });
  }
  const policy = await parts.regions.policy(region.region, person.tier);
  return ok({
    device,
    person,
    region,
    policy,
    passkey: passkeyOf(passkeys, want.passkey),
    want,
    key,
    currency: want.currency,
  });
}

/** Among those a payee can check offline the passkey that is at hand by the device's word, else the one used last. */
function passkeyOf(passkeys: readonly Passkey[], atHand: string | undefined): AllowancePasskey | undefined {
  const isAtHand = (one: Passkey) => Number(toBase64url(one.id) === atHand);
  const fit = passkeys
    .filter((one) => one.offline)
    .sort((one, other) => (other.usedAt ?? other.createdAt) - (one.usedAt ?? one.createdAt))
    .sort((one, other) => isAtHand(other) - isAtHand(one));
  for (const { publicKey, backupEligible } of fit) {
    const key = keyOfCose(publicKey);
    if (key !== undefined) return { key, backupEligible };
  }
  return undefined;
}

/** The compressed point of a COSE EC2 key (RFC 9053 section 7.1.1: -2 is x, -3 is y), or undefined when it is none of P-256. */
export function keyOfCose(cose: Uint8Array): Uint8Array | undefined {
  const read = decodeCbor(cose);
  if (!read.ok || !(read.value instanceof Map)) return undefined;
  const x: unknown = read.value.get(-2);
  const y: unknown = read.value.get(-3);
  if (!(x instanceof Uint8Array) || !(y instanceof Uint8Array)) return undefined;
  return compressPoint(Uint8Array.of(4, ...x, ...y));
}

async function issueWithin(parts: AllowanceParts, tx: Sql, asker: Asker): Promise<Issued> {
  const { device, region, key } = asker;
  const setting = await store.lockSetting(tx, region.region, device.wallet);
  const before = await store.readByKey(tx, region.region, key);
  if (before !== undefined) {
    const own = before.device === device.id && before.wallet === device.wallet;
    if (!own) throw new Refused({ code: 'allowance.key-reused' });
    return { id: before.id, reference: before.reference, bytes: before.bytes };
  }
  const now = parts.clock();
  await assertAllowed(parts, tx, asker);
  const spent = await store.sumSpent(tx, region.region, device.wallet, spendSince(asker.policy.spend, now));
  const spendLeft = asker.policy.spend.most - spent;
  const recent = await store.readRecent(tx, region.region, device.wallet, after(now, -DAY as Duration), now);
  const purse = available(region.region, device.wallet, asker.currency);
  const funds = (await parts.ledger.balances(region.region, [purse], tx))[0] ?? 0;
  if (asker.want.payee !== undefined) {
    return write(parts, tx, asker, await lockedGrant(parts, tx, asker, recent, { funds, spendLeft }, now), now);
  }
  const share = await parts.identity.limitShare(tx, device.wallet);
  const free = await parts.identity.freeSet(tx, device.wallet);
  const eased = { ...asker, policy: boundedPolicy(asker.policy, share, asker.passkey && free) };
  const grant = openGrant(eased, setting, recent, { funds, spendLeft }, now);
  // Most refusals are found here, before anything is signed or written; who is let through is counted below.
  if (grant.isGuaranteed) await assertFund(parts, tx, asker, grant.limits.total, now);
  const issued = await write(parts, tx, asker, grant, now);
  if (grant.isGuaranteed) await promise(parts, tx, asker, grant, now);
  return issued;
}

async function assertAllowed(parts: AllowanceParts, tx: Sql, { device, region, currency }: Asker): Promise<void> {
  const stop = await parts.identity.moneyStop(tx, { region: region.region, wallet: device.wallet });
  if (stop) throw new Refused(stop);
  if (!region.issuing) throw new Refused({ code: 'allowance.issuing-off' });
  if (await store.isStopped(tx, region.region, device.id)) throw new Refused({ code: 'allowance.device-stopped' });
  const [owed] = await parts.ledger.balances(region.region, [receivable(region.region, device.wallet, currency)], tx);
  if ((owed ?? 0) > 0) throw new Refused({ code: 'allowance.debt', detail: { owed: owed ?? 0, currency } });
}

/** What there is to promise from: the balance, and what the person's tier still lets them spend. */
interface Purse {
  readonly funds: number;
  readonly spendLeft: number;
}

function openGrant(
  asker: Asker,
  setting: store.SettingRow,
  recent: readonly store.AllowanceRow[],
  { funds, spendLeft }: Purse,
  now: Instant,
): Grant {
  const { device, policy, region, want } = asker;
  const least = region.terms.leastTotal;
  const open = recent.filter((row) => row.payee === null);
  const live = open.filter(
    (row) => row.state === 'live' && row.expires_at > now && row.total - row.claimed - row.returned >= least,
  );
  if (live.some((row) => row.device === device.id)) throw new Refused({ code: 'allowance.live' });
  if (new Set(live.map((row) => row.device)).size >= policy.devicesMost) {
    throw new Refused({ code: 'allowance.devices', detail: { most: policy.devicesMost } });
  }
  const limitsOfDevice = allowancePolicy(policy, want.wrapped);
  const limits = openLimits({
    policy: limitsOfDevice,
    perDay: policy.perDay,
    outToday: open.reduce((sum, row) => sum + row.total - row.returned, 0),
    spendLeft,
    cap: setting.cap,
    count: setting.count,
    wantTotal: want.total,
    wantCount: want.count,
    available: funds,
    hasPasskey: asker.passkey !== undefined,
    least,
  });
  if (!limits.ok) throw new Refused(limits.error);
  const isGuaranteed = guaranteeOf(asker.person.tier) !== 'none';
  return { limits: limits.value, life: limitsOfDevice.life, payee: undefined, isGuaranteed };
}

async function lockedGrant(
  parts: AllowanceParts,
  tx: Sql,
  asker: Asker,
  recent: readonly store.AllowanceRow[],
  { funds, spendLeft }: Purse,
  now: Instant,
): Promise<Grant> {
  const { want, region, person, currency } = asker;
  const payee = readId(want.payee ?? '');
  const [certified] = payee === undefined ? [] : await store.readCertificates(tx, [payee]);
  if (payee === undefined || certified === undefined) throw new Refused({ code: 'allowance.payee-unknown' });
  if (certified.wallet === person.wallet) throw new Refused({ code: 'allowance.payee-self' });
  if (!isBorderOpen(parts.regions.list(), region.region, certified.region)) {
    throw new Refused({ code: 'allowance.border-closed' });
  }
  if (asker.passkey === undefined) throw new Refused({ code: 'allowance.passkey-none' });
  const total = want.total ?? 0;
  const share = await parts.identity.limitShare(tx, person.wallet);
  const most = Math.floor((region.terms.lockedMost[person.tier] * share) / 100);
  if (total > most) throw new Refused({ code: 'allowance.over-online', detail: { most, currency } });
  const { leastTotal: least } = region.terms;
  if (total > spendLeft) {
    throw new Refused({ code: 'allowance.tier-spent', detail: { most: Math.max(0, spendLeft), least } });
  }
  if (total < 1 || total > funds) throw new Refused({ code: 'allowance.too-little', detail: { most: funds, least } });
  const out = recent.filter((row) => row.payee !== null && row.state === 'live' && row.expires_at > now);
  if (out.length >= LOCKED_MOST) throw new Refused({ code: 'allowance.too-many', detail: { most: LOCKED_MOST } });
  // Its payee sees every payment of it: nothing is left to be guaranteed.
  return { limits: lockedLimits(total), life: region.terms.lockedLife, payee, isGuaranteed: true };
}

/**
 * The most the fund of a region may come to be owed if `more` is issued: what payers owe it, and for every allowance that can
 * still be claimed what the fund would pay for it. A closed or stopped one counts as well: a copy may have paid with it before.
 */
async function exposureOf(parts: AllowanceParts, tx: Sql, region: Region, more: number, now: Instant): Promise<number> {
  const { regions, fundOwed } = parts;
  // Behind a closed border claims stay open beyond their window: then whatever is remembered counts.
  const since = heldOpenUntil(regions.list(), now) > now ? instant(0) : now;
  const owed = await fundOwed(tx, region.region, region.currency);
  const outstanding = await store.sumOutstanding(tx, region.region, since);
  return owed + reservedFor({ total: outstanding + more, isLocked: false }, region.terms.clonesAssumed);
}

async function assertFund(parts: AllowanceParts, tx: Sql, asker: Asker, more: number, now: Instant): Promise<void> {
  const exposed = await exposureOf(parts, tx, asker.region, more, now);
  if (exposed > asker.region.terms.fundCap) throw new Refused({ code: 'allowance.fund-cap' });
}

/** Counts an open allowance against the fund, one after the other: of two at the brink the second is thrown away. */
async function promise(
  parts: AllowanceParts,
  tx: Sql,
  asker: Asker,
  { limits, life }: Grant,
  now: Instant,
): Promise<void> {
  const { region } = asker.region;
  await store.lockOutstanding(tx, region);
  const claimUntil = after(expiryOf(now, life), asker.policy.claimWindow);
  await store.addOutstanding(tx, region, claimUntil, limits.total);
  await assertFund(parts, tx, asker, 0, now);
}

function expiryOf(now: Instant, life: Duration): Instant {
  return fromSeconds(toSeconds(after(now, life)));
}

async function write(parts: AllowanceParts, tx: Sql, asker: Asker, grant: Grant, now: Instant): Promise<Issued> {
  const { device, region, key, currency, passkey, policy } = asker;
  const { limits, payee, isGuaranteed } = grant;
  const id = newId(now);
  const expires = expiryOf(now, grant.life);
  const claimUntil = after(expires, policy.claimWindow);
  const statusIndex = await parts.regions.reserveStatus(tx, region.region, claimUntil);
  const message: Allowance = {
    version: ALLOWANCE_VERSION,
    region: region.region,
    id,
    pseudonym: crypto.getRandomValues(new Uint8Array(8)),
    notBefore: now,
    expires,
    claimUntil,
    deviceKey: key,
    ...(passkey === undefined ? {} : { passkey }),
    currency,
    ...limits,
    ...(payee === undefined ? {} : { payees: [payee] }),
    statusIndex,
    policyEpoch: policy.epoch,
    anchor: crypto.getRandomValues(new Uint8Array(16)),
    ...(isGuaranteed ? {} : { guarantee: 'none' }),
  };
  const bytes = await parts.regions.sign(region.region, allowanceMessage, message, tx);
  const read = allowanceMessage.read(bytes);
  assert(read.ok, 'an allowance just signed can be read');
  const reference = referenceOf(read.value.id).slice();
  await store.insertAllowance(tx, {
    region: region.region,
    id,
    reference,
    wallet: device.wallet,
    device: device.id,
    device_key: key,
    currency,
    total: limits.total,
    claimed: 0,
    returned: 0,
    state: 'live',
    stop_reason: null,
    payee: payee ?? null,
    guaranteed: isGuaranteed,
    status_index: statusIndex,
    issued_at: now,
    expires_at: expires,
    claim_until_at: claimUntil,
    bytes,
  });
  await setAside(parts, tx, asker, id, limits.total, now);
  return { id, reference, bytes };
}

async function setAside(
  parts: AllowanceParts,
  tx: Sql,
  { device, region, currency }: Asker,
  id: Id,
  total: number,
  at: Instant,
): Promise<void> {
  const debit = available(region.region, device.wallet, currency);
  const credit = holdOf(region.region, id, currency, device.wallet);
  const [posted] = await parts.ledger.postWithin(tx, [
    [
      {
        region: region.region,
        id,
        kind: 'issue',
        moves: [{ debit, credit, amount: money(total, currency) }],
        at,
        about: { allowance: id },
      },
    ],
  ]);
  assert(posted !== undefined, 'one unit, one answer');
  if (!posted.ok) throw new Refused(posted.error);
}
