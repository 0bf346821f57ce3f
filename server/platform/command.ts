/**
 * The frame of every operator's command: where its database is, who does the work, what to say when it cannot be done.
 * A house on the embedded database that is running does the work itself (see control.ts); otherwise it is done here.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Config, readConfig } from '#server/platform/config.ts';
import { askControl } from '#server/platform/control.ts';
import { type Database, openDatabase, sqlState } from '#server/platform/database.ts';
import { FolderInUse } from '#server/platform/folder-lock.ts';
import { messageOf } from '#server/platform/message-of.ts';

/** Where a command works: in the running house or beside it. */
export interface Desk {
  readonly database: Database;
  readonly config: Config;
  /** Tells whoever asked; resolves when there is room for more. */
  readonly say: (line: string) => Promise<void>;
}

/** One thing an operator can have done. */
export interface Command {
  /** As it is typed. */
  readonly name: string;
  /** What it works on, for the words when it is not there. */
  readonly book: string;
  /** Answers the status to end with; throws with words for the operator when it could not be done. */
  readonly run: (desk: Desk, words: readonly string[]) => Promise<number>;
}

/** Who has something done and why, as it stands in the logbook for ever. */
export interface Decision {
  readonly words: readonly string[];
  readonly flags: ReadonlySet<string>;
  readonly by: { readonly who: string; readonly why: string };
}

/** The words beside `--who NAME --why TEXT`, those two, and which `flags` are set; undefined when nobody answers for it. */
export function readDecision(args: readonly string[], flags: readonly string[] = []): Decision | undefined {
  const known = Object.fromEntries(flags.map((flag) => [flag, { type: 'boolean' as const }]));
  const options = { ...known, who: { type: 'string' }, why: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const [who, why] = [values.who?.trim(), values.why?.trim()];
  if (!who || !why) return undefined;
  const set = new Set(flags.filter((flag) => Object.hasOwn(values, flag)));
  return { words: positionals, flags: set, by: { who: `operator ${who}`, why } };
}

/** What an audit saw: a line for each thing that is wrong, and how much it looked at. */
export interface Seen {
  readonly wrong: readonly string[];
  readonly looked: string;
}

/** An audit of the `book`: ends with 0 when all is well, 1 on any finding; `look` throws when it could not look. */
export function auditOf(
  name: string,
  book: string,
  look: (database: Database, config: Config) => Promise<Seen>,
): Command {
  return {
    name,
    book,
    run: async ({ database, config, say }) => {
      const { wrong, looked } = await look(database, config);
      for (const line of wrong) await say(`WRONG ${line}`);
      await say(wrong.length === 0 ? `The ${book} is proved: ${looked}.` : `${wrong.length} findings in ${looked}.`);
      return wrong.length === 0 ? 0 : 1;
    },
  };
}

/**
 * Has `command` done in the house of DATABASE_URL or DATA_DIR and answers its status; what it says goes to `hear`.
 * Throws with words for the operator when the house cannot be reached or the work cannot be done.
 */
export async function runInHouse(
  command: Command,
  words: readonly string[],
  hear: (line: string) => void | Promise<void>,
): Promise<number> {
  const config = readConfig(process.env);
  if (!config.databaseUrl) {
    const status = await askControl(config.dataDir, { command: command.name, words }, hear);
    if (status !== undefined) return status;
    if (!existsSync(join(config.dataDir, 'pglite'))) {
      throw new Error(`There is no ${command.book} in ${config.dataDir}; set DATA_DIR or DATABASE_URL.`);
    }
  }
  try {
    return await runBeside(command, config, words, hear);
  } catch (error) {
    throw new Error(whyNot(command.book, error), { cause: error });
  }
}

async function runBeside(
  command: Command,
  config: Config,
  words: readonly string[],
  hear: (line: string) => void | Promise<void>,
): Promise<number> {
  // It must be able to look at a full disk, and may take its time.
  const database = await openDatabase({ ...config, diskFloorBytes: 0, statementTimeoutMs: 600_000 });
  try {
    return await command.run({ database, config, say: async (line) => hear(line) }, words);
  } finally {
    await database.close();
  }
}

/** What to tell an operator of `error`, which kept a command from its work on the `book`. */
export function whyNot(book: string, error: unknown): string {
  if (error instanceof FolderInUse) {
    return `${error.message} It answers no commands: it is starting, or the name of its folder is too long for a socket.`;
  }
  if (sqlState(error) === '42P01') return `This database has no ${book} yet: start the server once.`;
  return messageOf(error);
}

/** Ends the process with the status of `work`, or with 2 and the words of what it throws. */
export async function endAfter(work: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await work();
  } catch (error) {
    console.error(messageOf(error));
    process.exitCode = 2;
  }
}
