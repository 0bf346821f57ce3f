/**
 * A statement as comma-separated values (RFC 4180) that spreadsheets open by a tap: UTF-8 with its mark, lines ended by
 * CRLF, and no text that a spreadsheet would take for a formula.
 */
import {
  checkStatement,
  decimal,
  type LineKind,
  lineTitle,
  type Statement,
  wallTime,
} from '#shared/statement/statement.ts';

/** The words of the person's language: the heads of the columns, and what kinds and states are called. */
export interface CsvWords {
  readonly heads: readonly [
    date: string,
    time: string,
    zone: string,
    kind: string,
    peer: string,
    region: string,
    memo: string,
    amount: string,
    currency: string,
    state: string,
    category: string,
    id: string,
  ];
  readonly kinds: Readonly<Record<LineKind, string>>;
  readonly settled: string;
  readonly pending: string;
}

const MARK = '\uFEFF';

/** The lines of all `statements` in one table, currencies one after the other. */
export function writeCsv(statements: readonly Statement[], words: CsvWords): string {
  const rows = statements.map(checkStatement).flatMap((statement) =>
    statement.lines.map((line) => {
      const { date, time, zone } = wallTime(statement, line.at);
      return [
        date,
        time,
        quoted(zone),
        text(words.kinds[line.kind]),
        text(lineTitle(line, words.kinds)),
        text(line.peer?.region ?? statement.region),
        text(line.memo ?? ''),
        decimal(line.minor, statement.currency),
        statement.currency,
        text(line.pending ? words.pending : words.settled),
        text(line.category.name),
        line.id,
      ];
    }),
  );
  return `${MARK}${[words.heads.map(text), ...rows].map((row) => `${row.join(',')}\r\n`).join('')}`;
}

/** A cell that begins like a formula in any width of its sign; a spreadsheet would run it, and another person's words with it. */
const FORMULA = /^\s*[=+\-@＝＋－＠]/u;

function text(said: string): string {
  const plain = said.toWellFormed().replaceAll(/[\p{Cc}]+/gu, ' ');
  return quoted(FORMULA.test(plain) ? `'${plain}` : plain);
}

/** A zone begins with a sign and is no formula; the quotes alone keep it a text. */
function quoted(said: string): string {
  return `"${said.replaceAll('"', '""')}"`;
}
