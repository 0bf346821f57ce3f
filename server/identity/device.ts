/**
 * Devices: the phones of a wallet, each with its own key, and requests that speak for one of them without a session.
 * A signed request may be sent again inside the five minutes: whatever it starts must be the same act when repeated.
 */
import type { FastifyRequest } from 'fastify';
import { noteEvent } from '#server/identity/event.ts';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import { sha256 } from '#server/identity/secret.ts';
import * as store from '#server/identity/store.ts';
import type { Alarm, Watch } from '#server/identity/watch.ts';
import { writeDown } from '#server/logbook/logbook.ts';
import { findTogether } from '#server/platform/batch.ts';
import type { Sql } from '#server/platform/database.ts';
import { rawBodyOf } from '#server/platform/http.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url, sameBytes, toBase64url, utf8 } from '#shared/base/bytes.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { duration, type Instant } from '#shared/base/time.ts';
import { expandPoint } from '#shared/protocol/point.ts';
import { webVerifier } from '#shared/protocol/signature.ts';

/** One phone of a wallet. `key` is its 33-byte compressed P-256 point. */
export interface Device {
  readonly region: string;
  readonly id: Id;
  readonly wallet: Id;
  readonly key: Uint8Array;
  readonly name: string;
  readonly createdAt: Instant;
  readonly seenAt: Instant | undefined;
  readonly revokedAt: Instant | undefined;
}

/** Runs inside the transaction that revokes a device, so that what hangs on it stops in the same moment. */
export type DeviceRevoked = (tx: Sql, device: Device, at: Instant) => Promise<void>;

/** The devices of the house. */
export interface Devices {
  readonly of: (wallet: { region: string; wallet: Id }) => Promise<Device[]>;
  /** Enrols a device; the same again is the same act. */
  readonly enrol: (
    wallet: { region: string; wallet: Id },
    device: { id: Id; key: Uint8Array; name: string },
  ) => Promise<Result<Device, Refusal>>;
  readonly rename: (wallet: { region: string; wallet: Id }, id: Id, name: string) => Promise<Result<Device, Refusal>>;
  readonly revoke: (wallet: { region: string; wallet: Id }, id: Id) => Promise<Result<Device, Refusal>>;
  /** Revokes every live device of a wallet that is closed. */
  readonly endAll: (tx: Sql, wallet: { region: string; wallet: Id }, at: Instant) => Promise<void>;
  /** The device that signed `request`. */
  readonly signer: (request: FastifyRequest) => Promise<Result<Device, Refusal>>;
  readonly onRevoked: (hook: DeviceRevoked) => void;
}

/** Live devices of one wallet: a person with two phones, a tablet and a till, twice over. */
const DEVICES_MOST = 8;

/** How far a phone's clock may be off in a signed request; the refusal tells it the right time. */
const SKEW = duration(5, 'min');
const SEEN_STEP = duration(1, 'min');
const HEADER = /^Device ([0-9a-f-]{36}):(\d{1,15}):([A-Za-z0-9_-]{86})$/;

/** Opens the devices over the database of `parts`. */
export function openDevices(parts: IdentityParts, watch: Pick<Watch, 'enrolled' | 'tell'>): Devices {
  const { database, clock } = parts;
  const hooks: DeviceRevoked[] = [];
  const verify = webVerifier();
  const find = findTogether((ids: readonly Id[]) => store.devicesById(database, ids), {
    nameOf: (id) => id,
    keyOf: (row) => row.id,
  });
  return {
    of: async ({ region, wallet }) => (await store.devicesOfWallet(database, region, wallet)).map(deviceOf),
    enrol: async (owner, device) => {
      const { done, alarms } = await enrol(parts, watch, owner, device);
      await watch.tell(alarms);
      return done;
    },
    rename: async ({ region, wallet }, id, name) => {
      if (!(await store.renameDevice(database, region, wallet, id, name))) return no('device.not-found');
      const row = (await store.devicesOfWallet(database, region, wallet)).find((one) => one.id === id);
      return row ? ok(deviceOf(row)) : no('device.not-found');
    },
    revoke: ({ region, wallet }, id) =>
      database.transaction(async (tx) => {
        const row = (await store.devicesOfWallet(tx, region, wallet)).find((one) => one.id === id);
        if (!row) return no('device.not-found');
        return ok((await end(tx, hooks, row, clock())) ?? deviceOf(row));
      }),
    endAll: async (tx, { region, wallet }, at) => {
      for (const row of await store.devicesOfWallet(tx, region, wallet)) await end(tx, hooks, row, at);
    },
    signer: async (request) => {
      const word = readHeader(request.headers.authorization);
      if (!word) return no('device.signature');
      const rows = await find(word.id);
      if (rows.length === 0) return no('device.unknown');
      const message = signedWords(request, word.at);
      for (const row of rows) {
        if (!(await verify({ key: row.key, message, signature: word.signature }))) continue;
        return await admit(parts, row, word.at);
      }
      return no('device.signature');
    },
    onRevoked: (hook) => {
      hooks.push(hook);
    },
  };
}

