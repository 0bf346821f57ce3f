/**
 * Regions: what each allows as data, and the keys, cards and lists with which it gives its word.
 * Invariant: private keys stay behind their signers, outside of the database and of every log.
 */
import { readFileSync } from 'node:fs';
import { writeDown } from '#server/logbook/logbook.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import { generationOf, keyFiles, type OpenSigner, openIssuerKeys, type Rotation } from '#server/region/issuer-key.ts';
import { currentKeySet, pastKeySets } from '#server/region/key-set.ts';
import { REGION_SEEDS, type RegionSeed, type RegionTerms } from '#server/region/seed.ts';
import {
  type ClaimsRoot,
  EPOCH_PERIOD,
  newestEpoch,
  type Published,
  reserveSlot,
  setBits,
} from '#server/region/status.ts';
import {
  openEpoch,
  type RegionRow,
  readPolicies,
  readRegions,
  readRotations,
  seedPolicy,
  seedRegion,
  writePolicy,
  writeTerms,
} from '#server/region/store.ts';
import { type By, type Switches, switchRegion } from '#server/region/switches.ts';
import { assert } from '#shared/base/assert.ts';
import { utf8 } from '#shared/base/bytes.ts';
import { after, type Clock, type Duration, duration, type Instant, instant } from '#shared/base/time.ts';
import type { Epoch } from '#shared/protocol/epoch.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import type { MessageType, Signed } from '#shared/protocol/message.ts';
import { DEFAULT_POLICIES, type Policy, TIERS, type Tier } from '#shared/rules/policy.ts';

export { type AskIssuer, issuersOf, rootIn } from '#server/region/issued.ts';
export { keyFiles } from '#server/region/issuer-key.ts';
export { logbookAudit } from '#server/region/logbook-command.ts';
export { rotateCommand } from '#server/region/rotate-command.ts';
export type { RegionSeed, RegionTerms } from '#server/region/seed.ts';
export type { Published } from '#server/region/status.ts';
export { switchCommand } from '#server/region/switch-command.ts';
export type { By, Switches } from '#server/region/switches.ts';

