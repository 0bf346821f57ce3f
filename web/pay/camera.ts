/**
 * The camera, the scanner behind it, and its stand-ins (a picture, a pasted text). Loaded only when somebody scans.
 * html5-qrcode opens the camera and cuts its frames; they are read by a worker (see decoder.ts), so that the screen
 * never waits. The reader is 1280 px wide and scaled down by CSS, so that full frames are decoded.
 */
import { Html5Qrcode, Html5QrcodeScannerState, Html5QrcodeSupportedFormats } from 'html5-qrcode';
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { decode, openDecoder } from '#web/pay/decode.ts';

interface PolicyFactory {
  readonly createPolicy: (name: string, rules: { readonly createHTML: (html: string) => string }) => unknown;
}

let prepared = false;

/** Once: a Trusted Types policy that lets only the empty string be markup. */
function prepare(): void {
  if (prepared) return;
  prepared = true;
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
 * Starts the camera inside the element with this id and tells each text it reads, once per change; `onLost` hears when
 * what it sees cannot be read any more (`camera.unread`). Refusals: `camera.denied`, `camera.none`.
 */
export async function startCamera(
  elementId: string,
  onText: (text: string) => void,
  onLost: (refusal: Refusal) => void,
): Promise<Result<Camera, Refusal>> {
  prepare();
  openDecoder(() => onLost({ code: 'camera.unread' }));
  const box = document.getElementById(elementId);
  if (!box) return refuse({ code: 'camera.none' });
  const videos = watchVideos(box);
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
  return ok({ stop: () => stopScanner(scanner, videos) });
}

/**
 * The videos html5-qrcode puts into `box`. Asked of the document they could not be found any more when their screen is
 * gone; and it does not hear that a video fails to play, which each does that goes before its first picture.
 */
function watchVideos(box: HTMLElement): readonly HTMLVideoElement[] {
  const videos: HTMLVideoElement[] = [];
  box.append = (...nodes) => {
    for (const node of nodes) {
      if (!(node instanceof HTMLVideoElement)) continue;
      videos.push(node);
      node.play = () => HTMLVideoElement.prototype.play.call(node).catch(() => undefined);
    }
    HTMLElement.prototype.append.apply(box, nodes);
  };
  return videos;
}

/** The text of the code in a picture. Refusals: `code.none`, and `camera.unread` when nothing can be read here. */
export async function readPicture(picture: Blob): Promise<Result<string, Refusal>> {
  const drawn = await createImageBitmap(picture).catch(() => undefined);
  if (!drawn) return refuse({ code: 'code.none' });
  try {
    const text = await decode(typeof OffscreenCanvas === 'undefined' ? pixelsOf(drawn) : drawn);
    return text ? ok(text) : refuse({ code: 'code.none' });
  } catch {
    return refuse({ code: 'camera.unread' });
  }
}

/** For browsers whose workers cannot draw a picture to look at it. */
function pixelsOf(picture: ImageBitmap): ImageData {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [picture.width, picture.height];
  const pen = canvas.getContext('2d');
  if (!pen) throw new Error('no canvas');
  pen.drawImage(picture, 0, 0);
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}

function makeScanner(elementId: string): Html5Qrcode {
  return new Html5Qrcode(elementId, {
    formatsToSupport: [Html5QrcodeSupportedFormats.QR_CODE],
    // The browser's own, where there is one, decodes on the screen's thread.
    useBarCodeDetectorIfSupported: false,
    verbose: false,
  });
}

async function stopScanner(scanner: Html5Qrcode, videos: readonly HTMLVideoElement[]): Promise<void> {
  const streams = videos.map((video) => video.srcObject);
  try {
    // Not `isScanning`, which is false until the first picture: a camera that has just opened would stay on.
    if (scanner.getState() !== Html5QrcodeScannerState.NOT_STARTED) await scanner.stop();
    scanner.clear();
  } catch {
    // The element may be gone already; what matters is that the tracks end.
  }
  for (const stream of streams) if (stream instanceof MediaStream) for (const track of stream.getTracks()) track.stop();
}
