/** Every bound of the house's own formats in one place, each with its reason. Amounts of money are policy, not limits. */
import { type Duration, duration } from '#shared/base/time.ts';

/** Bytes of one signed message, checked before anything is decoded: the largest real one (a key set of 50 keys) is 3.6 kB. */
export const MESSAGE_BYTES = 4096;

/** How deep CBOR may nest: the deepest real message (a key set) nests four deep; a decoder's stack stays small. */
export const MESSAGE_DEPTH = 8;

/** Largest sum in one message, in minor units: a thousand million yuan; sums of a million of these stay safe integers. */
export const AMOUNT_MOST = 100_000_000_000;

/** Largest payment number inside one allowance: far above any policy, two bytes of CBOR. */
export const COUNT_MOST = 65_535;

/** Latest second a message may name (the year 2106): keeps moments at five bytes of CBOR. */
export const SECOND_MOST = 4_294_967_295;

/** Bytes of an invoice's memo in UTF-8: 32 Chinese characters; invoice and certificate then still fit QR version 17. */
export const MEMO_BYTES = 96;

/** How long after a note is written its payment may be signed: a person reads the sheet; a code of yesterday is no note. */
export const NOTE_LIFETIME: Duration = duration(1, 'h');

/** Bytes of a verified name in UTF-8: 20 Chinese characters, the length of a Chinese company name on a sign. */
export const NAME_BYTES = 60;

/** How many steps on a signature may stand for a payment that it names: a proof that shows them all stays one message. */
export const SIGNS_FOR_STEPS = 6;

/** Payees one allowance may be locked to: one is the usual case, and each costs 17 bytes of the code. */
export const PAYEES_MOST = 8;

/** Issuer keys in one key set: 50 regions, or 25 with a current and a next key, within {@link MESSAGE_BYTES}. */
export const ISSUERS_MOST = 50;

/** Web origins a passkey may be asserted on; the verifier tries exactly the one named, so this only bounds the message. */
export const ORIGINS_MOST = 8;

/** Bytes of one origin: the longest host name is 253 (RFC 1035 section 2.3.4). */
export const ORIGIN_BYTES = 261;

/** Bytes of clientDataJSON after the bare template: what browsers really add is under 150 (WebAuthn L3 section 5.8.1.2). */
export const ASSERTION_TAIL_BYTES = 256;

/** Bytes of authenticator extension data kept with an assertion: an encrypted PRF answer is 85. */
export const ASSERTION_EXTENSION_BYTES = 160;

/** Entries of one status list: a million allowances live at once in one region, 128 kB of bits before compression. */
export const STATUS_ENTRIES_MOST = 1_048_576;

/** Compressed bytes of a status list: 1 % of a million revoked is 15 kB; more than this is an attack on the decompressor. */
export const STATUS_BYTES_MOST = 262_144;

/** Bytes in one QR code of version 19 at error correction L, the worst case: 1,154 alphanumeric characters less the prefix. Above it a message is drawn in parts. */
export const FRAME_BYTES_MOST = 766;

/** Bytes of one part when a message needs several codes: version 10 L, which a hand-held camera reads at once. */
export const PART_BYTES = 250;

/** Parts one message may need: 4 kB in parts of {@link PART_BYTES}. */
export const PARTS_MOST = 17;

/** Entries of one tree of settled claims: a region's payments for a hundred years at 300 a second; figures stay whole numbers. */
export const CLAIMS_MOST = 2 ** 40;

/** Seconds a pay code lives: shown for a minute, then another one; photographed, it is soon worth nothing. */
export const PAY_CODE_SECONDS = 60;

/** How far two honest clocks may differ; phones that never sync drift by less than a minute a month. */
export const CLOCK_SKEW: Duration = duration(5, 'min');