interface Enrolled {
  readonly done: Result<Device, Refusal>;
  readonly alarms: readonly Alarm[];
}

async function enrol(
  parts: IdentityParts,
  watch: Pick<Watch, 'enrolled'>,
  { region, wallet }: { region: string; wallet: Id },
  { id, key, name }: { id: Id; key: Uint8Array; name: string },
): Promise<Enrolled> {
  const only = (done: Result<Device, Refusal>): Enrolled => ({ done, alarms: [] });
  if (!expandPoint(key)) return only(no('device.key'));
  return await parts.database.transaction(async (tx) => {
    await store.lockWallet(tx, region, wallet);
    const [held, ...others] = await store.devicesById(tx, [id]);
    if (held) {
      const isSame = others.length === 0 && held.wallet === wallet && sameBytes(held.key, key);
      if (!isSame) return only(no('device.id-reused'));
      return only(held.revoked_at === null ? ok(deviceOf(held)) : no('device.revoked'));
    }
    const live = (await store.devicesOfWallet(tx, region, wallet)).filter((one) => one.revoked_at === null);
    if (live.length >= DEVICES_MOST) return only(no('device.limit', { most: DEVICES_MOST }));
    const row = { region, id, wallet, key, name, created_at: parts.clock(), seen_at: null, revoked_at: null };
    if (!(await store.insertDevice(tx, row))) return only(no('device.id-reused'));
    const about = { device: id };
    await noteEvent(tx, { region, wallet }, { code: 'device-enrolled', at: row.created_at, device: name });
    const alarms = await watch.enrolled(tx, { region, wallet });
    await writeDown(tx, [{ region, at: row.created_at, act: 'device-enrolled', who: `wallet ${wallet}`, about }]);
    return { done: ok(deviceOf(row)), alarms };
  });
}

/** Revokes a device with all that hangs on it; undefined when it was before. */
async function end(
  tx: Sql,
  hooks: readonly DeviceRevoked[],
  row: store.DeviceRow,
  now: Instant,
): Promise<Device | undefined> {
  const { region, wallet, id } = row;
  if (!(await store.revokeDevice(tx, region, id, now))) return undefined;
  const revoked = deviceOf({ ...row, revoked_at: now });
  for (const hook of hooks) await hook(tx, revoked, now);
  await noteEvent(tx, { region, wallet }, { code: 'device-revoked', at: now, device: row.name });
  await writeDown(tx, [{ region, at: now, act: 'device-revoked', who: `wallet ${wallet}`, about: { device: id } }]);
  return revoked;
}

/** The signature is good: is the device still welcome, and does it live in our time? */
async function admit(parts: IdentityParts, row: store.DeviceRow, at: number): Promise<Result<Device, Refusal>> {
  const now = parts.clock();
  if (row.revoked_at !== null) {
    const wallet = await store.readWallet(parts.database, row.wallet);
    return no(wallet?.closed_at == null ? 'device.revoked' : 'account.closed');
  }
  if (Math.abs(now - at) > SKEW) return no('device.clock-skew', { serverTime: now });
  if (row.seen_at === null || now - row.seen_at >= SEEN_STEP) {
    await store.seeDevice(parts.database, row.region, row.id, now);
  }
  return ok(deviceOf(row));
}

function readHeader(header: string | undefined): { id: Id; at: number; signature: Uint8Array } | undefined {
  const [, idText = '', at = '', signatureText = ''] = HEADER.exec(header ?? '') ?? [];
  const id = readId(idText);
  const signature = fromBase64url(signatureText);
  return id && signature?.length === 64 ? { id, at: Number(at), signature } : undefined;
}

function signedWords(request: FastifyRequest, at: number): Uint8Array {
  const digest = toBase64url(sha256(rawBodyOf(request)));
  return utf8(['piaohao-device-v1', request.method, request.url, String(at), digest].join('\n'));
}

function deviceOf(row: store.DeviceRow): Device {
  return {
    region: row.region,
    id: row.id,
    wallet: row.wallet,
    key: row.key,
    name: row.name,
    createdAt: row.created_at,
    seenAt: row.seen_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  };
}
