/**
 * Who is there: people with their passkeys and devices, how they come in, and how a request says whose it is.
 * Money actions and settings need a passkey session ({@link Identity.requireSession}); sync in the background speaks
 * by the device key alone ({@link Identity.deviceOf}).
 * Invariant: a wallet has a proved phone and at least one live passkey from its first moment on.
 */
import { readFileSync } from 'node:fs';
import type { FastifyRequest } from 'fastify';
import { watchedUntil } from '#server/identity/alarm.ts';
import { type Carried, openCarrier } from '#server/identity/cookie.ts';
import { type Device, type DeviceRevoked, type Devices, openDevices } from '#server/identity/device.ts';
import { type Emails, openEmails } from '#server/identity/email.ts';
import { type EventOf, noteEvent, readEvents, readEventsAfter } from '#server/identity/event.ts';
import { type Freezes, openFreezes, type WalletFrozen } from '#server/identity/freeze.ts';
import { type SendMail, sandboxPost } from '#server/identity/mail.ts';
import { tellOwner } from '#server/identity/notice.ts';
import { openPartings, type Partings } from '#server/identity/parting.ts';
import { type IdentityLimits, type IdentityParts, no } from '#server/identity/parts.ts';
import { ES256 } from '#server/identity/passkey.ts';
import { openPasskeys, type PasskeyRevoked, type Passkeys } from '#server/identity/passkeys.ts';
import { type LimitsEased, openPasswords, type Passwords, standing } from '#server/identity/password.ts';
import { openHasher } from '#server/identity/password-hash.ts';
import { type MoneyProofs, openMoneyProofs } from '#server/identity/password-proof.ts';
import { openQuestions, type Questions } from '#server/identity/question.ts';
import { openRealNames, type RealNames } from '#server/identity/real-name.ts';
import { openRecoveries, type Recoveries } from '#server/identity/recovery.ts';
import { type AskRegister, sandboxRegister } from '#server/identity/register.ts';
import { openPeppers, openSecrets } from '#server/identity/secret.ts';
import { openSessions, SESSION_IDLE, SESSION_LIFE, type Session, type Sessions } from '#server/identity/session.ts';
import { openSignIns, type SignIns } from '#server/identity/sign-in.ts';
import { openSignups, type Signups } from '#server/identity/signup.ts';
import { type SendText, sandboxTexts } from '#server/identity/sms.ts';
import * as store from '#server/identity/store.ts';
import { openWatch, type Watch } from '#server/identity/watch.ts';
import { findTogether } from '#server/platform/batch.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { SecurityEventList } from '#shared/api/security.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { between, type Clock, type Duration, duration, type Instant, instant } from '#shared/base/time.ts';
import { nameShown } from '#shared/rules/name.ts';
import { readPhone } from '#shared/rules/phone.ts';
import type { Tier } from '#shared/rules/policy.ts';

export type { Device, DeviceRevoked } from '#server/identity/device.ts';
export type { WalletFrozen } from '#server/identity/freeze.ts';
export type { IdentityLimits } from '#server/identity/parts.ts';
export type { PasskeyRevoked, RevokedPasskey } from '#server/identity/passkeys.ts';
export type { LimitsEased } from '#server/identity/password.ts';
export type { ActToProve } from '#server/identity/password-proof.ts';
export type { Session } from '#server/identity/session.ts';
export { STEP_UP_FRESH } from '#server/identity/session.ts';
export type { SendText } from '#server/identity/sms.ts';
export type { ActBehind, Alarm } from '#server/identity/watch.ts';

