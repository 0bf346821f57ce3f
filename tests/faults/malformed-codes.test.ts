/**
 * A hundred thousand codes nobody meant, of every kind a phone can scan: no reader throws, none takes another form for
 * the one, nothing bent is believed, and neither time nor memory runs away.
 */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { fromHex, joinBytes, sameBytes, toHex, utf8 } from '#shared/base/bytes.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { fromBase45, toBase45 } from '#shared/protocol/base45.ts';
import { decodeCbor, encodeCbor } from '#shared/protocol/cbor.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { epochMessage } from '#shared/protocol/epoch.ts';
import { finalityMessage } from '#shared/protocol/finality.ts';
import { readFork } from '#shared/protocol/fork.ts';
import { type Frame, readFrame, writeFrame } from '#shared/protocol/frame.ts';
import { invoiceMessage } from '#shared/protocol/invoice.ts';
import { readNote } from '#shared/protocol/note.ts';
import { payCodeMessage } from '#shared/protocol/pay-code.ts';
import { encodeCore, readPayment } from '#shared/protocol/payment.ts';
import { receiptMessage } from '#shared/protocol/receipt.ts';
import { verifySync } from '#shared/protocol/signature.ts';
import { readVoucher } from '#shared/protocol/voucher.ts';
import { report } from '#tests/kit/fault-report.ts';
import { xorshift } from '#tests/kit/xorshift.ts';
import { nodeVerifier, replay, type Vector } from '#tests/vectors/replay.ts';

const CODES = 100_000;
const WARM_UP = 20_000;
/** Of this process's own time: what others do on the machine is not the reader's. */
const MOST_MS = 60_000;
const MOST_GROWTH = 50 * 1024 * 1024;
/** Every letter a frame may begin with, and one that means nothing. */
const LETTERS = 'IPNARFEKVCXQ';

type Message =
  | 'invoice'
  | 'certificate'
  | 'payment'
  | 'allowance'
  | 'note'
  | 'receipt'
  | 'finality'
  | 'epoch'
  | 'fork'
  | 'voucher'
  | 'code';
type Parts = Partial<Record<Message, Uint8Array>>;

/** A kind of code, its honest text, and the vector by which whoever scans it decides whether to believe it. */
interface Kind {
  readonly letter: string;
  readonly bytes: Uint8Array;
  readonly vector: Vector;
}

/** The first vector of `file` that is good and brings `parts`. */
function good(file: string, ...parts: readonly Message[]): Vector {
  const path = new URL(`../vectors/${file}.json`, import.meta.url);
  const all: Vector[] = JSON.parse(readFileSync(path, 'utf8'));
  const found = all.find((one) => one.expect === 'ok' && parts.every((part) => one.given[part] !== undefined));
  if (!found) throw new Error(`no good vector in ${file}`);
  return found;
}

const bytesOf = (hex: string | undefined) => fromHex(hex ?? '') ?? new Uint8Array();

function kindsOfCodes(): Kind[] {
  const invoice = good('invoice', 'invoice', 'certificate');
  const payment = good('payment', 'payment', 'allowance');
  const noted = good('note', 'payment', 'allowance');
  const { certificate = '' } = invoice.given;
  const address = { ...invoice, check: 'certificate', given: { certificate } };
  const kind = (letter: string, vector: Vector, ...parts: readonly string[]): Kind => ({
    letter,
    vector,
    bytes: joinBytes(...parts.map(bytesOf)),
  });
  return [
    kind('I', invoice, invoice.given.invoice ?? '', certificate),
    kind('P', payment, payment.given.payment ?? '', payment.given.allowance ?? ''),
    kind('N', noted, noted.context.note ?? '', noted.given.payment ?? '', noted.given.allowance ?? ''),
    kind('A', address, certificate),
    ...(
      [
        ['R', 'receipt', 'receipt'],
        ['F', 'finality', 'finality'],
        ['E', 'epoch', 'epoch'],
        ['K', 'fork', 'fork'],
        ['V', 'voucher', 'voucher'],
        ['C', 'pay-code', 'code'],
      ] as const
    ).map(([letter, file, part]) => {
      const vector = good(file, part);
      return kind(letter, vector, vector.given[part] ?? '');
    }),
  ];
}

