/** `--processes N`: what is refused, the figures of all as those of one, and what stays in the way of a start ends all. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { freshPostgres } from '#tests/kit/databases.ts';
import { freePort } from '#tests/kit/house.ts';
import { startAndHear, startSeveral } from '#tests/kit/several.ts';

const folder = mkdtempSync(join(tmpdir(), 'piaohao-processes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

const PATIENCE_MS = 240_000;

async function settings(): Promise<NodeJS.ProcessEnv> {
  const { DATABASE_URL: _none, ...env } = process.env;
  return { ...env, DATA_DIR: folder, PORT: String(await freePort()), LOG_LEVEL: 'warn' };
}

test.each([
  [
    'the embedded database',
    ['--processes', '2'],
    /^--processes needs a PostgreSQL server: set DATABASE_URL\. The embedded/,
  ],
  ['none', ['--processes', '0'], /^--processes is a whole number from 1 to 64\n$/],
  ['too many', ['--processes', '65'], /^--processes is a whole number/],
  ['no number', ['--processes'], /^--processes is a whole number/],
  ['an option there is not', ['--process', '2'], /^--processes is a whole number/],
])('%s is refused in one line and ends with 2', async (_what, words, expected) => {
  const { code, said } = await startAndHear(await settings(), ...words);
  expect(code).toBe(2);
  expect(said).toMatch(expected);
  expect(said.trimEnd().split('\n')).toHaveLength(1);
});

test(
  'a port that another program has ends all of them with 2, and none is started again',
  async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void other.close());
    const address = other.address();
    const port = String(typeof address === 'object' && address ? address.port : 0);
    const env = { ...(await settings()), PORT: port, DATABASE_URL: await freshPostgres() };
    const { code, said } = await startAndHear(env, '--processes', '2');
    expect(code).toBe(2);
    expect(said).toMatch(/^Port \d+ is taken by another program\./);
  },
  PATIENCE_MS,
);

test(
  'whichever process is asked for figures answers with those of all, and all end well at one word',
  async () => {
    const metricsPort = String(await freePort());
    const env: NodeJS.ProcessEnv = {
      ...(await settings()),
      DATABASE_URL: await freshPostgres(),
      METRICS_PORT: metricsPort,
    };
    const several = await startSeveral(env, 3);
    onTestFinished(() => several.stop().then(() => undefined));
    const pids = several.pids();
    expect(pids).toHaveLength(3);
    for (const pid of pids) expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).toContain('--permission');
    const asked = 60;
    // Each on a connection of its own, which the kernel gives to one of the three.
    const ask = () => fetch(`http://127.0.0.1:${env.PORT}/network`, { headers: { connection: 'close' } });
    for (let at = 0; at < asked; at += 1) expect((await ask()).status).toBe(200);
    const counted = async () => {
      const answer = await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers: { connection: 'close' } });
      const text = await answer.text();
      const read = (line: string) =>
        Number(
          text
            .split('\n')
            .find((one) => one.startsWith(`${line} `))
            ?.split(' ')[1],
        );
      return [
        read('piaohao_request_seconds_count{method="GET",route="/network",status="200"}'),
        // What each reads alike out of the database is not three times as much.
        read('piaohao_fund_cap_minor{region="CN-SX"}'),
      ];
    };
    for (let at = 0; at < 6; at += 1) expect(await counted()).toEqual([asked, 100_000_000]);
    expect(await several.stop()).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  },
  PATIENCE_MS,
);
