/**
 * The embedded database: PGlite on a folder that is ours alone, made to keep what it promises.
 * Invariant: an answer to a writing statement or transaction comes after its log is on the disk.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { guardDisk } from '#server/platform/disk.ts';
import { type Engine, type EngineStart, openEngine, openEngineThread, type Table } from '#server/platform/engine.ts';
import { lockFolder } from '#server/platform/folder-lock.ts';
import { messageOf } from '#server/platform/message-of.ts';
import { type Database, encodeValues, isWrite, type Sql } from '#server/platform/sql.ts';
import { type Durable, openDurable, openSettling, openWal, type Settle } from '#server/platform/wal.ts';
import { type Ask, FolderDamaged, lookAfter, lookBefore, openAnswered, SETTLED } from '#server/platform/whole.ts';
import { assert } from '#shared/base/assert.ts';

/** How the embedded database is kept. */
export interface PgliteOptions {
  /** Folder of the data, or `memory` for a database that forgets. */
  readonly dataDir: string | 'memory';
  /** How a database that forgets begins; empty when not said. */
  readonly begin?: EngineStart | undefined;
  /** Writes are refused when the disk has fewer bytes left. */
  readonly diskFloorBytes: number;
  /** A statement that takes longer ends the process. */
  readonly statementTimeoutMs: number;
}

/** A checkpoint after so many commits keeps the log, and with it the time to start again, short. */
const COMMITS_PER_CHECKPOINT = 50_000;
/** The engine has no autovacuum: it learns how large its tables are after so many commits, then after twice as many, and so on. */
const COMMITS_TO_LEARN = 100;

