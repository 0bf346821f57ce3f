/** A market with the usual policies, people of every tier, passkeys in their hands, and closings as a phone signs them. */
import { type Allowances, openAllowances, type Want } from '#server/allowance/allowance.ts';
import type {
  Device,
  DeviceRevoked,
  Passkey,
  PasskeyRevoked,
  Person,
  WalletFrozen,
} from '#server/identity/identity.ts';
import { holdOf } from '#server/ledger/chart.ts';
import { fundOwed } from '#server/payment/payment.ts';
import type { Database } from '#server/platform/database.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import type { Id } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { type Allowance, allowanceMessage } from '#shared/protocol/allowance.ts';
import { type Assertion, assertedBytes, FLAGS } from '#shared/protocol/assertion.ts';
import { encodeCbor } from '#shared/protocol/cbor.ts';
import { referenceOf, type Signed } from '#shared/protocol/message.ts';
import { paymentIdOf, signPayment } from '#shared/protocol/payment.ts';
import { expandPoint } from '#shared/protocol/point.ts';
import { type Signer, signRaw } from '#shared/protocol/signature.ts';
import { DEFAULT_POLICIES, TIERS, type Tier } from '#shared/rules/policy.ts';
import { freshSigner, type Market, openMarket, type Paid, signClosing, type Trader } from '#tests/kit/market.ts';

/** An allowance and the key that signs on it. */
export interface Held {
  readonly signed: Signed<Allowance>;
  readonly signer: Signer;
  readonly bytes: Uint8Array;
}

