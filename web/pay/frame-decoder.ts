/**
 * Stands where html5-qrcode has its own decoder (see vite.config.ts), which cannot read a dense code held in a hand and
 * would hold up the screen: hands each frame of the camera to the decoder's worker.
 */
import { decode } from '#web/pay/decode.ts';

interface Read {
  readonly text: string;
  readonly format: { readonly format: number; readonly formatName: string };
  readonly debugData: { readonly decoderName: string };
}

/** The class html5-qrcode makes one of for a camera; the name is the one it asks for. */
export class ZXingHtml5QrcodeDecoder {
  /** Reads one frame; fails when it shows no code, as html5-qrcode expects. */
  async decodeAsync(frame: HTMLCanvasElement): Promise<Read> {
    const picture = await pictureOf(frame);
    const text = picture && (await decode(picture));
    if (!text) throw new Error('no code in this frame');
    return { text, format: { format: 0, formatName: 'QR_CODE' }, debugData: { decoderName: 'worker' } };
  }
}

/** A picture is handed over as it is; pixels, for browsers whose workers cannot draw, are copied on the screen's thread. */
async function pictureOf(frame: HTMLCanvasElement): Promise<ImageBitmap | ImageData | undefined> {
  if (typeof OffscreenCanvas !== 'undefined') return await createImageBitmap(frame);
  return frame.getContext('2d')?.getImageData(0, 0, frame.width, frame.height);
}
