/** Draws a QR code as the path of an SVG; the encoder is fetched only when the first code is drawn. */

/** A drawn code: `size` modules a side with its quiet edge, and the path of its dark modules. */
export interface Drawing {
  readonly size: number;
  readonly version: number;
  readonly path: string;
}

/** Modules of white around a code (ISO/IEC 18004 asks for 4). */
const EDGE = 4;

/** The drawing of `text` at error correction `level`; fails when it is too long for one code. */
export async function drawCode(text: string, level: 'L' | 'M'): Promise<Drawing> {
  const { correction, generate } = await import('lean-qr');
  const wanted = level === 'L' ? correction.L : correction.M;
  const code = generate(text, { minCorrectionLevel: wanted, maxCorrectionLevel: wanted });
  let path = '';
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) {
      if (!code.get(x, y)) continue;
      const from = x;
      while (x + 1 < code.size && code.get(x + 1, y)) x += 1;
      path += `M${from + EDGE} ${y + EDGE}h${x - from + 1}v1h-${x - from + 1}z`;
    }
  }
  return { size: code.size + 2 * EDGE, version: (code.size - 17) / 4, path };
}
