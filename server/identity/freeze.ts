/**
 * Freezing: a person stops all spending from their wallet at once, from any signed-in phone, or with a printed code alone.
 * Invariant: whoever holds the phone but not the printed code cannot end a freeze that was made with it.
 */
import { randomBytes } from 'node:crypto';
import { noteEvent } from '#server/identity/event.ts';
import { tellOwner } from '#server/identity/notice.ts';
import { type IdentityParts, no, type Visitor } from '#server/identity/parts.ts';
import type { Session } from '#server/identity/session.ts';
import * as store from '#server/identity/store.ts';
import { mayAct } from '#server/identity/throttle.ts';
import { writeDown } from '#server/logbook/logbook.ts';
import type { Sql } from '#server/platform/database.ts';
import type { FreezeView, FrozenByCode, NewRecoveryCode } from '#shared/api/freeze.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { sameBytes } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import { readRecoveryCode, writeRecoveryCode } from '#shared/rules/recovery-code.ts';

/** Runs inside the transaction that freezes a wallet, so that what can spend from it stops in the same moment. */
export type WalletFrozen = (tx: Sql, wallet: { region: string; wallet: Id }, at: Instant) => Promise<void>;

type Owner = Pick<Session, 'region' | 'wallet'>;

/** Freezing and its end. */
export interface Freezes {
  readonly view: (owner: Owner) => Promise<FreezeView>;
  /** Again is the same act: the first moment stays. */
  readonly freeze: (owner: Owner) => Promise<FreezeView>;
  /** Refusals: `freeze.code` (mistyped), `freeze.code-unknown`, `request.too-many`. */
  readonly freezeByCode: (typed: string, visitor: Visitor) => Promise<Result<FrozenByCode, Refusal>>;
  /** Refusals: `freeze.needs-code`, `freeze.code`, `freeze.code-unknown`, `request.too-many`. */
  readonly thaw: (owner: Owner, typed: string | undefined) => Promise<Result<FreezeView, Refusal>>;
  /** Refuses `wallet.frozen` while a code holds a freeze: who stole the phone would make himself the next one. */
  readonly makeCode: (owner: Owner) => Promise<Result<NewRecoveryCode, Refusal>>;
  /**
   * Ends a freeze because two of support have said so, in their transaction. Whoever lost the code has proved less than
   * who holds it: limits fall for a while, as after a password that was found again.
   */
  readonly endBySupport: (tx: Sql, owner: Owner, at: Instant) => Promise<void>;
  readonly onFrozen: (hook: WalletFrozen) => void;
}

/** Codes tried from one address, and for one wallet, in an hour. Nobody guesses 95 bits; this keeps the books quiet. */
const TRIES_AN_HOUR = 10;

