/** The ledger against a plain model: whatever is posted in whatever company, both answer alike and hold the same sums. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { auditLedger } from '#server/ledger/audit.ts';
import type { Posted, Transfer } from '#server/ledger/ledger.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Result } from '#shared/base/result.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { bank, ledgerOn, SHANXI, transfer, walletOf } from '#tests/kit/ledger.ts';

const PEOPLE = ['bank', 'Ai', 'Bo', 'Ci'] as const;
const RUNS = 25;

/** One act: `act` is its id, so that a repeat of the number is a repeat of the id. */
interface Act {
  readonly act: number;
  readonly legs: readonly { readonly from: number; readonly to: number; readonly minor: number }[];
}

const leg = fc
  .record({ from: fc.nat(3), to: fc.nat(3), minor: fc.integer({ min: 1, max: 30 }) })
  .filter(({ from, to }) => from !== to);
const act = fc.record({ act: fc.nat(12), legs: fc.array(leg, { minLength: 1, maxLength: 3 }) });
/** Breaths: the acts of one breath are posted at the same time, by one road or the other. */
const story = fc.array(fc.record({ within: fc.boolean(), acts: fc.array(act, { minLength: 1, maxLength: 8 }) }), {
  minLength: 1,
  maxLength: 6,
});

/** What the ledger should do, in twenty lines and with nothing but a map. */
class Model {
  readonly balances = new Map<string, number>();
  readonly posted = new Map<number, string>();

  answer({ act: id, legs }: Act): string {
    const content = JSON.stringify(legs);
    const known = this.posted.get(id);
    if (known !== undefined) return known === content ? 'again' : 'ledger.id-reused';
    const after = new Map(this.balances);
    for (const { from, to, minor } of legs) {
      const [debit, credit] = [PEOPLE[from] ?? '', PEOPLE[to] ?? ''];
      after.set(debit, (after.get(debit) ?? 0) - minor);
      after.set(credit, (after.get(credit) ?? 0) + minor);
    }
    if (PEOPLE.some((name) => name !== 'bank' && (after.get(name) ?? 0) < 0)) return 'ledger.insufficient';
    for (const [name, balance] of after) this.balances.set(name, balance);
    this.posted.set(id, content);
    return 'fresh';
  }
}

eachDatabase('the ledger and the model', (open) => {
  test('agree', { timeout: 120_000 }, async () => {
    const database = await open();
    const ledger = await ledgerOn(database);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(story, async (breaths) => {
        run += 1;
        const model = new Model();
        const unitOf = ({ act: id, legs }: Act): Transfer[] => {
          const moves = legs.flatMap(({ from, to, minor }) => transfer('leg', at(from, run), at(to, run), minor).moves);
          return [{ ...transfer(`${run} ${id}`, bank(), at(1, run), 1), moves }];
        };
        for (const { within, acts } of breaths) {
          const expected = acts.map((one) => model.answer(one));
          const units = acts.map(unitOf);
          const answers = within
            ? await database.transaction((tx) => ledger.postWithin(tx, units))
            : await Promise.all(units.map((unit) => ledger.post(unit)));
          expect(answers.map(said)).toEqual(expected);
        }
        const people = [1, 2, 3].map((who) => at(who, run));
        expect(await ledger.balances(SHANXI, people)).toEqual(
          PEOPLE.slice(1).map((name) => model.balances.get(name) ?? 0),
        );
      }),
      { numRuns: RUNS, seed: 20261123 },
    );
    expect((await auditLedger(database)).findings).toEqual([]);
  });
});

function at(who: number, run: number) {
  return who === 0 ? bank() : walletOf(`${PEOPLE[who]} ${run}`);
}

function said(answer: Result<Posted, Refusal>): string {
  if (!answer.ok) return answer.error.code;
  return answer.value.fresh ? 'fresh' : 'again';
}
