/** The sandbox's own P-256 key: made on the first start, kept in its folder, used for signing notices and for naming cards. */
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toBase64url } from '#shared/base/bytes.ts';

/** Signs bytes (raw 64-byte ES256, base64url), shows the public half (SPKI, base64url), and makes a card number a token nobody can turn back. */
export interface SigningKey {
  readonly publicKey: string;
  sign(bytes: Uint8Array): string;
  tokenOf(number: string): string;
}

/** The key in `folder`, made when there is none. */
export function openKey(folder: string): SigningKey {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'bank-key.pem');
  const key: KeyObject = existsSync(file)
    ? createPrivateKey(readFileSync(file, 'utf8'))
    : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  if (!existsSync(file)) writeFileSync(file, key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const secret = createHmac('sha256', 'piaohao-sandbox-card-v1')
    .update(key.export({ type: 'pkcs8', format: 'der' }))
    .digest();
  return {
    publicKey: toBase64url(createPublicKey(key).export({ type: 'spki', format: 'der' })),
    sign: (bytes) => toBase64url(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })),
    tokenOf: (number) => `tok_${createHmac('sha256', secret).update(number).digest('base64url')}`,
  };
}
