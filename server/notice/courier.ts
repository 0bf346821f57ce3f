/**
 * Carries what is due to the push services: encrypted for one browser, under the house's own key, a few at a time.
 * A phone whose place is gone (404, 410) is forgotten, a service that asks for a pause (429) gets it, and what finds no
 * way is tried again, ever more seldom, for a day.
 */
import type { HouseKeys } from '#server/notice/key.ts';
import type { NoticeParts } from '#server/notice/notice.ts';
import { encrypt, type PushKeys, vapidWord } from '#server/notice/push-message.ts';
import * as store from '#server/notice/store.ts';
import type { NoticeText } from '#shared/api/notice.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, utf8 } from '#shared/base/bytes.ts';
import { after, between, duration, type Instant } from '#shared/base/time.ts';

/** Delivers. */
export interface Courier {
  /** Answers how many lines went out. */
  readonly deliver: () => Promise<number>;
}

const AT_ONCE = 100;
const SIDE_BY_SIDE = 10;
const PATIENCE_MS = 5_000;
/** For how long a push service keeps it for a phone that is switched off, and for how long the house tries. */
const LIFE = duration(1, 'd');
const WORD_LIFE = duration(12, 'h');
const FIRST_PAUSE = duration(10, 's');
const LONGEST_PAUSE = duration(1, 'h');
const LEAST_REST = duration(1, 'min');

/** Opens it over `parts`. */
export function openCourier(parts: NoticeParts, keys: HouseKeys): Courier {
  return {
    async deliver() {
      let sent = 0;
      for (const region of parts.regions()) {
        const lines = await store.waiting(parts.database, region, parts.clock(), AT_ONCE);
        for (let at = 0; at < lines.length; at += SIDE_BY_SIDE) {
          const went = await Promise.all(lines.slice(at, at + SIDE_BY_SIDE).map((line) => carry(parts, keys, line)));
          sent += went.filter((one) => one).length;
        }
      }
      return sent;
    },
  };
}

async function carry(parts: NoticeParts, keys: HouseKeys, line: store.WaitingRow): Promise<boolean> {
  const { database, clock } = parts;
  const now = clock();
  const key = keys.find(line.key_version);
  if (!key) {
    await forgetPhone(parts, line);
    return false;
  }
  if (between(line.made_at, now) >= LIFE) {
    await store.endDue(database, line, now);
    return false;
  }
  const { endpoint, ...browser } = placeOf(key.open(line.sealed));
  const body = encrypt(browser, utf8(JSON.stringify(await named(parts, line))));
  const headers = {
    authorization: vapidWord(key, endpoint, parts.origin, now, WORD_LIFE),
    'content-encoding': 'aes128gcm',
    'content-type': 'application/octet-stream',
    ttl: String(Math.floor((LIFE - between(line.made_at, now)) / 1_000)),
    urgency: 'high',
  };
  const answer = await parts.post(endpoint, { headers, body, timeoutMs: PATIENCE_MS });
  if (!answer.ok) return answer.error === 'forbidden' ? forgetPhone(parts, line) : again(parts, line, now);
  return await settle(parts, line, answer.value.status, answer.value.retryAfter);
}

/** What the line says, with the name that belongs to it. */
async function named({ identity }: NoticeParts, { said, peer }: store.WaitingRow): Promise<NoticeText> {
  const text = JSON.parse(said) as NoticeText;
  const from = peer && (await identity.people([peer])).get(peer)?.verifiedName;
  return from ? ({ ...text, from } as NoticeText) : text;
}

/** What the push service's answer means for the line and for its phone. */
async function settle(
  parts: NoticeParts,
  line: store.WaitingRow,
  status: number,
  retryAfter: number | undefined,
): Promise<boolean> {
  const { database, clock } = parts;
  const now = clock();
  if (status >= 200 && status < 300) {
    await store.endDue(database, line, now);
    return true;
  }
  if (status === 404 || status === 410) return forgetPhone(parts, line);
  if (status === 429 || (status === 503 && retryAfter !== undefined)) {
    const rest = Math.min(Math.max((retryAfter ?? 0) * 1_000, LEAST_REST), LIFE);
    await store.pause(database, line.region, line.device, after(now, duration(rest, 'ms')));
    return false;
  }
  if (status >= 400 && status < 500) {
    // It will say the same of the same message each time; a place made with another key the phone mends by itself.
    await store.endDue(database, line, now);
    return false;
  }
  return again(parts, line, now);
}

async function forgetPhone({ database }: NoticeParts, { region, device }: store.WaitingRow): Promise<boolean> {
  await database.transaction((tx) => store.dropSubscription(tx, region, device));
  return false;
}

async function again({ database }: NoticeParts, line: store.WaitingRow, now: Instant): Promise<boolean> {
  const pause = Math.min(FIRST_PAUSE * 2 ** Math.min(line.tries, 16), LONGEST_PAUSE);
  await store.putOff(database, line, after(now, duration(pause, 'ms')));
  return false;
}

function placeOf(text: string): PushKeys & { readonly endpoint: string } {
  const { endpoint, publicKey, secret } = JSON.parse(text) as Record<'endpoint' | 'publicKey' | 'secret', string>;
  const [point, shared] = [fromBase64url(publicKey), fromBase64url(secret)];
  assert(point !== undefined && shared !== undefined, 'what was sealed is what was checked');
  return { endpoint, publicKey: point, secret: shared };
}