/** Opens it on a fresh database. */
export async function openPlace(database: Database) {
  const market = await openMarket(database);
  for (const { region } of market.regions.list()) {
    for (const tier of TIERS) await market.regions.setPolicy(region, tier, { ...DEFAULT_POLICIES[tier], epoch: 2 });
  }
  market.pass(duration(3, 's'));
  const people = new Map<Id, Person>();
  const passkeys = new Map<Id, Passkey[]>();
  const fingers = new Map<Id, Signer>();
  const hooks: DeviceRevoked[] = [];
  const passkeyHooks: PasskeyRevoked[] = [];
  const frozenHooks: WalletFrozen[] = [];
  const frozen = new Set<Id>();
  const paused = new Set<Id>();
  /** What happens while it is still looked up who asks. */
  const meanwhile = new Map<Id, () => Promise<void>>();
  /** What happens in the midst of the transaction that issues. */
  const amid = new Map<Id, () => Promise<unknown>>();
  const weighed: { readonly amount: number; readonly toRegion?: string }[] = [];
  const shares = new Map<Id, number>();
  const frees = new Map<Id, { each: number; count: number }>();
  const { ledger, regions, clock } = market;
  const open = (): Allowances =>
    openAllowances({
      database,
      ledger,
      regions,
      clock,
      fundOwed,
      identity: {
        person: async (wallet) => {
          const person = people.get(wallet);
          // Whatever is looked up beside has been by then.
          await Promise.resolve();
          await meanwhile.get(wallet)?.();
          return person;
        },
        passkeysOf: async (wallet) => passkeys.get(wallet) ?? [],
        onDeviceRevoked: (hook) => hooks.push(hook),
        onPasskeyRevoked: (hook) => passkeyHooks.push(hook),
        onFrozen: (hook) => frozenHooks.push(hook),
        onEased: () => undefined,
        limitShare: async (_tx, wallet) => {
          await amid.get(wallet)?.();
          return shares.get(wallet) ?? 100;
        },
        freeSet: async (_tx, wallet) => frees.get(wallet),
        moneyStop: async (_tx, { wallet }) => (frozen.has(wallet) ? { code: 'wallet.frozen' as const } : undefined),
        watch: {
          onAlarm: () => undefined,
          weigh: async ({ wallet }, act) => {
            weighed.push(act);
            return paused.has(wallet) ? { raised: false, stop: { code: 'wallet.paused' } } : { raised: false };
          },
        },
      },
    });
  const allowances = open();

  const person = async (
    name: string,
    { tier = 'real-name', funds = 2000_00, region = 'CN-SX', offline = true } = {} as {
      tier?: Tier;
      funds?: number;
      region?: string;
      offline?: boolean;
    },
  ): Promise<Trader> => {
    const who = await market.person(name, region);
    const { wallet } = who;
    const shown = { name, verifiedName: name, phoneMasked: '138****0000', createdAt: clock() };
    people.set(wallet, { wallet, region, tier, ...shown });
    const finger = freshSigner();
    fingers.set(wallet, finger);
    passkeys.set(wallet, offline ? [passkeyOf(finger)] : []);
    if (funds > 0) await market.topUp(who, funds);
    return who;
  };

  /** `word`: what an attempt came to, `500.00 x10` or the code of the refusal. */
  const ask = async (device: Device, more: Partial<Want> = {}, signer: Signer = freshSigner(), at = allowances) => {
    const want = { key: toBase64url(signer.key), currency: 'CNY', wrapped: true, ...more };
    const issued = await at.issue(device, want);
    if (!issued.ok) return { word: issued.error.code, refusal: issued.error };
    const read = allowanceMessage.read(issued.value.bytes);
    if (!read.ok) throw new Error(read.error.code);
    const { total, maxCount } = read.value.message;
    const held: Held = { signed: read.value, signer, bytes: issued.value.bytes };
    return { word: `${(total / 100).toFixed(2)} x${maxCount}`, held };
  };

  const take = async (device: Device, more: Partial<Want> = {}): Promise<Held> => {
    const { held, word } = await ask(device, more);
    if (!held) throw new Error(word);
    return held;
  };

  const closing = (held: Held, last?: Paid, signer: Signer = held.signer): Promise<Uint8Array> =>
    signClosing(held.signed, signer, last);
  const closeBy = async (held: Held, last?: Paid, signer?: Signer) => {
    const [taken] = await allowances.close([await closing(held, last, signer)], market.payments.heldPayments);
    if (!taken) throw new Error('one closing, one answer');
    return taken.ok ? 'closed' : taken.error.code;
  };

  /** The next payment of an allowance, as its phone signs it; with the owner's finger when asked. */
  const pay = async (
    held: Held,
    to: Trader,
    amount: number,
    { last, by }: { last?: Paid | undefined; by?: Trader } = {},
  ): Promise<Paid> => {
    const core = {
      allowance: referenceOf(held.signed.id),
      number: (last?.core.number ?? 0) + 1,
      amount,
      total: (last?.core.total ?? 0) + amount,
      payee: to.device.id,
      previous: last ? referenceOf(last.id) : held.signed.message.anchor,
      invoice: crypto.getRandomValues(new Uint8Array(16)),
      time: held.signed.message.notBefore,
      epoch: (await regions.epoch(to.region)).message.number,
    };
    const id = paymentIdOf(core);
    const finger = by && fingers.get(by.wallet);
    const bytes = await signPayment(core, held.signer, finger && (await assertion(id, finger)));
    return { id, name: toBase64url(id), core, bytes };
  };

  return {
    ...market,
    market,
    pay,
    allowances,
    /** A second process of the house over the same database. */
    open,
    person,
    ask,
    take,
    closing,
    closeBy,
    revoke: (device: Device) =>
      database.transaction(async (tx) => {
        for (const hook of hooks) await hook(tx, device, clock());
      }),
    /** Gives a person another passkey, used from now on; answers how to revoke the one before. */
    newPasskey: (who: Trader) => {
      const [old] = passkeys.get(who.wallet) ?? [];
      passkeys.set(who.wallet, [passkeyOf(freshSigner())]);
      return () =>
        database.transaction(async (tx) => {
          const revoked = { region: who.region, wallet: who.wallet, publicKey: old?.publicKey ?? new Uint8Array() };
          for (const hook of passkeyHooks) await hook(tx, revoked, clock());
        });
    },
    meanwhile: ({ wallet }: Trader, happens: () => Promise<void>) => meanwhile.set(wallet, happens),
    amid: ({ wallet }: Trader, happens: () => Promise<unknown>) => amid.set(wallet, happens),
    freeze: async ({ wallet, region }: Trader) => {
      frozen.add(wallet);
      await database.transaction(async (tx) => {
        for (const hook of frozenHooks) await hook(tx, { region, wallet }, clock());
      });
    },
    thaw: ({ wallet }: Trader) => frozen.delete(wallet),
    /** The watch over money stops what is weighed from now on. */
    pause: ({ wallet }: Trader) => paused.add(wallet),
    weighed,
    /** How much of the usual limits a person has, in percent. */
    ease: ({ wallet }: Trader, percent: number) => shares.set(wallet, percent),
    letFree: ({ wallet }: Trader, each: number, count: number) => frees.set(wallet, { each, count }),
    setTier: (who: Trader, tier: Tier) => {
      const known = people.get(who.wallet);
      if (known) people.set(who.wallet, { ...known, tier });
    },
    /** A second phone of the same person. */
    phone: (who: Trader): Device => ({ ...who.device, id: who.device.id.replace(/.{4}$/, phoneTail()) as Id }),
    state: async (held: Held) => {
      const [row] = await database.query<{ state: string; total: number; claimed: number; returned: number }>(
        'select state, total, claimed, returned from allowance where id = $1',
        [held.signed.message.id],
      );
      return row && `${row.state}: ${row.total} = ${row.claimed} claimed + ${row.returned} returned + rest`;
    },
    holdOf: async (who: Trader, held: Held) => {
      const account = holdOf(who.region, held.signed.message.id, 'CNY', who.wallet);
      return (await ledger.balances(who.region, [account]))[0];
    },
  };
}

/** A place opened by {@link openPlace}. */
export type AllowancePlace = Awaited<ReturnType<typeof openPlace>> & { readonly market: Market };

async function assertion(id: Uint8Array, finger: Signer): Promise<Assertion> {
  const flags = FLAGS.userPresent | FLAGS.userVerified | FLAGS.backupEligible | FLAGS.backedUp;
  const bare = { flags, counter: 0, origin: 0, tail: '', extensions: new Uint8Array(0), signature: new Uint8Array(64) };
  return { ...bare, signature: await signRaw(assertedBytes(bare, 'localhost', 'http://localhost:3000', id), finger) };
}

let phones = 0;
function phoneTail(): string {
  phones += 1;
  return phones.toString(16).padStart(4, '0');
}

function passkeyOf({ key }: Signer): Passkey {
  const point = expandPoint(key) ?? new Uint8Array(65);
  const cose = new Map<number, number | Uint8Array>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, point.subarray(1, 33)],
    [-3, point.subarray(33)],
  ]);
  return {
    id: key,
    publicKey: encodeCbor(cose),
    algorithm: -7,
    offline: true,
    rpId: 'localhost',
    backupEligible: true,
    backedUp: true,
    name: '指纹',
    createdAt: 0 as never,
    usedAt: undefined,
  };
}