/** What this capability remembers. */
export const identitySchema = {
  name: 'identity',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** A person as other capabilities know them. `verifiedName` is what certificates and payers' screens show. */
export interface Person {
  readonly wallet: Id;
  readonly region: string;
  readonly name: string;
  readonly verifiedName: string;
  readonly tier: Tier;
  readonly phoneMasked: string;
  readonly createdAt: Instant;
}

/** A live passkey. `publicKey` is a COSE key; only `offline` ones (ES256) can be checked by a payee with no network. */
export interface Passkey {
  readonly id: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly algorithm: number;
  readonly offline: boolean;
  readonly rpId: string;
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  readonly name: string;
  readonly createdAt: Instant;
  readonly usedAt: Instant | undefined;
}

/** What the house asks of identity. `signups`, `signIns`, `passkeys`, `devices`,
 * `realNames` and `carrier` serve its own routes. */
export interface Identity extends Partings {
  /** The signed-in person behind `request`, or undefined. */
  readonly sessionOf: (request: FastifyRequest) => Promise<Session | undefined>;
  /** The same, refused with `session.none`, or `session.step-up` when the last passkey touch is older than asked. */
  readonly requireSession: (
    request: FastifyRequest,
    options?: { readonly stepUpWithin?: Duration },
  ) => Promise<Result<Session, Refusal>>;
  /** The device that signed `request` (header `authorization: Device …`, see device.ts), or why it may not speak. */
  readonly deviceOf: (request: FastifyRequest) => Promise<Result<Device, Refusal>>;
  /** Whoever asks to read: the phone that signed `request` when one did, else the session. */
  readonly askerOf: (request: FastifyRequest) => Promise<Result<Pick<Device, 'region' | 'wallet'>, Refusal>>;
  readonly person: (wallet: Id) => Promise<Person | undefined>;
  /** People by wallet id; unknown ones are absent. */
  readonly people: (wallets: readonly Id[]) => Promise<Map<Id, Person>>;
  /** The person of `region` whose proved phone is `phone` (as typed), or undefined. Never show this to a stranger. */
  readonly personByPhone: (region: string, phone: string) => Promise<Person | undefined>;
  /** The live passkeys of a wallet, as `tx` sees them when it is handed in. */
  readonly passkeysOf: (wallet: Id, tx?: Sql) => Promise<Passkey[]>;
  readonly devicesOf: (wallet: Id) => Promise<Device[]>;
  /** Revokes a device of `wallet` with everything registered by {@link Identity.onDeviceRevoked}; twice is once. */
  readonly revokeDevice: (wallet: Id, device: Id) => Promise<Result<Device, Refusal>>;
  /** Registers what must stop in the transaction that revokes a device. */
  readonly onDeviceRevoked: (hook: DeviceRevoked) => void;
  /** Registers what must stop in the transaction that revokes a passkey. */
  readonly onPasskeyRevoked: (hook: PasskeyRevoked) => void;
  readonly onFrozen: (hook: WalletFrozen) => void;
  /** Registers what must stop in the transaction that lowers a wallet's limits for a day. */
  readonly onEased: (hook: LimitsEased) => void;
  /** Whether nothing may be spent from `wallet` now; asked in the transaction that would let it. */
  readonly isFrozen: (tx: Sql, wallet: Id) => Promise<boolean>;
  /** Whether a person stands for an act of money, and what proves it: see password-proof.ts. */
  readonly authorise: MoneyProofs['authorise'];
  /**
   * How much of its usual limits `wallet` has now, in percent: 100, or what the region leaves for a day after a payment
   * password was found again. Asked in the transaction that would use them.
   */
  readonly limitShare: (tx: Sql, wallet: Id) => Promise<number>;
  /**
   * What the person of `wallet` lets go without a proof, as they have set it; undefined while the region's usual holds.
   * While the wallet is watched nothing does.
   */
  readonly freeSet: (tx: Sql, wallet: Id) => Promise<{ readonly each: number; readonly count: number } | undefined>;
  /** What happened to a wallet's keys, the newest first: a page of them, older than the event `before` when one is named. */
  readonly events: (owner: Pick<Session, 'region' | 'wallet'>, before?: Id) => Promise<SecurityEventList>;
  /** Adds to what happened, in the transaction that does it. */
  readonly note: typeof noteEvent;
  /** Tells a wallet's owner by every road; call it after the transaction. */
  readonly tell: (
    owner: Pick<Session, 'region' | 'wallet'>,
    what: 'appeal-granted' | 'appeal-refused' | 'closing-asked' | 'closing-stopped' | 'wallet-closed',
  ) => Promise<void>;
  /** What happened in a region after one event, whoever it happened to, in the order of time. */
  readonly eventsAfter: (
    region: string,
    after: { readonly at: Instant; readonly id: Id },
    most: number,
  ) => Promise<EventOf[]>;
  /** Forgets challenges, signups, counts and sessions that have run out. */
  readonly sweep: () => Promise<void>;
  readonly signups: Signups;
  readonly signIns: SignIns;
  readonly passkeys: Passkeys;
  readonly devices: Devices;
  readonly realNames: RealNames;
  readonly freezes: Freezes;
  /** What is out of the ordinary about a wallet's money. */
  readonly watch: Watch;
  readonly passwords: Passwords;
  readonly emails: Emails;
  readonly questions: Questions;
  /** Finding a payment password again; {@link Recoveries.open}, `opened` and `approve` are the support desk's. */
  readonly recoveries: Recoveries;
  readonly sessions: Sessions;
  readonly carrier: Carried;
  readonly rpId: string;
}

/** What identity stands on; `sendText`, `sendMail` and `askRegister` default to the sandbox's, `keysDir` may be `memory` in tests. */
export interface IdentityConfig {
  readonly database: Database;
  readonly clock: Clock;
  readonly config: {
    readonly origin: string;
    readonly rpId: string;
    readonly sandboxUrl: string;
    readonly keysDir: string | 'memory';
    readonly regions: readonly string[];
    readonly limits?: Partial<IdentityLimits>;
  };
  readonly sendText?: SendText;
  readonly sendMail?: SendMail;
  readonly askRegister?: AskRegister;
}

/** Bounds that fit a region with one server; each can be set where the house is built. */
export const USUAL_LIMITS: IdentityLimits = {
  ceremoniesPerMinute: 10,
  registrationsPerHour: 5,
  textsPerCallerHour: 20,
  textsPerPhoneHour: 5,
};

/** Opens identity over `database`, whose schema has been brought forward. */
export function openIdentity({ database, clock, config, sendText, sendMail, askRegister }: IdentityConfig): Identity {
  const parts: IdentityParts = {
    database,
    clock,
    secrets: openSecrets(config.keysDir),
    peppers: openPeppers(config.keysDir),
    sendText: sendText ?? sandboxTexts(config.sandboxUrl),
    sendMail: sendMail ?? sandboxPost(config.sandboxUrl),
    askRegister: askRegister ?? sandboxRegister(config.sandboxUrl),
    rpId: config.rpId,
    origin: config.origin,
    regions: config.regions,
    limits: { ...USUAL_LIMITS, ...config.limits },
    opened: [],
    gates: [],
  };
  const sessions = openSessions(parts);
  const signups = openSignups(parts, sessions);
  const freezes = openFreezes(parts);
  const watch = openWatch(parts, freezes);
  const devices = openDevices(parts, watch);
  const passkeys = openPasskeys(parts, signups);
  const hasher = openHasher(parts.peppers);
  const passwords = openPasswords(parts, hasher);
  const carrier = openCarrier(sessions);
  const sessionOf = async (request: FastifyRequest) => (await carrier.find(request))?.session;
  return {
    sessionOf,
    requireSession: async (request, { stepUpWithin } = {}) => {
      const session = await sessionOf(request);
      if (!session) return no('session.none');
      const isFresh = stepUpWithin === undefined || between(session.steppedUpAt, clock()) <= stepUpWithin;
      return isFresh ? ok(session) : no('session.step-up');
    },
    deviceOf: devices.signer,
    askerOf: async (request) => {
      if (request.headers.authorization?.startsWith('Device ')) return devices.signer(request);
      const session = await sessionOf(request);
      return session ? ok(session) : no('session.none');
    },
    ...peopleOf(parts, devices),
    onDeviceRevoked: devices.onRevoked,
    onPasskeyRevoked: passkeys.onRevoked,
    onFrozen: freezes.onFrozen,
    onEased: passwords.onEased,
    isFrozen: async (tx, wallet) => (await store.readWallet(tx, wallet))?.frozen_at != null,
    ...openMoneyProofs(parts, passwords, watch),
    ...openPartings(parts, devices, passkeys),
    limitShare: async (tx, wallet) => {
      const owner = await store.readWallet(tx, wallet);
      if (owner?.recovered_at == null) return 100;
      const { terms } = await standing(tx, { region: owner.region, wallet });
      return between(owner.recovered_at, clock()) < terms.risk_ms ? terms.eased_percent : 100;
    },
    freeSet: async (tx, wallet) => {
      const owner = await store.readWallet(tx, wallet);
      if (owner && (await watchedUntil(tx, { region: owner.region, wallet }, clock())) !== undefined) {
        return { each: 0, count: 0 };
      }
      const free = owner && (await store.readFree(tx, owner.region, wallet));
      return free && { each: free.each_most, count: free.count_most };
    },
    events: (owner, before) => readEvents(database, owner, before),
    note: noteEvent,
    tell: (owner, what) => tellOwner(parts, owner, what),
    eventsAfter: (region, after, most) => readEventsAfter(database, region, after, most),
    sweep: async () => {
      const now = clock();
      const before = (length: Duration) => instant(now - length);
      await store.sweep(database, {
        now,
        seenBefore: before(SESSION_IDLE),
        startedBefore: before(SESSION_LIFE),
        countedBefore: before(duration(2, 'd')),
      });
    },
    signups,
    signIns: openSignIns(parts, sessions),
    passkeys,
    devices,
    realNames: openRealNames(parts),
    freezes,
    watch,
    passwords,
    emails: openEmails(parts),
    questions: openQuestions(parts, hasher),
    recoveries: openRecoveries(parts, passwords),
    sessions,
    carrier,
    rpId: config.rpId,
  };
}

/** How well the person of a wallet of `region` is known; undefined when there is none, or it is closed. For commands. */
export async function tierOf(tx: Sql, region: string, wallet: Id): Promise<Tier | undefined> {
  const row = await store.readWallet(tx, wallet);
  return row?.region === region && row.closed_at === null ? row.tier : undefined;
}

type People = Pick<Identity, 'person' | 'people' | 'personByPhone' | 'passkeysOf' | 'devicesOf' | 'revokeDevice'>;

function peopleOf(parts: IdentityParts, devices: Devices): People {
  const { database } = parts;
  const find = findTogether((wallets: readonly Id[]) => store.readWallets(database, wallets), {
    nameOf: (wallet) => wallet,
    keyOf: (row) => row.id,
  });
  const personBehind = async (wallet: Id) => {
    const [row] = await find(wallet);
    return row && personOf(row);
  };
  return {
    person: personBehind,
    people: async (wallets) => {
      const people = await Promise.all(wallets.map(personBehind));
      return new Map(people.flatMap((person) => (person ? [[person.wallet, person] as const] : [])));
    },
    personByPhone: async (region, typed) => {
      const phone = readPhone(typed);
      const row = phone && (await store.walletOfPhone(database, region, parts.secrets.hash('phone', phone)));
      return row ? personOf(row) : undefined;
    },
    passkeysOf: async (wallet, tx = database) => {
      const owner = await store.readWallet(tx, wallet);
      const rows = owner ? await store.livePasskeys(tx, owner.region, wallet) : [];
      return rows.map((row) => passkeyOf(row, parts.rpId));
    },
    devicesOf: async (wallet) => {
      const owner = await store.readWallet(database, wallet);
      return owner ? await devices.of({ region: owner.region, wallet }) : [];
    },
    revokeDevice: async (wallet, device) => {
      const owner = await store.readWallet(database, wallet);
      return owner ? await devices.revoke({ region: owner.region, wallet }, device) : no('device.not-found');
    },
  };
}

function personOf(row: store.WalletRow): Person {
  return {
    wallet: row.id,
    region: row.region,
    name: row.name,
    verifiedName: nameShown(row.name, row.tier, row.phone_tail),
    tier: row.tier,
    phoneMasked: row.phone_masked,
    createdAt: row.created_at,
  };
}

function passkeyOf(row: store.PasskeyRow, rpId: string): Passkey {
  return {
    id: row.id,
    publicKey: row.public_key,
    algorithm: row.algorithm,
    offline: row.algorithm === ES256,
    rpId,
    backupEligible: row.backup_eligible,
    backedUp: row.backed_up,
    name: row.name,
    createdAt: row.created_at,
    usedAt: row.used_at ?? undefined,
  };
}
