/**
 * Many unsigned worlds at once, one thread a core: `npm run simulate -- --seeds N [--wallets N --events N --forks N]`.
 * Prints one JSON line {seeds, wallets, events, accepted, settled, forks, guaranteePaid, violations, seconds}; each violation
 * begins with its seed, by which that world comes out the same again.
 */
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

/** What all worlds came to; `events` are those of all together. */
export interface CrowdFound extends Crowd, Outcome {
  readonly seconds: number;
}

interface Share extends Crowd {
  readonly first: number;
  readonly step: number;
}

function runShare({ first, step, seeds, wallets, events, forks }: Share): Outcome {
  const sum = { accepted: 0, settled: 0, forks: 0, guaranteePaid: 0, violations: [] as string[] };
  for (let seed = first; seed <= seeds; seed += step) {
    const found = runUnsigned(seed, wallets, events, forks);
    sum.accepted += found.accepted;
    sum.settled += found.settled;
    sum.forks += found.forks;
    sum.guaranteePaid += found.guaranteePaid;
    sum.violations.push(...found.violations.map((one) => `seed ${seed}: ${one}`));
  }
  return sum;
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
      return new Promise<Outcome>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    }),
  );
  const sum = (of: (share: Outcome) => number): number => shares.reduce((total, share) => total + of(share), 0);
  return {
    ...crowd,
    events: crowd.seeds * crowd.events,
    accepted: sum((share) => share.accepted),
    settled: sum((share) => share.settled),
    forks: sum((share) => share.forks),
    guaranteePaid: sum((share) => share.guaranteePaid),
    violations: shares.flatMap((share) => share.violations).slice(0, 20),
    seconds: Math.round((performance.now() - start) / 100) / 10,
  };
}

if (!isMainThread) parentPort?.postMessage(runShare(workerData as Share));
