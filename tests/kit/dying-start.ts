/**
 * A first start of the house that kills itself: a program of its own, run as `dying-start.ts LOG EVERY MOMENT`, which builds
 * the house of its environment and is gone at the EVERYth statement that LOG does not know yet. LOG remembers the
 * statements it has got to, so that of starts one after the other each dies further on, and the last one ends with 0.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import pg from 'pg';
import { buildHouse } from '#server/app.ts';
import { readConfig } from '#server/platform/config.ts';

/** Just before the statement is asked, or just after, when the database may be at work on it or done. */
export type Moment = 'before' | 'after';

const [log = '', every = '1', moment = 'before'] = process.argv.slice(2);
const known = new Set(existsSync(log) ? readFileSync(log, 'utf8').split('\n') : []);
const passed: string[] = [];

/** Power that is gone says nothing to anybody: no handler, no `finally`. */
function die(): never {
  appendFileSync(log, passed.map((one) => `${one}\n`).join(''));
  process.kill(process.pid, 'SIGKILL');
  throw new Error('nobody outlives SIGKILL');
}

/** Whether it is time; the same statement about another capability or region is another one. */
function isNext(text: string, values: readonly unknown[] = []): boolean {
  const about = typeof values[0] === 'string' && /^[A-Za-z-]{2,20}$/.test(values[0]) ? values[0] : '';
  const key = JSON.stringify([text, about]);
  if (known.has(key)) return false;
  known.add(key);
  passed.push(key);
  return passed.length === Number(every);
}

function send<Answer>(due: boolean, ask: () => Answer): Answer {
  if (due && moment === 'before') die();
  const answer = ask();
  if (due) setTimeout(die, Math.random() * 4);
  return answer;
}

/** What crosses to the embedded engine's thread; see server/platform/engine.ts. */
interface Letter {
  readonly content?: { readonly text?: string; readonly values?: readonly unknown[] };
}

// At the last door before the database, so that `begin` and `commit` are statements too and the house is as it always is.
const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (this: Worker, letter: Letter, ...more: []) {
  const { text, values } = letter.content ?? {};
  return send(text !== undefined && isNext(text, values), () => post.call(this, letter, ...more));
};
const query = pg.Client.prototype.query as (this: pg.Client, ...words: unknown[]) => unknown;
pg.Client.prototype.query = function (this: pg.Client, ...words: unknown[]) {
  const [first] = words as [string | { text: string; values?: unknown[] }];
  const { text, values } = typeof first === 'string' ? { text: first, values: [] } : first;
  return send(isNext(text, values), () => query.apply(this, words));
} as never;

const house = await buildHouse(readConfig(process.env));
await house.app.close();
await house.close();
