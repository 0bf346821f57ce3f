/**
 * Sessions: who is signed in on which browser, for how long, and when they last touched a passkey.
 * A token is known to the browser alone; the house keeps its SHA-256. It is changed at sign-in, at step-up and every ten
 * minutes of use, and because an answer can be lost on the way, the token before it stays good until the new one is used.
 * Invariant: a replaced token that comes back after its successor was used ends the session: two people hold it.
 */

import { randomBytes } from 'node:crypto';
import { noteEvent } from '#server/identity/event.ts';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import { sha256 } from '#server/identity/secret.ts';
import * as store from '#server/identity/store.ts';
import type { Sql } from '#server/platform/database.ts';
import { unlessFull } from '#server/platform/disk.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { OpenSessionList } from '#shared/api/security.ts';
import { fromBase64url, sameBytes, toBase64url } from '#shared/base/bytes.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { after, between, duration, type Instant, instant } from '#shared/base/time.ts';

/** A signed-in person on one browser. */
export interface Session {
  readonly region: string;
  readonly id: Id;
  readonly wallet: Id;
  /** Credential id of the passkey it was begun or last stepped up with. */
  readonly passkey: Uint8Array;
  readonly startedAt: Instant;
  readonly steppedUpAt: Instant;
  /** When it ends at the latest. */
  readonly endsAt: Instant;
}

/** A session and, when it was changed just now, the new token for the browser. */
export interface FoundSession {
  readonly session: Session;
  readonly token?: string;
}

/** How long a session lives unused, how long at most, and how long a passkey touch counts as fresh. */
export const SESSION_IDLE = duration(30, 'min');
export const SESSION_LIFE = duration(12, 'h');
export const STEP_UP_FRESH = duration(5, 'min');

const ROTATE_AFTER = duration(10, 'min');
const CROSSING = duration(30, 's');
const SEEN_STEP = duration(1, 'min');

/** The sessions of the house. */
export interface Sessions {
  readonly begin: (tx: Sql, who: { region: string; wallet: Id; passkey: Uint8Array }) => Promise<FoundSession>;
  readonly find: (token: string) => Promise<FoundSession | undefined>;
  readonly stepUp: (
    tx: Sql,
    session: Session,
    token: string,
    by: { passkey: Uint8Array; fresh: boolean },
  ) => Promise<FoundSession | undefined>;
  /** The sessions of the same wallet, on whatever browser. */
  readonly list: (session: Session) => Promise<OpenSessionList>;
  readonly end: (session: Session) => Promise<void>;
  /** Ends one of the same wallet; one that is over already is refused as `session.not-found`. */
  readonly endOne: (session: Session, id: Id) => Promise<Result<OpenSessionList, Refusal>>;
  readonly endAll: (session: Session) => Promise<void>;
}

/** Opens the sessions over the database of `parts`. */
export function openSessions(parts: IdentityParts): Sessions {
  const { database, clock } = parts;
  return {
    begin: async (tx, { region, wallet, passkey }) => {
      const now = clock();
      const token = newToken(region);
      const row: store.SessionRow = {
        region,
        id: newId(now),
        wallet,
        passkey,
        token_hash: token.hash,
        previous_hash: null,
        previous_until: null,
        started_at: now,
        seen_at: now,
        rotated_at: now,
        stepped_up_at: now,
      };
      await store.insertSession(tx, row);
      return { session: sessionOf(row), token: token.text };
    },
    find: (text) => find(parts, text),
    stepUp: async (tx, session, text, { passkey, fresh }) => {
      const held = readToken(text);
      const row = held && (await store.sessionByToken(tx, held.region, held.hash));
      if (!row || row.id !== session.id) return undefined;
      const now = clock();
      const token = newToken(row.region);
      // Each touch has a moment of its own, by which it is known to have stood for an act of money or not.
      const steppedUpAt = fresh ? instant(Math.max(now, row.stepped_up_at + 1)) : row.stepped_up_at;
      const change = { from: held.hash, to: token.hash, at: now, steppedUpAt, passkey };
      if (!(await store.rotateSession(tx, row, change))) return undefined;
      return { session: sessionOf({ ...row, passkey, stepped_up_at: steppedUpAt }), token: token.text };
    },
    list: (session) => list(parts, session),
    endOne: async (session, id) => {
      const { region, wallet } = session;
      const ended = await database.transaction(async (tx) => {
        const row = (await openOnes(parts, tx, session)).find((one) => one.id === id);
        if (!row) return false;
        await store.endSession(tx, region, id);
        await noteEvent(tx, { region, wallet }, { code: 'session-ended', at: clock(), device: row.name });
        return true;
      });
      return ended ? ok(await list(parts, session)) : no('session.not-found');
    },
    end: ({ region, id }) => store.endSession(database, region, id),
    endAll: ({ region, wallet }) => store.endSessions(database, region, wallet),
  };
}

