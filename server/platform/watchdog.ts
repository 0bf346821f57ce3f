/**
 * Ends the process when it has stopped turning: an embedded database in trouble can hold the only thread for ever,
 * and whoever restarts the house can only help a process that has ended.
 */
import { writeSync } from 'node:fs';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { assert } from '#shared/base/assert.ts';

const BEAT_MS = 500;
/** After a stopped machine goes on, the beat gets this long to come back before the dog bites. */
const SECOND_CHANCE_MS = 2_000;

interface Watch {
  readonly beats: SharedArrayBuffer;
  readonly silenceMs: number;
}

/** Watches this process: without a turn of its event loop for `silenceMs` it is killed. Answers the way to stop. */
export function startWatchdog(silenceMs: number): () => Promise<void> {
  assert(silenceMs > BEAT_MS, 'the watchdog would bite a healthy process');
  const beats = new SharedArrayBuffer(4);
  const counter = new Int32Array(beats);
  const beat = setInterval(() => {
    Atomics.add(counter, 0, 1);
    Atomics.notify(counter, 0);
  }, BEAT_MS);
  beat.unref();
  const watch: Watch = { beats, silenceMs };
  const worker = new Worker(import.meta.filename, { workerData: { watch } });
  worker.unref();
  return async () => {
    clearInterval(beat);
    await worker.terminate();
  };
}

function watchOver({ beats, silenceMs }: Watch): never {
  const counter = new Int32Array(beats);
  for (;;) {
    const last = Atomics.load(counter, 0);
    const silent = Atomics.wait(counter, 0, last, silenceMs) === 'timed-out';
    if (silent && Atomics.wait(counter, 0, last, SECOND_CHANCE_MS) === 'timed-out') {
      writeSync(2, `The process has not turned for ${silenceMs} ms and is ended.\n`);
      process.kill(process.pid, 'SIGKILL');
    }
  }
}

const handed = workerData as { readonly watch?: Watch } | null;
if (!isMainThread && handed?.watch) watchOver(handed.watch);
