/**
 * The camera, the scanner behind it, and its stand-ins (a picture, a pasted text). Loaded only when somebody scans.
 * html5-qrcode runs over the BarcodeDetector we supply (zxing, its .wasm served by ourselves): its own decoder cannot
 * read a dense code held in a hand. The reader is 1280 px wide and scaled down by CSS, so that full frames are decoded.
 */
import { BarcodeDetector, prepareZXingModule } from 'barcode-detector/ponyfill';
import { Html5Qrcode, Html5QrcodeSupportedFormats } from 'html5-qrcode';
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url';
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';

interface PolicyFactory {
  readonly createPolicy: (name: string, rules: { readonly createHTML: (html: string) => string }) => unknown;
}

let prepared = false;

/** Readies the decoder once: its own .wasm, and a Trusted Types policy that lets only the empty string be markup. */
function prepare(): void {
  if (prepared) return;
  prepared = true;
  prepareZXingModule({
    overrides: {
      locateFile: (path: string, prefix: string) => (path.endsWith('.wasm') ? wasmUrl : prefix + path),
    },
  });
  Object.assign(globalThis, { BarcodeDetector });
  const types = (globalThis as { readonly trustedTypes?: PolicyFactory }).trustedTypes;
  // html5-qrcode empties its element by `innerHTML = ''`; anything else stays forbidden.
  types?.createPolicy('default', {
    createHTML: (html) => {
      if (html !== '') throw new TypeError('markup from text is not allowed here');
      return html;
    },
  });
}

/** A running camera. */
export interface Camera {
  /** Stops every track and leaves the element empty. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts the camera inside the element with this id and tells each text it reads, once per change.
 * Refusals: `camera.denied`, `camera.none`.
 */
export async function startCamera(elementId: string, onText: (text: string) => void): Promise<Result<Camera, Refusal>> {
  prepare();
  const scanner = makeScanner(elementId);
  let last = '';
  const onRead = (text: string) => {
    if (text !== last) onText(text);
    last = text;
  };
  try {
    await scanner.start(
      { facingMode: 'environment' },
      { fps: 12, disableFlip: true, videoConstraints: { facingMode: 'environment', width: 1280, height: 720 } },
      onRead,
      () => undefined,
    );
  } catch (failure) {
    return refuse({ code: /NotAllowed|Permission/i.test(String(failure)) ? 'camera.denied' : 'camera.none' });
  }
  return ok({ stop: () => stopScanner(scanner, elementId) });
}

/** The text of the code in a picture, or `code.none`. */
export async function readPicture(picture: Blob): Promise<Result<string, Refusal>> {
  prepare();
  const detector = new BarcodeDetector({ formats: ['qr_code'] });
  try {
    const found = await detector.detect(await createImageBitmap(picture));
    const text = found[0]?.rawValue;
    return text ? ok(text) : refuse({ code: 'code.none' });
  } catch {
    return refuse({ code: 'code.none' });
  }
}

function makeScanner(elementId: string): Html5Qrcode {
  return new Html5Qrcode(elementId, {
    formatsToSupport: [Html5QrcodeSupportedFormats.QR_CODE],
    useBarCodeDetectorIfSupported: true,
    verbose: false,
  });
}

async function stopScanner(scanner: Html5Qrcode, elementId: string): Promise<void> {
  const video = document.getElementById(elementId)?.querySelector('video');
  const stream = video?.srcObject;
  try {
    if (scanner.isScanning) await scanner.stop();
    scanner.clear();
  } catch {
    // The element may be gone already; what matters is that the tracks end.
  }
  if (stream instanceof MediaStream) for (const track of stream.getTracks()) track.stop();
}
