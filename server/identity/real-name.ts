/**
 * Real-name certification: a name and a citizen number, proved by the register, raise what a wallet may do.
 * The register may be slow, silent or undecided: the question keeps its id and is asked again until there is an end.
 * Invariant: a tier rises only in the transaction that notes the register's match; one person has one proved wallet in a
 * region; name and number stand nowhere in the clear.
 */
import { noteEvent } from '#server/identity/event.ts';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import type { Session } from '#server/identity/session.ts';
import * as store from '#server/identity/store.ts';
import { mayAct } from '#server/identity/throttle.ts';
import { writeDown } from '#server/logbook/logbook.ts';
import type { Sql } from '#server/platform/database.ts';
import type { Certification, RealNameReason, RealNameRequest, RealNameView } from '#shared/api/real-name.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { RegisterVerdict } from '#shared/api/register.ts';
import { assert } from '#shared/base/assert.ts';
import { sameBytes } from '#shared/base/bytes.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { after, type Duration, duration, type Instant } from '#shared/base/time.ts';
import { ageAt, maskIdentityNumber, readIdentityNumber } from '#shared/rules/identity-number.ts';
import { readName } from '#shared/rules/name.ts';
import { TIERS } from '#shared/rules/policy.ts';

/** Certifying people. */
export interface RealNames {
  /**
   * Takes the question and asks the register. Refusals: `real-name.number`, `real-name.age`, `real-name.name`,
   * `real-name.done`, `real-name.open`, `real-name.first`, `real-name.id-reused`, `request.too-many`.
   */
  readonly certify: (session: Session, asked: RealNameRequest) => Promise<Result<RealNameView, Refusal>>;
  readonly view: (session: Pick<Session, 'region' | 'wallet'>) => Promise<RealNameView>;
  /** Asks again what the register has not decided; answers how many questions there were. */
  readonly runDue: () => Promise<number>;
}

/** Who may have a wallet of their own (Civil Code, article 18: who lives by their own work at sixteen counts as grown up). */
const AGE_LEAST = 16;
/** Questions to the register by one wallet in a day: enough for slips of the finger, too few to try out strangers' numbers. */
const ASKS_A_DAY = 5;
const DUE_AT_ONCE = 20;
const FIRST_PAUSE = duration(5, 's');
const LONGEST_PAUSE = duration(1, 'h');
/** After the request itself has asked, the round waits at least this long, so that two never ask for one person at once. */
const HEAD_START = duration(15, 's');

/** Opens certification over the database of `parts`. */
export function openRealNames(parts: IdentityParts): RealNames {
  return {
    certify: (session, asked) => certify(parts, session, asked),
    view: ({ region, wallet }) => viewOf(parts.database, region, wallet),
    async runDue() {
      const due = await store.dueCertifications(parts.database, parts.clock(), DUE_AT_ONCE);
      for (const row of due) await ask(parts, row);
      return due.length;
    },
  };
}

async function certify(
  parts: IdentityParts,
  session: Session,
  asked: RealNameRequest,
): Promise<Result<RealNameView, Refusal>> {
  const { region, wallet } = session;
  const taken = await take(parts, session, asked);
  if (!taken.ok) return taken;
  if (taken.value.fresh) await ask(parts, taken.value.row);
  return ok(await viewOf(parts.database, region, wallet));
}

/** What the register is asked about. */
interface Claim {
  readonly name: string;
  readonly number: string;
}

async function claimOf(
  parts: IdentityParts,
  session: Session,
  asked: RealNameRequest,
): Promise<Result<Claim, Refusal>> {
  if (asked.wants === 'two-factor') {
    const before = await store.provedCertification(parts.database, session.region, session.wallet);
    if (!before) return no('real-name.first');
    const [name, number] = [before.name_sealed, before.number_sealed].map(parts.secrets.open);
    return ok({ name: name ?? '', number: number ?? '' });
  }
  const now = parts.clock();
  const name = readName(asked.name);
  const number = readIdentityNumber(asked.number, now);
  if (!name) return no('real-name.name');
  if (!number) return no('real-name.number');
  if (ageAt(number, now) < AGE_LEAST) return no('real-name.age', { least: AGE_LEAST });
  return ok({ name, number: number.text });
}

/** What makes a question the same one. */
type Asked = Pick<store.CertificationRow, 'region' | 'id' | 'wallet' | 'wants' | 'number_hash'>;

interface Taken {
  readonly row: store.CertificationRow;
  readonly fresh: boolean;
}

/** The answer to a question whose id is held already; undefined when it is not. */
async function heldAs(
  tx: Sql,
  { region, id, wallet, wants, number_hash }: Asked,
): Promise<Result<Taken, Refusal> | undefined> {
  const held = await store.readCertification(tx, region, id);
  if (held === undefined) return undefined;
  const isSame = held.wallet === wallet && held.wants === wants && sameBytes(held.number_hash, number_hash);
  return isSame ? ok({ row: held, fresh: false }) : no('real-name.id-reused');
}

