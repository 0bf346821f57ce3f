/**
 * A passkey authenticator in software: makes P-256 passkeys and assertions byte by byte (WebAuthn L3 section 6),
 * with every flag and field in the test's hand, so that good answers and each bad one can be made.
 */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { encode } from 'cborg';
import type { AssertionAnswer, RegistrationAnswer } from '#shared/api/identity.ts';
import { fromBase64url, joinBytes, toBase64url, utf8 } from '#shared/base/bytes.ts';

/** Bits of the flags byte (WebAuthn L3 section 6.1). */
export const FLAG = { UP: 1, UV: 4, BE: 8, BS: 16, AT: 64, ED: 128 } as const;

/** What a test may bend; everything has the value of an honest platform authenticator unless said. */
export interface Bends {
  readonly flags?: number;
  readonly counter?: number;
  readonly origin?: string;
  readonly rpId?: string;
  readonly type?: string;
  readonly challenge?: string;
  readonly crossOrigin?: boolean;
  readonly topOrigin?: string;
  /** The whole client data as text, said by the test itself. */
  readonly clientDataJSON?: string;
  readonly userHandle?: Uint8Array | undefined;
  readonly id?: string;
  readonly rawId?: string;
  /** Bytes after the authenticator data. */
  readonly trailing?: Uint8Array;
}

/** One passkey inside the authenticator. */
export interface SoftPasskey {
  readonly id: Uint8Array;
  readonly userHandle: Uint8Array;
  readonly rpId: string;
  readonly privateKey: KeyObject;
  /** COSE_Key (RFC 9053 section 7.1.1). */
  readonly publicKey: Uint8Array;
  counter: number;
}

interface CreationOptions {
  readonly challenge: string;
  readonly rp: { readonly id?: string };
  readonly user: { readonly id: string };
}

interface RequestOptions {
  readonly challenge: string;
  readonly rpId?: string;
}

/** An authenticator on a browser that shows `origin`; `synced` ones set BE and BS and never count. */
export interface SoftAuthenticator {
  readonly passkeys: readonly SoftPasskey[];
  readonly create: (options: unknown, bends?: Bends) => RegistrationAnswer;
  readonly get: (options: unknown, passkey?: SoftPasskey, bends?: Bends) => AssertionAnswer;
}

/** Plugs in a new authenticator with no passkeys. */
export function softAuthenticator(origin: string, { synced = true }: { synced?: boolean } = {}): SoftAuthenticator {
  const passkeys: SoftPasskey[] = [];
  const backup = synced ? FLAG.BE | FLAG.BS : 0;
  return {
    passkeys,
    create: (given, bends = {}) => {
      const options = given as CreationOptions;
      const passkey = newPasskey(options.rp.id ?? '', exact(options.user.id));
      passkeys.push(passkey);
      const flags = bends.flags ?? FLAG.UP | FLAG.UV | FLAG.AT | backup;
      const attested = joinBytes(
        new Uint8Array(16),
        Uint8Array.of(0, passkey.id.length),
        passkey.id,
        passkey.publicKey,
      );
      const authData = joinBytes(head(passkey, flags, bends), flags & FLAG.AT ? attested : new Uint8Array());
      const attestationObject = encode({ fmt: 'none', attStmt: {}, authData });
      const id = toBase64url(passkey.id);
      return {
        id: bends.id ?? id,
        rawId: bends.rawId ?? bends.id ?? id,
        type: 'public-key',
        response: {
          clientDataJSON: toBase64url(clientData('webauthn.create', options.challenge, origin, bends)),
          attestationObject: toBase64url(attestationObject),
          transports: ['internal'],
        },
        clientExtensionResults: {},
      };
    },
    get: (given, passkey = passkeys[0], bends = {}) => {
      if (!passkey) throw new Error('the authenticator has no passkey');
      const options = given as RequestOptions;
      if (!synced) passkey.counter += 1;
      const flags = bends.flags ?? FLAG.UP | FLAG.UV | backup;
      const authData = joinBytes(head(passkey, flags, bends), bends.trailing ?? new Uint8Array());
      const client = clientData('webauthn.get', options.challenge, origin, bends);
      const id = toBase64url(passkey.id);
      const userHandle = 'userHandle' in bends ? bends.userHandle : passkey.userHandle;
      return {
        id: bends.id ?? id,
        rawId: bends.rawId ?? bends.id ?? id,
        type: 'public-key',
        response: {
          clientDataJSON: toBase64url(client),
          authenticatorData: toBase64url(authData),
          signature: toBase64url(sign('sha256', joinBytes(authData, digest(client)), passkey.privateKey)),
          ...(userHandle === undefined ? {} : { userHandle: toBase64url(userHandle) }),
        },
        clientExtensionResults: {},
      };
    },
  };
}

function newPasskey(rpId: string, userHandle: Uint8Array): SoftPasskey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const cose = new Map<number, unknown>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, exact(x)],
    [-3, exact(y)],
  ]);
  return {
    id: randomBytes(32),
    userHandle,
    rpId,
    privateKey: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    publicKey: encode(cose),
    counter: 0,
  };
}

function head(passkey: SoftPasskey, flags: number, bends: Bends): Uint8Array<ArrayBuffer> {
  const counter = new Uint8Array(4);
  new DataView(counter.buffer).setUint32(0, bends.counter ?? passkey.counter);
  return joinBytes(digest(utf8(bends.rpId ?? passkey.rpId)), Uint8Array.of(flags), counter);
}

function clientData(type: string, challenge: string, origin: string, bends: Bends): Uint8Array<ArrayBuffer> {
  const said = {
    type: bends.type ?? type,
    challenge: bends.challenge ?? challenge,
    origin: bends.origin ?? origin,
    crossOrigin: bends.crossOrigin ?? false,
    ...(bends.topOrigin === undefined ? {} : { topOrigin: bends.topOrigin }),
  };
  return utf8(bends.clientDataJSON?.replace('CHALLENGE', said.challenge) ?? JSON.stringify(said));
}

function digest(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

function exact(text: string): Uint8Array {
  const bytes = fromBase64url(text);
  if (!bytes) throw new Error('not base64url');
  return bytes;
}
