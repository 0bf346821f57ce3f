/** Base45 (RFC 9285): two bytes as three characters of a QR code's alphanumeric mode. */

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
const VALUES = new Map([...ALPHABET].map((symbol, value) => [symbol, value]));

/** The Base45 text of `bytes`. */
export function toBase45(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 2) {
    const pair = at + 1 < bytes.length;
    const value = pair ? (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0) : (bytes[at] ?? 0);
    text += symbol(value % 45) + symbol(Math.floor(value / 45) % 45);
    if (pair) text += symbol(Math.floor(value / 2025));
  }
  return text;
}

/** The bytes of Base45 `text`, or undefined when it is none: a foreign symbol, a wrong length, a group above 65,535 or 255. */
export function fromBase45(text: string): Uint8Array<ArrayBuffer> | undefined {
  const rest = text.length % 3;
  if (rest === 1) return undefined;
  const bytes = new Uint8Array(Math.floor(text.length / 3) * 2 + (rest === 2 ? 1 : 0));
  for (let at = 0, out = 0; at < text.length; at += 3, out += 2) {
    const low = VALUES.get(text[at] ?? '');
    const middle = VALUES.get(text[at + 1] ?? '');
    const high = at + 2 < text.length ? VALUES.get(text[at + 2] ?? '') : 0;
    if (low === undefined || middle === undefined || high === undefined) return undefined;
    const value = low + middle * 45 + high * 2025;
    if (at + 2 >= text.length) {
      if (value > 255) return undefined;
      bytes[out] = value;
      continue;
    }
    if (value > 65_535) return undefined;
    bytes[out] = value >> 8;
    bytes[out + 1] = value & 255;
  }
  return bytes;
}

function symbol(value: number): string {
  return ALPHABET.charAt(value);
}
