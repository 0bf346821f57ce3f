/** Statements as a Beancount ledger that proves itself: it opens with what was there and ends by asserting what is there now. */
import {
  checkStatement,
  decimal,
  type LineKind,
  lineTitle,
  oneLine,
  type Statement,
  type StatementLine,
  wallTime,
} from '#shared/statement/statement.ts';

const WALLET = 'Assets:Piaohao';
const OPENING = 'Equity:Opening-Balances';
/** Where money goes to and comes from when it only moves between a person's own places. */
const MOVING = 'Equity:Own-Transfers';
const LENGTH = 200;
const DAY_MS = 86_400_000;

/** All `statements` as one ledger. */
export function writeBeancount(statements: readonly Statement[], words: Readonly<Record<LineKind, string>>): string {
  const all = statements.map(checkStatement);
  const currencies = all.map(({ currency }) => currency);
  const first = all.map((one) => wallTime(one, one.from).date).sort()[0] ?? '1970-01-01';
  const accounts = new Set(all.flatMap(({ lines }) => lines.map(counterAccount)));
  return [
    'option "title" "Piaohao"',
    ...currencies.map((currency) => `option "operating_currency" "${currency}"`),
    '',
    `${first} open ${WALLET} ${currencies.join(',')}`,
    ...[OPENING, ...accounts].toSorted().map((account) => `${first} open ${account}`),
    '',
    ...all.flatMap((statement) => [
      ...opened(statement),
      ...statement.lines.flatMap((line) => transaction(statement, line, words)),
      // Without its own bound Beancount would let two of the smallest units pass.
      `${closingDay(statement)} balance ${WALLET} ${decimal(statement.closing, statement.currency)} ~ 0.001 ${statement.currency}`,
      '',
    ]),
  ].join('\n');
}

function opened(statement: Statement): string[] {
  const { opening, currency, from } = statement;
  if (opening === 0) return [];
  return [
    `${wallTime(statement, from).date} * "Opening balance"`,
    `  ${WALLET}  ${decimal(opening, currency)} ${currency}`,
    `  ${OPENING}`,
    '',
  ];
}

function transaction(statement: Statement, line: StatementLine, words: Readonly<Record<LineKind, string>>): string[] {
  const { date, time, zone } = wallTime(statement, line.at);
  return [
    `${date} ${line.pending ? '!' : '*'} ${quoted(lineTitle(line, words))} ${quoted(line.memo ?? '')}`,
    `  id: "${line.id}"`,
    `  time: "${time}${zone}"`,
    `  category: ${quoted(line.category.name)}`,
    `  ${WALLET}  ${decimal(line.minor, statement.currency)} ${statement.currency}`,
    `  ${counterAccount(line)}`,
    '',
  ];
}

function counterAccount({ kind, minor, category }: StatementLine): string {
  if (kind === 'top-up' || kind === 'withdrawal') return MOVING;
  // A refund takes back: it stands where the payment stood, with the other sign.
  const isSpending = kind === 'refund' ? minor > 0 : minor < 0;
  return `${isSpending ? 'Expenses' : 'Income'}:${accountPart(category.id)}`;
}

/** A category's id as a part of an account: it begins with a capital or a digit. */
function accountPart(id: string): string {
  const plain = id.replaceAll(/[^A-Za-z0-9-]/g, '-');
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** A balance is asserted for the beginning of a day: the first one that begins after the statement. */
function closingDay(statement: Statement): string {
  const { date, time } = wallTime(statement, statement.to);
  return time === '00:00:00' ? date : wallTime(statement, statement.to + DAY_MS).date;
}

function quoted(text: string): string {
  return `"${oneLine(text, LENGTH).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
