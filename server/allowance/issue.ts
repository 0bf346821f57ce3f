/**
 * Issuing: one transaction puts the money on hold, keeps the row and the signed bytes, so that a device that lost the
 * answer asks again with the same key and gets the same allowance. All that is asked for at one moment is issued together:
 * one by one each would hold the journal of its region until its own commit is on the disk.
 * Invariant: one wallet issues one allowance after the other; a device key has one allowance for ever.
 */
import { promise } from '#server/allowance/fund.ts';
import { type Asker, type Grant, grantTo, type Want } from '#server/allowance/grant.ts';
import type { AllowanceParts } from '#server/allowance/parts.ts';
import * as store from '#server/allowance/store.ts';
import type { Device } from '#server/identity/identity.ts';
import { available, holdOf } from '#server/ledger/chart.ts';
import type { Transfer } from '#server/ledger/ledger.ts';
import { gatherOrEach } from '#server/platform/batch.ts';
import type { Sql } from '#server/platform/database.ts';
import { Undone, unlessUndone } from '#server/platform/undone.ts';
import type { Region } from '#server/region/region.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { fromBase64url, sameBytes } from '#shared/base/bytes.ts';
import { type Id, newId, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, type Duration, fromSeconds, type Instant, toSeconds } from '#shared/base/time.ts';
import { isCurrency } from '#shared/money/currency.ts';
import { money } from '#shared/money/money.ts';
import { ALLOWANCE_VERSION, type Allowance, allowanceMessage } from '#shared/protocol/allowance.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { expandPoint } from '#shared/protocol/point.ts';

/** An allowance as it goes to its device. */
export interface Issued {
  readonly id: Id;
  readonly reference: Uint8Array;
  readonly bytes: Uint8Array;
}

/** Allowances in one transaction: what is asked before them is asked one by one, and the first waits for the last. */
const ISSUED_AT_ONCE = 32;
/** Transactions of this process at a time; one holds the journal while the others ask what they have to. */
const TRANSACTIONS = 2;

/** The function that issues to a device what it asks for, or says why not. */
export function openIssuing(parts: AllowanceParts): (device: Device, want: Want) => Promise<Result<Issued, Refusal>> {
  const issueTogether = gatherOrEach<Asker, Result<Issued, Refusal>>((askers) => issueAll(parts, askers), {
    most: ISSUED_AT_ONCE,
    atOnce: TRANSACTIONS,
  });
  return async (device, want) => {
    const asker = await askerOf(parts, device, want);
    if (!asker.ok) return asker;
    const pause = await weighed(parts, asker.value);
    if (pause) return refuse(pause);
    return unlessUndone(() => issueTogether(asker.value));
  };
}

/** Money for one payee leaves at once, as a payment with a network: it is weighed before. An alarm outlives the refusal. */
async function weighed(parts: AllowanceParts, { device, want, key, currency }: Asker): Promise<Refusal | undefined> {
  const payee = readId(want.payee ?? '');
  if (payee === undefined || (await store.readByKey(parts.database, device.region, key))) return undefined;
  const [certified] = await store.readCertificates(parts.database, [payee]);
  if (!certified) return undefined;
  const act = { amount: want.total ?? 0, currency, toRegion: certified.region };
  return (await parts.identity.watch.weigh(device, act)).stop;
}

async function askerOf(parts: AllowanceParts, device: Device, want: Want): Promise<Result<Asker, Refusal>> {
  const key = fromBase64url(want.key);
  if (key === undefined || expandPoint(key) === undefined) return refuse({ code: 'allowance.key' });
  const [person, region] = await Promise.all([parts.identity.person(device.wallet), parts.regions.find(device.region)]);
  if (!person || !region) return refuse({ code: 'request.not-found' });
  if (!isCurrency(want.currency) || want.currency !== region.currency) {
    return refuse({ code: 'allowance.currency', detail: { currency: region.currency } });
  }
  const policy = await parts.regions.policy(region.region, person.tier);
  return ok({
    device,
    person,
    region,
    policy,
    want,
    key,
    currency: want.currency,
  });
}

/** Those of one wallet or one key one after the other, each in a transaction of its own: the later sees what the earlier got. */
async function issueAll(parts: AllowanceParts, askers: readonly Asker[]): Promise<Result<Issued, Refusal>[]> {
  const answers = new Map<Asker, Result<Issued, Refusal>>();
  for (const some of roundsOf(askers)) {
    const answered = await parts.database.transaction((tx) => issueWithin(parts, tx, some));
    for (const [asker, answer] of answered) answers.set(asker, answer);
  }
  return askers.map((asker) => {
    const answer = answers.get(asker);
    assert(answer !== undefined, 'whoever asks is answered');
    return answer;
  });
}

/** Askers in rounds, in each of which every wallet and every key is asked for once. */
function roundsOf(askers: readonly Asker[]): Asker[][] {
  const rounds: Asker[][] = [];
  for (const asker of askers) {
    const isApart = (one: Asker) => one.person.wallet !== asker.person.wallet && !sameBytes(one.key, asker.key);
    const round = rounds.find((some) => some.every(isApart));
    if (round) round.push(asker);
    else rounds.push([asker]);
  }
  return rounds;
}

