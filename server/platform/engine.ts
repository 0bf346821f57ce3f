/**
 * The embedded engine: it does what it is asked one after the other, in the order in which it was asked. With a folder it works
 * in a thread of its own, so that the loop makes the next statements ready meanwhile and stays quick whatever the engine does.
 */
import { type PGliteOptions as EngineOptions, PGlite } from '@electric-sql/pglite';
import { decodeBytes, decodeInteger, decodeNumeric } from '#server/platform/sql.ts';
import { startThread } from '#server/platform/thread.ts';

/** A statement with its values as {@link encodeValues} makes them. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Rows as they cross from one thread to another: the names once, then the values in their order. */
export interface Table {
  readonly names: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** What answers statements; knows no transactions but those it is told of. */
export interface Engine {
  readonly ask: (statement: Statement) => Promise<Table>;
  readonly close: () => Promise<void>;
}

/** A folder as the engine packs one, the engine compiled before, and how it is set. */
export type EngineStart = Pick<EngineOptions, 'loadDataDir' | 'pgliteWasmModule' | 'startParams'>;

/** What is asked of the engine's thread; it opens its folder before the first of them. */
export type EngineQuestion = Statement | 'open' | 'close';

const INT8 = 20;
const NUMERIC = 1700;
const BYTEA = 17;

const parsers = { [INT8]: decodeInteger, [NUMERIC]: decodeNumeric, [BYTEA]: decodeBytes };
/** Values arrive in text or binary form already, whatever the type. */
const serializers = new Proxy<Record<number, (value: unknown) => string>>({}, { get: () => (value: string) => value });

/** Opens the engine here: on the folder `dataDir`, or in memory. */
export async function openEngine(options: EngineStart & { readonly dataDir?: string }): Promise<Engine> {
  const engine = await PGlite.create({ parsers, ...options });
  return {
    async ask({ text, values }) {
      const answer = await engine.query<unknown[]>(text, [...values], { serializers, rowMode: 'array' });
      return { names: answer.fields.map(({ name }) => name), rows: answer.rows };
    },
    close: () => engine.close(),
  };
}

/** Opens the engine on `folder` in a thread of its own; `lost` is called should that end by itself. */
export async function openEngineThread(folder: string, lost: (reason: Error) => void): Promise<Engine> {
  const thread = startThread<EngineQuestion, Table>(new URL('./engine-thread.ts', import.meta.url), folder, lost);
  try {
    await thread.ask('open');
  } catch (error) {
    await thread.end();
    throw error;
  }
  return {
    ask: (statement) => thread.ask(statement),
    async close() {
      await thread.ask('close');
      await thread.end();
    },
  };
}
