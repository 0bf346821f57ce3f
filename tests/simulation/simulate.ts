/**
 * `npm run simulate -- --seed N --wallets N --events N [--forks N]`: a seeded world over the production code against a
 * plain model. Prints one JSON line; the same seed gives the same trace hash; ends with 1 when anything was violated.
 * The trace is of what happened, not of the random ids and signatures it happened with.
 * With `--seeds N` many worlds without signatures and database instead: crowd.ts.
 */
import { parseArgs } from 'node:util';
import { openMemory } from '#tests/kit/embedded.ts';
import { openMarket } from '#tests/kit/market.ts';
import { runCrowd } from '#tests/simulation/crowd.ts';
import { MUTANTS, mortal } from '#tests/simulation/faults.ts';
import { World } from '#tests/simulation/world.ts';

/** What a run is given. `mutant`: a name of MUTANTS, a mistake that must be found. */
export interface Run {
  readonly seed: number;
  readonly wallets: number;
  readonly events: number;
  readonly forks: number;
  readonly mutant?: string;
}

/** What a run found; sums in minor units. */
export interface Found {
  readonly seed: number;
  readonly wallets: number;
  readonly events: number;
  readonly accepted: number;
  readonly settled: number;
  readonly forks: number;
  readonly guaranteePaid: number;
  /** All accounts of the ledger together, debit less credit: zero. */
  readonly sumByCurrency: Readonly<Record<string, number>>;
  readonly violations: readonly string[];
  readonly traceHash: string;
}

/** Events between two comparisons of the whole house with the model. */
const COMPARE_EVERY = 100;

/** Runs one world from its seed to its end. A fault of the house itself counts as a violation. */
export async function simulate(run: Run): Promise<Found> {
  const database = await openMemory();
  const dying = mortal(database);
  const mutant = MUTANTS[run.mutant ?? ''] ?? {};
  if (run.mutant !== undefined && !(run.mutant in MUTANTS)) throw new Error(`no mutant called ${run.mutant}`);
  const { habit, ...options } = mutant;
  const market = await openMarket(dying.database, options);
  const world = new World(market, dying, run.seed, run.forks, habit);
  try {
    await world.populate(run.wallets);
    for (let event = 1; event <= run.events && world.violations.length === 0; event += 1) {
      await world.step();
      if (event % COMPARE_EVERY === 0) await world.compare();
    }
    if (world.violations.length === 0) await world.heal();
  } catch (error) {
    world.violations.push(`the house broke: ${error instanceof Error ? error.message : String(error)}`);
  }
  const sums = await database.query<{ currency: string; sum: number }>(
    `select currency, sum(case normal when 'debit' then balance else -balance end)::bigint as sum
     from ledger_account group by currency order by currency`,
  );
  const found: Found = {
    seed: run.seed,
    wallets: run.wallets,
    events: run.events,
    accepted: world.tally.accepted,
    settled: [...world.model.settled.values()].filter((one) => one.state === 'settled' || one.state === 'arriving')
      .length,
    forks: world.tally.forks,
    guaranteePaid: world.model.guaranteePaid,
    sumByCurrency: Object.fromEntries(sums.map((row) => [row.currency, row.sum])),
    violations: world.violations,
    traceHash: world.traceHash(),
  };
  await market.close();
  await database.close();
  return found;
}

if (import.meta.main) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { seed: text, seeds: text, wallets: text, events: text, forks: text, mutant: text },
  });
  const wallets = Number(values.wallets ?? 20);
  const forks = Number(values.forks ?? Math.ceil(wallets / 10));
  const found =
    values.seeds === undefined
      ? await simulate({
          ...{ seed: Number(values.seed ?? 1), wallets, events: Number(values.events ?? 1000), forks },
          ...(values.mutant === undefined ? {} : { mutant: values.mutant }),
        })
      : await runCrowd({ seeds: Number(values.seeds), wallets, events: Number(values.events ?? 10_000), forks });
  console.log(JSON.stringify(found));
  process.exit(found.violations.length === 0 ? 0 : 1);
}
