/**
 * `--processes N`: several servers of one house at one port, on one PostgreSQL database; the kernel hands each connection to
 * one of them. Any of them may die: the others go on, and it is started again.
 * Invariant: each stands inside Node's permission model as one alone does; nothing but the kernel stands before them.
 */
import { EventEmitter } from 'node:events';
import { parseArgs } from 'node:util';
import { refuse, startServer } from './launch.mjs';

const MOST = 64;
/** One that dies young is started again later and later, so that a fault at each start does not keep the machine busy. */
const YOUNG_MS = 10_000;
const AGAIN_MS = 100;
const AGAIN_MOST_MS = 5_000;
/** What somebody has to mend (see server/platform/start-fault.ts) is not mended by another start. */
const TO_MEND = 2;
const FIGURES_WITHIN_MS = 2_000;

/** Starts the servers of `env` that `words` of the command line ask for: one, or as many as `--processes` says. */
export function startServers(env, words, outputs) {
  const count = countIn(words);
  if (count === 1) return startServer(env, outputs);
  if (!env.DATABASE_URL) {
    refuse(
      '--processes needs a PostgreSQL server: set DATABASE_URL. The embedded database belongs to one process alone.',
    );
  }
  return startSeveral({ ...env, PORT_SHARED: 'on' }, count, outputs);
}

function countIn(words) {
  try {
    const { processes = '1' } = parseArgs({ args: words, options: { processes: { type: 'string' } } }).values;
    if (/^[1-9]\d?$/.test(processes) && Number(processes) <= MOST) return Number(processes);
  } catch {
    // An option there is not, or one without its number.
  }
  return refuse(`--processes is a whole number from 1 to ${MOST}`);
}

/** To whoever holds it it is one process: it is told to end, and says `exit` with the reason when the last one is gone. */
function startSeveral(env, count, outputs) {
  const together = new EventEmitter();
  const running = new Set();
  let isEnding = false;
  let reason = 0;

  const end = (signal) => {
    isEnding = true;
    for (const child of running) child.kill(signal);
  };
  const start = (diedYoung, isFirst) => {
    const began = performance.now();
    const child = startServer(env, outputs, { figures: () => figuresOf(running) });
    running.add(child);
    child.on('exit', (code) => {
      running.delete(child);
      // Where the others serve already, what is in the way of one more may pass: a database that is away for a moment.
      const isHopeless = isFirst && code === TO_MEND && !isEnding;
      if (isEnding || isHopeless) reason ||= code ?? 1;
      if (isHopeless) end('SIGTERM');
      if (isEnding) {
        if (running.size === 0) together.emit('exit', reason);
        return;
      }
      const again = performance.now() - began < YOUNG_MS ? diedYoung + 1 : 0;
      const wait = Math.min(AGAIN_MOST_MS, AGAIN_MS * 2 ** again);
      setTimeout(() => isEnding || start(again, false), wait);
    });
  };
  for (let started = 0; started < count; started += 1) start(0, true);
  return Object.assign(together, { kill: end });
}

/** What each of `children` has measured, as a list in JSON; one that does not say so in time is left out. */
async function figuresOf(children) {
  const all = await Promise.all([...children].map(figuresOfOne));
  return `[${all.filter((one) => one !== undefined).join(',')}]`;
}

let tickets = 0;

function figuresOfOne(child) {
  const ticket = tickets++;
  return new Promise((resolve) => {
    const finish = (figures) => {
      clearTimeout(late);
      child.off('message', hear);
      resolve(figures);
    };
    const hear = (answer) => {
      if (answer.ticket === ticket) finish(answer.figures);
    };
    const late = setTimeout(finish, FIGURES_WITHIN_MS);
    child.on('message', hear);
    child.send({ question: 'figures', ticket }, (error) => error && finish());
  });
}
