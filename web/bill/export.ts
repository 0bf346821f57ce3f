/** Statements as files: which formats there are, what each file is called, and how it leaves the phone. */
import { newId } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import { writeBeancount } from '#shared/statement/beancount.ts';
import { writeCamt } from '#shared/statement/camt.ts';
import { type CsvWords, writeCsv } from '#shared/statement/csv.ts';
import { writeOfx } from '#shared/statement/ofx.ts';
import { writeQif } from '#shared/statement/qif.ts';
import { type Statement, wallTime } from '#shared/statement/statement.ts';

/** The formats, those for people first. */
export const FORMATS = ['csv', 'ofx', 'qif', 'camt', 'beancount'] as const;
/** One of the formats. */
export type Format = (typeof FORMATS)[number];

/** Formats that know one currency a file. */
const OF_ONE: ReadonlySet<Format> = new Set(['ofx', 'qif']);
const ENDS: Readonly<Record<Format, readonly [end: string, type: string]>> = {
  csv: ['csv', 'text/csv'],
  ofx: ['ofx', 'application/x-ofx'],
  qif: ['qif', 'application/qif'],
  camt: ['xml', 'application/xml'],
  beancount: ['beancount', 'text/plain'],
};

/** One file that is ready to leave. */
export interface StatementFile {
  readonly name: string;
  readonly type: string;
  readonly text: string;
}

/** The files of `format`: one, or one a currency where the format knows no other way. Empty currencies make none. */
export function filesOf(
  format: Format,
  statements: readonly Statement[],
  words: CsvWords,
  now: Instant,
): StatementFile[] {
  const used = statements.filter(({ lines, opening, closing }) => lines.length > 0 || opening !== 0 || closing !== 0);
  const all = used.length > 0 ? used : statements.slice(0, 1);
  return OF_ONE.has(format)
    ? all.map((one) => file(format, [one], words, now, `-${one.currency}`))
    : [file(format, all, words, now, '')];
}

function file(
  format: Format,
  statements: readonly Statement[],
  words: CsvWords,
  now: Instant,
  mark: string,
): StatementFile {
  const [end, type] = ENDS[format];
  const [first] = statements;
  const days = first ? [first.from, first.to - 1].map((at) => wallTime(first, at).date) : [];
  return {
    name: `${['piaohao', ...days].join('-')}${mark}.${end}`,
    type,
    text: written(format, statements, words, now),
  };
}

function written(format: Format, statements: readonly Statement[], words: CsvWords, now: Instant): string {
  const [first] = statements;
  switch (format) {
    case 'csv':
      return writeCsv(statements, words);
    case 'ofx':
      return first ? writeOfx(first, words.kinds) : '';
    case 'qif':
      return first ? writeQif(first, words.kinds) : '';
    case 'camt':
      return writeCamt(statements, newId(now).replaceAll('-', ''), words.kinds);
    case 'beancount':
      return writeBeancount(statements, words.kinds);
  }
}

/** Lets a file leave: by the share sheet where the app is installed on an iPhone, which keeps no downloads of it; else as a download. */
export async function saveFile({ name, type, text }: StatementFile): Promise<void> {
  const made = new File([text], name, { type });
  const isHomeScreenApp = 'standalone' in navigator && navigator.standalone === true;
  if (isHomeScreenApp && navigator.canShare?.({ files: [made] })) {
    // The person may change their mind; then nothing left.
    await navigator.share({ files: [made] }).catch(() => undefined);
    return;
  }
  const address = URL.createObjectURL(made);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
