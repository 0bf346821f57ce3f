/** Telling the owner of a wallet what happened to it, by every road there is: whoever did it holds not all of them. */
import type { IdentityParts } from '#server/identity/parts.ts';
import type { Session } from '#server/identity/session.ts';
import { type NoticeSubject, noticeText } from '#server/identity/sms.ts';
import * as store from '#server/identity/store.ts';
import { assert } from '#shared/base/assert.ts';
import { newId } from '#shared/base/id.ts';

/**
 * Sends `what` by text, to the proved e-mail address, and to `formerly`, an address that was one until now. What cannot
 * be sent undoes nothing: the list of events has it.
 */
export async function tellOwner(
  parts: IdentityParts,
  { region, wallet }: Pick<Session, 'region' | 'wallet'>,
  what: NoticeSubject,
  formerly?: string,
): Promise<void> {
  const owner = await store.readWallet(parts.database, wallet);
  assert(owner !== undefined, 'a session belongs to a wallet');
  const email = await store.readEmail(parts.database, region, wallet);
  const text = noticeText(what);
  const now = parts.clock();
  const boxes = new Set([email && parts.secrets.open(email.sealed), formerly].filter((one) => one !== undefined));
  const mails = [...boxes].map((to) =>
    parts.sendMail({ id: newId(now), to, subject: '票号提醒 · Piaohao notice', text }),
  );
  await Promise.all([parts.sendText({ id: newId(now), to: parts.secrets.open(owner.phone_sealed), text }), ...mails]);
}
