/** Statements as Actual's own importers read them: every line once, to the fen, on its day, under its id where the format has one. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { instant } from '#shared/base/time.ts';
import { writeCamt } from '#shared/statement/camt.ts';
import { writeOfx } from '#shared/statement/ofx.ts';
import { writeQif } from '#shared/statement/qif.ts';
import { lineId, type Statement, type StatementLine } from '#shared/statement/statement.ts';
import { type Actual, loadActual } from '#tests/kit/actual.ts';

// The first time it is fetched.
vi.setConfig({ hookTimeout: 180_000 });

let actual: Actual;
beforeAll(async () => {
  actual = await loadActual();
});

const KINDS = {
  payment: 'Payment',
  'top-up': 'Top-up',
  withdrawal: 'Withdrawal',
  fee: 'Fee',
  refund: 'Refund',
  debt: 'Debt',
};
const NOON = Date.UTC(2026, 10, 2, 4);
const DAY = 86_400_000;
const LINES = [
  [100_000_00, undefined, undefined],
  [-18_50, '晋味面馆', '两碗刀削面'],
  [-38_00, 'Tea & "Coffee" <Ltd>', 'two; three, four\\'],
  [-7, "O'Neill's ]]>", '^\n!Type:Cash'],
  [12_00, '=HYPERLINK("http://evil.example")', '+1+1'],
] as const;

function statement(currency: 'CNY' | 'JPY'): Statement {
  const lines = LINES.map(([minor, name, memo], at): StatementLine => {
    return {
      ...{ id: lineId(`01900000-0000-7000-8000-00000000000${at}`), at: instant(NOON + at * DAY), kind: 'payment' },
      ...{ minor, pending: false, category: { id: 'other', name: 'Other' } },
      ...(name === undefined ? {} : { peer: { name, region: 'CN-SX' } }),
      ...(memo === undefined ? {} : { memo }),
    };
  });
  const closing = lines.reduce((sum, { minor }) => sum + minor, 0);
  const [from, to] = [instant(NOON), instant(NOON + 30 * DAY)];
  const whose = { wallet: '01900000-0000-7000-8000-000000000001', owner: '小明', region: 'CN-SX' };
  return { ...whose, currency, from, to, madeAt: to, opening: 0, closing, lines, offsetAt: () => 480 };
}

/** Whole minor units of a decimal text. */
const minorOf = (text: string | number | undefined, digits: number) => Math.round(Number(text) * 10 ** digits);

describe.each([
  ['CNY', 2],
  ['JPY', 0],
] as const)('%s', (currency, digits) => {
  const one = statement(currency);
  const sums = one.lines.map(({ minor }) => minor);

  test('OFX: ids, sums, days, names and notes', async () => {
    const { transactions } = await actual.ofx2json(writeOfx(one, KINDS));
    expect(transactions.map(({ fitId }) => fitId)).toEqual(one.lines.map(({ id }) => id));
    expect(transactions.map(({ amount }) => minorOf(amount, digits))).toEqual(sums);
    expect(transactions.map(({ date }) => date)).toEqual(['02', '03', '04', '05', '06'].map((day) => `2026-11-${day}`));
    expect(transactions[1]).toMatchObject({ name: '晋味面馆' });
    expect(transactions[2]).toMatchObject({ name: 'Tea & "Coffee" <Ltd>' });
  });

  test('QIF: a record a line, its sum and its name', () => {
    const { transactions } = actual.qif2json(writeQif(one, KINDS));
    expect(transactions.map(({ amount }) => minorOf(amount, digits))).toEqual(sums);
    expect(transactions[1]).toMatchObject({ payee: '晋味面馆' });
  });

  test('camt.053: an entry a line, its sum and its day', async () => {
    const entries = await actual.xmlCAMT2json(writeCamt([one], '0190abcdef0123456789abcdef012345', KINDS));
    expect(entries.map(({ amount }) => minorOf(amount, digits))).toEqual(sums);
    expect(entries.map(({ date }) => date)).toEqual(['02', '03', '04', '05', '06'].map((day) => `2026-11-${day}`));
  });
});
