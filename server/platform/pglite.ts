/**
 * The embedded database: PGlite on a folder that is ours alone, made to keep what it promises.
 * Invariant: an answer to a writing statement or transaction comes after its log is on the disk.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import { type PGliteOptions as EngineOptions, PGlite } from '@electric-sql/pglite';
import { guardDisk } from '#server/platform/disk.ts';
import { lockFolder } from '#server/platform/folder-lock.ts';
import {
  type Database,
  decodeBytes,
  decodeInteger,
  decodeNumeric,
  encodeValues,
  isWrite,
  type Sql,
} from '#server/platform/sql.ts';
import { openSettling, openWal, type Settle, type WalSync } from '#server/platform/wal.ts';
import { startWatchdog } from '#server/platform/watchdog.ts';
import { assert } from '#shared/base/assert.ts';

/** A folder as the engine packs one, the engine compiled before, and how it is set. */
export type EngineStart = Pick<EngineOptions, 'loadDataDir' | 'pgliteWasmModule' | 'startParams'>;

/** How the embedded database is kept. */
export interface PgliteOptions {
  /** Folder of the data, or `memory` for a database that forgets. */
  readonly dataDir: string | 'memory';
  /** How a database that forgets begins; empty when not said. */
  readonly begin?: EngineStart | undefined;
  /** Writes are refused when the disk has fewer bytes left. */
  readonly diskFloorBytes: number;
  /** A statement that takes longer, or a process that stands still as long, ends the process. */
  readonly statementTimeoutMs: number;
}

const INT8 = 20;
const NUMERIC = 1700;
const BYTEA = 17;
/** A checkpoint after so many commits keeps the log, and with it the time to start again, short. */
const COMMITS_PER_CHECKPOINT = 50_000;
/** The engine has no autovacuum: it learns how large its tables are after so many commits, then after twice as many, and so on. */
const COMMITS_TO_LEARN = 100;

const parsers = { [INT8]: decodeInteger, [NUMERIC]: decodeNumeric, [BYTEA]: decodeBytes };
/** Values arrive in text or binary form already, whatever the type. */
const serializers = new Proxy<Record<number, (value: unknown) => string>>({}, { get: () => (value: string) => value });

/** Opens (and on first use makes) the embedded database. Throws FolderInUse when another process has it. */
export async function openPglite(options: PgliteOptions): Promise<Database> {
  if (options.dataDir === 'memory')
    return serve({
      engine: await PGlite.create({ parsers, ...options.begin }),
      guard: nothing,
      wal: nothingAsync,
      settle: nothingAsync,
      learn: nothingAsync,
      end: nothingAsync,
      timeoutMs: options.statementTimeoutMs,
    });
  const unlock = await lockFolder(options.dataDir);
  const folder = join(options.dataDir, 'pglite');
  try {
    const guard = guardDisk(options.dataDir, options.diskFloorBytes);
    const engine = await PGlite.create({ dataDir: folder, parsers });
    const wal = openWal(folder);
    const settle = openSettling(folder, join(options.dataDir, 'pglite.settled'));
    await settle();
    const stopWatchdog = startWatchdog(options.statementTimeoutMs * 2);
    const end = async () => {
      await stopWatchdog();
      unlock();
    };
    // What was committed stays so whether the planner learns of it or not.
    const learn = async () => void (await engine.exec('ANALYZE').catch(nothing));
    return serve({ engine, guard, wal, settle, learn, end, timeoutMs: options.statementTimeoutMs });
  } catch (error) {
    unlock();
    throw error;
  }
}

function nothing(): void {}
async function nothingAsync(): Promise<void> {}

/** Only one of these is open at a time: a transaction holds the whole engine. */
interface Running {
  open: boolean;
}

/** The engine with everything that makes it keep its promises. */
interface Parts {
  readonly engine: PGlite;
  readonly guard: () => void;
  readonly wal: WalSync;
  readonly settle: Settle;
  /** Without it the planner takes every table for small, and reads a large one from end to end to find a batch in it. */
  readonly learn: () => Promise<void>;
  readonly end: () => Promise<void>;
  readonly timeoutMs: number;
}

function serve({ engine, guard, wal, settle, learn, end, timeoutMs }: Parts): Database {
  const inside = new AsyncLocalStorage<Running>();
  let unsynced = false;
  let commits = 0;
  let learnAt = COMMITS_TO_LEARN;

  async function run<Row>(on: Pick<PGlite, 'query'>, text: string, values: readonly unknown[]): Promise<Row[]> {
    if (isWrite(text)) {
      guard();
      unsynced = true;
    }
    const deadline = setTimeout(endOfPatience, timeoutMs);
    try {
      return (await on.query<Row>(text, encodeValues(text, values), { serializers })).rows;
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Readers wait as well: nobody is told of a row that a power loss could still take back. */
  async function durable(): Promise<void> {
    if (!unsynced) return;
    const mark = commits;
    await wal();
    if (mark === commits) unsynced = false;
  }

  async function afterCommit(): Promise<void> {
    commits += 1;
    await durable();
    if (commits >= learnAt) {
      learnAt *= 2;
      await learn();
    }
    if (commits % COMMITS_PER_CHECKPOINT === 0) {
      await engine.exec('CHECKPOINT');
      await settle();
    }
  }

  function assertOutside(): void {
    assert(!inside.getStore()?.open, 'a statement beside the transaction under way would wait for ever');
  }

  const database: Database = {
    kind: 'pglite',
    async query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
      assertOutside();
      const rows = await run<Row>(engine, text, values);
      await (isWrite(text) ? afterCommit() : durable());
      return rows;
    },
    async transaction<Answer>(work: (tx: Sql) => Promise<Answer>): Promise<Answer> {
      assertOutside();
      const running: Running = { open: true };
      try {
        const answer = await engine.transaction((tx) =>
          inside.run(running, () =>
            work({
              query: <Row>(text: string, values: readonly unknown[] = []) => run<Row>(tx, text, values),
            }),
          ),
        );
        await afterCommit();
        return answer;
      } finally {
        running.open = false;
      }
    },
    async probe() {
      guard();
      await database.query('select 1');
    },
    async close() {
      await engine.exec('CHECKPOINT');
      await settle();
      await engine.close();
      await settle();
      await end();
    },
  };
  return database;
}

/** A statement that never ends holds the engine for ever: nothing after it could be served by this process. */
function endOfPatience(): void {
  console.error('A statement of the embedded database did not end in time; the process ends.');
  process.exit(1);
}
