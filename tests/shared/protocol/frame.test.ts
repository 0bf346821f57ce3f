/** Texts of codes: one when it fits, parts in any order when it does not. */
import { describe, expect, test } from 'vitest';
import { joinBytes, toHex } from '#shared/base/bytes.ts';
import { FRAME_BYTES_MOST } from '#shared/base/limits.ts';
import { toBase45 } from '#shared/protocol/base45.ts';
import { encodeCbor } from '#shared/protocol/cbor.ts';
import { collectParts, type FramePart, readFrame, writeFrame } from '#shared/protocol/frame.ts';
import { seed } from '#tests/vectors/cast.ts';

const ITEM = encodeCbor([seed('item')]);
const LARGE = new Uint8Array(900).map((_, at) => at % 251);

function partsOf(bytes: Uint8Array): FramePart[] {
  return writeFrame({ kind: 'fork', fork: bytes }).map((text) => {
    const read = readFrame(text);
    if (!read.ok || read.value.kind !== 'part') throw new Error('not a part');
    return read.value;
  });
}

describe('a frame', () => {
  test('of what fits is one text in alphanumeric mode and reads back', () => {
    const [payment, allowance] = [encodeCbor([seed('payment')]), encodeCbor([seed('allowance')])];
    const texts = writeFrame({ kind: 'payment', payment, allowance });
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(/^PH1P:[0-9A-Z $%*+\-./:]+$/);
    expect(readFrame(texts[0] ?? '')).toEqual({ ok: true, value: { kind: 'payment', payment, allowance } });
  });

  test.each<[string, Uint8Array]>([
    ['with a third message', joinBytes(ITEM, ITEM, ITEM)],
    ['whose second message is cut off', joinBytes(ITEM, ITEM.subarray(0, -1))],
    ['whose second message is a tag', joinBytes(ITEM, Uint8Array.of(0xc1, 0x00))],
    ['with something behind', joinBytes(ITEM, ITEM, Uint8Array.of(0xff))],
  ])('%s is malformed', (_what, bytes) => {
    const text = `PH1P:${toBase45(bytes)}`;
    expect(readFrame(text)).toMatchObject({ ok: false, error: { code: 'frame.malformed' } });
  });

  test('of the largest that fits is one text, one byte more is parts', () => {
    expect(writeFrame({ kind: 'fork', fork: new Uint8Array(FRAME_BYTES_MOST) })).toHaveLength(1);
    expect(writeFrame({ kind: 'fork', fork: new Uint8Array(FRAME_BYTES_MOST + 1) })).toHaveLength(4);
  });

  test.each([
    ['in order', [0, 1, 2, 3]],
    ['backwards', [3, 2, 1, 0]],
    ['with repeats', [2, 2, 0, 2, 3, 0, 1]],
  ])('in parts reads back %s', (_order, order) => {
    const parts = partsOf(LARGE);
    const collector = collectParts();
    const answers = order.map((place) => collector.take(parts[place] as FramePart));
    const last = answers.at(-1);
    expect(answers.slice(0, -1).every((answer) => answer.ok && answer.value === undefined)).toBe(true);
    expect(last?.ok && last.value?.kind === 'fork' && toHex(last.value.fork)).toBe(toHex(LARGE));
    expect(collector.progress()).toEqual({ held: 4, count: 4 });
  });

  test('refuses a part of another message', () => {
    const collector = collectParts();
    collector.take(partsOf(LARGE)[0] as FramePart);
    const other = collector.take(partsOf(LARGE.toReversed())[1] as FramePart);
    expect(other).toMatchObject({ ok: false, error: { code: 'frame.other-message' } });
  });

  test('refuses parts that do not add up to the whole they name', () => {
    const collector = collectParts();
    const parts = partsOf(LARGE);
    const bent = { ...(parts[2] as FramePart), bytes: new Uint8Array(250) };
    collector.take(parts[0] as FramePart);
    collector.take(parts[1] as FramePart);
    collector.take(bent);
    expect(collector.take(parts[3] as FramePart)).toMatchObject({ ok: false, error: { code: 'frame.malformed' } });
  });

  test('of nothing, or of parts within parts, is no frame', () => {
    expect(readFrame('PH1R:')).toMatchObject({ ok: false });
    const [part] = partsOf(LARGE);
    const collector = collectParts();
    expect(collector.take({ ...(part as FramePart), letter: 'X', place: 0, count: 1 })).toMatchObject({ ok: false });
  });
});
