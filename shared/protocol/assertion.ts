/**
 * A passkey's assertion over a payment id, packed into 69 bytes: what the verifier can rebuild is not sent.
 * WebAuthn Level 3, sections 6.1 (authenticator data), 5.8.1.1 (serialisation) and 5.8.1.2 (limited verification).
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { joinBytes, sameBytes, toBase64url, utf8 } from '#shared/base/bytes.ts';
import { ASSERTION_EXTENSION_BYTES, ASSERTION_TAIL_BYTES, ORIGINS_MOST } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';
import { bytesWithin, optional, pattern, record, whole } from '#shared/protocol/schema.ts';
import { fromDer, isLowS, type SignatureQuestion, toLowS } from '#shared/protocol/signature.ts';

/** Bits of the authenticator data's flags (WebAuthn L3 section 6.1). */
export const FLAGS = {
  userPresent: 1,
  userVerified: 4,
  backupEligible: 8,
  backedUp: 16,
  attested: 64,
  extended: 128,
} as const;

/** What of an assertion cannot be rebuilt. */
export interface Assertion {
  readonly flags: number;
  readonly counter: number;
  /** Raw r||s, low-S. */
  readonly signature: Uint8Array;
  /** Place of the origin in the key set's list. */
  readonly origin: number;
  /** clientDataJSON after `"crossOrigin":false`, without the closing brace: what a browser added. Empty as a rule. */
  readonly tail: string;
  /** Authenticator data after its first 37 bytes: extension outputs. Empty as a rule. */
  readonly extensions: Uint8Array;
}

interface Extras {
  readonly tail?: string;
  readonly origin?: number;
  readonly extensions?: Uint8Array;
}

