/**
 * How an operator's command reaches a running house that alone may open its database: a socket in the data folder.
 * Invariant: only who may write the folder's files can speak here (mode 600), and nothing but a command of the list is run.
 */
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { relative, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { linesOf } from '#server/platform/lines.ts';
import { messageOf } from '#server/platform/message-of.ts';

/** What is asked for: a command by its name, and the words after it. */
export interface Wish {
  readonly command: string;
  readonly words: readonly string[];
}

/** Does what is wished and answers its status; throws with words for the operator. */
export type Serve = (wish: Wish, say: (line: string) => Promise<void>) => Promise<number>;

/** One line on the wire, JSON: something said, or the end. */
type Line = { readonly say: string } | { readonly end: number; readonly why?: string };

/** The kernel's bound on the name of a socket (unix(7)), without the zero at its end. */
const NAME_BYTES_MOST = 107;
const WISH_BYTES_MOST = 64 * 1024;
const WISH_WITHIN_MS = 10_000;
const CLOSE_WITHIN_MS = 2_000;

/** By the shorter of its names, for there is little room; undefined when both are too long. */
function socketOf(folder: string): string | undefined {
  const whole = resolve(folder, 'control.sock');
  const here = relative(process.cwd(), whole);
  return [here, whole].find((name) => Buffer.byteLength(name) <= NAME_BYTES_MOST);
}

/**
 * Listens in `folder`, which belongs to this process alone (see folder-lock.ts), until the answered function is called.
 * Answers undefined where the folder's name is too long for a socket.
 */
export async function listenControl(folder: string, serve: Serve): Promise<(() => Promise<void>) | undefined> {
  const path = socketOf(folder);
  if (path === undefined) return undefined;
  const open = new Set<Socket>();
  // Whoever asks may end its side and still wait for the answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    // One that went away hears nothing any more; its work notices by the next thing it says.
    socket.on('error', () => undefined);
    void answer(socket, serve);
  });
  // Left by a process that was killed: nobody else listens in this folder.
  rmSync(path, { force: true });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(path, () => done());
  });
  chmodSync(path, 0o600);
  return async () => {
    const closed = new Promise((done) => server.close(done));
    // Who was told its end gets to read it; a command under way has to give up.
    await Promise.race([closed, pause(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    for (const socket of open) socket.destroy();
    await closed;
  };
}

async function answer(socket: Socket, serve: Serve): Promise<void> {
  const tell = (line: Line) => write(socket, `${JSON.stringify(line)}\n`);
  try {
    const wish = await readWish(socket);
    const status = await serve(wish, (line) => tell({ say: line }));
    await tell({ end: status });
  } catch (error) {
    await tell({ end: 2, why: messageOf(error) }).catch(() => undefined);
  } finally {
    socket.end();
  }
}

function write(socket: Socket, text: string): Promise<void> {
  return new Promise((done, fail) => {
    if (socket.destroyed) fail(new Error('whoever asked has gone'));
    else socket.write(text, (error) => (error ? fail(error) : done()));
  });
}

function readWish(socket: Socket): Promise<Wish> {
  return new Promise((done, fail) => {
    let text = '';
    const tooLong = () => fail(new Error('a wish is one line of JSON'));
    const timer = setTimeout(tooLong, WISH_WITHIN_MS);
    socket.setEncoding('utf8').on('data', (part) => {
      text += String(part);
      if (text.length > WISH_BYTES_MOST) tooLong();
      if (!text.includes('\n')) return;
      clearTimeout(timer);
      const wish = readJson(text.slice(0, text.indexOf('\n')));
      if (isWish(wish)) done(wish);
      else tooLong();
    });
  });
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isWish(value: unknown): value is Wish {
  if (typeof value !== 'object' || value === null || !('command' in value) || !('words' in value)) return false;
  const { command, words } = value;
  return typeof command === 'string' && Array.isArray(words) && words.every((word) => typeof word === 'string');
}

/**
 * Asks the house that has `folder` for something; what it says goes to `hear`, one line after the other. Answers the
 * status, or undefined when no house listens there. Throws with words for the operator when it could not be done.
 */
export async function askControl(
  folder: string,
  wish: Wish,
  hear: (line: string) => void | Promise<void>,
): Promise<number | undefined> {
  const path = socketOf(folder);
  if (path === undefined || !existsSync(path)) return undefined;
  const socket = await dial(path);
  if (socket === undefined) return undefined;
  try {
    socket.write(`${JSON.stringify(wish)}\n`);
    for await (const text of linesOf(socket)) {
      const line = JSON.parse(text) as Line;
      if ('say' in line) await hear(line.say);
      else if (line.why !== undefined) throw new Error(line.why);
      else return line.end;
    }
  } finally {
    socket.destroy();
  }
  throw new Error('The server ended before the work was done.');
}

/** Connected, or undefined when nobody listens any more: the file outlives a process that was killed. */
function dial(path: string): Promise<Socket | undefined> {
  return new Promise((done, fail) => {
    const socket = connect(path, () => done(socket.off('error', lost)));
    const lost = (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') done(undefined);
      else fail(new Error(`The server's socket ${path} cannot be used (${error.code}): are you its user?`));
    };
    socket.once('error', lost);
  });
}