/** What this capability remembers. */
export const regionSchema = {
  name: 'region',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** A region and its kill switches. */
export interface Region extends RegionSeed, Switches {
  /** When {@link Switches.crossRegion} was turned last; 0: never. */
  readonly crossRegionSince: Instant;
}

/** What {@link openRegions} needs. */
export interface RegionParts {
  readonly database: Database;
  readonly clock: Clock;
  /** Folder of the key files (made with mode 700); or `openSigner`, such as an HSM's. */
  readonly keysDir: string;
  readonly openSigner?: OpenSigner;
  /** Relying party id of the passkeys and the wallet's origins; go into the key set. */
  readonly rpId: string;
  readonly origins: readonly string[];
  /** Throws while this machine's clock is not to be believed: no card is signed then, nor anything else. */
  readonly believeClock?: (tx?: Sql) => Promise<void>;
  /** First policies by tier; rows that are there already win. */
  readonly policies?: Readonly<Record<Tier, Policy>>;
  /** What the first terms of every region have instead; rows that are there already win. */
  readonly terms?: Partial<RegionTerms>;
}

/** The front door. */
export interface Regions {
  /** The network root's public key (33 bytes), which phones pin at enrolment. */
  readonly root: Uint8Array;
  /** All regions as last read (at most {@link SETTINGS_AGE} ago when anything asked since). */
  readonly list: () => readonly Region[];
  /** All regions as they are now. */
  readonly all: () => Promise<readonly Region[]>;
  /** A region as it is now; undefined when there is none with this code. */
  readonly find: (region: string) => Promise<Region | undefined>;
  /** What `region` allows a person of `tier`. A Fault for a region that does not exist. */
  readonly policy: (region: string, tier: Tier) => Promise<Policy>;
  /** The same as last read, like {@link Regions.list}: for rules that cannot wait. */
  readonly policyHeld: (region: string, tier: Tier) => Policy;
  /**
   * The kill switches of `region`: as they stand in `tx`, for what must not begin once they are turned; else at most
   * {@link SETTINGS_AGE} old. A Fault for a region that does not exist.
   */
  readonly switches: (region: string, tx?: Sql) => Promise<Switches>;
  /** Turns kill switches; every process follows within {@link SETTINGS_AGE}. */
  readonly switch: (region: string, to: Partial<Switches>, by?: By) => Promise<void>;
  /** Replaces what a region allows a tier; its epoch must count up. */
  readonly setPolicy: (region: string, tier: Tier, policy: Policy, by?: By) => Promise<void>;
  /** Replaces a region's terms. */
  readonly setTerms: (region: string, terms: RegionTerms, by?: By) => Promise<void>;
  /**
   * `message` signed by the key of `region` that is in force now. Whoever has a transaction open hands it in: on the embedded
   * database a look beside it would wait for its end, and it for the look.
   */
  readonly sign: <Message>(
    region: string,
    type: MessageType<Message>,
    message: Message,
    tx?: Sql,
  ) => Promise<Uint8Array<ArrayBuffer>>;
  /** Signs nothing of meaning with the key of every region; throws when one cannot sign now. */
  readonly probe: () => Promise<void>;
  /** The key set in force, signed by the root. */
  readonly keySet: () => Promise<Signed<KeySet>>;
  /** Key sets of before, the newest first, as few as name every issuer key that the one in force no longer names. */
  readonly pastKeySets: () => Promise<Signed<KeySet>[]>;
  /** The region's signed time, at most 5 s old. */
  readonly epoch: (region: string) => Promise<Signed<Epoch>>;
  /** Card and status list that belong together, as one answer to a phone must carry them. */
  readonly lists: (region: string) => Promise<Published>;
  /** The compressed status list that the newest epoch card names, and the epoch it began with. */
  readonly status: (region: string) => Promise<{ readonly epoch: number; readonly packed: Uint8Array }>;
  /** Registers who keeps the trees of settled claims; from then on each new card names the root of its region's. */
  readonly nameClaims: (rootOf: ClaimsRoot) => void;
  /** A place in the status list, free again after `until`. */
  readonly reserveStatus: (tx: Sql, region: string, until: Instant) => Promise<number>;
  /** Sets bits; the next epoch card publishes them. */
  readonly revoke: (tx: Sql, region: string, statusIndexes: readonly number[]) => Promise<void>;
}

/** How old what this process knows of switches and policies may be. */
export const SETTINGS_AGE: Duration = duration(2, 's');

const READINESS = utf8('piaohao-readiness-v1');

/** How long this process trusts that no other one published another key set. */
const KEY_SET_AGE: Duration = duration(60, 's');

/** Something read at `at`. */
interface Kept<Value> {
  readonly at: Instant;
  readonly value: Value;
}

interface Settings {
  readonly regions: readonly Region[];
  readonly policies: ReadonlyMap<string, Policy>;
  readonly rotations: readonly Rotation[];
}

/** Opens the regions: seeds what is missing, makes the keys on the first start. */
export async function openRegions(parts: RegionParts): Promise<Regions> {
  const { database, clock } = parts;
  await seed(database, parts.policies ?? DEFAULT_POLICIES, parts.terms ?? {});
  const keys = openIssuerKeys(parts.openSigner ?? keyFiles(parts.keysDir));

  const settings = kept(clock, SETTINGS_AGE, () => readSettings(database));
  const first = await settings();
  let latest = first;
  const fresh = async (): Promise<Settings> => {
    latest = await settings();
    return latest;
  };
  const codes = first.regions.map((one) => one.region);
  const source = { database, keys, regions: codes, rpId: parts.rpId, origins: parts.origins };
  const keySets = new Map<number, () => Promise<Signed<KeySet>>>();
  const keySet = (): Promise<Signed<KeySet>> => {
    const generation = generationOf(clock());
    const read = keySets.get(generation) ?? kept(clock, KEY_SET_AGE, () => currentKeySet(source, clock()));
    keySets.set(generation, read);
    return read();
  };
  let claimsRoot: ClaimsRoot = async () => undefined;
  const epochs = new Map(
    codes.map((region) => [
      region,
      kept(clock, EPOCH_PERIOD, async () => {
        const { rotations } = await fresh();
        await parts.believeClock?.();
        return newestEpoch(database, region, clock(), {
          signerAt: (moment) => keys.current(region, moment, rotations),
          keySetId: (await keySet()).id,
          claimsRoot,
        });
      }),
    ]),
  );
  await keySet();

  const published = (region: string): Promise<Published> => {
    const read = epochs.get(region);
    assert(read !== undefined, `no region ${region}`);
    return read();
  };
  return {
    root: keys.root.key,
    list: () => latest.regions,
    all: async () => (await fresh()).regions,
    find: async (region) => (await fresh()).regions.find((one) => one.region === region),
    policy: async (region, tier) => policyIn(await fresh(), region, tier),
    policyHeld: (region, tier) => policyIn(latest, region, tier),
    async switches(region, tx) {
      const { regions } = tx ? { regions: (await readRegions(tx)).map(regionOf) } : await fresh();
      const found = regions.find((one) => one.region === region);
      assert(found !== undefined, `no region ${region}`);
      return { issuing: found.issuing, withdrawal: found.withdrawal, crossRegion: found.crossRegion };
    },
    async switch(region, to, by = HOUSE) {
      await switchRegion(database, region, to, by, clock());
    },
    setPolicy: (region, tier, policy, by = HOUSE) =>
      database.transaction(async (tx) => {
        await writePolicy(tx, region, tier, policy);
        const about = { tier, why: by.why, policy: JSON.stringify(policy) };
        await writeDown(tx, [{ region, at: clock(), act: 'policy', who: by.who, about }]);
      }),
    setTerms: (region, terms, by = HOUSE) =>
      database.transaction(async (tx) => {
        await writeTerms(tx, region, terms);
        const about = { why: by.why, terms: JSON.stringify(terms) };
        await writeDown(tx, [{ region, at: clock(), act: 'terms', who: by.who, about }]);
      }),
    sign: async (region, type, message, tx) => {
      const rotations = tx ? await readRotations(tx) : (await fresh()).rotations;
      await parts.believeClock?.(tx);
      return type.sign(message, keys.current(region, clock(), rotations));
    },
    probe: async () => {
      const { rotations } = await fresh();
      for (const region of codes) await keys.current(region, clock(), rotations).sign(READINESS);
    },
    keySet,
    pastKeySets: async () => pastKeySets(database, await keySet(), keys.root.key),
    lists: published,
    epoch: async (region) => (await published(region)).card,
    status: async (region) => (await published(region)).status,
    nameClaims: (rootOf) => {
      claimsRoot = rootOf;
    },
    reserveStatus: (tx, region, until) => reserveSlot(tx, region, until, clock()),
    revoke: setBits,
  };
}

/**
 * After a border is open again, what it held up gets this long to come: as long as a phone may stay offline with an
 * allowance.
 */
const BORDER_GRACE: Duration = duration(3, 'd');

/** Whether payments from `region` into `other` may pass. */
export function isBorderOpen(regions: readonly Region[], region: string, other: string): boolean {
  return region === other || regions.every((one) => one.crossRegion || (one.region !== region && one.region !== other));
}

/** Until when a border that was closed once still holds claims open, `at` when it is closed now; 0 when it never was. */
export function heldOpenUntil(regions: readonly Region[], at: Instant): Instant {
  const times = regions.map((one) => {
    if (!one.crossRegion) return after(at, BORDER_GRACE);
    return one.crossRegionSince === 0 ? one.crossRegionSince : after(one.crossRegionSince, BORDER_GRACE);
  });
  return instant(Math.max(0, ...times));
}

const HOUSE: By = { who: 'house', why: '' };

async function seed(
  database: Database,
  policies: Readonly<Record<Tier, Policy>>,
  terms: Partial<RegionTerms>,
): Promise<void> {
  await database.transaction(async (tx) => {
    for (const one of REGION_SEEDS) {
      await seedRegion(tx, { ...one, terms: { ...one.terms, ...terms } });
      await openEpoch(tx, one.region);
      for (const tier of TIERS) await seedPolicy(tx, one.region, tier, policies[tier]);
    }
  });
}

async function readSettings(database: Database): Promise<Settings> {
  const rows = await readRegions(database);
  const policies = await readPolicies(database);
  return {
    regions: rows.map(regionOf),
    rotations: await readRotations(database),
    // A policy written before there was a limit has that limit as regions start with it.
    policies: new Map(
      policies.map((row) => [`${row.region} ${row.tier}`, { ...DEFAULT_POLICIES[row.tier], ...row.policy }]),
    ),
  };
}

function regionOf({ cross_region: crossRegion, cross_region_since: crossRegionSince, ...row }: RegionRow): Region {
  return { ...row, crossRegion, crossRegionSince };
}

function policyIn(settings: Settings, region: string, tier: Tier): Policy {
  const policy = settings.policies.get(`${region} ${tier}`);
  assert(policy !== undefined, `no policy of ${region} for ${tier}`);
  return policy;
}

/** `read`, asked again only when its answer is older than `age` or from the future; callers of one moment share one read. */
function kept<Value>(clock: Clock, age: Duration, read: () => Promise<Value>): () => Promise<Value> {
  let held: Kept<Promise<Value>> | undefined;
  return () => {
    const now = clock();
    if (held === undefined || Math.abs(now - held.at) >= age) {
      const value = read();
      const mine = { at: now, value };
      held = mine;
      value.catch(() => {
        if (held === mine) held = undefined;
      });
    }
    return held.value;
  };
}
