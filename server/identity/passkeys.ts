/**
 * The passkeys of a person: the first one, which makes the wallet, more of them, their names, and their end.
 * Invariant: the last live passkey of a wallet is never revoked.
 */
import { beginCeremony, takeCeremony } from '#server/identity/ceremony.ts';
import { noteEvent } from '#server/identity/event.ts';
import { tellOwner } from '#server/identity/notice.ts';
import { type IdentityParts, no, type Visitor } from '#server/identity/parts.ts';
import { ES256, registrationOptions, verifyNewPasskey } from '#server/identity/passkey.ts';
import type { FoundSession, Session } from '#server/identity/session.ts';
import { passkeyLine, passkeyRow, type Signups } from '#server/identity/signup.ts';
import * as store from '#server/identity/store.ts';
import { writeDown } from '#server/logbook/logbook.ts';
import type { Sql } from '#server/platform/database.ts';
import type { PasskeyList, PasskeyView, RegistrationAnswer } from '#shared/api/identity.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, sameBytes, toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';

/** A new passkey as it comes from the browser. */
interface Made {
  readonly name: string;
  readonly answer: RegistrationAnswer;
}

/** A passkey that has just been revoked; `publicKey` is a COSE key. */
export interface RevokedPasskey {
  readonly region: string;
  readonly wallet: Id;
  readonly publicKey: Uint8Array;
}

/** Runs inside the transaction that revokes a passkey, so that what hangs on it stops in the same moment. */
export type PasskeyRevoked = (tx: Sql, passkey: RevokedPasskey, at: Instant) => Promise<void>;

/** The passkeys of the house. */
export interface Passkeys {
  readonly firstOptions: (signup: Id, visitor: Visitor) => Promise<Result<object, Refusal>>;
  readonly first: (signup: Id, made: Made, visitor: Visitor) => Promise<Result<FoundSession, Refusal>>;
  readonly list: (session: Session) => Promise<PasskeyList>;
  readonly moreOptions: (session: Session, visitor: Visitor) => Promise<Result<object, Refusal>>;
  readonly more: (session: Session, made: Made, visitor: Visitor) => Promise<Result<PasskeyView, Refusal>>;
  readonly rename: (session: Session, id: string, name: string) => Promise<Result<PasskeyList, Refusal>>;
  readonly revoke: (session: Session, id: string) => Promise<Result<PasskeyList, Refusal>>;
  /** Revokes every passkey of a wallet that is closed, the last one too. */
  readonly endAll: (tx: Sql, wallet: { region: string; wallet: Id }, at: Instant) => Promise<void>;
  readonly onRevoked: (hook: PasskeyRevoked) => void;
}

/** Passkeys of one wallet: every phone, laptop and key ring of a careful person; the browser is told them all. */
const PASSKEYS_MOST = 10;

/** Opens the passkeys over the database of `parts`. */
export function openPasskeys(parts: IdentityParts, signups: Signups): Passkeys {
  const hooks: PasskeyRevoked[] = [];
  return {
    firstOptions: async (id, visitor) => {
      const signup = await signups.proved(id, visitor);
      if (!signup.ok) return signup;
      const challenge = await beginCeremony(parts, 'signup', id, visitor);
      if (!challenge.ok) return challenge;
      const { name, phone_masked, user_handle } = signup.value;
      const person = { userHandle: user_handle, name, label: `${name} ${phone_masked}` };
      return ok(await registrationOptions(parts, person, challenge.value, []));
    },
    first: async (id, made, visitor) => {
      const { answer, name } = made;
      const challenge = await takeCeremony(parts, 'signup', id, answer.response.clientDataJSON, visitor);
      const signup = await signups.proved(id, visitor);
      if (!signup.ok) return signup;
      if (!challenge.ok) return challenge;
      const passkey = await verifyNewPasskey(parts, answer, challenge.value);
      return passkey.ok ? await signups.finish(signup.value, passkey.value, name, visitor) : passkey;
    },
    list: (session) => list(parts, session),
    moreOptions: async (session, visitor) => {
      const challenge = await beginCeremony(parts, 'add-passkey', session.id, visitor);
      if (!challenge.ok) return challenge;
      const wallet = await ownerOf(parts, session);
      const held = await store.livePasskeys(parts.database, session.region, session.wallet);
      const person = {
        userHandle: wallet.user_handle,
        name: wallet.name,
        label: `${wallet.name} ${wallet.phone_masked}`,
      };
      return ok(await registrationOptions(parts, person, challenge.value, held));
    },
    more: (session, made, visitor) => more(parts, session, made, visitor),
    rename: async (session, id, name) => {
      const { region, wallet } = session;
      const done = await store.renamePasskey(parts.database, region, wallet, fromBase64url(id) ?? NONE, name);
      return done ? ok(await list(parts, session)) : no('passkey.not-found');
    },
    revoke: (session, id) => revoke(parts, hooks, session, id),
    endAll: async (tx, { region, wallet }, at) => {
      for (const passkey of await store.livePasskeys(tx, region, wallet)) await end(tx, hooks, passkey, at);
    },
    onRevoked: (hook) => {
      hooks.push(hook);
    },
  };
}

