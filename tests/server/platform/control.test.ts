/** The operator's way into a running house: a socket its owner alone may use, one list of commands, an end that is told. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askControl, listenControl, type Serve } from '#server/platform/control.ts';

let folder: string;
let close: (() => Promise<void>) | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'piaohao-control-'));
});
afterEach(async () => {
  await close?.();
  close = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const listen = async (serve: Serve) => {
  close = await listenControl(folder, serve);
};

async function ask(command: string, ...words: string[]): Promise<{ status: number | undefined; heard: string[] }> {
  const heard: string[] = [];
  const status = await askControl(folder, { command, words }, (line) => void heard.push(line));
  return { status, heard };
}

test('what is wished arrives with its words, what is said comes line by line, then the status', async () => {
  await listen(async ({ command, words }, say) => {
    await say(`${command}\nin two\u2028lines`);
    for (const word of words) await say(word);
    return 1;
  });
  expect(await ask('audit', '票号', '--who', '')).toEqual({
    status: 1,
    heard: ['audit\nin two\u2028lines', '票号', '--who', ''],
  });
  expect(statSync(join(folder, 'control.sock')).mode & 0o777).toBe(0o600);
});

test('a refusal arrives in its own words', async () => {
  await listen(async () => {
    throw new Error('There is no such region.');
  });
  await expect(ask('switch')).rejects.toThrow('There is no such region.');
});

test('a hundred thousand lines arrive, and are not said faster than they are heard', async () => {
  let said = 0;
  let most = 0;
  let heard = 0;
  await listen(async (_wish, say) => {
    for (; said < 100_000; said += 1) {
      await say('x'.repeat(100));
      most = Math.max(most, said - heard);
    }
    return 0;
  });
  const hear = () => {
    heard += 1;
  };
  expect(await askControl(folder, { command: 'dump', words: [] }, hear)).toBe(0);
  expect(heard).toBe(100_000);
  expect(most).toBeLessThan(50_000);
});

test('nobody listens: there is no socket, or only the file of a house that was killed', async () => {
  expect(await ask('audit')).toEqual({ status: undefined, heard: [] });
  await listen(async () => 0);
  const socket = join(folder, 'control.sock');
  expect(existsSync(socket)).toBe(true);
  await close?.();
  close = undefined;
  writeFileSync(socket, '');
  expect(await ask('audit')).toEqual({ status: undefined, heard: [] });
  await listen(async () => 0);
  expect(await ask('audit')).toEqual({ status: 0, heard: [] });
});

test('whoever goes away stops the work, and a house that ends says so to whoever waits', async () => {
  const { promise: stopped, resolve } = Promise.withResolvers<string>();
  await listen(async (_wish, say) => {
    try {
      for (;;) await say('more');
    } catch (error) {
      resolve(String(error));
      return 0;
    }
  });
  const gone = connect(join(folder, 'control.sock'));
  gone.write('{"command":"dump","words":[]}\n');
  gone.once('data', () => gone.destroy());
  await stopped;
  let heard = 0;
  const waiting = askControl(folder, { command: 'dump', words: [] }, () => {
    heard += 1;
    if (heard === 1) void close?.();
  });
  await expect(waiting).rejects.toThrow(/server ended before the work was done|has gone/);
  close = undefined;
});

test.each([
  ['no JSON', 'hello\n'],
  ['no words', '{"command":"audit"}\n'],
  ['words that are none', '{"command":"audit","words":[1]}\n'],
  ['a line without an end', 'x'.repeat(100_000)],
])('%s is answered and does nothing', async (_what, bytes) => {
  let done = 0;
  await listen(async () => {
    done += 1;
    return 0;
  });
  const socket = connect(join(folder, 'control.sock'));
  socket.on('error', () => undefined);
  let said = '';
  socket.on('data', (part) => (said += String(part)));
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  expect(said).toBe('{"end":2,"why":"a wish is one line of JSON"}\n');
  expect(done).toBe(0);
});

test('a folder whose name is too long for a socket has none, and says so', async () => {
  const long = join(folder, 'x'.repeat(120));
  mkdirSync(long);
  expect(await listenControl(long, async () => 0)).toBeUndefined();
  expect(await askControl(long, { command: 'audit', words: [] }, () => undefined)).toBeUndefined();
});
