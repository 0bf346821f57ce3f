/**
 * The person's bills as statements, one a currency: from this phone alone, so that they can be taken along with no network.
 * Invariant: only facts of the house stand in a statement; what was brought in from other wallets is theirs to state.
 */
import { type Instant, instant } from '#shared/base/time.ts';
import { isCurrency } from '#shared/money/currency.ts';
import { isCounted, signOf } from '#shared/rules/bill.ts';
import { lineId, type Statement, type StatementLine } from '#shared/statement/statement.ts';
import { filer, ofType, ownCategories } from '#web/vault/opinions.ts';
import type { BillRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** From when to when (not included), in milliseconds. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

/** What a category is called on paper. */
export type NameOf = (category: string, own: ReadonlyMap<string, { readonly name: string }>) => string;

/** A statement for every currency that has a balance or a line; undefined while this phone holds no wallet. */
export async function readStatements(
  vault: Vault,
  period: Period,
  nameOf: NameOf,
  now: Instant,
): Promise<Statement[] | undefined> {
  const [wallet, balances, file, own, notes, rows] = await Promise.all([
    readSetting(vault, 'wallet'),
    vault.balances.toArray(),
    filer(vault),
    ownCategories(vault),
    ofType(vault, 'note'),
    vault.bills.where('at').aboveOrEqual(period.from).sortBy('at'),
  ]);
  if (!wallet) return undefined;
  const written = new Map(notes.map(({ bill, text }) => [bill, text]));
  const moved = rows.filter((row) => isCounted(row) && signOf(row) !== 0);
  const held = new Map(
    balances.map((one) => [one.currency, one.available + one.setAside + one.arriving + one.frozen - one.owed]),
  );
  const currencies = [...new Set([...held.keys(), ...moved.map(({ currency }) => currency)])].filter(isCurrency);
  return currencies.map((currency) => {
    const all = moved.filter((row) => row.currency === currency);
    const lines = all
      .filter((row) => row.at < period.to)
      .map((row) => lineOf(row, nameOf(file(row), own), file(row), written.get(row.id)));
    const later = all.filter((row) => row.at >= period.to).reduce((sum, row) => sum + signOf(row) * row.amount, 0);
    const closing = (held.get(currency) ?? 0) - later;
    const opening = closing - lines.reduce((sum, line) => sum + line.minor, 0);
    return {
      ...{ wallet: wallet.id, owner: wallet.name, region: wallet.region, currency, opening, closing, lines },
      ...{ from: instant(period.from), to: instant(period.to), madeAt: now, offsetAt },
    };
  });
}

function lineOf(row: BillRow, name: string, id: string, note: string | undefined): StatementLine {
  const memo = [row.memo, note].filter((text) => text !== undefined && text !== '').join(' · ');
  return {
    id: lineId(row.id),
    at: instant(row.at),
    kind: row.kind,
    minor: signOf(row) * row.amount,
    pending: row.state === 'arriving',
    ...(row.peer ? { peer: row.peer } : {}),
    ...(memo === '' ? {} : { memo }),
    category: { id, name },
  };
}

/** How far this phone's clock is ahead of UTC at a moment. */
function offsetAt(at: number): number {
  return -new Date(at).getTimezoneOffset();
}
