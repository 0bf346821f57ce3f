/** P-256 public keys: 33 compressed bytes in messages, 65 where a crypto interface wants both coordinates (SEC 1 section 2.3). */

const PRIME = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const CURVE_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

/** Half the group's order, rounded down: a signature's `s` above it is the twin of the one we accept. */
export const HALF_ORDER = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;

/** The group's order. */
export const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The 33-byte form of an uncompressed 65-byte point (first byte 4), or undefined when it is anything else. */
export function compressPoint(point: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (point.length !== 65 || point[0] !== 4) return undefined;
  const key = new Uint8Array(33);
  key[0] = 2 + ((point[64] ?? 0) & 1);
  key.set(point.subarray(1, 33), 1);
  return key;
}

/** The 65-byte form of a 33-byte key, or undefined when no point of the curve has it. */
export function expandPoint(key: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (key.length !== 33 || (key[0] !== 2 && key[0] !== 3)) return undefined;
  const x = toNumber(key.subarray(1));
  if (x >= PRIME) return undefined;
  const square = ((((x * x - 3n) * x + CURVE_B) % PRIME) + PRIME) % PRIME;
  const root = power(square, (PRIME + 1n) / 4n);
  if ((root * root) % PRIME !== square) return undefined;
  const y = (root & 1n) === BigInt(key[0] - 2) ? root : PRIME - root;
  const point = new Uint8Array(65);
  point[0] = 4;
  point.set(key.subarray(1), 1);
  point.set(toBytes(y), 33);
  return point;
}

/** The number whose big-endian bytes these are. */
export function toNumber(bytes: Uint8Array): bigint {
  let hex = '0x0';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return BigInt(hex);
}

/** The 32 big-endian bytes of `value`, which must fit. */
export function toBytes(value: bigint): Uint8Array<ArrayBuffer> {
  const hex = value.toString(16).padStart(64, '0');
  const bytes = new Uint8Array(32);
  for (let at = 0; at < 32; at += 1) bytes[at] = Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % PRIME;
    if (bit === '1') result = (result * base) % PRIME;
  }
  return result;
}