/** How each message is read, and how it is written again; a voucher and a fork are the bytes of CBOR and no more. */
const READERS: Readonly<Record<Message, (bytes: Uint8Array) => { ok: boolean }>> = {
  invoice: invoiceMessage.read,
  certificate: certificateMessage.read,
  payment: readPayment,
  allowance: allowanceMessage.read,
  note: readNote,
  receipt: receiptMessage.read,
  finality: finalityMessage.read,
  epoch: epochMessage.read,
  fork: readFork,
  voucher: readVoucher,
  code: payCodeMessage.read,
};

/** The messages a whole frame hands over. */
function partsOf(frame: Frame): Parts {
  const { kind, ...parts } = frame;
  return parts;
}

/** Whether what was read out of a code says just these bytes when it is written again. */
function isCanonical(name: Message, bytes: Uint8Array): boolean {
  const plain = decodeCbor(bytes);
  if (!plain.ok || !sameBytes(encodeCbor(plain.value), bytes)) return false;
  if (name !== 'payment') return true;
  const read = readPayment(bytes);
  return read.ok && sameBytes(encodeCore(read.value.message), read.value.payload);
}

const SIGNS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

/** The next code nobody meant: noise, or an honest one with bytes changed, lost, said twice or under another letter. */
function bend({ letter, bytes }: Kind, next: () => number): string {
  const way = next() % 8;
  if (way === 0) return `PH1${letter}:${toBase45(Uint8Array.from({ length: next() % 300 }, next))}`;
  const bent = Uint8Array.from(bytes);
  for (let bends = 1 + (next() % 4); bends > 0; bends -= 1) bent[next() % bent.length] = next();
  const from = next() % bent.length;
  if (way === 1) return `PH1${letter}:${toBase45(bent.subarray(0, from))}`;
  if (way === 2) return `PH1${letter}:${toBase45(joinBytes(bytes, bytes.subarray(from)))}`;
  if (way === 3) return `PH1${LETTERS[next() % LETTERS.length]}:${toBase45(bytes)}`;
  if (way === 4) {
    const text = [...`PH1${letter}:${toBase45(bytes)}`];
    text[next() % text.length] = SIGNS[next() % SIGNS.length] ?? '';
    return text.join('');
  }
  if (way === 5) {
    const head = joinBytes(utf8(letter), bytes.subarray(0, 4), Uint8Array.of(next() % 4, next() % 4));
    return `PH1X:${toBase45(joinBytes(head, bent.subarray(from)))}`;
  }
  return `PH1${letter}:${toBase45(bent)}`;
}

const gathered = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as (how: object) => void;
})();

