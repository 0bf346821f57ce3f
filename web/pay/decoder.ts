/** The decoder, a worker: takes a picture and answers the text of the largest code in it, beside the screen's own thread. */
import { BarcodeDetector, prepareZXingModule } from 'barcode-detector/ponyfill';
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url';

/** What a screen asks of the decoder. */
export interface Question {
  readonly id: number;
  readonly picture: ImageData | ImageBitmap;
}

/** The decoder's answer to the question with the same id; no text when the picture shows no code. */
export interface Answer {
  readonly id: number;
  readonly text?: string;
}

declare const self: DedicatedWorkerGlobalScope;

// Fetched while the camera opens, so that the first frame need not wait for it.
prepareZXingModule({
  overrides: {
    locateFile: (path: string, prefix: string) => (path.endsWith('.wasm') ? wasmUrl : prefix + path),
  },
  fireImmediately: true,
})?.catch(() => undefined);
const detector = new BarcodeDetector({ formats: ['qr_code'] });

self.addEventListener('message', ({ data: { id, picture } }: MessageEvent<Question>) => {
  void largestCode(picture).then((text) => {
    self.postMessage((text ? { id, text } : { id }) satisfies Answer);
  });
});

async function largestCode(picture: ImageData | ImageBitmap): Promise<string | undefined> {
  try {
    const found = await detector.detect(picture);
    const area = (box: DOMRectReadOnly) => box.width * box.height;
    return found.sort((left, right) => area(right.boundingBox) - area(left.boundingBox))[0]?.rawValue;
  } catch {
    return undefined;
  } finally {
    if (picture instanceof ImageBitmap) picture.close();
  }
}
