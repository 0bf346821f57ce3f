/**
 * Proves allowances: each row against its bytes, the issuer's signature, the transfer that set the money aside, its hold and
 * its payments.
 */
import { nodeVerifier } from '#server/payment/payment.ts';
import type { Sql } from '#server/platform/database.ts';
import { type Find, PAGE, pages } from '#server/proof/finding.ts';
import { type FindPosted, readPosted } from '#server/proof/posted.ts';
import * as store from '#server/proof/store.ts';
import type { AskIssuer } from '#server/region/region.ts';
import { sameBytes } from '#shared/base/bytes.ts';
import { duration, type Instant } from '#shared/base/time.ts';
import { type Allowance, allowanceMessage } from '#shared/protocol/allowance.ts';
import { referenceOf, type Signed } from '#shared/protocol/message.ts';
import { hasGuarantee } from '#shared/rules/guarantee.ts';

/** Reads all allowances and what they promise together, each signed by whom `issuer` names; answers how many there are. */
export async function proveAllowances(tx: Sql, find: Find, now: Instant, issuer: AskIssuer): Promise<number> {
  const verify = nodeVerifier();
  let count = 0;
  const read = (last?: store.AuditAllowance) => store.allowancePage(tx, last?.id ?? null, PAGE);
  for await (const page of pages(read)) {
    count += page.length;
    const posted = await readPosted(tx, page);
    for (const row of page) {
      proveSigned(row, issuer, verify, find);
      proveOne(row, posted, find);
    }
  }
  const thisHour = Math.floor(now / duration(1, 'h'));
  for (const { region, ends_hour: hour, says, sum } of await store.wrongOutstanding(tx, thisHour)) {
    find('outstanding', region, `outstanding ${hour}`, says - sum, `says ${says}, its open allowances come to ${sum}`);
  }
  return count;
}

function nameOf({ id }: store.AuditAllowance): string {
  return `allowance ${id}`;
}

function proveSigned(
  row: store.AuditAllowance,
  issuer: AskIssuer,
  verify: ReturnType<typeof nodeVerifier>,
  find: Find,
): void {
  const { region } = row;
  const read = allowanceMessage.read(row.bytes);
  if (!read.ok) {
    find('allowance-message', region, nameOf(row), 0, 'its bytes cannot be read');
    return;
  }
  const differs = differences(row, read.value);
  if (differs.length > 0) {
    find('allowance-message', region, nameOf(row), 0, `differs from what the issuer signed: ${differs.join(', ')}`);
  }
  const { message } = read.value;
  const asked = issuer(read.value, message.region, message.notBefore);
  if (asked !== undefined && verify(asked)) return;
  const why = asked ? 'was not signed by the key it names' : "names a key that was not its region's own";
  find('allowance-signature', region, nameOf(row), row.total, why);
}

function proveOne(row: store.AuditAllowance, posted: FindPosted, find: Find): void {
  const { region, total, claimed, returned } = row;
  const name = nameOf(row);
  const issue = posted(region, row.id);
  const [move] = issue?.moves ?? [];
  const { wallet, currency } = row;
  const isIssued =
    issue?.kind === 'issue' &&
    issue.moves.length === 1 &&
    move?.debit === `available/${wallet}/${currency}` &&
    move.credit === `hold/${row.id}/${currency}` &&
    move.amount === total;
  if (!isIssued) {
    const off = total - (move?.amount ?? 0);
    find('allowance-issue', region, name, off, issue ? 'was not set aside like this' : 'was never set aside');
  }
  const remaining = total - claimed - returned;
  if (remaining !== row.hold) {
    find('allowance-hold', region, name, remaining - row.hold, `has ${remaining} left, its hold has ${row.hold}`);
  }
  if (claimed !== row.paid) {
    find('allowance-claimed', region, name, claimed - row.paid, `says ${claimed}, its payments took ${row.paid}`);
  }
  const wrong = stateFault(row, remaining);
  if (wrong) find('allowance-state', region, name, 0, `is ${row.state}, but ${wrong}`);
}

function differences(row: store.AuditAllowance, { message, id }: Signed<Allowance>): string[] {
  const same: Readonly<Record<string, boolean>> = {
    reference: sameBytes(referenceOf(id), row.reference),
    region: message.region === row.region,
    id: message.id === row.id,
    key: sameBytes(message.deviceKey, row.device_key),
    currency: message.currency === row.currency,
    total: message.total === row.total,
    payee: (message.payees?.[0] ?? null) === row.payee,
    guarantee: hasGuarantee(message) === row.guaranteed,
    status: message.statusIndex === row.status_index,
    expires: message.expires === row.expires_at,
    claims: message.claimUntil === row.claim_until_at,
  };
  return Object.keys(same).filter((field) => !same[field]);
}

function stateFault(row: store.AuditAllowance, remaining: number): string | undefined {
  if (row.state === 'released') return remaining === 0 ? undefined : `${remaining} did not go back`;
  if (row.state === 'closed') return row.word ? undefined : 'its device never closed it';
  if (row.state === 'stopped') return row.stop_reason === null ? 'nobody says why' : undefined;
  if (row.stop_reason !== null) return `was stopped (${row.stop_reason})`;
  if (row.word) return 'its device closed it';
  return row.returned > 0 ? `${row.returned} went back` : undefined;
}
