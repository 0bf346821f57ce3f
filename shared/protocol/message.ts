/** What every signed message has in common: a domain tag, a closed schema, an envelope, and an id that hashes the payload only. */
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '#shared/base/bytes.ts';
import { MESSAGE_BYTES } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import { openEnvelope, sealEnvelope } from '#shared/protocol/cose.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';
import { type Fields, type Kind, record } from '#shared/protocol/schema.ts';
import type { SignatureQuestion, Signer } from '#shared/protocol/signature.ts';

/** A message as it was read: well-formed and canonical, but NOT yet verified. */
export interface Signed<Message> {
  readonly message: Message;
  /** The whole message as it travels. */
  readonly bytes: Uint8Array;
  readonly payload: Uint8Array;
  readonly kid: Uint8Array;
  readonly signature: Uint8Array;
  /** What the signature is over. */
  readonly signedBytes: Uint8Array;
  /** SHA-256 of the payload: 32 bytes. The signature is no part of it, for a signature has a twin. */
  readonly id: Uint8Array;
}

/** How one type of message is written, signed and read. */
export interface MessageType<Message> {
  readonly domain: Uint8Array;
  readonly kind: Kind<Message>;
  readonly encode: (message: Message) => Uint8Array<ArrayBuffer>;
  readonly sign: (message: Message, signer: Signer) => Promise<Uint8Array<ArrayBuffer>>;
  readonly read: (bytes: Uint8Array) => Checked<Signed<Message>>;
  /** Reads the message that starts at `start` and may be followed by more; `end` is where it stops, its `bytes` are all that came. */
  readonly readAt: (
    bytes: Uint8Array,
    start: number,
    digest?: Digest,
  ) => Checked<{ signed: Signed<Message>; end: number }>;
}

/** SHA-256: a platform that has a faster one than ours hands it in. */
export type Digest = (bytes: Uint8Array) => Uint8Array;

/** The type of message called `name`; its domain tag is `piaohao-v1:<name>`. */
export function messageType<Message extends object>(name: string, fields: Fields<Message>): MessageType<Message> {
  const domain = utf8(`piaohao-v1:${name}`);
  const kind = record(fields);
  const encode = (message: Message) => encodeCbor(kind.write(message));
  const readAt: MessageType<Message>['readAt'] = (bytes, start, digest = sha256) => {
    const envelope = openEnvelope(domain, bytes, start);
    if (!envelope.ok) return envelope;
    const { payload, kid, signature, signedBytes, end } = envelope.value;
    const read = readFields(kind, payload);
    if (!read.ok) return read;
    return ok({
      signed: { message: read.value, bytes, payload, kid, signature, signedBytes, id: digest(payload) },
      end,
    });
  };
  return {
    domain,
    kind,
    encode,
    sign: (message, signer) => sealEnvelope(domain, encode(message), signer),
    readAt,
    read(bytes) {
      const read = readAt(bytes, 0);
      if (!read.ok) return read;
      return read.value.end === bytes.length ? ok(read.value.signed) : no('message.malformed');
    },
  };
}

/** What `bytes` say, in the one form they may have. Refusals: message.*. Never throws. */
export function readFields<Message>(kind: Kind<Message>, bytes: Uint8Array): Checked<Message> {
  const from = { bytes, at: 0 };
  const scanned = bytes.length > MESSAGE_BYTES ? undefined : kind.scan?.(from);
  if (scanned !== undefined && from.at === bytes.length) return ok(scanned);
  const wire = decodeCbor(bytes);
  if (!wire.ok) return wire;
  const message = kind.read(wire.value);
  return message === undefined ? no('message.malformed') : ok(message);
}

/** The question whether the holder of `key` signed `signed`. */
export function askSignature(signed: Signed<unknown>, key: Uint8Array): SignatureQuestion {
  return { key, message: signed.signedBytes, signature: signed.signature };
}

/**
 * The short name of a message inside another: the first 16 bytes of its id.
 * Enough, because finding a second message for a given reference takes 2^128 tries; who can make two messages with one
 * reference (2^64 tries, both of his own making) gains nothing: a payment binds payee and amount itself, and two cores
 * with one number are a fork whatever their references.
 */
export function referenceOf(id: Uint8Array): Uint8Array {
  return id.subarray(0, 16);
}
