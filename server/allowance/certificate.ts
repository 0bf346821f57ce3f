/** Payee certificates: who a device may say it is to payers, issued and renewed as it syncs. */
import type { AllowanceParts } from '#server/allowance/parts.ts';
import * as store from '#server/allowance/store.ts';
import type { Device } from '#server/identity/identity.ts';
import { findTogether } from '#server/platform/batch.ts';
import type { Sql } from '#server/platform/database.ts';
import { sameBytes } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { after, type Duration, duration, fromSeconds, type Instant, toSeconds } from '#shared/base/time.ts';
import { type Certificate, certificateMessage, type GuaranteeGrade } from '#shared/protocol/certificate.ts';
import type { Tier } from '#shared/rules/policy.ts';

/** How far the guarantee stands behind a payee of each tier. */
const GRADES: Readonly<Record<Tier, GuaranteeGrade>> = { unproved: 'basic', 'real-name': 'full', 'two-factor': 'full' };

/** A payee's last sync is noted no finer than this: the guarantee reckons in hours. */
const SEEN_STEP: Duration = duration(1, 'min');

/** Who stands behind a payee id: one certificate is one device of one wallet, and its id is the device's. */
export interface CertifiedPayee {
  readonly region: string;
  readonly payee: Id;
  readonly wallet: Id;
  readonly name: string;
  /** Compressed public key that signs its invoices, receipts and voids. */
  readonly key: Uint8Array;
  readonly guarantee: GuaranteeGrade;
  /** When the certificate's word ends. */
  readonly expiresAt: Instant;
  /** When the house heard of this payee last. */
  readonly seenAt: Instant;
}

/** Opens certificates. */
export function openCertificates(parts: AllowanceParts): {
  readonly renew: (device: Device, until: Instant | undefined) => Promise<Uint8Array | undefined>;
  readonly payees: (tx: Sql, payees: readonly Id[]) => Promise<Map<Id, CertifiedPayee>>;
} {
  const find = findTogether((payees: readonly Id[]) => store.readCertificates(parts.database, payees), {
    nameOf: (payee) => payee,
    keyOf: (row) => row.payee,
  });
  return {
    renew: (device, until) => renew(parts, find, device, until),
    async payees(tx, payees) {
      const rows = payees.length === 0 ? [] : await store.readCertificates(tx, payees);
      return new Map(
        rows.map((row) => [
          row.payee,
          {
            region: row.region,
            payee: row.payee,
            wallet: row.wallet,
            name: row.name,
            key: row.key,
            guarantee: row.guarantee,
            expiresAt: row.expires_at,
            seenAt: row.seen_at,
          },
        ]),
      );
    },
  };
}

async function renew(
  parts: AllowanceParts,
  find: (payee: Id) => Promise<readonly store.CertificateRow[]>,
  device: Device,
  until: Instant | undefined,
): Promise<Uint8Array | undefined> {
  const { database, regions, clock, identity } = parts;
  const [person, region, known] = await Promise.all([
    identity.person(device.wallet),
    regions.find(device.region),
    find(device.id),
  ]);
  if (!person || !region) return undefined;
  const now = clock();
  const guarantee = GRADES[person.tier];
  const half = after(now, (region.terms.certificateLife / 2) as Duration);
  const held = known.find((row) => row.region === device.region);
  const same = held !== undefined && held.name === person.verifiedName && held.guarantee === guarantee;
  if (same && sameBytes(held.key, device.key) && held.expires_at > half) {
    if (now - held.seen_at >= SEEN_STEP) await store.touchCertificate(database, device.region, device.id, now);
    return until !== undefined && toSeconds(until) === toSeconds(held.expires_at) ? undefined : held.bytes;
  }
  if (!region.issuing) return undefined;
  const expires = fromSeconds(toSeconds(after(now, region.terms.certificateLife)));
  const certificate: Certificate = {
    payee: device.id,
    key: device.key,
    name: person.verifiedName,
    category: 'person',
    region: region.region,
    currencies: region.currencies,
    expires,
    guarantee,
  };
  const bytes = await regions.sign(region.region, certificateMessage, certificate);
  await store.writeCertificate(database, {
    region: region.region,
    payee: device.id,
    wallet: device.wallet,
    key: device.key,
    name: person.verifiedName,
    guarantee,
    expires_at: expires,
    seen_at: now,
    bytes,
  });
  return bytes;
}
