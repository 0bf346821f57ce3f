/**
 * Many unsigned worlds at once, one thread a core: `npm run simulate -- --seeds N [--wallets N --events N --forks N]`.
 * Prints one JSON line: what all of them came to, the hash of their traces and how fast they ran; each violation begins with
 * its seed, by which that world comes out the same again.
 */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Outcome, runUnsigned } from '#tests/simulation/unsigned.ts';

/** Seeds 1 to `seeds`, each a world of so many wallets, events and copies of purses. */
export interface Crowd {
  readonly seeds: number;
  readonly wallets: number;
  readonly events: number;
  readonly forks: number;
}

/** What all worlds came to; `events` are those of all together, `traceHash` is over the hashes of all in their order. */
export interface CrowdFound extends Crowd, Outcome {
  readonly seconds: number;
  readonly eventsPerSecond: number;
}

interface Share extends Crowd {
  readonly first: number;
  readonly step: number;
}

/** One world and the seed it came from. */
interface World {
  readonly seed: number;
  readonly outcome: Outcome;
}

function runShare({ first, step, seeds, wallets, events, forks }: Share): World[] {
  const worlds: World[] = [];
  for (let seed = first; seed <= seeds; seed += step) {
    worlds.push({ seed, outcome: runUnsigned(seed, wallets, events, forks) });
  }
  return worlds;
}

/** Runs them all. */
export async function runCrowd(crowd: Crowd): Promise<CrowdFound> {
  const start = performance.now();
  const threads = Math.min(availableParallelism(), crowd.seeds);
  const shares = await Promise.all(
    Array.from({ length: threads }, (_, at) => {
      const worker = new Worker(new URL(import.meta.url), {
        workerData: { ...crowd, first: at + 1, step: threads },
        // A world lives shorter than a small nursery takes to fill twice: what dies young is not copied first.
        resourceLimits: { maxYoungGenerationSizeMb: 96 },
      });
      return new Promise<World[]>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  const worlds = shares.flat().sort((one, other) => one.seed - other.seed);
  const sum = (of: (outcome: Outcome) => number): number => worlds.reduce((total, one) => total + of(one.outcome), 0);
  const trace = createHash('sha256');
  const unpaid: Record<string, number> = {};
  for (const { outcome } of worlds) {
    trace.update(outcome.traceHash);
    for (const [fault, count] of Object.entries(outcome.unpaid)) unpaid[fault] = (unpaid[fault] ?? 0) + count;
  }
  return {
    ...crowd,
    events: crowd.seeds * crowd.events,
    accepted: sum((one) => one.accepted),
    settled: sum((one) => one.settled),
    forks: sum((one) => one.forks),
    guaranteePaid: sum((one) => one.guaranteePaid),
    unpaid,
    unissued: sum((one) => one.unissued),
    closed: sum((one) => one.closed),
    gangs: {
      count: sum((one) => one.gangs.count),
      gain: sum((one) => one.gangs.gain),
      most: Math.max(0, ...worlds.map((one) => one.outcome.gangs.most)),
      net: Math.max(...worlds.map((one) => one.outcome.gangs.net)),
    },
    violations: worlds
      .flatMap(({ seed, outcome }) => outcome.violations.map((one) => `seed ${seed}: ${one}`))
      .slice(0, 20),
    traceHash: trace.digest('hex'),
    seconds: Math.round(seconds * 10) / 10,
    eventsPerSecond: Math.round((crowd.seeds * crowd.events) / seconds),
  };
}

if (!isMainThread) parentPort?.postMessage(runShare(workerData as Share));
