/** The allowances of this phone: what is left on each, and which one a payment may come from. */
import { toBase64url } from '#shared/base/bytes.ts';
import { type Instant, toSeconds } from '#shared/base/time.ts';
import type { Currency } from '#shared/money/currency.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import type { Signed } from '#shared/protocol/message.ts';
import type { AllowanceRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Keeps a verified allowance; one that is already held keeps its own count of what was spent. */
export async function keepAllowance(vault: Vault, signed: Signed<Allowance>, now: Instant): Promise<void> {
  const { message } = signed;
  const row: AllowanceRow = {
    id: toBase64url(signed.id),
    bytes: signed.bytes,
    serial: message.id,
    region: message.region,
    key: toBase64url(message.deviceKey),
    state: 'live',
    currency: message.currency,
    total: message.total,
    most: message.maxCount,
    spent: 0,
    count: 0,
    previous: message.anchor,
    notBeforeSeconds: toSeconds(message.notBefore),
    expiresSeconds: toSeconds(message.expires),
    keptAt: now,
  };
  const only = message.payees?.[0];
  if (only) row.payee = only;
  await vault.transaction('rw', vault.allowances, async () => {
    if (!(await vault.allowances.get(row.id))) await vault.allowances.add(row);
  });
}

/** Live allowances of `currency` that are valid now, the one that ends first at the front. */
export async function liveAllowances(vault: Vault, now: Instant, currency?: Currency): Promise<AllowanceRow[]> {
  const seconds = toSeconds(now);
  const rows = await vault.allowances.where('state').equals('live').toArray();
  return rows
    .filter((row) => row.expiresSeconds > seconds && (currency === undefined || row.currency === currency))
    .sort((left, right) => left.expiresSeconds - right.expiresSeconds);
}

/** The open allowance (for any payee) with the most left, or undefined. */
export async function openAllowance(vault: Vault, now: Instant): Promise<AllowanceRow | undefined> {
  const open = (await liveAllowances(vault, now)).filter((row) => row.payee === undefined && row.count < row.most);
  return open.sort((left, right) => left.spent - left.total - (right.spent - right.total))[0];
}

/**
 * The open allowance that holds money of this phone: the one to spend from, else one whose payments are all used. The
 * house gives no other while it stands, so it is given back like any that is worn.
 */
export async function heldAllowance(vault: Vault, now: Instant): Promise<AllowanceRow | undefined> {
  const live = await liveAllowances(vault, now);
  return (await openAllowance(vault, now)) ?? live.find((row) => row.payee === undefined);
}

/** Marks the allowance that the server knows as `serial`. */
export async function markAllowance(vault: Vault, serial: string, state: AllowanceRow['state']): Promise<void> {
  await vault.allowances.filter((row) => row.serial === serial).modify({ state });
}
