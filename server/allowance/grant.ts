/**
 * What may be issued to whom: everything that stands before an allowance, asked in the transaction that would issue it and
 * after the lock of its wallet.
 */
import { assertFund } from '#server/allowance/fund.ts';
import { type Limits, lockedLimits, openLimits } from '#server/allowance/limit.ts';
import type { AllowanceParts } from '#server/allowance/parts.ts';
import { passkeyOf } from '#server/allowance/passkey.ts';
import * as store from '#server/allowance/store.ts';
import type { Device, Person } from '#server/identity/identity.ts';
import { available, receivable } from '#server/ledger/chart.ts';
import type { Sql } from '#server/platform/database.ts';
import { Undone } from '#server/platform/undone.ts';
import { isBorderOpen, type Region } from '#server/region/region.ts';
import type { SyncRequest } from '#shared/api/sync.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { after, type Duration, duration, type Instant } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { AllowancePasskey } from '#shared/protocol/allowance.ts';
import { guaranteeOf } from '#shared/rules/guarantee.ts';
import { allowancePolicy, boundedPolicy, type Policy, spendSince } from '#shared/rules/policy.ts';

/** What a device asks for. */
export type Want = NonNullable<SyncRequest['want']>;

/** One-off allowances a wallet may have out at once: a payer at a till needs one; more is a program gone wild. */
const LOCKED_MOST = 8;

const DAY: Duration = duration(1, 'd');

/** What is known of who asks, before the transaction. */
export interface Asker {
  readonly device: Device;
  readonly person: Person;
  readonly region: Region;
  readonly policy: Policy;
  readonly want: Want;
  readonly key: Uint8Array;
  readonly currency: Currency;
}

/** What may be issued. */
export interface Grant {
  readonly passkey: AllowancePasskey | undefined;
  readonly limits: Limits;
  readonly life: Duration;
  readonly payee: Id | undefined;
  /** Whether the fund stands behind it. */
  readonly isGuaranteed: boolean;
}

/** What `asker` may be issued; throws {@link Undone} when it is nothing. The wallet is locked, with `setting` as its person's. */
export async function grantTo(
  parts: AllowanceParts,
  tx: Sql,
  asker: Asker,
  setting: store.SettingRow,
  now: Instant,
): Promise<Grant> {
  const { device, region } = asker;
  await assertAllowed(parts, tx, asker);
  const spent = await store.sumSpent(tx, region.region, device.wallet, spendSince(asker.policy.spend, now));
  const spendLeft = asker.policy.spend.most - spent;
  const recent = await store.readRecent(tx, region.region, device.wallet, after(now, -DAY as Duration), now);
  const purse = available(region.region, device.wallet, asker.currency);
  const funds = (await parts.ledger.balances(region.region, [purse], tx))[0] ?? 0;
  // Whoever revokes a passkey takes the same lock: one that is revoked by now is not named.
  const passkey = passkeyOf(await parts.identity.passkeysOf(device.wallet, tx), asker.want.passkey);
  if (asker.want.payee !== undefined) {
    return lockedGrant(parts, tx, asker, passkey, recent, { funds, spendLeft }, now);
  }
  const share = await parts.identity.limitShare(tx, device.wallet);
  const free = await parts.identity.freeSet(tx, device.wallet);
  const eased = { ...asker, policy: boundedPolicy(asker.policy, share, passkey && free) };
  const grant = openGrant(eased, passkey, setting, recent, { funds, spendLeft }, now);
  // Most refusals are found here, before anything is signed or written; who is let through is counted when it is issued.
  if (grant.isGuaranteed) await assertFund(parts, tx, region, grant.limits.total, now);
  return grant;
}

async function assertAllowed(parts: AllowanceParts, tx: Sql, { device, region, currency }: Asker): Promise<void> {
  const stop = await parts.identity.moneyStop(tx, { region: region.region, wallet: device.wallet });
  if (stop) throw new Undone(stop);
  if (!region.issuing) throw new Undone({ code: 'allowance.issuing-off' });
  if (await store.isStopped(tx, region.region, device.id)) throw new Undone({ code: 'allowance.device-stopped' });
  const [owed] = await parts.ledger.balances(region.region, [receivable(region.region, device.wallet, currency)], tx);
  if ((owed ?? 0) > 0) throw new Undone({ code: 'allowance.debt', detail: { owed: owed ?? 0, currency } });
}

/** What there is to promise from: the balance, and what the person's tier still lets them spend. */
interface Purse {
  readonly funds: number;
  readonly spendLeft: number;
}

function openGrant(
  asker: Asker,
  passkey: AllowancePasskey | undefined,
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
  if (live.some((row) => row.device === device.id)) throw new Undone({ code: 'allowance.live' });
  if (new Set(live.map((row) => row.device)).size >= policy.devicesMost) {
    throw new Undone({ code: 'allowance.devices', detail: { most: policy.devicesMost } });
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
    hasPasskey: passkey !== undefined,
    least,
  });
  if (!limits.ok) throw new Undone(limits.error);
  const isGuaranteed = guaranteeOf(asker.person.tier) !== 'none';
  return { passkey, limits: limits.value, life: limitsOfDevice.life, payee: undefined, isGuaranteed };
}

async function lockedGrant(
  parts: AllowanceParts,
  tx: Sql,
  asker: Asker,
  passkey: AllowancePasskey | undefined,
  recent: readonly store.AllowanceRow[],
  { funds, spendLeft }: Purse,
  now: Instant,
): Promise<Grant> {
  const { want, region, person, currency } = asker;
  const payee = readId(want.payee ?? '');
  const [certified] = payee === undefined ? [] : await store.readCertificates(tx, [payee]);
  if (payee === undefined || certified === undefined) throw new Undone({ code: 'allowance.payee-unknown' });
  if (certified.wallet === person.wallet) throw new Undone({ code: 'allowance.payee-self' });
  if (!isBorderOpen(parts.regions.list(), region.region, certified.region)) {
    throw new Undone({ code: 'allowance.border-closed' });
  }
  if (passkey === undefined) throw new Undone({ code: 'allowance.passkey-none' });
  const total = want.total ?? 0;
  const share = await parts.identity.limitShare(tx, person.wallet);
  const most = Math.floor((region.terms.lockedMost[person.tier] * share) / 100);
  if (total > most) throw new Undone({ code: 'allowance.over-online', detail: { most, currency } });
  const { leastTotal: least } = region.terms;
  if (total > spendLeft) {
    throw new Undone({ code: 'allowance.tier-spent', detail: { most: Math.max(0, spendLeft), least } });
  }
  if (total < 1 || total > funds) throw new Undone({ code: 'allowance.too-little', detail: { most: funds, least } });
  const out = recent.filter((row) => row.payee !== null && row.state === 'live' && row.expires_at > now);
  if (out.length >= LOCKED_MOST) throw new Undone({ code: 'allowance.too-many', detail: { most: LOCKED_MOST } });
  // Its payee sees every payment of it: nothing is left to be guaranteed.
  return { passkey, limits: lockedLimits(total), life: region.terms.lockedLife, payee, isGuaranteed: true };
}