async function take(parts: IdentityParts, session: Session, asked: RealNameRequest): Promise<Result<Taken, Refusal>> {
  const id = readId(asked.id);
  if (!id) return no('request.malformed');
  const claim = await claimOf(parts, session, asked);
  if (!claim.ok) return claim;
  const { region, wallet } = session;
  const hash = parts.secrets.hash('number', claim.value.number);
  const known = await heldAs(parts.database, { region, id, wallet, wants: asked.wants, number_hash: hash });
  if (known) return known;
  const may = await mayAct(parts, 'real-name', wallet, ASKS_A_DAY);
  if (!may.ok) return may;
  const now = parts.clock();
  const row: store.CertificationRow = {
    region,
    id,
    wallet,
    wants: asked.wants,
    name_sealed: parts.secrets.seal(claim.value.name),
    number_sealed: parts.secrets.seal(claim.value.number),
    number_hash: hash,
    number_masked: maskIdentityNumber(claim.value.number),
    agreed: asked.agreed,
    state: 'asking',
    reason: null,
    asks: 0,
    asked_at: now,
    next_at: after(now, HEAD_START),
    decided_at: null,
  };
  return await parts.database.transaction(async (tx) => {
    await store.lockWallet(tx, region, wallet);
    // Two that are the same may have come at once: the second finds the first one's row here.
    const twin = await heldAs(tx, row);
    if (twin) return twin;
    const owner = await store.readWallet(tx, wallet);
    assert(owner !== undefined, 'a session belongs to a wallet');
    if (TIERS.indexOf(owner.tier) >= TIERS.indexOf(asked.wants)) return no('real-name.done');
    if (asked.wants === 'two-factor' && owner.tier === 'unproved') return no('real-name.first');
    const latest = await store.latestCertification(tx, region, wallet);
    if (latest?.state === 'asking' || latest?.state === 'review') return no('real-name.open');
    return (await store.insertCertification(tx, row)) ? ok({ row, fresh: true }) : no('real-name.id-reused');
  });
}

async function ask(parts: IdentityParts, row: store.CertificationRow): Promise<void> {
  const { id, wallet, wants } = row;
  const owner = await store.readWallet(parts.database, wallet);
  assert(owner !== undefined, 'a certification belongs to a wallet');
  const [name = '', number = ''] = [row.name_sealed, row.number_sealed].map(parts.secrets.open);
  const phone = wants === 'two-factor' ? { phone: parts.secrets.open(owner.phone_sealed) } : {};
  const verdict = await parts.askRegister({ id, name, number, ...phone });
  await parts.database.transaction((tx) => note(parts, tx, row, verdict, name));
}

/** Notes what the register said, once: of two that asked at the same time the second finds the end noted. */
async function note(
  parts: IdentityParts,
  tx: Sql,
  { region, id, wallet, wants, number_hash }: store.CertificationRow,
  verdict: RegisterVerdict | undefined,
  name: string,
): Promise<void> {
  await store.lockWallet(tx, region, wallet);
  const row = await store.readCertification(tx, region, id);
  if (row === undefined || row.state === 'proved' || row.state === 'refused') return;
  const now = parts.clock();
  if (verdict === undefined || verdict === 'review') {
    const pause = Math.min(FIRST_PAUSE * 2 ** row.asks, LONGEST_PAUSE) as Duration;
    const state = verdict ?? row.state;
    await store.putOffCertification(tx, row, { state, asks: row.asks + 1, nextAt: after(now, pause) });
    return;
  }
  const isTheirs = verdict !== 'match' || (await store.claimPerson(tx, region, number_hash, wallet));
  const reason = isTheirs ? reasonOf(verdict) : 'taken';
  await store.endCertification(tx, row, { state: reason === null ? 'proved' : 'refused', reason, at: now });
  if (reason !== null) return;
  await store.raiseTier(tx, region, wallet, wants, name);
  const about = { tier: wants, by: id };
  await noteEvent(tx, { region, wallet }, { code: 'tier-raised', at: now, about: { tier: wants } });
  await writeDown(tx, [{ region, at: now, act: 'tier-raised', who: `wallet ${wallet}`, about }]);
}

function reasonOf(verdict: Exclude<RegisterVerdict, 'review'>): RealNameReason | null {
  return verdict === 'match' ? null : verdict;
}

async function viewOf(tx: Sql, region: string, wallet: Id): Promise<RealNameView> {
  const owner = await store.readWallet(tx, wallet);
  const proved = await store.provedCertification(tx, region, wallet);
  const latest = await store.latestCertification(tx, region, wallet);
  assert(owner !== undefined, 'a session belongs to a wallet');
  return {
    tier: owner.tier,
    ...(proved ? { name: owner.name, number: proved.number_masked } : {}),
    ...(latest ? { latest: certificationOf(latest) } : {}),
  };
}

function certificationOf(row: store.CertificationRow): Certification {
  return {
    id: row.id,
    wants: row.wants,
    state: row.state,
    ...(row.reason === null ? {} : { reason: row.reason }),
    askedAt: row.asked_at,
    ...(row.decided_at === null ? {} : { decidedAt: row.decided_at as Instant }),
  };
}
