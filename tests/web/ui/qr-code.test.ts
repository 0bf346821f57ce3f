/** Codes are drawn small and read back by a real decoder. */

import { beforeAll, expect, test } from 'vitest';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url';
import { drawCode } from '#web/ui/qr-code.ts';

beforeAll(async () => {
  await prepareZXingModule({ overrides: { locateFile: () => wasmUrl }, fireImmediately: true });
});

/** The drawing at 6 pixels a module, black on white. */
function pictureOf(size: number, path: string): ImageData {
  const scale = 6;
  const canvas = new OffscreenCanvas(size * scale, size * scale);
  const pen = canvas.getContext('2d');
  if (!pen) throw new Error('no canvas');
  pen.fillStyle = '#fff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.scale(scale, scale);
  pen.fillStyle = '#000';
  pen.fill(new Path2D(path));
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

test.each([
  ['a short frame', 'PH1:ABC123', 'M', 1],
  ['a payment', `PH1:${'7WGOXE6B1P1TVO4 '.repeat(30)}`, 'L', 12],
  ['any text', 'https://piaohao.example/a?b=小票', 'M', 4],
] as const)('%s is read back from a code of few modules', async (_name, text, level, most) => {
  const { size, version, path } = await drawCode(text, level);
  expect(version).toBeLessThanOrEqual(most);
  const [read] = await readBarcodes(pictureOf(size, path), { formats: ['QRCode'] });
  expect(read?.text).toBe(text);
});

test('capitals and digits take the alphanumeric alphabet: 5.5 bits a letter instead of 8', async () => {
  const text = 'A1'.repeat(200);
  const [large, small] = await Promise.all([drawCode(text.toLowerCase(), 'M'), drawCode(text, 'M')]);
  expect(small.version).toBeLessThan(large.version);
});

test('what is too long for one code fails instead of being cut', async () => {
  await expect(drawCode('A'.repeat(5000), 'L')).rejects.toThrow();
});
