/**
 * A PostgreSQL server (15 or newer, Citus too) behind a pool, with prepared statements and a bound on every wait.
 */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { bindInPieces } from '#server/platform/bind.ts';
import {
  type Database,
  decodeBytes,
  decodeInteger,
  decodeNumeric,
  encodeValues,
  type Sql,
  sqlState,
  Unavailable,
} from '#server/platform/sql.ts';
import { assert } from '#shared/base/assert.ts';

/** How the server is reached. */
export interface PostgresOptions {
  /** postgres://user:password@host:port/database */
  readonly databaseUrl: string;
  /** Connections of this process at most. */
  readonly connections: number;
  /** A statement that runs longer is cut off by the server. */
  readonly statementTimeoutMs: number;
}

const TEXT_ARRAY = 1009;
const INT8 = 20;
const INT8_ARRAY = 1016;
const NUMERIC = 1700;
const BYTEA = 17;
/** Deadlock and serialization failure: the work was undone and may simply run again (PostgreSQL 13.5). */
const RUN_AGAIN = new Set(['40001', '40P01']);
const ATTEMPTS = 8;
const DISK_FULL = '53100';

/** Opens the pool; connects on first use. */
export function openPostgres(options: PostgresOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    max: options.connections,
    connectionTimeoutMillis: 5_000,
    statement_timeout: options.statementTimeoutMs,
    query_timeout: options.statementTimeoutMs + 5_000,
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    keepAlive: true,
    types: { getTypeParser },
  });
  // A connection that dies while idle is replaced; without a listener it would end the process.
  pool.on('error', () => undefined);
  // Between two who share a connection nobody listens to it for a moment, and its end may come in just that one. Whoever
  // has it next hears of it from the statement that fails.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    bindInPieces(client);
  });
  const names = new Map<string, string>();
  const room = openRoom();

  /** Runs `text` with values that are encoded already. */
  async function send<Row>(on: pg.Pool | pg.PoolClient, text: string, values: unknown[]): Promise<Row[]> {
    // Several statements in one text (migrations) take the simple protocol, which knows no values.
    if (values.length === 0) return rowsOf<Row>(await on.query(text));
    return rowsOf<Row>(await on.query({ name: nameOf(names, text), text, values }));
  }

  async function once<Answer>(work: (tx: Sql) => Promise<Answer>): Promise<Answer> {
    const client = await pool.connect().catch(unreachable);
    let broken: Error | undefined;
    let committing = false;
    // A connection that dies between two statements says so here; without a listener it would end the process.
    const noteBroken = (failure: Error) => {
      broken = failure;
    };
    client.on('error', noteBroken);
    const turns = openTurns((text, values) => send(client, text, values));
    try {
      await client.query('begin');
      const answer = await work(turns);
      await turns.end();
      committing = true;
      await client.query('commit');
      return answer;
    } catch (error) {
      await turns.end();
      await client.query('rollback').catch(noteBroken);
      // Whether a commit that got no answer happened, only a repeat by the ids in it can tell: that is the caller's.
      throw committing && broken ? new Unavailable('house.unreachable', 'the commit got no answer') : error;
    } finally {
      client.off('error', noteBroken);
      client.release(broken);
    }
  }

  const database: Database = {
    kind: 'postgres',
    query: <Row>(text: string, values: readonly unknown[] = []) =>
      again(() => send<Row>(pool, text, encodeValues(text, values)))
        .catch(room.note)
        .catch(unreachable),
    transaction: (work) =>
      again(() => once(work))
        .catch(room.note)
        .catch(unreachable),
    async probe() {
      const [row] = await database.query<{ readonly: boolean }>(
        "select pg_is_in_recovery() or current_setting('transaction_read_only') = 'on' as readonly",
      );
      if (row?.readonly !== false) throw new Unavailable('house.unreachable', 'the database takes no writes');
      if (room.wasMissing()) {
        await database.query(TAKE_ROOM);
        room.found();
      }
    },
    close: () => pool.end(),
  };
  return database;
}

/** What one transaction is asked. */
interface Turns extends Sql {
  /** Nothing more is asked from now on; answers when the connection has nothing left to do. */
  readonly end: () => Promise<unknown>;
}

/**
 * A connection does one thing at a time: who asks for several at once gets them in the order in which they were asked. When
 * one of them fails, those behind it must not find the transaction over and count by themselves.
 */
function openTurns(send: <Row>(text: string, values: unknown[]) => Promise<Row[]>): Turns {
  let last: Promise<unknown> = Promise.resolve();
  let isOver = false;
  return {
    async query<Row>(text: string, values: readonly unknown[] = []) {
      // Now, while the database is at work on the one before.
      const encoded = encodeValues(text, values);
      const answer = last.then(() => {
        assert(!isOver, 'a transaction that is over is asked nothing');
        return send<Row>(text, encoded);
      });
      last = answer.catch(() => undefined);
      return answer;
    },
    end() {
      isOver = true;
      return last;
    },
  };
}

/** More than a table grows by at once; gone with the statement's own transaction. */
const TAKE_ROOM =
  'create temp table platform_room on commit drop as select i, md5(i::text) as text from generate_series(1, 30000) as i';

/**
 * Remembers that there was no room: what is written where there is room already, such as one row again and again, would
 * say all is well on a full disk.
 */
function openRoom(): { note: (error: unknown) => never; wasMissing: () => boolean; found: () => void } {
  let missing = false;
  return {
    note: (error) => {
      if (sqlState(error) === DISK_FULL) missing = true;
      throw error;
    },
    wasMissing: () => missing,
    found: () => {
      missing = false;
    },
  };
}

async function again<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || !RUN_AGAIN.has(sqlState(error) ?? '')) throw error;
      await pause(Math.random() * 5 * 2 ** attempt);
    }
  }
}

/** Rethrows `error`, as {@link Unavailable} when it says that the server cannot serve now. */
function unreachable(error: unknown): never {
  const state = sqlState(error);
  if (state === DISK_FULL) throw new Unavailable('house.disk-full', 'the database has no space left');
  if (state === '57014') throw new Unavailable('house.busy', 'a statement took too long');
  const lost = state === undefined ? isConnectionError(error) : /^(?:08|57P|53|25006)/.test(state);
  if (lost) throw new Unavailable('house.unreachable', `the database is out of reach: ${String(error)}`);
  throw error;
}

function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('syscall' in error) return true;
  return /^(?:Connection terminated|timeout exceeded|Query read timeout|Client has encountered|Cannot use a pool)/.test(
    error.message,
  );
}

function nameOf(names: Map<string, string>, text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = createHash('sha256').update(text).digest('base64url').slice(0, 24);
  names.set(text, name);
  return name;
}

function rowsOf<Row>(result: pg.QueryResult | pg.QueryResult[]): Row[] {
  return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? [];
}

/** Reads a value of type `oid` from its text form; everything we have no opinion on as `pg` does. */
function getTypeParser(oid: number): (text: string) => unknown {
  if (oid === INT8) return decodeInteger;
  if (oid === NUMERIC) return decodeNumeric;
  if (oid === BYTEA) return decodeBytes;
  if (oid === INT8_ARRAY) return (text) => textArray(text).map(decodeInteger);
  return typeParser(oid);
}

function typeParser(oid: number): (text: string) => unknown {
  return (pg.types.getTypeParser as (oid: number) => (text: string) => unknown)(oid);
}

function textArray(text: string): string[] {
  return (typeParser(TEXT_ARRAY) as (text: string) => string[])(text);
}
