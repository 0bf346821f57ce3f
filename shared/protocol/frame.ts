/**
 * What stands in a QR code: `PH1`, one letter for the kind, a colon, and Base45; all of it in alphanumeric mode.
 * Invariant: a text has one reading, and a reading one text.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { joinBytes, sameBytes } from '#shared/base/bytes.ts';
import { FRAME_BYTES_MOST, MESSAGE_BYTES, PART_BYTES, PARTS_MOST } from '#shared/base/limits.ts';
import { ok } from '#shared/base/result.ts';
import { fromBase45, toBase45 } from '#shared/protocol/base45.ts';
import { itemEnd } from '#shared/protocol/cbor.ts';
import { type Checked, no } from '#shared/protocol/refusal.ts';

/** The signed messages one code hands over, as bytes; which ones belong together. */
export type Frame =
  | { readonly kind: 'invoice'; readonly invoice: Uint8Array; readonly certificate: Uint8Array }
  /** Without its allowance when the payee has told that it holds it. */
  | { readonly kind: 'payment'; readonly payment: Uint8Array; readonly allowance?: Uint8Array }
  /** A payment nobody asked for, with the payer's note in place of an invoice. */
  | {
      readonly kind: 'noted';
      readonly note: Uint8Array;
      readonly payment: Uint8Array;
      readonly allowance?: Uint8Array;
    }
  /** Where money for somebody may be sent at any time: a certificate by itself. */
  | { readonly kind: 'address'; readonly certificate: Uint8Array }
  | { readonly kind: 'receipt'; readonly receipt: Uint8Array }
  | { readonly kind: 'finality'; readonly finality: Uint8Array }
  | { readonly kind: 'epoch'; readonly epoch: Uint8Array }
  | { readonly kind: 'fork'; readonly fork: Uint8Array }
  | { readonly kind: 'voucher'; readonly voucher: Uint8Array }
  | { readonly kind: 'pay-code'; readonly code: Uint8Array };

