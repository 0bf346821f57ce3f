/**
 * A forgotten payment password found again: two of the passkey, a code by text, a code by e-mail, and two agents of
 * support who stand in for one of them.
 * Invariant: a new password comes into force in the transaction that sees two factors proved, and with it the wallet's
 * limits fall for a while, its other sessions end and its owner is told by every road.
 */
import { type CodeFor, forgetCodes, proveCode, resendAt, sendCode } from '#server/identity/code.ts';
import { noteEvent } from '#server/identity/event.ts';
import { tellOwner } from '#server/identity/notice.ts';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import { type Passwords, standing } from '#server/identity/password.ts';
import type { Session } from '#server/identity/session.ts';
import * as store from '#server/identity/store.ts';
import { mayAct } from '#server/identity/throttle.ts';
import { writeDown } from '#server/logbook/logbook.ts';
import type { CodeWay, RecoveryView } from '#shared/api/recovery.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { after, between, duration, type Instant, instant } from '#shared/base/time.ts';

/** Somebody of support, as the desk knows them: who they are, and what they may do. */
export interface Agent {
  readonly name: string;
  readonly roles: readonly string[];
}

/** A case of support as the desk sees it. */
export interface SupportCase {
  readonly id: Id;
  readonly wallet: Id;
  readonly why: string;
  readonly openedBy: string;
  readonly openedAt: Instant;
  readonly approvedBy: readonly string[];
  readonly used: boolean;
}

/** Finding a payment password again. Every answer is about the wallet of the session alone. */
export interface Recoveries {
  /** Refusals: `wallet.frozen`, `password.none`, `recovery.id-reused`, `request.too-many`. */
  readonly begin: (session: Session, id: Id) => Promise<Result<RecoveryView, Refusal>>;
  readonly view: (session: Session, id: Id) => Promise<Result<RecoveryView, Refusal>>;
  /** The touch must be later than the beginning: refuses `session.step-up`. */
  readonly provePasskey: (session: Session, id: Id) => Promise<Result<RecoveryView, Refusal>>;
  readonly sendCode: (session: Session, id: Id, way: CodeWay) => Promise<Result<RecoveryView, Refusal>>;
  readonly proveCode: (
    session: Session,
    id: Id,
    answer: { way: CodeWay; code: string },
  ) => Promise<Result<RecoveryView, Refusal>>;
  /** Refusals: `recovery.factors` while one is missing, and those of a bad choice. */
  readonly finish: (session: Session, id: Id, password: string) => Promise<Result<RecoveryView, Refusal>>;
  /** Opens a case for a wallet whose owner cannot prove two factors. Refusals: `support.role`, `support.unknown`. */
  readonly open: (by: Agent, asked: { id: Id; wallet: Id; why: string }) => Promise<Result<SupportCase, Refusal>>;
  /** The cases of a region opened since then, the oldest first. */
  readonly opened: (region: string, since: Instant) => Promise<SupportCase[]>;
  /** Stands for the person: two different agents have to. Refusals: `support.role`, `support.unknown`, `support.same-agent`. */
  readonly approve: (by: Agent, id: Id) => Promise<Result<SupportCase, Refusal>>;
}

/** The role without which an agent neither opens nor approves a case. */
export const RECOVERY_ROLE = 'recovery';

/** How many factors it takes. */
const FACTORS = 2;
/** How long a person has for it. */
const RECOVERY_LIFE = duration(30, 'min');
/** How long the word of two agents stands. */
const SUPPORT_LIFE = duration(1, 'd');
const RECOVERIES_A_DAY = 5;

/** Opens recoveries over the database of `parts`. */
export function openRecoveries(parts: IdentityParts, passwords: Passwords): Recoveries {
  const { database, clock } = parts;
  const onOpen = async (
    session: Session,
    id: Id,
    then: (row: store.RecoveryRow) => Promise<Result<unknown, Refusal>>,
  ): Promise<Result<RecoveryView, Refusal>> => {
    const row = await own(parts, session, id);
    if (!row.ok) return row;
    if (row.value.done_at !== null) return ok(await viewOf(parts, row.value));
    const done = await then(row.value);
    if (!done.ok) return done;
    const renewed = await own(parts, session, id);
    return renewed.ok ? ok(await viewOf(parts, renewed.value)) : renewed;
  };
  return {
    begin: (session, id) => begin(parts, session, id),
    view: (session, id) => onOpen(session, id, async () => ok(undefined)),
    provePasskey: (session, id) =>
      onOpen(session, id, async (row) => {
        if (session.steppedUpAt < row.opened_at) return no('session.step-up');
        await store.noteFactor(database, row, 'passkey_at', clock());
        return ok(undefined);
      }),
    sendCode: (session, id, way) =>
      onOpen(session, id, async (row) => {
        const to = await addressOf(parts, row, way);
        return to ? await sendCode(parts, codeFor(row, way), to) : no('email.none');
      }),
    proveCode: (session, id, { way, code }) =>
      onOpen(session, id, async (row) => {
        const proved = await proveCode(parts, codeFor(row, way), code);
        if (!proved.ok) return proved;
        await store.noteFactor(database, row, way === 'phone' ? 'phone_at' : 'email_at', clock());
        return ok(undefined);
      }),
    finish: (session, id, password) => onOpen(session, id, (row) => finish(parts, passwords, session, row, password)),
    open: (by, asked) => openCase(parts, by, asked),
    opened: async (region, since) => (await store.supportCases(database, region, since)).map(caseOf),
    approve: (by, id) => approve(parts, by, id),
  };
}

