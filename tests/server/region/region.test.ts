/** Regions on both databases: keys that agree, rotation that loses nobody, signed time that never goes back, switches. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { logbookSchema } from '#server/logbook/logbook.ts';
import type { Database } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { GENERATION_LIFE, generationOf, generationStart } from '#server/region/issuer-key.ts';
import { openRegions, regionSchema } from '#server/region/region.ts';
import { after, type Duration, duration, type Instant, instant } from '#shared/base/time.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { kidOf } from '#shared/protocol/cose.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import { type Signer, verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import { isRevoked, unpackStatus } from '#shared/protocol/status.ts';
import {
  certificateChecks,
  epochChecks,
  keySetChecks,
  pastKeySetChecks,
  statusListOf,
  withPast,
} from '#shared/protocol/trust.ts';
import { DEFAULT_POLICIES } from '#shared/rules/policy.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { idOf } from '#tests/kit/ledger.ts';
import { freshSigner } from '#tests/kit/market.ts';

const START = after(generationStart(generationOf(instant(1_800_000_000_000))), duration(40, 'd'));
const verifier = webVerifier();
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-keys-'));
  folders.push(folder);
  return join(folder, 'keys');
}

function open(database: Database, keysDir: string, clock: () => Instant, origin = 'https://wallet.example') {
  return openRegions({ database, clock, keysDir, rpId: 'wallet.example', origins: [origin] });
}

function certificate(region: string, expires: Instant) {
  return {
    payee: idOf('payee'),
    key: new Uint8Array(33).fill(2),
    name: '面馆',
    category: 'person' as const,
    region,
    currencies: ['CNY' as const],
    expires,
    guarantee: 'basic' as const,
  };
}

eachDatabase('regions', (openDatabase) => {
  let database: Database;
  let now = START;
  const keysDir = newFolder();
  const clock = () => now;
  const pass = (length: Duration) => {
    now = after(now, length);
  };
  const openHere = () => open(database, keysDir, clock);
  beforeAll(async () => {
    database = await openDatabase();
    await migrate(database, [logbookSchema, regionSchema]);
  });

  test('Shanxi and Beijing are there, with their limits by tier', async () => {
    const regions = await openHere();
    expect(regions.list().map(({ region, names }) => `${region} ${names.zh} ${names.en}`)).toEqual([
      'CN-BJ 北京 Beijing',
      'CN-SX 山西 Shanxi',
    ]);
    for (const tier of ['unproved', 'real-name', 'two-factor'] as const) {
      expect(await regions.policy('CN-SX', tier)).toEqual(DEFAULT_POLICIES[tier]);
    }
  });

  test('two houses opening one network at once agree on every key and on the key set', async () => {
    const shared = newFolder();
    await database.query('delete from region_key_set');
    const [one, other] = await Promise.all([open(database, shared, clock), open(database, shared, clock)]);
    expect(one.root).toEqual(other.root);
    expect((await one.keySet()).bytes).toEqual((await other.keySet()).bytes);
    await database.query('delete from region_key_set');
    await openHere();
  });

  test('key files belong to their owner alone, and nothing of them is in the database', async () => {
    await openHere();
    const files = readdirSync(keysDir);
    expect(files.filter((name) => !name.endsWith('.pem'))).toEqual([]);
    expect(files.length).toBeGreaterThanOrEqual(5);
    for (const name of files) {
      expect(statSync(join(keysDir, name)).mode & 0o777).toBe(0o600);
      const secret = readFileSync(join(keysDir, name), 'utf8').split('\n')[1] ?? '';
      const rows = await database.query('select 1 from region_key_set where encode(bytes, $1) like $2', [
        'base64',
        `%${secret.slice(20, 50)}%`,
      ]);
      expect(rows).toEqual([]);
    }
  });

  test('a key set is verified from the root, and stays the same until it says something else', async () => {
    const regions = await openHere();
    const first = await regions.keySet();
    const checked = await verifyAsync(keySetChecks(first.bytes, regions.root, { now, floor: now }), verifier);
    expect(checked.ok && checked.value.message.origins).toEqual(['https://wallet.example']);
    pass(duration(1, 'd'));
    expect((await (await openHere()).keySet()).bytes).toEqual(first.bytes);
    const moved = await open(database, keysDir, clock, 'https://piaohao.example');
    const second = (await moved.keySet()).message;
    expect(second.origins).toEqual(['https://wallet.example', 'https://piaohao.example']);
    expect(second.epoch).toBe(first.message.epoch + 1);
  });

  test('what was signed years ago is verified by the key sets of before, which name each key once', async () => {
    const regions = await openHere();
    const old = await regions.sign('CN-SX', certificateMessage, certificate('CN-SX', after(now, duration(60, 'd'))));
    const then = now;
    for (let generation = 0; generation < 4; generation += 1) {
      now = after(generationStart(generationOf(now) + 1), duration(40, 'd'));
      await regions.keySet();
    }
    const { message: current } = await regions.keySet();
    const past = await regions.pastKeySets();
    const read = await Promise.all(
      past.map(({ bytes }) => verifyAsync(pastKeySetChecks(bytes, regions.root), verifier)),
    );
    const sound = read.flatMap((one) => (one.ok ? [one.value] : []));
    expect(sound).toHaveLength(past.length);
    const verdict = async (keySet: KeySet, at: Instant) => {
      const checked = await verifyAsync(certificateChecks(old, { keySet, now: at, floor: at }), verifier);
      return checked.ok ? 'ok' : checked.error.code;
    };
    expect(await verdict(current, then)).toBe('issuer.unknown');
    expect(await verdict(withPast(current, sound, now), then)).toBe('ok');
    expect(await verdict(withPast(current, sound, then), then)).toBe('issuer.unknown');
    const known = new Set(current.issuers.map(({ key }) => kidOf(key).toString()));
    for (const { message } of sound) {
      const fresh = message.issuers.map(({ key }) => kidOf(key).toString()).filter((kid) => !known.has(kid));
      expect(fresh).not.toEqual([]);
      for (const kid of fresh) known.add(kid);
    }
    now = then;
  });

  test('a payee who last synced before a rotation verifies what is signed after it, and the other way round', async () => {
    const regions = await openHere();
    const before = (await regions.keySet()).message;
    const old = await regions.sign('CN-SX', certificateMessage, certificate('CN-SX', after(now, duration(60, 'd'))));
    now = after(generationStart(generationOf(now) + 1), duration(1, 'h'));
    const young = await regions.sign('CN-SX', certificateMessage, certificate('CN-SX', after(now, duration(14, 'd'))));
    const later = (await regions.keySet()).message;
    expect(later.epoch).toBe(before.epoch + 1);
    for (const [name, keySet, bytes] of [
      ['held before, signed after', before, young],
      ['held after, signed before', later, old],
    ] as const) {
      const checked = await verifyAsync(certificateChecks(bytes, { keySet, now, floor: now }), verifier);
      expect(checked.ok, `${name}: ${checked.ok ? '' : checked.error.code}`).toBe(true);
    }
  });

  test('Beijing cannot sign for Shanxi', async () => {
    const regions = await openHere();
    const { message: keySet } = await regions.keySet();
    const forged = await regions.sign('CN-BJ', certificateMessage, certificate('CN-SX', after(now, duration(1, 'd'))));
    const checked = await verifyAsync(certificateChecks(forged, { keySet, now, floor: now }), verifier);
    expect(checked).toEqual({ ok: false, error: { code: 'issuer.unknown', detail: { region: 'CN-SX' } } });
  });

  test('epoch cards count up by one, at most every five seconds, and never go back in time', async () => {
    const regions = await openHere();
    const first = await regions.epoch('CN-SX');
    pass(duration(2, 's'));
    expect((await regions.epoch('CN-SX')).bytes).toEqual(first.bytes);
    pass(duration(4, 's'));
    const second = await regions.epoch('CN-SX');
    expect(second.message.number).toBe(first.message.number + 1);
    pass(duration(-1, 'h'));
    const third = await regions.epoch('CN-SX');
    expect(third.message.number).toBe(second.message.number + 1);
    expect(third.message.time).toBe(second.message.time);
    pass(duration(1, 'h'));
    const { message: keySet } = await regions.keySet();
    const checked = await verifyAsync(epochChecks(third.bytes, keySet, second.message), verifier);
    expect(checked.ok).toBe(true);
  });

  test('a second process gives out the card of the first', async () => {
    pass(duration(10, 's'));
    const card = await (await openHere()).epoch('CN-BJ');
    expect((await (await openHere()).epoch('CN-BJ')).bytes).toEqual(card.bytes);
  });

  test('a revoked place is in the list of the next card, within five seconds; its neighbour and the other region are not', async () => {
    const regions = await openHere();
    const until = after(now, duration(17, 'd'));
    const [one, two] = await database.transaction(async (tx) => [
      await regions.reserveStatus(tx, 'CN-SX', until),
      await regions.reserveStatus(tx, 'CN-SX', until),
    ]);
    const before = await regions.status('CN-SX');
    await database.transaction((tx) => regions.revoke(tx, 'CN-SX', [one]));
    pass(duration(5, 's'));
    const card = await regions.epoch('CN-SX');
    const status = await regions.status('CN-SX');
    expect(status.epoch).toBe(card.message.number);
    expect(status.epoch).toBeGreaterThan(before.epoch);
    const bits = await unpackStatus(status.packed);
    const list = bits.ok ? statusListOf(card.message, bits.value) : bits;
    expect(list.ok && [isRevoked(list.value, one), isRevoked(list.value, two)]).toEqual([true, false]);
    const beijing = await unpackStatus((await regions.status('CN-BJ')).packed);
    expect(beijing.ok && beijing.value.length).toBe(0);
    pass(duration(1, 'min'));
    expect((await regions.status('CN-SX')).epoch).toBe(status.epoch);
  });

  test('a thousand revoked of a million make a list a phone can carry', async () => {
    const regions = await openHere();
    await database.query(
      `insert into region_status (region, slot, until_at, revoked)
       select 'CN-BJ', (i::bigint * 104729) % 1048576, $1::bigint, true from generate_series(1, 1000) as i
       on conflict do nothing`,
      [after(now, duration(1, 'd'))],
    );
    await database.transaction((tx) => regions.revoke(tx, 'CN-BJ', [1]));
    pass(duration(6, 's'));
    const { packed } = await regions.status('CN-BJ');
    console.log(`status list of 1,048,576 places with 1,000 revoked: ${packed.length} bytes`);
    expect(packed.length).toBeLessThan(4096);
  });

  test('what asks for a switch inside a transaction reads it there, and waits for nothing beside it', async () => {
    const regions = await openHere();
    pass(duration(1, 'min'));
    const inside = () => database.transaction((tx) => regions.switches('CN-BJ', tx));
    expect((await inside()).withdrawal).toBe(true);
    await regions.switch('CN-BJ', { withdrawal: false });
    expect((await inside()).withdrawal).toBe(false);
    await regions.switch('CN-BJ', { withdrawal: true });
  });

  test('a switch is obeyed by another process within five seconds', async () => {
    const [one, other] = [await openHere(), await openHere()];
    await other.find('CN-BJ');
    await one.switch('CN-BJ', { issuing: false });
    pass(duration(5, 's'));
    expect(await other.find('CN-BJ')).toMatchObject({ issuing: false, crossRegion: true });
    await one.switch('CN-BJ', { issuing: true, crossRegion: false });
    pass(duration(5, 's'));
    expect(await other.find('CN-BJ')).toMatchObject({ issuing: true, crossRegion: false });
    expect(await other.find('CN-SX')).toMatchObject({ issuing: true, crossRegion: true });
  });

  test('changed limits win over the seed when the house starts again', async () => {
    const stricter = { ...DEFAULT_POLICIES.unproved, epoch: 2, total: 100_00 };
    await (await openHere()).setPolicy('CN-BJ', 'unproved', stricter);
    expect(await (await openHere()).policy('CN-BJ', 'unproved')).toEqual(stricter);
  });

  test('a policy written before a limit was thought of has it as regions start with it', async () => {
    await database.query("update region_policy set policy = policy - 'statusAge' where region = 'CN-BJ'");
    const { statusAge } = await (await openHere()).policy('CN-BJ', 'unproved');
    expect(statusAge).toBe(DEFAULT_POLICIES.unproved.statusAge);
  });
});

eachDatabase('a house with the wrong keys', (openDatabase) => {
  const clock = () => START;

  test('does not start with another root than its database knows', async () => {
    const database = await openDatabase();
    await migrate(database, [logbookSchema, regionSchema]);
    await open(database, newFolder(), clock);
    await expect(open(database, newFolder(), clock)).rejects.toThrow('another network root key');
  });

  test('does not start when an issuer key it published is gone', async () => {
    const database = await openDatabase();
    await migrate(database, [logbookSchema, regionSchema]);
    const keysDir = newFolder();
    await open(database, keysDir, clock);
    unlinkSync(join(keysDir, `issuer-CN-SX-${generationOf(START)}.pem`));
    await expect(open(database, keysDir, clock)).rejects.toThrow('issuer key of CN-SX');
  });

  test('does not start with a key file that others may read', async () => {
    const database = await openDatabase();
    await migrate(database, [logbookSchema, regionSchema]);
    const keysDir = newFolder();
    await open(database, keysDir, clock);
    chmodSync(join(keysDir, 'root.pem'), 0o640);
    await expect(open(database, keysDir, clock)).rejects.toThrow('may be read by others');
  });

  test('signs by whatever stands behind a signer, and no key file is made', async () => {
    const database = await openDatabase();
    await migrate(database, [logbookSchema, regionSchema]);
    const vault = new Map<string, Signer>();
    const openSigner = (name: string): Signer => {
      const signer = vault.get(name) ?? freshSigner();
      vault.set(name, signer);
      return signer;
    };
    const keysDir = newFolder();
    const regions = await openRegions({
      database,
      clock,
      keysDir,
      openSigner,
      rpId: 'w.example',
      origins: ['https://w.example'],
    });
    expect(regions.root).toEqual(vault.get('root')?.key);
    const { message: keySet } = await regions.keySet();
    expect((await verifyAsync(epochChecks((await regions.epoch('CN-BJ')).bytes, keySet), verifier)).ok).toBe(true);
    expect(existsSync(keysDir)).toBe(false);
  });
});

describe('generations', () => {
  test('a key signs for ninety days and is known ninety days before', () => {
    expect(GENERATION_LIFE).toBe(duration(90, 'd'));
    expect(generationOf(generationStart(225))).toBe(225);
    expect(generationOf(after(generationStart(225), duration(-1, 'ms')))).toBe(224);
  });
});