/** One of several codes of a frame that is too large for one. */
export interface FramePart {
  readonly kind: 'part';
  /** Letter of the whole frame's kind. */
  readonly letter: string;
  /** First four bytes of the SHA-256 of the whole: which parts belong together. */
  readonly whole: Uint8Array;
  /** From 0. */
  readonly place: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

const PREFIX = 'PH1';
const LETTERS = {
  invoice: 'I',
  payment: 'P',
  noted: 'N',
  address: 'A',
  receipt: 'R',
  finality: 'F',
  epoch: 'E',
  fork: 'K',
  voucher: 'V',
  'pay-code': 'C',
} as const;
const PART_LETTER = 'X';
const TEXT = /^PH1([A-Z]):([0-9A-Z $%*+\-./:]*)$/;

/** Characters of the largest text worth reading: anything longer is no frame of ours. */
const TEXT_MOST = PREFIX.length + 2 + (MESSAGE_BYTES / 2) * 3;

/** The texts of `frame`: one code when it fits (see limits.ts), else the parts, to be shown in turn. */
export function writeFrame(frame: Frame): string[] {
  const letter = LETTERS[frame.kind];
  const bytes = bytesOf(frame);
  if (bytes.length <= FRAME_BYTES_MOST) return [`${PREFIX}${letter}:${toBase45(bytes)}`];
  const count = Math.ceil(bytes.length / PART_BYTES);
  const whole = sha256(bytes).subarray(0, 4);
  return Array.from({ length: count }, (_, place) => {
    const head = Uint8Array.of(letter.charCodeAt(0), ...whole, place, count);
    const part = bytes.subarray(place * PART_BYTES, (place + 1) * PART_BYTES);
    return `${PREFIX}${PART_LETTER}:${toBase45(joinBytes(head, part))}`;
  });
}

/** The frame or part in a scanned text. Refusals: frame.unknown (no code of this wallet), frame.malformed. Never throws. */
export function readFrame(text: string): Checked<Frame | FramePart> {
  const match = text.length <= TEXT_MOST ? TEXT.exec(text) : null;
  if (match === null) return no('frame.unknown');
  const letter = match[1] ?? '';
  const bytes = fromBase45(match[2] ?? '');
  if (bytes === undefined) return no('frame.malformed');
  return letter === PART_LETTER ? partOf(bytes) : frameOf(letter, bytes);
}

/** Gathers the parts of one frame, in any order, each any number of times. */
export interface PartCollector {
  /** How many different parts are held, and of how many; 0 of 0 before the first. */
  readonly progress: () => { readonly held: number; readonly count: number };
  /** Takes a part; the whole frame once it is complete, undefined until then. `frame.other-message`: the part is of another frame. */
  readonly take: (part: FramePart) => Checked<Frame | undefined>;
}

/** A collector that holds nothing yet. */
export function collectParts(): PartCollector {
  const parts = new Map<number, Uint8Array>();
  let first: FramePart | undefined;
  return {
    progress: () => ({ held: parts.size, count: first?.count ?? 0 }),
    take(part) {
      first ??= part;
      const same = sameBytes(part.whole, first.whole) && part.count === first.count && part.letter === first.letter;
      if (!same) return no('frame.other-message');
      parts.set(part.place, part.bytes);
      if (parts.size < part.count) return ok(undefined);
      const bytes = joinBytes(
        ...Array.from({ length: part.count }, (_, place) => parts.get(place) ?? new Uint8Array(0)),
      );
      if (!sameBytes(sha256(bytes).subarray(0, 4), part.whole)) return no('frame.malformed');
      return frameOf(part.letter, bytes);
    },
  };
}

/** The messages one after the other (a CBOR sequence, RFC 8742): each says itself where it ends. */
function bytesOf(frame: Frame): Uint8Array {
  switch (frame.kind) {
    case 'invoice':
      return joinBytes(frame.invoice, frame.certificate);
    case 'payment':
      return frame.allowance === undefined ? frame.payment : joinBytes(frame.payment, frame.allowance);
    case 'noted':
      return joinBytes(frame.note, frame.payment, frame.allowance ?? new Uint8Array(0));
    case 'address':
      return frame.certificate;
    case 'receipt':
      return frame.receipt;
    case 'finality':
      return frame.finality;
    case 'epoch':
      return frame.epoch;
    case 'fork':
      return frame.fork;
    case 'voucher':
      return frame.voucher;
    case 'pay-code':
      return frame.code;
  }
}

function frameOf(letter: string, bytes: Uint8Array): Checked<Frame> {
  if (bytes.length === 0) return no('frame.malformed');
  if (letter === LETTERS.receipt) return ok({ kind: 'receipt', receipt: bytes });
  if (letter === LETTERS.finality) return ok({ kind: 'finality', finality: bytes });
  if (letter === LETTERS.epoch) return ok({ kind: 'epoch', epoch: bytes });
  if (letter === LETTERS.fork) return ok({ kind: 'fork', fork: bytes });
  if (letter === LETTERS.voucher) return ok({ kind: 'voucher', voucher: bytes });
  if (letter === LETTERS.address) return ok({ kind: 'address', certificate: bytes });
  const parts = itemsOf(bytes);
  if (letter === LETTERS.noted) return notedOf(parts);
  if (letter === LETTERS['pay-code']) return ok({ kind: 'pay-code', code: bytes });
  if (letter !== LETTERS.invoice && letter !== LETTERS.payment) return no('frame.unknown');
  const [first, second, third] = parts ?? [];
  if (first === undefined || third !== undefined) return no('frame.malformed');
  if (letter === LETTERS.payment) return ok({ kind: 'payment', payment: first, ...allowanceIn(second) });
  return second === undefined ? no('frame.malformed') : ok({ kind: 'invoice', invoice: first, certificate: second });
}

function notedOf([note, payment, allowance]: readonly Uint8Array[] = []): Checked<Frame> {
  if (note === undefined || payment === undefined) return no('frame.malformed');
  return ok({ kind: 'noted', note, payment, ...allowanceIn(allowance) });
}

function allowanceIn(allowance: Uint8Array | undefined): { readonly allowance?: Uint8Array } {
  return allowance === undefined ? {} : { allowance };
}

/** The messages in `bytes`, or undefined when they are no whole items or more than three. */
function itemsOf(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  const items: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = itemEnd(bytes, start);
    if (end === undefined || items.length === 3) return undefined;
    items.push(bytes.subarray(start, end));
    start = end;
  }
  return items;
}

function partOf(bytes: Uint8Array): Checked<FramePart> {
  const place = bytes[5] ?? 0;
  const count = bytes[6] ?? 0;
  const last = place === count - 1;
  const body = bytes.subarray(7);
  const fits = last ? body.length > 0 && body.length <= PART_BYTES : body.length === PART_BYTES;
  if (count < 2 || count > PARTS_MOST || place >= count || !fits) return no('frame.malformed');
  const letter = String.fromCharCode(bytes[0] ?? 0);
  return ok({ kind: 'part', letter, whole: bytes.subarray(1, 5), place, count, bytes: body });
}
