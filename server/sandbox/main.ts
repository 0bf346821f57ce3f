/** Runs the sandbox as a process of its own: SANDBOX_PORT (4801), DATA_DIR (./data), SANDBOX_PACE_MS (300). */
import { join } from 'node:path';
import { systemClock } from '#server/platform/clock.ts';
import { endWith } from '#server/platform/start-fault.ts';
import { deliver } from '#server/sandbox/deliver.ts';
import { openSandbox } from '#server/sandbox/sandbox.ts';

function wholeNumber(name: string, usual: number): number {
  const value = Number(process.env[name] ?? usual);
  if (Number.isSafeInteger(value) && value >= 0 && value <= 65_535) return value;
  console.error(`${name} is not a whole number from 0 to 65535`);
  process.exit(2);
}

const app = openSandbox({
  folder: join(process.env.DATA_DIR ?? 'data', 'sandbox'),
  clock: systemClock,
  deliver,
  paceMs: Math.max(1, wholeNumber('SANDBOX_PACE_MS', 300)),
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void app.close().then(() => process.exit(0)));
}
const address = await app.listen({ port: wholeNumber('SANDBOX_PORT', 4801), host: '127.0.0.1' }).catch(endWith);
console.log(`Sandbox (bank, text messages, e-mail) on ${address}`);
