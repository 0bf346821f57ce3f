/** Hands pictures to the decoder, a worker made when the first camera opens: reading a code never holds up the screen. */
import type { Answer, Question } from '#web/pay/decoder.ts';
import decoderUrl from '#web/pay/decoder.ts?worker&url';

interface PolicyFactory {
  readonly createPolicy: (
    name: string,
    rules: { readonly createScriptURL: (url: string) => string },
  ) => { readonly createScriptURL: (url: string) => unknown };
}

let decoder: Worker | undefined;
let asked = 0;
const waiting = new Map<number, (text: string | undefined) => void>();

/** Begins fetching the decoder, so that it stands ready when the first frame comes. */
export function openDecoder(): void {
  if (decoder) return;
  decoder = new Worker(vouchedFor());
  decoder.addEventListener('message', ({ data }: MessageEvent<Answer>) => answer(data.id, data.text));
  // One that broke is made anew with the next picture; what it was asked counts as not read.
  decoder.addEventListener('error', () => {
    decoder?.terminate();
    decoder = undefined;
    for (const id of [...waiting.keys()]) answer(id, undefined);
  });
}

/** The text of the largest code in the picture, if there is one. The picture is given away: it is empty afterwards. */
export function decode(picture: ImageData | ImageBitmap): Promise<string | undefined> {
  openDecoder();
  asked += 1;
  const question: Question = { id: asked, picture };
  return new Promise((resolve) => {
    waiting.set(question.id, resolve);
    decoder?.postMessage(question, [picture instanceof ImageData ? picture.data.buffer : picture]);
  });
}

function answer(id: number, text: string | undefined): void {
  waiting.get(id)?.(text);
  waiting.delete(id);
}

let vouched: string | undefined;

/** Under Trusted Types a worker's address must be vouched for: this policy knows only the decoder. */
function vouchedFor(): string {
  if (vouched !== undefined) return vouched;
  const factory = (globalThis as { readonly trustedTypes?: PolicyFactory }).trustedTypes;
  const policy = factory?.createPolicy('piaohao-decoder', {
    createScriptURL(url) {
      if (url !== decoderUrl) throw new TypeError(`not the decoder: ${url}`);
      return url;
    },
  });
  vouched = policy ? (policy.createScriptURL(decoderUrl) as string) : decoderUrl;
  return vouched;
}