async function begin(parts: IdentityParts, session: Session, id: Id): Promise<Result<RecoveryView, Refusal>> {
  const { database, clock } = parts;
  const { region, wallet } = session;
  const known = await store.readRecovery(database, region, id);
  if (known) return known.wallet === wallet ? ok(await viewOf(parts, known)) : no('recovery.id-reused');
  const owner = await store.readWallet(database, wallet);
  if (owner?.frozen_at != null) return no('wallet.frozen');
  if ((await store.passwordHashes(database, region, wallet)).length === 0) return no('password.none');
  const may = await mayAct(parts, 'recovery', wallet, RECOVERIES_A_DAY);
  if (!may.ok) return may;
  const now = clock();
  const row: store.RecoveryRow = {
    region,
    id,
    wallet,
    session: session.id,
    opened_at: now,
    expires_at: after(now, RECOVERY_LIFE),
    passkey_at: null,
    phone_at: null,
    email_at: null,
    done_at: null,
  };
  const isOpened = await database.transaction(async (tx) => {
    if (!(await store.insertRecovery(tx, row))) return false;
    await noteEvent(tx, row, { code: 'recovery-opened', at: now });
    return true;
  });
  return isOpened ? ok(await viewOf(parts, row)) : no('recovery.id-reused');
}

/** The recovery `id` of this very session: to any other it is not there. */
async function own(parts: IdentityParts, session: Session, id: Id): Promise<Result<store.RecoveryRow, Refusal>> {
  const row = await store.readRecovery(parts.database, session.region, id);
  const isTheirs = row?.wallet === session.wallet && row.session === session.id;
  if (!row || !isTheirs || row.expires_at <= parts.clock()) return no('recovery.unknown');
  return ok(row);
}

function codeFor({ region, wallet, id }: store.RecoveryRow, way: CodeWay): CodeFor {
  return { region, wallet, purpose: 'recovery', subject: id, way };
}

async function addressOf(
  parts: IdentityParts,
  { region, wallet }: Pick<store.RecoveryRow, 'region' | 'wallet'>,
  way: CodeWay,
): Promise<{ address: string; masked: string } | undefined> {
  if (way === 'email') {
    const row = await store.readEmail(parts.database, region, wallet);
    const { terms } = await standing(parts.database, { region, wallet });
    // Whoever holds the phone can have it take another address: for a day such a one proves nothing here.
    const isSettled = row !== undefined && between(row.proved_at, parts.clock()) >= terms.risk_ms;
    return isSettled ? { address: parts.secrets.open(row.sealed), masked: row.masked } : undefined;
  }
  const owner = await store.readWallet(parts.database, wallet);
  assert(owner !== undefined, 'a recovery belongs to a wallet');
  return { address: parts.secrets.open(owner.phone_sealed), masked: owner.phone_masked };
}

async function finish(
  parts: IdentityParts,
  passwords: Passwords,
  session: Session,
  { region, wallet, id }: store.RecoveryRow,
  password: string,
): Promise<Result<undefined, Refusal>> {
  // Looked at before the hashing, which costs, and again in the transaction, which decides.
  const proved = await factorsOf(parts, region, id, wallet);
  if (proved.length < FACTORS) return no('recovery.factors');
  const done = await passwords.replace({ region, wallet }, id, password, async (tx, at) => {
    const row = await store.lockRecovery(tx, region, id);
    if (row?.done_at !== null) return no('recovery.id-reused');
    const support = await store.standingCase(tx, region, wallet, instant(at - SUPPORT_LIFE));
    const factors = named(row, support);
    if (factors.length < FACTORS) return no('recovery.factors');
    await store.endRecovery(tx, region, id, at);
    if (support && factors.includes('support')) await store.useCase(tx, region, support.id, at);
    await passwords.ease(tx, { region, wallet }, at);
    await store.endOtherSessions(tx, region, wallet, session.id);
    await forgetCodes(tx, { region, wallet, purpose: 'recovery', subject: id });
    await noteEvent(tx, { region, wallet }, { code: 'password-recovered', at, about: { by: factors.join(' ') } });
    return ok(undefined);
  });
  if (done.ok) await tellOwner(parts, { region, wallet }, 'recovered');
  return done;
}

