/**
 * The logbook: who did what to the house, written in the transaction that does it, one chain of hashes a region.
 * Invariant: line n carries SHA-256 of its own content and of line n-1's hash; no line is ever changed or taken out.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as store from '#server/logbook/store.ts';
import type { Database, Sql } from '#server/platform/database.ts';
import { sameBytes, utf8 } from '#shared/base/bytes.ts';
import { type Duration, duration, type Instant } from '#shared/base/time.ts';
import { type MessageType, messageType, type Signed } from '#shared/protocol/message.ts';
import { bytes, moment, regionCode, required, whole } from '#shared/protocol/schema.ts';

/** What this capability remembers. */
export const logbookSchema = {
  name: 'logbook',
  schema: readFileSync(new URL('schema.sql', import.meta.url), 'utf8'),
};

/** What is written down. */
export type Act =
  | 'switch'
  | 'policy'
  | 'terms'
  | 'keys-published'
  | 'key-rotated'
  | 'passkey-added'
  | 'passkey-revoked'
  | 'device-enrolled'
  | 'device-revoked'
  | 'limits-set'
  | 'tier-raised'
  | 'frozen'
  | 'thawed'
  | 'recovery-code'
  | 'support-opened'
  | 'support-approved'
  | 'agent-granted'
  | 'agent-revoked'
  | 'appeal-made'
  | 'desk-looked'
  | 'desk-asked'
  | 'desk-said'
  | 'desk-decided'
  | 'case-opened'
  | 'agreement'
  | 'closing-asked'
  | 'closing-cancelled'
  | 'wallet-closed'
  | 'person-forgotten';

/** One line. `who`: `operator <name>`, `agent <name>`, `wallet <id>` or `house`; `about`: ids, codes and figures, never names of people. */
export interface Entry {
  readonly region: string;
  readonly at: Instant;
  readonly act: Act;
  readonly who: string;
  readonly about: Readonly<Record<string, string | number | boolean | null>>;
}

/** A day's end, signed by the region: what stood in the book then can be proved to anybody. */
export interface Seal {
  readonly region: string;
  readonly number: number;
  readonly hash: Uint8Array;
  readonly time: Instant;
}

/** How a seal is written, signed and read. */
export const sealMessage: MessageType<Seal> = messageType<Seal>('logbook-seal', {
  region: required(1, regionCode),
  number: required(2, whole(0, Number.MAX_SAFE_INTEGER)),
  hash: required(3, bytes(32)),
  time: required(4, moment),
});

const DAY: Duration = duration(1, 'd');
const PAGE = 1_000;

/** What stands before the first line of a region: no other book begins like it. */
function beginningOf(region: string): Uint8Array {
  return createHash('sha256')
    .update(utf8(`piaohao-logbook-v1 ${region}`))
    .digest();
}

function hashOf(previous: Uint8Array, line: Omit<store.LineRow, 'hash'>): Uint8Array {
  const { region, number, at, act, who, about } = line;
  return createHash('sha256')
    .update(previous)
    .update(utf8(JSON.stringify([region, number, at, act, who, about])))
    .digest();
}

/**
 * Writes `entries` in order, in the caller's transaction. Holds the book of each touched region until it ends: call it
 * last.
 */
export async function writeDown(tx: Sql, entries: readonly Entry[]): Promise<void> {
  const byRegion = Map.groupBy(entries, (entry) => entry.region);
  for (const region of [...byRegion.keys()].sort()) {
    let end = await store.holdEnd(tx, region, beginningOf(region));
    const lines = (byRegion.get(region) ?? []).map((entry): store.LineRow => {
      const { at, act, who } = entry;
      const line = { region, number: end.number + 1, at, act, who, about: JSON.stringify(entry.about) };
      const hash = hashOf(end.hash, line);
      end = { region, number: line.number, hash };
      return { ...line, hash };
    });
    await store.insertLines(tx, lines);
    await store.writeEnd(tx, end);
  }
}