/** Issues to `askers` of different wallets; throws {@link Undone} when what each may have cannot be had by all. */
async function issueWithin(
  parts: AllowanceParts,
  tx: Sql,
  askers: readonly Asker[],
): Promise<Map<Asker, Result<Issued, Refusal>>> {
  const answers = new Map<Asker, Result<Issued, Refusal>>();
  const settings = await store.lockSettings(
    tx,
    askers.map(({ person }) => ({ region: person.region, wallet: person.wallet })),
  );
  const now = parts.clock();
  const drawn: store.AllowanceRow[] = [];
  for (const asker of askers) {
    const setting = settings.get(asker.person.wallet);
    assert(setting !== undefined, 'the settings of a wallet are there once they are locked');
    const answer = await unlessUndone(async () => {
      const before = await issuedBefore(tx, asker);
      if (before) return ok(before);
      const row = await draw(parts, tx, asker, await grantTo(parts, tx, asker, setting, now), now);
      drawn.push(row);
      return ok(row);
    });
    answers.set(asker, answer);
  }
  const regions = new Map(askers.map(({ region }) => [region.region, region]));
  if (drawn.length > 0) await keep(parts, tx, drawn, regions, now);
  return answers;
}

/** What the device's key has got already. */
async function issuedBefore(tx: Sql, { device, key }: Asker): Promise<Issued | undefined> {
  const before = await store.readByKey(tx, device.region, key);
  if (before === undefined) return undefined;
  const isOwn = before.device === device.id && before.wallet === device.wallet;
  if (!isOwn) throw new Undone({ code: 'allowance.key-reused' });
  return before;
}

function expiryOf(now: Instant, life: Duration): Instant {
  return fromSeconds(toSeconds(after(now, life)));
}

/** Signs an allowance; of what is written only its place in the status list. */
async function draw(
  parts: AllowanceParts,
  tx: Sql,
  { device, region, key, currency, policy }: Asker,
  { passkey, limits, life, payee, isGuaranteed }: Grant,
  now: Instant,
): Promise<store.AllowanceRow> {
  const id = newId(now);
  const expires = expiryOf(now, life);
  const claimUntil = after(expires, policy.claimWindow);
  const statusIndex = await parts.regions.reserveStatus(tx, region.region, claimUntil);
  const message: Allowance = {
    version: ALLOWANCE_VERSION,
    region: region.region,
    id,
    pseudonym: crypto.getRandomValues(new Uint8Array(8)),
    notBefore: now,
    expires,
    claimUntil,
    deviceKey: key,
    ...(passkey === undefined ? {} : { passkey }),
    currency,
    ...limits,
    ...(payee === undefined ? {} : { payees: [payee] }),
    statusIndex,
    policyEpoch: policy.epoch,
    anchor: crypto.getRandomValues(new Uint8Array(16)),
    ...(isGuaranteed ? {} : { guarantee: 'none' }),
  };
  const bytes = await parts.regions.sign(region.region, allowanceMessage, message, tx);
  const read = allowanceMessage.read(bytes);
  assert(read.ok, 'an allowance just signed can be read');
  return {
    region: region.region,
    id,
    reference: referenceOf(read.value.id).slice(),
    wallet: device.wallet,
    device: device.id,
    device_key: key,
    currency,
    total: limits.total,
    claimed: 0,
    returned: 0,
    state: 'live',
    stop_reason: null,
    payee: payee ?? null,
    guaranteed: isGuaranteed,
    status_index: statusIndex,
    issued_at: now,
    expires_at: expires,
    claim_until_at: claimUntil,
    bytes,
  };
}

/** Keeps what was drawn, counts it against the funds and sets its money aside: last, for then nobody else can post. */
async function keep(
  parts: AllowanceParts,
  tx: Sql,
  drawn: readonly store.AllowanceRow[],
  regions: ReadonlyMap<string, Region>,
  now: Instant,
): Promise<void> {
  await store.insertAllowances(tx, drawn);
  const promised = drawn.flatMap(({ region, total, payee, guaranteed, claim_until_at: claimUntil }) =>
    guaranteed && payee === null ? [{ region, total, claimUntil }] : [],
  );
  await promise(parts, tx, promised, regions, now);
  const units = drawn.map((row): Transfer[] => [setAside(row)]);
  for (const posted of await parts.ledger.postWithin(tx, units)) {
    if (!posted.ok) throw new Undone(posted.error);
  }
}

function setAside({ region, id, wallet, currency, total, issued_at: at }: store.AllowanceRow): Transfer {
  const debit = available(region, wallet, currency);
  const credit = holdOf(region, id, currency, wallet);
  return {
    region,
    id,
    kind: 'issue',
    moves: [{ debit, credit, amount: money(total, currency) }],
    at,
    about: { allowance: id },
  };
}
