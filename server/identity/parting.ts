/**
 * The two ends of a wallet: who is told when one opens, what may stand before its money, and how it is closed and forgotten.
 * Invariant: a closed wallet has no live passkey, device or session, and its phone number and person are free again.
 */
import { pausedBy } from '#server/identity/alarm.ts';
import type { Devices } from '#server/identity/device.ts';
import type { IdentityParts } from '#server/identity/parts.ts';
import type { Passkeys } from '#server/identity/passkeys.ts';
import { sha256 } from '#server/identity/secret.ts';
import * as store from '#server/identity/store.ts';
import type { Sql } from '#server/platform/database.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { utf8 } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';

interface Owner {
  readonly region: string;
  readonly wallet: Id;
}

/** The two ends of a wallet. */
export interface Partings {
  /** Registers what is written in the transaction that opens a wallet. */
  readonly onOpened: (hook: WalletOpened) => void;
  /** Registers what may stand before money; the way out, by withdrawal and closing, stays open to everybody. */
  readonly beforeMoney: (hook: BeforeMoney) => void;
  /** What stands before money of this wallet now; what a frozen one owes may still be paid in. */
  readonly gate: (tx: Sql, owner: Owner) => Promise<Refusal | undefined>;
  /** Why no money may move for this wallet now: it is frozen or paused, or something stands before it. */
  readonly moneyStop: (tx: Sql, owner: Owner) => Promise<Refusal | undefined>;
  /** Ends everything that can act for a wallet; its money must be gone before. */
  readonly closeWallet: (tx: Sql, owner: Owner, at: Instant) => Promise<void>;
  /** Takes out who a closed wallet belonged to. */
  readonly forgetWallet: (tx: Sql, owner: Owner) => Promise<void>;
}

/** Runs inside the transaction that opens a wallet. */
export type WalletOpened = (tx: Sql, owner: Owner, at: Instant) => Promise<void>;
/** Answers why money must wait; undefined when it need not. */
export type BeforeMoney = (tx: Sql, owner: Owner) => Promise<Refusal | undefined>;

/** Opens both ends. */
export function openPartings(parts: IdentityParts, devices: Devices, passkeys: Passkeys): Partings {
  return {
    onOpened: (hook) => {
      parts.opened.push(hook);
    },
    beforeMoney: (hook) => {
      parts.gates.push(hook);
    },
    gate: (tx, owner) => gateBefore(parts, tx, owner),
    moneyStop: async (tx, owner) => {
      const row = await store.readWallet(tx, owner.wallet);
      if (row?.frozen_at != null) return { code: 'wallet.frozen' };
      if (await pausedBy(tx, owner)) return { code: 'wallet.paused' };
      return await gateBefore(parts, tx, owner);
    },
    closeWallet: async (tx, { region, wallet }, at) => {
      await store.lockWallet(tx, region, wallet);
      await passkeys.endAll(tx, { region, wallet }, at);
      await devices.endAll(tx, { region, wallet }, at);
      await store.endSessions(tx, region, wallet);
      // The number is free for a new wallet; nobody finds this one by it any more.
      await store.closeWallet(tx, region, wallet, at, sha256(utf8(`closed ${region} ${wallet}`)));
    },
    forgetWallet: (tx, { region, wallet }) => store.forgetWallet(tx, region, wallet),
  };
}

/** What stands before money; undefined when nothing does. */
export async function gateBefore(parts: IdentityParts, tx: Sql, owner: Owner): Promise<Refusal | undefined> {
  for (const gate of parts.gates) {
    const refusal = await gate(tx, owner);
    if (refusal) return refusal;
  }
  return undefined;
}
