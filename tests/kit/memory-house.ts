/** The settings of a house inside the test's own process that keeps nothing: its database is gone when it closes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '#server/platform/config.ts';
import { type Ear, openEar } from '#tests/kit/overheard.ts';

/** Where the people of such a house find it. */
export const MEMORY_ORIGIN = 'http://localhost:4800';

/** The settings of such a house, and where its log goes. */
export interface MemoryHouse {
  readonly config: Config;
  readonly logTo: Ear;
  /** Takes away the folder of its keys; throws when the house said what no log may hold. */
  readonly remove: () => void;
}

/** Settings, with `sandboxUrl` as its outside world. */
export function memoryHouse(sandboxUrl: string): MemoryHouse {
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-memory-'));
  const logTo = openEar('the house of this test');
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
      requestsMost: 2_000,
      insideHosts: [],
      sandboxUrl,
      logLevel: 'debug',
      metrics: undefined,
      tracing: undefined,
      trustProxy: [],
    },
    logTo,
    remove() {
      rmSync(folder, { recursive: true, force: true });
      logTo.close();
    },
  };
}
