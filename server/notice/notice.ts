/**
 * Notices: what is told to phones whose app is closed, when money came or something happened to the keys of a wallet.
 * A window on the journal and on the list of events: it posts nothing, and neither settlement nor a change of keys ever
 * waits for it. What cannot be delivered in a day is let go: bills and events have it all the same.
 * Invariant: one thing is told to one phone at most once; only the browser that subscribed can read it; to whom sums are
 * told has chosen so.
 */
import { readFileSync } from 'node:fs';
import type { Device, Identity } from '#server/identity/identity.ts';
import type { Ledger } from '#server/ledger/ledger.ts';
import { openCourier } from '#server/notice/courier.ts';
import { openHouseKeys } from '#server/notice/key.ts';
import { isPoint } from '#server/notice/push-message.ts';
import * as store from '#server/notice/store.ts';
import { openTidings } from '#server/notice/tidings.ts';
import type { Payments } from '#server/payment/payment.ts';
import type { Database } from '#server/platform/database.ts';
import { sha256 } from '#server/platform/digest.ts';
import type { PostToStranger } from '#server/platform/stranger.ts';
import type { NoticeRequest, NoticeView } from '#shared/api/notice.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, duration, instant } from '#shared/base/time.ts';

/** What this capability remembers. */
export const noticeSchema = {
  name: 'notice',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** What notices stand on. */
export interface NoticeParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly identity: Pick<Identity, 'people' | 'eventsAfter' | 'onDeviceRevoked'>;
  readonly payments: Pick<Payments, 'stories'>;
  readonly regions: () => readonly string[];
  /** Where the house's keys for push services lie; `memory` in tests. */
  readonly keysDir: string | 'memory';
  /** Where whoever runs a push service finds whoever runs this house. */
  readonly origin: string;
  readonly post: PostToStranger;
  /** Whether an address may be kept to be called later. */
  readonly mayCall: (url: string) => boolean;
}

/** The front door. */
export interface Notices {
  /** How notices stand on the phone that asks. */
  readonly view: (phone: Device) => Promise<NoticeView>;
  /** From now on this phone is told. Refusals: `notice.endpoint`, `notice.key`. */
  readonly subscribe: (phone: Device, asked: NoticeRequest) => Promise<Result<NoticeView, Refusal>>;
  /** From now on it is not. */
  readonly unsubscribe: (phone: Device) => Promise<void>;
  /** Reads on in the journals and events and delivers what is due; what the job runs. Answers how many went out. */
  readonly runDue: () => Promise<number>;
}

/** Opens notices on a migrated database. */
export function openNotices(parts: NoticeParts): Notices {
  const { database, clock } = parts;
  const keys = openHouseKeys(parts.keysDir);
  const tidings = openTidings(parts);
  const courier = openCourier(parts, keys);
  parts.identity.onDeviceRevoked((tx, { region, id }) => store.dropSubscription(tx, region, id));
  const view = async ({ region, id }: Device): Promise<NoticeView> => {
    const row = await store.readSubscription(database, region, id);
    const key = row && keys.find(row.key_version);
    return {
      houseKey: toBase64url(keys.newest.publicKey),
      ...(row && key ? { on: { details: row.details, houseKey: toBase64url(key.publicKey) } } : {}),
    };
  };
  return {
    view,
    async subscribe(phone, asked) {
      if (!parts.mayCall(asked.endpoint)) return refuse({ code: 'notice.endpoint' });
      const key = keys.ofPublicKey(asked.houseKey);
      const point = fromBase64url(asked.publicKey);
      if (!key || !point || !isPoint(point)) return refuse({ code: 'notice.key' });
      const { endpoint, publicKey, secret, details } = asked;
      await database.transaction((tx) =>
        store.keepSubscription(tx, {
          ...{ region: phone.region, device: phone.id, wallet: phone.wallet, key_version: key.version, details },
          endpoint_hash: sha256(endpoint),
          sealed: key.seal(JSON.stringify({ endpoint, publicKey, secret })),
          made_at: clock(),
        }),
      );
      return ok(await view(phone));
    },
    unsubscribe: ({ region, id }) => database.transaction((tx) => store.dropSubscription(tx, region, id)),
    async runDue() {
      await tidings.gather();
      const count = await courier.deliver();
      await store.forgetDue(database, instant(clock() - KEPT));
      return count;
    },
  };
}

/** Longer than anything is tried, and than any event is read twice. */
const KEPT = duration(2, 'd');
