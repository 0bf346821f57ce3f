/** Hands pictures to the decoder, a worker made when the first camera opens: reading a code never holds up the screen. */
import type { Answer, Question } from '#web/pay/decoder.ts';
import decoderUrl from '#web/pay/decoder.ts?worker&url';
import { vouchedUrl } from '#web/ui/vouched.ts';

interface Waiting {
  readonly resolve: (text: string | undefined) => void;
  readonly reject: (reason: Error) => void;
}

/** Workers that may break before this page gives up: frames come twelve times a second. */
const TRIES = 3;

let decoder: Worker | undefined;
let broken = 0;
let tellLost: () => void = () => undefined;
let asked = 0;
const waiting = new Map<number, Waiting>();

/** Begins fetching the decoder, so that it stands ready when the first frame comes; `lost` hears when none can be had. */
export function openDecoder(lost: () => void = () => undefined): void {
  broken = 0;
  tellLost = lost;
  standingDecoder();
}

/** The text of the largest code in the picture, if there is one; fails when no decoder can be had. The picture is given away: it is empty afterwards. */
export function decode(picture: ImageData | ImageBitmap): Promise<string | undefined> {
  const worker = standingDecoder();
  if (!worker) return Promise.reject(new Error('no decoder'));
  asked += 1;
  const question: Question = { id: asked, picture };
  return new Promise((resolve, reject) => {
    waiting.set(question.id, { resolve, reject });
    worker.postMessage(question, [picture instanceof ImageData ? picture.data.buffer : picture]);
  });
}

function standingDecoder(): Worker | undefined {
  if (decoder || broken >= TRIES) return decoder;
  const made = new Worker(vouchedUrl('piaohao-decoder', decoderUrl));
  decoder = made;
  made.addEventListener('message', ({ data }: MessageEvent<Answer>) => {
    waiting.get(data.id)?.resolve(data.text);
    waiting.delete(data.id);
  });
  // One that broke is made anew with the next picture, until it has been tried often enough.
  made.addEventListener('error', () => {
    made.terminate();
    decoder = undefined;
    broken += 1;
    for (const { reject } of waiting.values()) reject(new Error('the decoder broke'));
    waiting.clear();
    if (broken === TRIES) tellLost();
  });
  return made;
}
