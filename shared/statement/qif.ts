/** A statement in the Quicken Interchange Format, one currency a file, for programs that read nothing newer. */
import {
  checkStatement,
  decimal,
  type LineKind,
  lineTitle,
  oneLine,
  type Statement,
  wallTime,
} from '#shared/statement/statement.ts';

const LENGTH = 200;

/** The whole statement as one file. Days stand year first, which no reader takes for another day; N is the id of the line. */
export function writeQif(statement: Statement, words: Readonly<Record<LineKind, string>>): string {
  const { lines, currency } = checkStatement(statement);
  const records = lines.map((line) =>
    [
      `D${wallTime(statement, line.at).date}`,
      `T${decimal(line.minor, currency)}`,
      `N${line.id}`,
      `C${line.pending ? '' : '*'}`,
      `P${field(lineTitle(line, words))}`,
      ...(line.memo ? [`M${field(line.memo)}`] : []),
      // A colon would make a part of a category of it, a slash a class, brackets another account.
      `L${field(line.category.name.replaceAll(/[:/[\]]/g, ' '))}`,
      '^',
    ].join('\n'),
  );
  return ['!Type:Bank', ...records, ''].join('\n');
}

/** A line of its own ends a record when it begins with a caret; a field never does, for its letter stands before it. */
function field(text: string): string {
  return oneLine(text, LENGTH);
}