async function factorsOf(parts: IdentityParts, region: string, id: Id, wallet: Id): Promise<readonly string[]> {
  const row = await store.readRecovery(parts.database, region, id);
  const since = instant(parts.clock() - SUPPORT_LIFE);
  return row ? named(row, await store.standingCase(parts.database, region, wallet, since)) : [];
}

/** The factors that are proved, those of the person first: support is used only where it is needed. */
function named(row: store.RecoveryRow, support: store.SupportCaseRow | undefined): string[] {
  const own = [
    ...(row.passkey_at === null ? [] : ['passkey']),
    ...(row.phone_at === null ? [] : ['phone']),
    ...(row.email_at === null ? [] : ['email']),
  ];
  return own.length > 0 && own.length < FACTORS && support ? [...own, 'support'] : own;
}

async function viewOf(parts: IdentityParts, row: store.RecoveryRow): Promise<RecoveryView> {
  const { database } = parts;
  const coded = async (way: CodeWay, at: number | null) => {
    const to = await addressOf(parts, row, way);
    const again = resendAt(await store.readCode(database, codeFor(row, way)));
    return to && { masked: to.masked, proved: at !== null, ...(again === undefined ? {} : { resendAt: again }) };
  };
  const [phone, email] = await Promise.all([coded('phone', row.phone_at), coded('email', row.email_at)]);
  assert(phone !== undefined, 'a wallet has a proved phone');
  const factors = await factorsOf(parts, row.region, row.id, row.wallet);
  const since = instant(parts.clock() - SUPPORT_LIFE);
  const support = await store.standingCase(database, row.region, row.wallet, since);
  return {
    id: row.id,
    expiresAt: row.expires_at,
    passkey: row.passkey_at !== null,
    phone,
    ...(email ? { email } : {}),
    support: support !== undefined,
    missing: row.done_at === null ? Math.max(0, FACTORS - factors.length) : 0,
    done: row.done_at !== null,
  };
}

// Support

async function openCase(
  parts: IdentityParts,
  by: Agent,
  { id, wallet, why }: { id: Id; wallet: Id; why: string },
): Promise<Result<SupportCase, Refusal>> {
  if (!by.roles.includes(RECOVERY_ROLE)) return no('support.role');
  const owner = await store.readWallet(parts.database, wallet);
  if (!owner) return no('support.unknown');
  const { region } = owner;
  const at = parts.clock();
  const isOpened = await parts.database.transaction(async (tx) => {
    const row = { region, id, wallet, why, opened_by: by.name, opened_at: at, ...NOT_YET };
    if (!(await store.insertSupportCase(tx, row))) return false;
    await noteEvent(tx, { region, wallet }, { code: 'support-opened', at });
    await writeDown(tx, [
      { region, at, act: 'support-opened', who: `operator ${by.name}`, about: { case: id, wallet } },
    ]);
    return true;
  });
  if (isOpened) await tellOwner(parts, { region, wallet }, 'support-opened');
  const kept = await store.readSupportCase(parts.database, id);
  assert(kept !== undefined, 'a case that was opened, now or before, is there');
  return kept.wallet === wallet && kept.opened_by === by.name ? ok(caseOf(kept)) : no('recovery.id-reused');
}

const NOT_YET = { first_by: null, first_at: null, second_by: null, second_at: null, used_at: null } as const;

async function approve(parts: IdentityParts, by: Agent, id: Id): Promise<Result<SupportCase, Refusal>> {
  if (!by.roles.includes(RECOVERY_ROLE)) return no('support.role');
  const known = await store.readSupportCase(parts.database, id);
  if (!known) return no('support.unknown');
  return await parts.database.transaction(async (tx): Promise<Result<SupportCase, Refusal>> => {
    const row = await store.lockSupportCase(tx, known.region, id);
    assert(row !== undefined, 'a case stays');
    if (row.second_by !== null) return ok(caseOf(row));
    if (row.first_by === by.name) return no('support.same-agent');
    const at = parts.clock();
    const next =
      row.first_by === null
        ? { ...row, first_by: by.name, first_at: at }
        : { ...row, second_by: by.name, second_at: at };
    await store.approveCase(tx, next);
    const { region, wallet } = row;
    await noteEvent(tx, row, { code: 'support-approved', at });
    const about = { case: id, wallet };
    await writeDown(tx, [{ region, at, act: 'support-approved', who: `operator ${by.name}`, about }]);
    return ok(caseOf(next));
  });
}

function caseOf(row: store.SupportCaseRow): SupportCase {
  return {
    id: row.id,
    wallet: row.wallet,
    why: row.why,
    openedBy: row.opened_by,
    openedAt: row.opened_at,
    approvedBy: [row.first_by, row.second_by].filter((one) => one !== null),
    used: row.used_at !== null,
  };
}
