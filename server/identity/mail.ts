/** E-mail out of the house: one interface, and the sandbox's post behind it. */
import { callOutside } from '#server/platform/outside.ts';
import type { Id } from '#shared/base/id.ts';

/** One mail. */
export interface Mail {
  readonly id: Id;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Sends one mail; true when the post took it. The same `id` is the same mail, however often it is sent. */
export type SendMail = (mail: Mail) => Promise<boolean>;

/** How long the post may take to accept a mail. */
const PATIENCE_MS = 5_000;

/** The post of the sandbox at `sandboxUrl`. */
export function sandboxPost(sandboxUrl: string): SendMail {
  const url = new URL('/mail', sandboxUrl).href;
  return async (mail) => {
    const answer = await callOutside(url, { method: 'POST', body: mail, timeoutMs: PATIENCE_MS });
    return answer.ok && answer.value.status < 300;
  };
}