async function find(parts: IdentityParts, text: string): Promise<FoundSession | undefined> {
  const { database, clock } = parts;
  const held = readToken(text);
  const row = held && (await store.sessionByToken(database, held.region, held.hash));
  if (!held || !row) return undefined;
  const now = clock();
  const isOver = now >= after(row.started_at, SESSION_LIFE) || now >= after(row.seen_at, SESSION_IDLE);
  const isNewest = sameBytes(row.token_hash, held.hash);
  const wasReplaced = !isNewest && row.previous_until !== null && now > row.previous_until;
  if (isOver || wasReplaced) {
    await store.endSession(database, row.region, row.id);
    if (wasReplaced) await noteReplayed(parts, row, now);
    return undefined;
  }
  if (isNewest && row.previous_hash && row.previous_until === null) {
    await unlessFull(store.confirmToken(database, row, after(now, CROSSING)));
  }
  // The newest token changes with age; one whose successor never arrived gets another successor.
  const age = between(row.rotated_at, now);
  const isDue = isNewest ? age >= ROTATE_AFTER : row.previous_until === null && age >= CROSSING;
  if (isDue) {
    const token = newToken(row.region);
    const change = { from: held.hash, to: token.hash, at: now, steppedUpAt: row.stepped_up_at, passkey: row.passkey };
    if (await unlessFull(store.rotateSession(database, row, change)))
      return { session: sessionOf(row), token: token.text };
  } else if (between(row.seen_at, now) >= SEEN_STEP) await unlessFull(store.seeSession(database, row, now));
  return { session: sessionOf(row) };
}

function openOnes({ clock }: IdentityParts, tx: Sql, owner: Session): Promise<store.NamedSessionRow[]> {
  const now = clock();
  const bounds = { seenAfter: instant(now - SESSION_IDLE), startedAfter: instant(now - SESSION_LIFE) };
  return store.sessionsOfWallet(tx, owner.region, owner.wallet, bounds);
}

async function list(parts: IdentityParts, session: Session): Promise<OpenSessionList> {
  const rows = await openOnes(parts, parts.database, session);
  return {
    sessions: rows.map((row) => ({
      id: row.id,
      passkey: row.name,
      startedAt: row.started_at,
      seenAt: row.seen_at,
      endsAt: after(row.started_at, SESSION_LIFE),
      current: row.id === session.id,
    })),
  };
}

async function noteReplayed(parts: IdentityParts, row: store.SessionRow, now: Instant): Promise<void> {
  const { region, wallet } = row;
  await store.noteRisk(parts.database, { region, id: newId(now), wallet, kind: 'session-replayed', at: now });
}

function sessionOf(row: store.SessionRow): Session {
  return {
    region: row.region,
    id: row.id,
    wallet: row.wallet,
    passkey: row.passkey,
    startedAt: row.started_at,
    steppedUpAt: row.stepped_up_at,
    endsAt: after(row.started_at, SESSION_LIFE),
  };
}

/** A token is `<region>.<base64url of 256 random bits>`: the region says where its session is kept. */
function newToken(region: string): { text: string; hash: Uint8Array } {
  const bytes = randomBytes(32);
  return { text: `${region}.${toBase64url(bytes)}`, hash: sha256(bytes) };
}

function readToken(text: string): { region: string; hash: Uint8Array } | undefined {
  const [region = '', secret = ''] = text.split('.');
  const bytes = fromBase64url(secret);
  return bytes?.length === 32 && /^[A-Z]{2}-[A-Z0-9]{2,3}$/.test(region) ? { region, hash: sha256(bytes) } : undefined;
}
