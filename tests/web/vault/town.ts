/** A small town for tests in the browser: a network root, one issuer, and phones with real vaults and real keys. */
import { toBase64url } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { type Instant, instant } from '#shared/base/time.ts';
import { type Allowance, allowanceMessage } from '#shared/protocol/allowance.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { epochMessage } from '#shared/protocol/epoch.ts';
import { keySetMessage } from '#shared/protocol/key-set.ts';
import { type Signer, webSigner } from '#shared/protocol/signature.ts';
import { statusHash } from '#shared/protocol/status.ts';
import type { PayerNeeds } from '#web/pay/payer.ts';
import { createLink } from '#web/sync/state.ts';
import { spareAllowanceKey } from '#web/vault/allowance-key.ts';
import { keepAllowance } from '#web/vault/allowances.ts';
import { compressedPoint, createDeviceKey } from '#web/vault/device-key.ts';
import type { AllowanceRow } from '#web/vault/rows.ts';
import { keepSetting } from '#web/vault/settings.ts';
import { raiseTimeFloor } from '#web/vault/time-floor.ts';
import { keepList, statusName } from '#web/vault/trust.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

/** 2026-11-23T12:00:00Z. */
export const NOON: Instant = instant(Date.UTC(2026, 10, 23, 12));
const DAY = 86_400_000;

export interface Town {
  readonly root: Signer;
  /** Shanxi's issuer. */
  readonly issuer: Signer;
  /** Beijing's issuer. */
  readonly beijing: Signer;
  readonly keySet: Uint8Array;
  readonly epoch: Uint8Array;
}

/** One phone. `time` is its clock, moved by hand. */
export interface Phone extends PayerNeeds {
  readonly wallet: Id;
  time: Instant;
}

async function signer(): Promise<Signer> {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  return webSigner(pair.privateKey, await compressedPoint(pair.publicKey));
}

/** Founds a town. */
export async function foundTown(): Promise<Town> {
  const root = await signer();
  const issuer = await signer();
  const beijing = await signer();
  const from = instant(NOON - DAY);
  const until = instant(NOON + 90 * DAY);
  const keySet = await keySetMessage.sign(
    {
      epoch: 1,
      issued: from,
      expires: until,
      rpId: 'localhost',
      origins: ['http://localhost'],
      issuers: [
        { region: 'CN-SX', key: issuer.key, from, until },
        { region: 'CN-BJ', key: beijing.key, from, until },
      ],
    },
    root,
  );
  const read = keySetMessage.read(keySet);
  if (!read.ok) throw new Error('no key set');
  const epoch = await epochMessage.sign(
    { region: 'CN-SX', number: 3, time: NOON, statusList: statusHash(new Uint8Array(8)), keySet: read.value.id },
    issuer,
  );
  return { root, issuer, beijing, keySet, epoch };
}

let phones = 0;

/** A region of the town. */
export type TownRegion = 'CN-SX' | 'CN-BJ';

function issuerOf(town: Town, region: TownRegion): Signer {
  return region === 'CN-SX' ? town.issuer : town.beijing;
}

/** A region's epoch card over a status list of `bits`, as text. */
export async function cardOf(
  town: Town,
  region: TownRegion,
  number: number,
  time: Instant,
  bits: Uint8Array,
): Promise<string> {
  const card = { region, number, time, statusList: statusHash(bits), keySet: new Uint8Array(32) };
  return toBase64url(await epochMessage.sign(card, issuerOf(town, region)));
}

/** A phone whose first sync is done: lists, certificate, time floor, no allowance. */
export async function buyPhone(town: Town, name: string, region: TownRegion = 'CN-SX'): Promise<Phone> {
  phones += 1;
  const vault = openVault(`test-${name}-${phones}-${crypto.randomUUID()}`);
  const wallet = newId(NOON);
  const device = await createDeviceKey(vault, NOON);
  const certificate = await certificateMessage.sign(
    {
      payee: wallet,
      key: device.key,
      name,
      category: 'person',
      region,
      currencies: ['CNY'],
      expires: instant(NOON + 30 * DAY),
      guarantee: 'basic',
    },
    issuerOf(town, region),
  );
  await keepSetting(vault, 'wallet', { id: wallet, region, name });
  await keepSetting(vault, 'networkRoot', toBase64url(town.root.key));
  await keepList(vault, { name: 'keySet', bytes: town.keySet, version: 1, keptAt: NOON });
  await keepList(vault, { name: 'epoch', bytes: town.epoch, version: 3, keptAt: NOON });
  await keepList(vault, { name: 'certificate', bytes: certificate, version: 0, keptAt: NOON });
  await keepList(vault, { name: statusName(region), bytes: new Uint8Array(8), version: 0, keptAt: NOON, asOf: NOON });
  await raiseTimeFloor(vault, NOON);
  return phoneOn(vault, wallet);
}

/** The same phone after it was switched off and on: only the vault is left. */
export function phoneOn(vault: Vault, wallet: Id, time: Instant = NOON): Phone {
  const phone: Phone = {
    vault,
    wallet,
    time,
    clock: () => phone.time,
    link: createLink(),
    ask: async () => ({ ok: false, error: { code: 'house.unreachable' } }),
    confirm: async () => ({ ok: false, error: { code: 'passkey.cancelled' } }),
    unlock: async () => ({ ok: false, error: { code: 'passkey.cancelled' } }),
  };
  return phone;
}

const LIMITS = {
  total: 200_00,
  perPayment: 100_00,
  perPayee: 100_00,
  maxCount: 5,
  noPasskeyEach: 100_00,
  noPasskeySum: 200_00,
};

/** What `key` (33 bytes) may spend, signed by the town's issuer. */
export function issue(town: Town, key: Uint8Array, change: Partial<Allowance> = {}): Promise<Uint8Array<ArrayBuffer>> {
  return allowanceMessage.sign(
    {
      version: 1,
      region: 'CN-SX',
      id: newId(NOON),
      pseudonym: crypto.getRandomValues(new Uint8Array(8)),
      notBefore: instant(NOON - 60_000),
      expires: instant(NOON + 3 * DAY),
      claimUntil: instant(NOON + 17 * DAY),
      deviceKey: key,
      currency: 'CNY',
      ...LIMITS,
      statusIndex: 1,
      policyEpoch: 1,
      anchor: crypto.getRandomValues(new Uint8Array(16)),
      ...change,
    },
    town.issuer,
  );
}

/** Gives a phone an open allowance. */
export async function giveAllowance(town: Town, phone: Phone, change: Partial<Allowance> = {}): Promise<AllowanceRow> {
  const spare = await spareAllowanceKey(phone.vault, phone.time);
  const key = await phone.vault.keys.get(spare.id);
  if (!key) throw new Error('no key');
  const read = allowanceMessage.read(await issue(town, key.public, change));
  if (!read.ok) throw new Error('no allowance');
  await keepAllowance(phone.vault, read.value, phone.time);
  const row = await phone.vault.allowances.get(toBase64url(read.value.id));
  if (!row) throw new Error('not kept');
  return row;
}

/** The value of a good answer; a refusal fails the test by its code. */
export function good<Value>(result: { ok: true; value: Value } | { ok: false; error: { code: string } }): Value {
  if (!result.ok) throw new Error(result.error.code);
  return result.value;
}