/** Seals every region whose last seal is of an earlier day; answers how many. `sign` is the region's own key. */
export async function sealDay(
  database: Database,
  now: Instant,
  sign: (seal: Seal) => Promise<Uint8Array>,
): Promise<number> {
  const day = Math.floor(now / DAY);
  const last = await store.lastSealed(database);
  let sealed = 0;
  for (const { region, number, hash } of await store.readEnds(database)) {
    if ((last.get(region) ?? -1) >= day) continue;
    await store.insertSeal(database, { region, day, number, bytes: await sign({ region, number, hash, time: now }) });
    sealed += 1;
  }
  return sealed;
}

/** What is wrong, and with which line; `number` 0: with the book itself. */
export interface LogFinding {
  readonly region: string;
  readonly number: number;
  readonly says: string;
}

/** What was looked at. No findings: nothing was changed, taken out, put in or put elsewhere since it was written. */
export interface LogReport {
  readonly lines: number;
  readonly seals: number;
  readonly heads: readonly { readonly region: string; readonly number: number; readonly hash: Uint8Array }[];
  readonly findings: readonly LogFinding[];
}

/** Whether the region itself signed `seal`: by a key that was its own at that moment. */
export type SealCheck = (seal: Signed<Seal>) => Promise<boolean>;

/** Reads every book from its first line, at one moment; writers may go on meanwhile. */
export async function verifyLogbook(database: Database, check: SealCheck): Promise<LogReport> {
  return database.transaction(async (tx) => {
    await store.freezeView(tx);
    const findings: LogFinding[] = [];
    const heads = await store.readEnds(tx);
    let lines = 0;
    let seals = 0;
    for (const end of heads) {
      const sealed = await readSeals(tx, end.region, check, findings);
      lines += await readBook(tx, end, sealed, findings);
      seals += sealed.length;
    }
    return { lines, seals, heads, findings };
  });
}

async function readSeals(tx: Sql, region: string, check: SealCheck, findings: LogFinding[]): Promise<Seal[]> {
  const good: Seal[] = [];
  for (const row of await store.readSeals(tx, region)) {
    const read = sealMessage.read(row.bytes);
    const seal = read.ok ? read.value.message : undefined;
    const whole = read.ok && seal?.region === region && seal.number === row.number && (await check(read.value));
    if (whole && seal) good.push(seal);
    else findings.push({ region, number: row.number, says: `the seal of day ${row.day} is not the region's own` });
  }
  return good;
}

async function readBook(tx: Sql, end: store.EndRow, seals: readonly Seal[], findings: LogFinding[]): Promise<number> {
  const { region } = end;
  const find = (number: number, says: string) => findings.push({ region, number, says });
  const sealed = Map.groupBy(seals, (seal) => seal.number);
  const agrees = (number: number, hash: Uint8Array) => {
    const differs = (sealed.get(number) ?? []).some((seal) => !sameBytes(seal.hash, hash));
    if (differs) find(number, 'is not the line that was sealed');
  };
  let last = 0;
  let hash = beginningOf(region);
  agrees(0, hash);
  for (let page = await store.readLines(tx, region, 0, PAGE); page.length > 0; ) {
    for (const line of page) {
      if (line.number !== last + 1) find(line.number, `follows line ${last}: ${line.number - last - 1} are missing`);
      if (!sameBytes(line.hash, hashOf(hash, line))) find(line.number, 'does not match its hash and the line before');
      agrees(line.number, line.hash);
      [last, hash] = [line.number, line.hash];
    }
    page = page.length < PAGE ? [] : await store.readLines(tx, region, last, PAGE);
  }
  if (last !== end.number || !sameBytes(hash, end.number === 0 && last === 0 ? hash : end.hash)) {
    find(0, `the book ends with line ${last}, its end says ${end.number}`);
  }
  const latest = Math.max(0, ...seals.map((seal) => seal.number));
  if (latest > last) find(0, `line ${latest} was sealed, the book ends with line ${last}`);
  return last;
}

/** The newest lines of a region, oldest first. */
export async function readNewest(database: Database, region: string, most: number): Promise<Entry[]> {
  const end = (await store.readEnds(database)).find((one) => one.region === region);
  const lines = await store.readLines(database, region, Math.max(0, (end?.number ?? 0) - most), most);
  return lines.map(({ at, act, who, about }) => ({ region, at, act: act as Act, who, about: JSON.parse(about) }));
}
