/**
 * COSE_Sign1 (RFC 9052 section 4.2) in the single shape this protocol allows, so that one message has one form.
 * Layout: 84 | 49 a2 01 26 04 44 kid[4] | a0 | payload as bytes | 58 40 signature[64].
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { joinBytes, utf8 } from '#shared/base/bytes.ts';
import { MESSAGE_BYTES } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';
import { isLowS, type Signer, signRaw } from '#shared/protocol/signature.ts';

/** An envelope taken apart; `end` is where it stops in the bytes it was read from. Its signature is not yet verified. */
export interface Envelope {
  readonly kid: Uint8Array;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly signedBytes: Uint8Array;
  readonly end: number;
}

/** array(4), then the protected header as 9 bytes {1: -7, 4: kid}. */
const HEAD = Uint8Array.of(0x84, 0x49, 0xa2, 0x01, 0x26, 0x04, 0x44);
const PROTECTED_AT = 2;
const KID_AT = HEAD.length;
const SIGNATURE_HEAD = Uint8Array.of(0x58, 0x40);
/** Bytes of the longest head of a byte string here: 64 kB are never reached. */
const HEAD_MOST = 3;
const CONTEXT = Uint8Array.of(0x84, 0x6a, ...utf8('Signature1'));

/** The 4-byte key id of a 33-byte key: the first bytes of its SHA-256. A hint which key to try, never a proof. */
export function kidOf(key: Uint8Array): Uint8Array {
  return sha256(key).subarray(0, 4);
}

/** The bytes a COSE_Sign1 signature is over: Sig_structure of RFC 9052 section 4.4. */
export function toBeSigned(
  protectedBytes: Uint8Array,
  domain: Uint8Array,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const most = CONTEXT.length + 3 * HEAD_MOST + protectedBytes.length + domain.length + payload.length;
  const from = roomFor(most);
  room.set(CONTEXT, from);
  const domainAt = writeBytes(room, from + CONTEXT.length, protectedBytes);
  const payloadAt = writeBytes(room, domainAt, domain);
  taken = writeBytes(room, payloadAt, payload);
  return room.subarray(from, taken);
}

/** Memory that many short runs of bytes share: one of its own for each costs more than to fill it. */
const ROOM_BYTES = 16_384;
let room: Uint8Array<ArrayBuffer> = new Uint8Array(0);
let taken = 0;

/** Where in {@link room} the next `bytes` may be written; nobody writes there again. */
function roomFor(bytes: number): number {
  if (taken + bytes > room.length) {
    room = new Uint8Array(Math.max(ROOM_BYTES, bytes));
    taken = 0;
  }
  return taken;
}

/** Signs `payload` under `domain`. */
export async function sealEnvelope(
  domain: Uint8Array,
  payload: Uint8Array,
  signer: Signer,
): Promise<Uint8Array<ArrayBuffer>> {
  const kid = kidOf(signer.key);
  const signature = await signRaw(toBeSigned(joinBytes(HEAD, kid).subarray(PROTECTED_AT), domain, payload), signer);
  return writeEnvelope({ kid, payload, signature });
}

/** The bytes of an envelope. */
export function writeEnvelope({
  kid,
  payload,
  signature,
}: Pick<Envelope, 'kid' | 'payload' | 'signature'>): Uint8Array<ArrayBuffer> {
  return joinBytes(HEAD, kid, Uint8Array.of(0xa0), byteHead(payload.length), payload, SIGNATURE_HEAD, signature);
}

/** Takes apart the envelope that starts at `start`; refuses every other layout and the twin signature. Never throws. */
export function openEnvelope(domain: Uint8Array, bytes: Uint8Array, start = 0): Checked<Envelope> {
  if (bytes.length > MESSAGE_BYTES) return no('message.too-large', { bytes: bytes.length });
  for (let at = 0; at < HEAD.length; at += 1) if (bytes[start + at] !== HEAD[at]) return no('message.malformed');
  const kidEnd = start + KID_AT + 4;
  const payload = readBytes(bytes, kidEnd + 1);
  if (bytes[kidEnd] !== 0xa0 || payload === undefined) return no('message.malformed');
  const signatureAt = payload.end + SIGNATURE_HEAD.length;
  const end = signatureAt + 64;
  if (bytes[payload.end] !== 0x58 || bytes[payload.end + 1] !== 0x40 || end > bytes.length) {
    return no('message.malformed');
  }
  const signature = bytes.subarray(signatureAt, end);
  if (!isLowS(signature)) return no('message.twin-signature');
  return ok({
    kid: bytes.subarray(start + KID_AT, kidEnd),
    payload: payload.value,
    signature,
    signedBytes: toBeSigned(bytes.subarray(start + PROTECTED_AT, kidEnd), domain, payload.value),
    end,
  });
}

/** A CBOR byte string at `at` with its shortest head, or undefined. */
function readBytes(bytes: Uint8Array, at: number): { value: Uint8Array; end: number } | undefined {
  const first = bytes[at] ?? 0;
  const extra = first < 0x58 ? 0 : first - 0x57;
  if (first < 0x40 || extra > 2) return undefined;
  const length =
    extra === 0 ? first - 0x40 : extra === 1 ? (bytes[at + 1] ?? 0) : (bytes[at + 1] ?? 0) * 256 + (bytes[at + 2] ?? 0);
  const from = at + 1 + extra;
  if (length < (extra === 0 ? 0 : extra === 1 ? 24 : 256) || from + length > bytes.length) return undefined;
  return { value: bytes.subarray(from, from + length), end: from + length };
}

function byteHead(length: number): Uint8Array {
  const head = new Uint8Array(HEAD_MOST);
  return head.subarray(0, writeHead(head, 0, length));
}

/** Writes `bytes` as a CBOR byte string and answers where it ends. */
function writeBytes(into: Uint8Array, at: number, bytes: Uint8Array): number {
  const from = writeHead(into, at, bytes.length);
  into.set(bytes, from);
  return from + bytes.length;
}

/** Writes the shortest head of a byte string of `length` and answers where the string begins. */
function writeHead(into: Uint8Array, at: number, length: number): number {
  if (length < 24) {
    into[at] = 0x40 + length;
    return at + 1;
  }
  if (length < 256) {
    into[at] = 0x58;
    into[at + 1] = length;
    return at + 2;
  }
  into[at] = 0x59;
  into[at + 1] = length >> 8;
  into[at + 2] = length & 255;
  return at + HEAD_MOST;
}