/** What the process holds when all that is left over is gone. */
function restingBytes(): number {
  // The most thorough way V8 has, which gives empty pages back to the system: what is left was kept by somebody.
  for (let turn = 0; turn < 3; turn += 1) gathered({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  return process.memoryUsage.rss();
}

const kinds = kindsOfCodes();

/** What became of one code. */
interface Fate {
  readonly frame: boolean;
  readonly read: readonly Message[];
  /** Taken in a form that is not the one, or believed although it is bent. */
  readonly wrong: string | undefined;
}

async function fateOf(kind: Kind, text: string): Promise<Fate> {
  const framed = readFrame(text);
  if (!framed.ok) return { frame: false, read: [], wrong: undefined };
  if (framed.value.kind === 'part') {
    const { letter, whole, place, count, bytes } = framed.value;
    const again = `PH1X:${toBase45(joinBytes(utf8(letter), whole, Uint8Array.of(place, count), bytes))}`;
    return { frame: true, read: [], wrong: again === text ? undefined : 'a part in another form' };
  }
  const parts = partsOf(framed.value);
  const whole = joinBytes(...Object.values(parts));
  if (!sameBytes(whole, fromBase45(text.slice(5)) ?? new Uint8Array()))
    return { frame: true, read: [], wrong: 'a frame that loses or adds bytes' };
  if (writeFrame(framed.value).length === 1 && writeFrame(framed.value)[0] !== text)
    return { frame: true, read: [], wrong: 'a frame in another form' };
  const read = (Object.keys(parts) as Message[]).filter((name) => READERS[name](parts[name] ?? new Uint8Array()).ok);
  const loose = read.find((name) => !isCanonical(name, parts[name] ?? new Uint8Array()));
  if (loose) return { frame: true, read, wrong: `a ${loose} in another form` };
  const isWhole = read.length === Object.keys(parts).length && text[3] === kind.letter && isBent(kind, parts);
  if (!isWhole) return { frame: true, read, wrong: undefined };
  const said = await believed(kind.vector, parts);
  return { frame: true, read, wrong: said.startsWith('ok') ? `a bent ${kind.letter} is believed: ${text}` : undefined };
}

/** Whether any message in it is not the honest one; an honest payment by itself is what a second visit shows. */
function isBent({ vector }: Kind, parts: Parts): boolean {
  const { note } = vector.context;
  const honest: Readonly<Record<string, string>> = { ...vector.given, ...(note && { note }) };
  return Object.entries(parts).some(([name, bytes]) => toHex(bytes) !== honest[name]);
}

/** What whoever scans it says to these parts in place of the honest ones. */
function believed(vector: Vector, { note, ...given }: Parts): Promise<string> {
  const hexes = Object.fromEntries(Object.entries(given).map(([name, bytes]) => [name, toHex(bytes)]));
  const context = note === undefined ? vector.context : { ...vector.context, note: toHex(note) };
  const bent = { ...vector, given: { ...vector.given, ...hexes }, context };
  return replay(bent, async (checks) => verifySync(checks, nodeVerifier));
}

test('the honest code of every kind is read and believed', async () => {
  expect(kinds.map(({ letter }) => letter).join('')).toBe('IPNARFEKVC');
  for (const { letter, bytes, vector } of kinds) {
    const framed = readFrame(`PH1${letter}:${toBase45(bytes)}`);
    if (!framed.ok || framed.value.kind === 'part') throw new Error(`${letter} is no frame`);
    expect([letter, await believed(vector, partsOf(framed.value))]).toEqual([letter, 'ok']);
  }
});

test('a hundred thousand malformed codes', async () => {
  const next = xorshift(20_260_105);
  const counts = { frames: 0, unknown: 0, read: new Map<Message, number>() };
  const wrong: string[] = [];
  const scan = async (codes: number) => {
    for (let at = 0; at < codes; at += 1) {
      const kind = kinds[at % kinds.length];
      if (!kind) throw new Error('no kind');
      const fate = await fateOf(kind, bend(kind, next));
      if (fate.frame) counts.frames += 1;
      else counts.unknown += 1;
      for (const name of fate.read) counts.read.set(name, (counts.read.get(name) ?? 0) + 1);
      if (fate.wrong) wrong.push(fate.wrong);
    }
  };
  // What is compiled and kept once is no growth: it is there before the first figure is taken.
  await scan(WARM_UP);
  const [memory, began] = [restingBytes(), process.cpuUsage()];
  await scan(CODES);
  const { user, system } = process.cpuUsage(began);
  const [took, grown] = [(user + system) / 1_000, restingBytes() - memory];
  report('F9 malformed codes', CODES, {
    ...{ cpuMs: Math.round(took), grownKiB: Math.round(grown / 1024), frames: counts.frames },
    ...Object.fromEntries(counts.read),
  });
  expect(wrong).toEqual([]);
  expect(counts.frames, 'most of it gets past the frame').toBeGreaterThan(CODES / 2);
  expect(counts.unknown).toBeGreaterThan(1_000);
  for (const name of Object.keys(READERS) as Message[])
    expect(counts.read.get(name) ?? 0, `${name}s that were read, so that their form was looked at`).toBeGreaterThan(
      1_000,
    );
  expect(took).toBeLessThan(MOST_MS);
  expect(grown).toBeLessThan(MOST_GROWTH);
}, 240_000);
