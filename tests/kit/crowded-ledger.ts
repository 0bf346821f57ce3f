/**
 * Several servers over one database, each a thread of its own with its own connections, that ask their ledgers in the
 * same moment: a barrier in shared memory lets them all go at once.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { openLedger, type Transfer } from '#server/ledger/ledger.ts';
import { openDatabase } from '#server/platform/database.ts';

/** What each of the asked was told: `fresh 7`, `known 7` with its place in the journal, or the code of a refusal. */
export interface CrowdedLedger {
  /** Shares `asked` among the threads, lets all go at once and gives the answers in the order of `asked`. */
  readonly post: (asked: readonly Transfer[]) => Promise<string[]>;
  readonly close: () => Promise<void>;
}

interface Start {
  readonly databaseUrl: string;
  readonly gate: SharedArrayBuffer;
}

/** Opens `servers` threads over the database at `databaseUrl`. */
export async function openCrowdedLedger(databaseUrl: string, servers: number): Promise<CrowdedLedger> {
  const gate = new SharedArrayBuffer(8);
  const crowd: Start = { databaseUrl, gate };
  const workers = Array.from(
    { length: servers },
    () => new Worker(new URL(import.meta.url), { workerData: { crowd } }),
  );
  const next = async <Answer>(worker: Worker): Promise<Answer> => (await once(worker, 'message'))[0];
  await Promise.all(workers.map((worker) => next(worker)));
  return {
    async post(asked) {
      const [arrived, open] = [0, 1];
      const door = new Int32Array(gate);
      Atomics.store(door, arrived, 0);
      Atomics.store(door, open, 0);
      const answers = await Promise.all(
        workers.map((worker, at) => {
          const answer = next<string[]>(worker);
          worker.postMessage({ asked: asked.filter((_, place) => place % servers === at), of: servers });
          return answer;
        }),
      );
      return asked.map((_, place) => answers[place % servers]?.[Math.floor(place / servers)] ?? 'no answer');
    },
    close: async () => void (await Promise.all(workers.map((worker) => worker.terminate()))),
  };
}

/** Waits until all `of` threads stand at the gate: the last one opens it. */
function goTogether(gate: SharedArrayBuffer, of: number): void {
  const [arrived, open] = [0, 1];
  const door = new Int32Array(gate);
  if (Atomics.add(door, arrived, 1) + 1 === of) {
    Atomics.store(door, open, 1);
    Atomics.notify(door, open);
  } else Atomics.wait(door, open, 0);
}

async function serve({ databaseUrl, gate }: Start): Promise<void> {
  const database = await openDatabase({ dataDir: 'memory', databaseUrl, connections: 4 });
  const ledger = openLedger({ database });
  // Connected before the race, so that it is one of statements and not of handshakes.
  await database.query('select 1');
  parentPort?.on('message', async ({ asked, of }: { asked: Transfer[]; of: number }) => {
    goTogether(gate, of);
    const answers = await Promise.all(asked.map((one) => ledger.post([one])));
    parentPort?.postMessage(
      answers.map((one) => (one.ok ? `${one.value.fresh ? 'fresh' : 'known'} ${one.value.cursor}` : one.error.code)),
    );
  });
  parentPort?.postMessage('here');
}

const handed = workerData as { readonly crowd?: Start } | null;
if (!isMainThread && handed?.crowd) await serve(handed.crowd);