const NONE = new Uint8Array();

async function more(
  parts: IdentityParts,
  session: Session,
  { answer, name }: Made,
  visitor: Visitor,
): Promise<Result<PasskeyView, Refusal>> {
  const challenge = await takeCeremony(parts, 'add-passkey', session.id, answer.response.clientDataJSON, visitor);
  if (!challenge.ok) return challenge;
  const passkey = await verifyNewPasskey(parts, answer, challenge.value);
  if (!passkey.ok) return passkey;
  const { region, wallet } = session;
  const now = parts.clock();
  const added = await parts.database.transaction(async (tx): Promise<Result<PasskeyView, Refusal>> => {
    await store.lockWallet(tx, region, wallet);
    const held = await store.livePasskeys(tx, region, wallet);
    if (held.length >= PASSKEYS_MOST) return no('passkey.limit', { most: PASSKEYS_MOST });
    if ((await store.passkeysById(tx, passkey.value.id)).length > 0) return no('passkey.taken');
    const row = passkeyRow(region, wallet, passkey.value, name, now);
    if (!(await store.insertPasskey(tx, row))) return no('passkey.taken');
    await noteEvent(tx, session, { code: 'passkey-added', at: now, device: name });
    await writeDown(tx, [passkeyLine('passkey-added', row, now)]);
    return ok(viewOf(row, session));
  });
  if (added.ok) await tellOwner(parts, session, 'passkey');
  return added;
}

async function revoke(
  parts: IdentityParts,
  hooks: readonly PasskeyRevoked[],
  session: Session,
  id: string,
): Promise<Result<PasskeyList, Refusal>> {
  const { region, wallet } = session;
  const wanted = fromBase64url(id) ?? NONE;
  const done = await parts.database.transaction(async (tx): Promise<Result<undefined, Refusal>> => {
    await store.lockWallet(tx, region, wallet);
    const held = await store.livePasskeys(tx, region, wallet);
    const passkey = held.find((row) => sameBytes(row.id, wanted));
    if (!passkey) return no('passkey.not-found');
    if (held.length === 1) return no('passkey.last');
    await end(tx, hooks, passkey, parts.clock());
    return ok(undefined);
  });
  return done.ok ? ok(await list(parts, session)) : done;
}

/** Revokes a passkey with all that hangs on it. */
async function end(tx: Sql, hooks: readonly PasskeyRevoked[], passkey: store.PasskeyRow, now: Instant): Promise<void> {
  const { region, wallet, public_key } = passkey;
  await store.revokePasskey(tx, passkey, now);
  for (const hook of hooks) await hook(tx, { region, wallet, publicKey: public_key }, now);
  await noteEvent(tx, { region, wallet }, { code: 'passkey-revoked', at: now, device: passkey.name });
  await writeDown(tx, [passkeyLine('passkey-revoked', passkey, now)]);
}

async function list(parts: IdentityParts, session: Session): Promise<PasskeyList> {
  const wallet = await ownerOf(parts, session);
  const rows = await store.livePasskeys(parts.database, session.region, session.wallet);
  return {
    rpId: parts.rpId,
    user: toBase64url(wallet.user_handle),
    passkeys: rows.map((row) => viewOf(row, session)),
  };
}

async function ownerOf(parts: IdentityParts, session: Session): Promise<store.WalletRow> {
  const wallet = await store.readWallet(parts.database, session.wallet);
  assert(wallet !== undefined, 'a session belongs to a wallet');
  return wallet;
}

function viewOf(row: store.PasskeyRow, session: Session): PasskeyView {
  return {
    id: toBase64url(row.id),
    name: row.name,
    offline: row.algorithm === ES256,
    synced: row.backup_eligible,
    backedUp: row.backed_up,
    createdAt: row.created_at,
    ...(row.used_at === null ? {} : { usedAt: row.used_at }),
    current: sameBytes(row.id, session.passkey),
  };
}