/** Opens (and on first use makes) the embedded database. Throws FolderInUse when another process has it. */
export async function openPglite(options: PgliteOptions): Promise<Database> {
  const { dataDir, statementTimeoutMs: timeoutMs } = options;
  if (dataDir === 'memory') {
    const engine = await openEngine(options.begin ?? {});
    const durable = openDurable(nothingAsync);
    return serve({ engine, guard: nothing, durable, settle: nothingAsync, isKept: false, end: nothing, timeoutMs });
  }
  const unlock = await lockFolder(dataDir);
  const folder = join(dataDir, 'pglite');
  try {
    const guard = guardDisk(dataDir, options.diskFloorBytes);
    const engine = await openWhole(dataDir, folder, guard);
    const durable = openDurable(openWal(folder), openAnswered(dataDir));
    const settle = openSettling(folder, join(dataDir, SETTLED));
    await settle();
    return serve({ engine, guard, durable, settle, isKept: true, end: unlock, timeoutMs });
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Opens the engine on a folder that holds all that was answered. Throws FolderDamaged when it does not. */
async function openWhole(dataDir: string, folder: string, guard: () => void): Promise<Engine> {
  const shrunk = await lookBefore(dataDir);
  const engine = await openEngineThread(folder, ({ message }) =>
    endNow(`The embedded database has ended: ${message}`),
  ).catch((error: unknown) => {
    // An engine with no room to begin says no more than one with a damaged folder.
    guard();
    throw new FolderDamaged(dataDir, `the engine does not open it (${messageOf(error)})`);
  });
  try {
    const ask: Ask = async <Row>(text: string, values: readonly string[] = []) =>
      rowsOf<Row>(await engine.ask({ text, values }));
    await lookAfter(dataDir, ask, shrunk);
  } catch (error) {
    await engine.close().catch(nothing);
    // Even its catalogue may be what cannot be read.
    throw error instanceof FolderDamaged
      ? error
      : new FolderDamaged(dataDir, `the engine does not read it (${messageOf(error)})`);
  }
  return engine;
}

function nothing(): void {}
async function nothingAsync(): Promise<void> {}

/** Only one of these is open at a time: a transaction holds the whole engine. */
interface Running {
  open: boolean;
  wrote: boolean;
}

/** The engine with everything that makes it keep its promises. */
interface Parts {
  readonly engine: Engine;
  readonly guard: () => void;
  readonly durable: Durable;
  readonly settle: Settle;
  /** In a folder: the end of its log is kept; and the planner, which takes every table for small, learns how large they are. */
  readonly isKept: boolean;
  readonly end: () => void;
  readonly timeoutMs: number;
}

function serve({ engine, guard, durable, settle, isKept, end, timeoutMs }: Parts): Database {
  const inside = new AsyncLocalStorage<Running>();
  const turn = openQueue();
  let commits = 0;
  let learnAt = COMMITS_TO_LEARN;

  async function ask<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const deadline = setTimeout(endNow, timeoutMs, 'A statement of the embedded database did not end in time.');
    try {
      return rowsOf<Row>(await engine.ask({ text, values: encodeValues(text, values) }));
    } finally {
      clearTimeout(deadline);
    }
  }

  /** What writes, and is committed by its end. */
  async function commit<Row>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    const answer = ask<Row>(text, values);
    // In the same breath, before the engine is asked anything else.
    const goesTo = isKept ? ask<{ end: string }>('select pg_current_wal_flush_lsn()::text as "end"') : undefined;
    const [rows, where] = await Promise.all([answer, goesTo]);
    durable.committed(where?.[0]?.end);
    return rows;
  }

  /** Asks `text` by itself, in one of the two ways above. */
  function alone<Row>(way: typeof ask, text: string, values?: readonly unknown[]): Promise<Row[]> {
    return turn((leave) => {
      const answer = way<Row>(text, values);
      leave();
      return answer;
    });
  }

  async function afterCommit(): Promise<void> {
    commits += 1;
    const mark = commits;
    await durable.kept();
    if (isKept && mark >= learnAt) {
      learnAt *= 2;
      // What was committed stays so whether the planner learns of it or not.
      await alone(ask, 'ANALYZE').catch(nothing);
    }
    if (mark % COMMITS_PER_CHECKPOINT === 0) {
      await alone(ask, 'CHECKPOINT');
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
      const writes = isWrite(text);
      if (writes) guard();
      const rows = await alone<Row>(writes ? commit : ask, text, values);
      // Readers wait as well: nobody is told of a row that a power loss could still take back.
      await (writes ? afterCommit() : durable.kept());
      return rows;
    },
    async transaction<Answer>(work: (tx: Sql) => Promise<Answer>): Promise<Answer> {
      assertOutside();
      const running: Running = { open: true, wrote: false };
      const tx: Sql = {
        async query<Row>(text: string, values: readonly unknown[] = []) {
          assert(running.open, 'a transaction that is over is asked nothing');
          if (isWrite(text)) {
            guard();
            running.wrote = true;
          }
          return ask<Row>(text, values);
        },
      };
      const answer = await turn(async (leave) => {
        // The engine keeps the order: nothing waits for this, and when it fails so does all that follows.
        ask('begin').catch(nothing);
        let answer: Answer;
        try {
          answer = await inside.run(running, () => work(tx));
        } catch (error) {
          running.open = false;
          await ask('rollback');
          throw error;
        }
        running.open = false;
        const ended = (running.wrote ? commit : ask)('commit');
        leave();
        await ended;
        return answer;
      });
      await (running.wrote ? afterCommit() : durable.kept());
      return answer;
    },
    async probe() {
      guard();
      await database.query('select 1');
    },
    async close() {
      await alone(ask, 'CHECKPOINT');
      await settle();
      await engine.close();
      await settle();
      end();
    },
  };
  return database;
}

/** A function that lets one after the other at the engine; who has asked all there is to ask may leave before the answer. */
function openQueue(): <Answer>(work: (leave: () => void) => Promise<Answer>) => Promise<Answer> {
  let free: Promise<void> = Promise.resolve();
  return async (work) => {
    const before = free;
    const mine = Promise.withResolvers<void>();
    free = mine.promise;
    await before;
    try {
      return await work(mine.resolve);
    } finally {
      mine.resolve();
    }
  };
}

function rowsOf<Row>({ names, rows }: Table): Row[] {
  return rows.map((values) => {
    const row: Record<string, unknown> = {};
    for (let at = 0; at < names.length; at += 1) row[names[at] as string] = values[at];
    return row as Row;
  });
}

/** Nothing can be served by this process any more, and whoever restarts the house can only help one that has ended. */
function endNow(why: string): never {
  writeSync(2, `${why} The process ends.\n`);
  process.exit(1);
}
