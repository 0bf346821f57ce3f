/** A second server on the folder of a running one ends by itself and says why; the first does not even notice. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isLong, report, size, slack } from '#tests/kit/fault-report.ts';
import { freePort, type House, startHouse } from '#tests/kit/house.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE = join(ROOT, 'node_modules/node/bin/node');
const TIMES = size(2, 20);
const GONE_MS = 2_000;

let house: House;
beforeAll(async () => {
  house = await startHouse({ environment: { LOG_LEVEL: 'error' } });
}, 180_000);
afterAll(() => house?.stop());

test(`started ${TIMES} times`, async () => {
  let slowestMs = 0;
  for (let time = 0; time < TIMES; time += 1) {
    const env = { ...house.environment, PORT: String(await freePort()) };
    const began = performance.now();
    const second = spawn(NODE, ['--disable-warning=ExperimentalWarning', join(ROOT, 'server/main.ts')], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    second.stderr.on('data', (part) => {
      said += String(part);
    });
    const [code] = await once(second, 'close');
    slowestMs = Math.max(slowestMs, Math.round(performance.now() - began));
    expect(code).not.toBe(0);
    expect(said).toContain('is in use by process');
    expect((await fetch(`${house.origin}/readyz`)).status).toBe(200);
  }
  report('F13 a second server on the folder', TIMES, { refused: TIMES, slowestMs });
  // How soon is a figure of the long run, on a machine that does nothing else.
  if (isLong) expect(slowestMs).toBeLessThan(GONE_MS * slack);
}, 600_000);
