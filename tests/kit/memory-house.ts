/** The settings of a house inside the test's own process that keeps nothing: its database is gone when it closes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '#server/platform/config.ts';

/** Where the people of such a house find it. */
export const MEMORY_ORIGIN = 'http://localhost:4800';

/** Settings, with `sandboxUrl` as its outside world; `remove` takes away the folder of its keys. */
export function memoryHouse(sandboxUrl: string): { readonly config: Config; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-memory-'));
  return {
    config: {
      host: '127.0.0.1',
      port: 4800,
      portShared: false,
      origin: MEMORY_ORIGIN,
      rpId: 'localhost',
      dataDir: 'memory',
      keysDir: join(folder, 'keys'),
      databaseUrl: undefined,
      diskFloorBytes: 0,
      drainMs: 0,
      stopWithinMs: 10_000,
      insideHosts: [],
      sandboxUrl,
      logLevel: 'silent',
      metrics: undefined,
      tracing: undefined,
      trustProxy: [],
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
