/** The people and keys of the vectors: every key comes from its name, so that anybody can make the same ones. NEVER for real money. */
import { createECDH, createHash, createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { toBase64url, utf8 } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { type Instant, instant } from '#shared/base/time.ts';
import type { Allowance } from '#shared/protocol/allowance.ts';
import { type Assertion, type BrowserAssertion, packAssertion } from '#shared/protocol/assertion.ts';
import type { Certificate } from '#shared/protocol/certificate.ts';
import type { Invoice } from '#shared/protocol/invoice.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import type { PaymentCore } from '#shared/protocol/payment.ts';
import type { Signer } from '#shared/protocol/signature.ts';

/** The first `length` bytes of SHA-256 of `name`. */
export function seed(name: string, length = 32): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(`piaohao vector ${name}`).digest().subarray(0, length));
}

/** One holder of a key. */
export interface Actor extends Signer {
  readonly privateKey: KeyObject;
}

/** The holder of the key whose private scalar is SHA-256 of "piaohao vector <name>". */
export function actor(name: string): Actor {
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(seed(name));
  const point = curve.getPublicKey();
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: toBase64url(seed(name)),
    x: toBase64url(point.subarray(1, 33)),
    y: toBase64url(point.subarray(33)),
  };
  const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
  return {
    key: new Uint8Array(curve.getPublicKey(null, 'compressed')),
    privateKey,
    sign: async (message) => new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
  };
}

/** The network root, the issuers of two regions, and the phones of two people. */
export const ROOT = actor('root');
export const SHANXI = actor('issuer CN-SX');
export const SHANXI_NEXT = actor('issuer CN-SX next');
export const BEIJING = actor('issuer CN-BJ');
export const PAYER = actor('payer device');
export const PASSKEY = actor('payer passkey');
export const PAYEE = actor('payee device');
export const STRANGER = actor('stranger');

/** The id made of SHA-256 of `name`, with the marks of a version 7 id. */
export function idOf(name: string): Id {
  const hex = createHash('sha256').update(`piaohao vector ${name}`).digest('hex');
  return `0192f1c0-${hex.slice(0, 4)}-7${hex.slice(4, 7)}-8${hex.slice(7, 10)}-${hex.slice(10, 22)}` as Id;
}

/** 2026-11-23T12:00:00Z, the moment of every vector. */
export const NOON: Instant = instant(Date.UTC(2026, 10, 23, 12));

/** `count` minutes from noon. */
export function minutes(count: number): Instant {
  return instant(NOON + count * 60_000);
}

/** Two origins and three issuer keys, one of them the next of its region. */
export const KEY_SET: KeySet = {
  epoch: 7,
  issued: minutes(-1440),
  expires: minutes(1440 * 90),
  rpId: 'piaohao.example',
  origins: ['https://piaohao.example', 'https://beijing.piaohao.example'],
  issuers: [
    { region: 'CN-SX', key: SHANXI.key, from: minutes(-1440 * 30), until: minutes(1440 * 30) },
    { region: 'CN-SX', key: SHANXI_NEXT.key, from: minutes(1440 * 20), until: minutes(1440 * 80) },
    { region: 'CN-BJ', key: BEIJING.key, from: minutes(-1440 * 30), until: minutes(1440 * 30) },
  ],
};

/** Five hundred yuan, ten payments, a passkey above thirty each and a hundred in sum. */
export const ALLOWANCE: Allowance = {
  version: 1,
  region: 'CN-SX',
  id: idOf('allowance'),
  pseudonym: seed('pseudonym', 8),
  notBefore: minutes(-120),
  expires: minutes(1440 * 3 - 120),
  claimUntil: minutes(1440 * 17 - 120),
  deviceKey: PAYER.key,
  passkey: { key: PASSKEY.key, backupEligible: true },
  currency: 'CNY',
  total: 500_00,
  perPayment: 200_00,
  perPayee: 200_00,
  maxCount: 10,
  noPasskeyEach: 30_00,
  noPasskeySum: 100_00,
  statusIndex: 4711,
  policyEpoch: 1,
  anchor: seed('anchor', 16),
};

/** A noodle shop in Beijing. */
export const CERTIFICATE: Certificate = {
  payee: idOf('payee'),
  key: PAYEE.key,
  name: '老西儿刀削面馆',
  category: 'trader',
  region: 'CN-BJ',
  currencies: ['CNY', 'HKD'],
  expires: minutes(1440 * 30),
  guarantee: 'full',
};

/** Eighteen yuan for a bowl. */
export const INVOICE: Invoice = {
  payee: idOf('payee'),
  id: idOf('invoice'),
  amount: 18_00,
  currency: 'CNY',
  memo: '刀削面一碗',
  time: minutes(-1),
  lifetime: 120,
  epoch: 3021,
};

/** A browser's answer to a passkey request over `challenge`; every part can be bent. */
export function assertionOf(
  challenge: Uint8Array,
  bent: {
    flags?: number;
    counter?: number;
    origin?: string;
    crossOrigin?: boolean;
    tail?: string;
    rpId?: string;
    by?: Actor;
  } = {},
): BrowserAssertion {
  const authenticatorData = new Uint8Array(37);
  authenticatorData.set(
    createHash('sha256')
      .update(bent.rpId ?? KEY_SET.rpId)
      .digest(),
  );
  authenticatorData[32] = bent.flags ?? 0x1d;
  new DataView(authenticatorData.buffer).setUint32(33, bent.counter ?? 0);
  const origin = bent.origin ?? 'https://piaohao.example';
  const clientDataJSON = utf8(
    `{"type":"webauthn.get","challenge":"${toBase64url(challenge)}","origin":"${origin}","crossOrigin":${bent.crossOrigin ?? false}${bent.tail ?? ''}}`,
  );
  const hash = createHash('sha256').update(clientDataJSON).digest();
  const signature = new Uint8Array(
    sign('sha256', Buffer.concat([authenticatorData, hash]), (bent.by ?? PASSKEY).privateKey),
  );
  return { authenticatorData, clientDataJSON, signature };
}

/** The packed form of an honest assertion over `challenge`. */
export function packed(challenge: Uint8Array, bent: Parameters<typeof assertionOf>[1] = {}): Assertion {
  const given = assertionOf(challenge, bent);
  const read = packAssertion(given, { challenge, rpId: KEY_SET.rpId, origins: KEY_SET.origins });
  if (!read.ok) throw new Error(read.error.code);
  return read.value;
}

/** A first payment of the invoice from the allowance; `allowance` and `invoice` are references of 16 bytes. */
export function coreOf(allowance: Uint8Array, invoice: Uint8Array, bent: Partial<PaymentCore> = {}): PaymentCore {
  return {
    allowance,
    number: 1,
    amount: INVOICE.amount,
    total: INVOICE.amount,
    payee: INVOICE.payee,
    previous: ALLOWANCE.anchor,
    invoice,
    time: NOON,
    epoch: INVOICE.epoch,
    ...bent,
  };
}
