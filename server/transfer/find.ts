/**
 * Finding somebody by a whole number or a whole nickname, and the address their money goes to.
 * Invariant: what is told of somebody found is a certificate with a veiled name; tries are counted, found or not.
 */
import { sqlState } from '#server/platform/database.ts';
import { type Owner, type TransferParts, windowOf } from '#server/transfer/parts.ts';
import * as store from '#server/transfer/store.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { NicknameView } from '#shared/api/transfer.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, type Duration, duration, fromSeconds, type Instant, instant, toSeconds } from '#shared/base/time.ts';
import { type Certificate, certificateMessage } from '#shared/protocol/certificate.ts';
import { nameShown, nameVeiled } from '#shared/rules/name.ts';
import { readNickname } from '#shared/rules/nickname.ts';

/** The address of whoever has exactly this number or nickname. Refusals: `request.too-many`, `transfer.nobody`, `transfer.self`. */
export async function findPerson(
  parts: TransferParts,
  owner: Owner,
  who: string,
): Promise<Result<Uint8Array, Refusal>> {
  const now = parts.clock();
  const windowAt = windowOf(now, 1);
  const most = parts.terms(owner.region).findsDay;
  const may = await store.count(parts.database, { ...owner, act: 'find', windowAt, times: 1, most });
  if (!may) {
    const seconds = Math.ceil((windowAt + duration(1, 'd') - now) / 1000);
    return refuse({ code: 'request.too-many', detail: { seconds } });
  }
  const wallet = await walletOf(parts, owner.region, who);
  if (wallet === undefined) return refuse({ code: 'transfer.nobody' });
  if (wallet === owner.wallet) return refuse({ code: 'transfer.self' });
  return addressOf(parts, wallet);
}

/** One's own region is looked through first, so that somebody far away who has the same number there is not taken for them. */
async function walletOf(parts: TransferParts, home: string, who: string): Promise<Id | undefined> {
  const others = parts.regions.list().map(({ region }) => region);
  const nickname = readNickname(who);
  for (const region of [home, ...others.filter((one) => one !== home)]) {
    const wallet = nickname
      ? await store.walletCalled(parts.database, region, nickname.name)
      : (await parts.identity.personByPhone(region, who))?.wallet;
    if (wallet !== undefined) return wallet;
  }
  return undefined;
}

/**
 * Where money for `wallet` may be sent: the certificate of its phone that was heard of last, good for long and with no
 * guarantee behind it. The same bytes every time until it is half spent. Refusal: `transfer.not-ready`.
 */
export async function addressOf(parts: TransferParts, wallet: Id): Promise<Result<Uint8Array, Refusal>> {
  const { database, clock } = parts;
  const person = await parts.identity.person(wallet);
  const region = person && (await parts.regions.find(person.region));
  if (!person || !region) return refuse({ code: 'transfer.nobody' });
  const devices = (await parts.identity.devicesOf(wallet)).filter(({ revokedAt }) => revokedAt === undefined);
  const certified = await parts.allowances.payees(
    database,
    devices.map(({ id }) => id),
  );
  const [newest] = devices
    .flatMap((device) => {
      const seen = certified.get(device.id);
      return seen === undefined ? [] : [{ device, seenAt: seen.seenAt }];
    })
    .sort((one, other) => other.seenAt - one.seenAt);
  const name = nameShown(nameVeiled(person.name), person.tier, person.phoneMasked);
  const held = await store.readAddress(database, person.region, wallet);
  const life = parts.terms(person.region).addressLife as Duration;
  const isFresh = held !== undefined && held.expiresAt - clock() > life / 2 && held.name === name;
  // An address keeps its phone while that phone is not revoked: paper and contacts go on meaning the same.
  if (isFresh && devices.some(({ id }) => id === held.payee)) return ok(held.bytes);
  if (newest === undefined || !region.issuing) return refuse({ code: 'transfer.not-ready' });
  const expires = fromSeconds(toSeconds(after(clock(), life)));
  const address: Certificate = {
    payee: newest.device.id,
    key: newest.device.key,
    name,
    category: 'person',
    region: person.region,
    currencies: region.currencies,
    expires,
    guarantee: 'none',
  };
  const bytes = await parts.regions.sign(person.region, certificateMessage, address);
  const row = { region: person.region, wallet, payee: newest.device.id, name, expiresAt: expires, bytes };
  await store.writeAddress(database, row);
  return ok(bytes);
}

/** One's own nickname, and when another may be chosen. */
export async function readNicknameOf(parts: TransferParts, owner: Owner): Promise<NicknameView> {
  const held = await store.nicknameOf(parts.database, owner.region, owner.wallet);
  const pause = parts.terms(owner.region).nicknamePause;
  const changeableAt = held && instant(held.setAt + pause);
  return {
    ...(held === undefined ? {} : { nickname: held.name }),
    ...(changeableAt === undefined || changeableAt <= parts.clock() ? {} : { changeableAt }),
    pauseDays: Math.round(pause / duration(1, 'd')),
  };
}

/** Chooses a nickname; the same again is the same act. Refusals: `transfer.nickname`, `-taken`, `-pause`. */
export async function chooseNickname(
  parts: TransferParts,
  owner: Owner,
  typed: string,
): Promise<Result<NicknameView, Refusal>> {
  const wanted = readNickname(typed);
  if (wanted === undefined) return refuse({ code: 'transfer.nickname' });
  const held = await store.nicknameOf(parts.database, owner.region, owner.wallet);
  if (held?.name === wanted.name) return ok(await readNicknameOf(parts, owner));
  const now: Instant = parts.clock();
  if (held && held.setAt + parts.terms(owner.region).nicknamePause > now) {
    return refuse({ code: 'transfer.nickname-pause' });
  }
  try {
    await store.writeNickname(parts.database, owner.region, { ...wanted, wallet: owner.wallet, setAt: now });
  } catch (error) {
    if (sqlState(error) === '23505') return refuse({ code: 'transfer.nickname-taken' });
    throw error;
  }
  return ok(await readNicknameOf(parts, owner));
}
