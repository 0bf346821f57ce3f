/**
 * Hashing of payment passwords: argon2id over a peppered HMAC, two at a time, with a short queue before the door.
 * Invariant: what is stored is worth nothing without the pepper, and with it still costs one argon2id a guess.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { no } from '#server/identity/parts.ts';
import type { Peppers } from '#server/identity/secret.ts';
import type { PasswordHashRow } from '#server/identity/store.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Id } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';

/** The least OWASP recommends of argon2id: 19 MiB, two passes, one lane. Six digits are kept safe by the pepper and the lock. */
const COST = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 };

/** Each takes 19 MiB and a core for a tenth of a second or two. */
const AT_ONCE = 2;
/** Whoever comes after these would wait for longer than people do. */
const QUEUE_MOST = 50;

const derive = promisify(argon2);

/** A hash with what it takes to make it again. */
export type Hashed = Pick<PasswordHashRow, 'hash' | 'salt' | 'pepper'>;

/** Makes and compares hashes. Refuses `request.too-many` when too many wait. */
export interface Hasher {
  readonly hash: (wallet: Id, digits: string) => Promise<Result<Hashed, Refusal>>;
  readonly fits: (wallet: Id, digits: string, kept: Hashed) => Promise<Result<boolean, Refusal>>;
  /** Whether `kept` was made under an older pepper than the newest. */
  readonly isOld: (kept: Hashed) => boolean;
  /** Takes a place in the queue, so that a guess is counted only when it will be looked at. */
  readonly enter: () => Result<Place, Refusal>;
}

/** A place in the queue; `leave` gives it back whatever came of it. */
export interface Place {
  readonly fits: (wallet: Id, digits: string, kept: Hashed) => Promise<boolean>;
  readonly leave: () => void;
}

/** Opens hashing under `peppers`. */
export function openHasher(peppers: Peppers): Hasher {
  const gate = openGate();
  const make = (wallet: Id, digits: string, salt: Uint8Array, pepper: number): Promise<Uint8Array> =>
    gate.run(() => derive('argon2id', { ...COST, message: peppers.mix(pepper, `${digits}${wallet}`), nonce: salt }));
  const compare = async (wallet: Id, digits: string, kept: Hashed) =>
    timingSafeEqual(await make(wallet, digits, kept.salt, kept.pepper), kept.hash);
  const within = async <Answer>(work: () => Promise<Answer>): Promise<Result<Answer, Refusal>> => {
    if (!gate.enter()) return no('request.too-many', { seconds: 5 });
    try {
      return ok(await work());
    } finally {
      gate.leave();
    }
  };
  return {
    hash: (wallet, digits) =>
      within(async () => {
        const salt = randomBytes(16);
        return { hash: await make(wallet, digits, salt, peppers.newest), salt, pepper: peppers.newest };
      }),
    fits: (wallet, digits, kept) => within(() => compare(wallet, digits, kept)),
    isOld: (kept) => kept.pepper < peppers.newest,
    enter: () => (gate.enter() ? ok({ fits: compare, leave: gate.leave }) : no('request.too-many', { seconds: 5 })),
  };
}

interface Gate {
  readonly enter: () => boolean;
  readonly leave: () => void;
  readonly run: <Answer>(work: () => Promise<Answer>) => Promise<Answer>;
}

function openGate(): Gate {
  const waiting: (() => void)[] = [];
  let inside = 0;
  let running = 0;
  return {
    enter: () => {
      if (inside >= AT_ONCE + QUEUE_MOST) return false;
      inside += 1;
      return true;
    },
    leave: () => {
      inside -= 1;
    },
    async run(work) {
      if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
      else running += 1;
      try {
        return await work();
      } finally {
        // Who waits takes the place over; nobody can slip in between.
        const next = waiting.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