const EXTRAS = record<Extras>({
  tail: optional(1, pattern(/^,"/, ASSERTION_TAIL_BYTES)),
  origin: optional(2, whole(1, ORIGINS_MOST - 1)),
  extensions: optional(3, bytesWithin(1, ASSERTION_EXTENSION_BYTES)),
});
const COMPACT = bytesWithin(69, 69);

/** The one or two CBOR items of an assertion: 69 bytes, and a map of what is out of the ordinary. */
export function writeAssertion(assertion: Assertion): Uint8Array[] {
  const compact = new Uint8Array(69);
  compact[0] = assertion.flags;
  new DataView(compact.buffer).setUint32(1, assertion.counter);
  compact.set(assertion.signature, 5);
  const extras: Extras = {
    ...(assertion.tail === '' ? {} : { tail: assertion.tail }),
    ...(assertion.origin === 0 ? {} : { origin: assertion.origin }),
    ...(assertion.extensions.length === 0 ? {} : { extensions: assertion.extensions }),
  };
  const first = encodeCbor(COMPACT.write(compact));
  return Object.keys(extras).length === 0 ? [first] : [first, encodeCbor(EXTRAS.write(extras))];
}

/** Reads `items` CBOR items (1 or 2) that fill `bytes`. */
export function readAssertion(bytes: Uint8Array, items: number): Checked<Assertion> {
  if (bytes[0] !== 0x58 || bytes[1] !== 69 || bytes.length < 71) return no('message.malformed');
  const compact = bytes.subarray(2, 71);
  let extras: Extras = {};
  if (items === 1) {
    if (bytes.length !== 71) return no('message.malformed');
  } else {
    const wire = decodeCbor(bytes.subarray(71));
    if (!wire.ok) return wire;
    const read = EXTRAS.read(wire.value);
    if (read === undefined || Object.keys(read).length === 0) return no('message.malformed');
    extras = read;
  }
  const signature = compact.subarray(5);
  if (!isLowS(signature)) return no('message.twin-signature');
  return ok({
    flags: compact[0] ?? 0,
    counter: new DataView(compact.buffer, compact.byteOffset).getUint32(1),
    signature,
    origin: extras.origin ?? 0,
    tail: extras.tail ?? '',
    extensions: extras.extensions ?? new Uint8Array(0),
  });
}

/** The client data every browser writes for `challenge` and `origin`, up to where additions may follow. */
function clientDataTemplate(challenge: Uint8Array, origin: string): string {
  return `{"type":"webauthn.get","challenge":"${toBase64url(challenge)}","origin":"${origin}","crossOrigin":false`;
}

/** The bytes an assertion's signature is over: authenticator data, then the hash of the client data. */
export function assertedBytes(
  assertion: Assertion,
  rpId: string,
  origin: string,
  challenge: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const head = new Uint8Array(5);
  head[0] = assertion.flags;
  new DataView(head.buffer).setUint32(1, assertion.counter);
  const clientData = utf8(`${clientDataTemplate(challenge, origin)}${assertion.tail}}`);
  return joinBytes(sha256(utf8(rpId)), head, assertion.extensions, sha256(clientData));
}

/** Names that stand in the template and must not come again behind it, and the one that betrays a foreign frame. */
const TAKEN = ['type', 'challenge', 'origin', 'crossOrigin', 'topOrigin'];

/** Whether a tail makes the client data a JSON object and adds only members of new names. */
function isHonestTail(tail: string): boolean {
  if (tail === '') return true;
  try {
    const added: unknown = JSON.parse(`{${tail.slice(1)}}`);
    return tail.startsWith(',') && typeof added === 'object' && added !== null && !TAKEN.some((name) => name in added);
  } catch {
    return false;
  }
}

/**
 * The question whether `passkey` signed `challenge`, once everything else about the assertion is as it must be: user present
 * and verified, backup eligibility as issued, no attested data, an origin of the house, client data that says nothing twice.
 * Refusals: payment.passkey-flags, payment.passkey-origin, payment.passkey-client-data.
 */
export function askAssertion(
  assertion: Assertion,
  passkey: { readonly key: Uint8Array; readonly backupEligible: boolean },
  house: { readonly rpId: string; readonly origins: readonly string[] },
  challenge: Uint8Array,
): Checked<SignatureQuestion> {
  const has = (flag: number): boolean => (assertion.flags & flag) !== 0;
  const fit =
    has(FLAGS.userPresent) &&
    has(FLAGS.userVerified) &&
    has(FLAGS.backupEligible) === passkey.backupEligible &&
    (passkey.backupEligible || !has(FLAGS.backedUp)) &&
    !has(FLAGS.attested) &&
    has(FLAGS.extended) === assertion.extensions.length > 0;
  if (!fit) return no('payment.passkey-flags');
  const origin = house.origins[assertion.origin];
  if (origin === undefined) return no('payment.passkey-origin');
  if (!isHonestTail(assertion.tail)) return no('payment.passkey-client-data');
  const message = assertedBytes(assertion, house.rpId, origin, challenge);
  return ok({ key: passkey.key, message, signature: assertion.signature });
}

/** What a browser hands over after `navigator.credentials.get` (AuthenticatorAssertionResponse); `signature` is DER. */
export interface BrowserAssertion {
  readonly authenticatorData: Uint8Array;
  readonly clientDataJSON: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Packs a browser's assertion over `challenge`, or says why no verifier would accept it:
 * `payment.passkey-client-data` (other challenge, origin, frame or form), `payment.passkey-flags`, `payment.passkey-signature`.
 */
export function packAssertion(
  given: BrowserAssertion,
  expected: { readonly challenge: Uint8Array; readonly rpId: string; readonly origins: readonly string[] },
): Checked<Assertion> {
  const { authenticatorData, clientDataJSON } = given;
  const json = new TextDecoder().decode(clientDataJSON);
  const origin = expected.origins.findIndex((one) => json.startsWith(clientDataTemplate(expected.challenge, one)));
  const start = clientDataTemplate(expected.challenge, expected.origins[origin] ?? '').length;
  const tail = json.slice(start, -1);
  if (origin < 0 || !json.endsWith('}') || !isHonestTail(tail) || !sameBytes(utf8(json), clientDataJSON)) {
    return no('payment.passkey-client-data');
  }
  const raw = fromDer(given.signature);
  if (raw === undefined) return no('payment.passkey-signature');
  const flags = authenticatorData[32] ?? 0;
  const extensions = authenticatorData.slice(37);
  if (authenticatorData.length < 37 || !sameBytes(authenticatorData.subarray(0, 32), sha256(utf8(expected.rpId)))) {
    return no('payment.passkey-origin');
  }
  if ((flags & FLAGS.attested) !== 0 || ((flags & FLAGS.extended) !== 0) !== extensions.length > 0) {
    return no('payment.passkey-flags');
  }
  const counter = new DataView(authenticatorData.buffer, authenticatorData.byteOffset).getUint32(33);
  return ok({ flags, counter, signature: toLowS(raw), origin, tail, extensions });
}
