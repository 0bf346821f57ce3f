/** What a region has signed for the seeded phone: the keys it goes by, its own certificate and address, and the address of somebody. */
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { instant } from '#shared/base/time.ts';
import { type Certificate, certificateMessage } from '#shared/protocol/certificate.ts';
import { keySetMessage } from '#shared/protocol/key-set.ts';
import { freshSigner } from '#tests/kit/market.ts';

const DAY = 86_400_000;
const [root, issuer] = [freshSigner(), freshSigner()];
const from = instant(Date.now() - DAY);
const until = instant(Date.now() + 300 * DAY);
const region = 'CN-SX';

const certificate = (payee: string, name: string, more: Partial<Certificate> = {}) =>
  certificateMessage.sign(
    {
      ...{ payee: payee as Id, key: freshSigner().key, name, category: 'person', region, currencies: ['CNY'] },
      ...{ expires: until, guarantee: 'none', ...more },
    },
    issuer,
  );

/** The keys of the region, signed by its network's root. */
export const SEEDED_KEY_SET = await keySetMessage.sign(
  {
    ...{ epoch: 1, issued: from, expires: until, rpId: 'localhost', origins: ['http://localhost'] },
    issuers: [{ region, key: issuer.key, from, until }],
  },
  root,
);

/** Whom the seeded phone has paid before, and where money for its own owner may be sent. */
export const SEEDED_CONTACT = {
  id: '01900000-0000-7000-8000-00000000c001',
  name: '*青禾 ··4002',
  certificate: await certificate('01900000-0000-7000-8000-00000000c001', '*青禾 ··4002'),
} as const;
/** Where money for the owner of the seeded phone may be sent: base64url, as the house tells it. */
export const SEEDED_ADDRESS = toBase64url(await certificate('01900000-0000-7000-8000-00000000c000', '*雨桐 ··5678'));
/** Of somebody whose code was scanned, as a link carries it. */
export const SEEDED_LINK = `/transfer#${toBase64url(await certificate('01900000-0000-7000-8000-00000000c003', '*建国 ··8001'))}`;