/** Opens freezing over the database of `parts`. */
export function openFreezes(parts: IdentityParts): Freezes {
  const { database, clock, secrets } = parts;
  const hooks: WalletFrozen[] = [];
  const freeze = async (owner: Owner, by: 'session' | 'code') => {
    const { isNew, view } = await database.transaction(async (tx) => {
      await store.lockWallet(tx, owner.region, owner.wallet);
      const at = clock();
      const isNew = await store.freezeWallet(tx, owner.region, owner.wallet, at, by);
      if (isNew) {
        for (const hook of hooks) await hook(tx, owner, at);
        await write(tx, owner, 'frozen', at, { by });
      }
      return { isNew, view: viewOf(await rowOf(tx, owner)) };
    });
    if (isNew) await tellOwner(parts, owner, 'frozen');
    return view;
  };
  const codeHash = (code: string) => secrets.hash('recovery', code);
  return {
    view: async (owner) => viewOf(await rowOf(database, owner)),
    freeze: (owner) => freeze(owner, 'session'),
    async freezeByCode(typed, visitor) {
      const may = await mayAct(parts, 'freeze', visitor.caller, TRIES_AN_HOUR);
      if (!may.ok) return may;
      const code = readRecoveryCode(typed);
      if (code === undefined) return no('freeze.code');
      const owner = await store.walletOfRecovery(database, codeHash(code));
      if (!owner) return no('freeze.code-unknown');
      const { frozenAt } = await freeze({ region: owner.region, wallet: owner.id }, 'code');
      assert(frozenAt !== undefined, 'what was just frozen is frozen');
      return ok({ frozenAt });
    },
    async thaw(owner, typed) {
      const row = await rowOf(database, owner);
      const isCodeRight = typed === undefined ? ok(false) : await checkCode(parts, row, typed);
      if (!isCodeRight.ok) return isCodeRight;
      const ended = await database.transaction(async (tx): Promise<Result<boolean, Refusal>> => {
        await store.lockWallet(tx, owner.region, owner.wallet);
        const current = await rowOf(tx, owner);
        if (current.frozen_at === null) return ok(false);
        if (current.frozen_by === 'code' && !isCodeRight.value) return no('freeze.needs-code');
        await store.thawWallet(tx, owner.region, owner.wallet);
        await write(tx, owner, 'thawed', clock(), { by: isCodeRight.value ? 'code' : 'session' });
        return ok(true);
      });
      if (!ended.ok) return ended;
      if (ended.value) await tellOwner(parts, owner, 'thawed');
      return ok(viewOf(await rowOf(database, owner)));
    },
    makeCode: (owner) =>
      database.transaction(async (tx) => {
        await store.lockWallet(tx, owner.region, owner.wallet);
        if ((await rowOf(tx, owner)).frozen_by === 'code') return no('wallet.frozen');
        const code = writeRecoveryCode(randomBytes(32));
        const madeAt = clock();
        await store.keepRecovery(tx, owner.region, owner.wallet, codeHash(readRecoveryCode(code) ?? ''), madeAt);
        await write(tx, owner, 'recovery-code', madeAt, {});
        return ok({ code, madeAt });
      }),
    endBySupport: async (tx, owner, at) => {
      await store.lockWallet(tx, owner.region, owner.wallet);
      if ((await rowOf(tx, owner)).frozen_at === null) return;
      await store.thawWallet(tx, owner.region, owner.wallet);
      await store.noteRecovered(tx, owner.region, owner.wallet, at);
      await noteEvent(tx, owner, { code: 'thawed', at, about: { by: 'support' } });
    },
    onFrozen: (hook) => {
      hooks.push(hook);
    },
  };
}

async function checkCode(parts: IdentityParts, row: store.WalletRow, typed: string): Promise<Result<boolean, Refusal>> {
  const may = await mayAct(parts, 'freeze', row.id, TRIES_AN_HOUR);
  if (!may.ok) return may;
  const code = readRecoveryCode(typed);
  if (code === undefined) return no('freeze.code');
  const isRight = row.recovery_hash !== null && sameBytes(row.recovery_hash, parts.secrets.hash('recovery', code));
  return isRight ? ok(true) : no('freeze.code-unknown');
}

async function rowOf(tx: Sql, owner: Owner): Promise<store.WalletRow> {
  const row = await store.readWallet(tx, owner.wallet);
  assert(row !== undefined, 'a session belongs to a wallet');
  return row;
}

function viewOf(row: store.WalletRow): FreezeView {
  return {
    ...(row.frozen_at === null ? {} : { frozenAt: row.frozen_at }),
    ...(row.frozen_by === null ? {} : { by: row.frozen_by }),
    ...(row.recovery_made_at === null ? {} : { codeMadeAt: row.recovery_made_at }),
  };
}

async function write(
  tx: Sql,
  { region, wallet }: Owner,
  act: 'frozen' | 'thawed' | 'recovery-code',
  at: Instant,
  about: Readonly<Record<string, string>>,
): Promise<void> {
  await noteEvent(tx, { region, wallet }, { code: act, at, about });
  await writeDown(tx, [{ region, at, act, who: `wallet ${wallet}`, about }]);
}
