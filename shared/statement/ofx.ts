/** A statement in Open Financial Exchange 2.1.1, one currency a file: the same line has the same FITID in each. */
import {
  checkStatement,
  decimal,
  type LineKind,
  lineTitle,
  type Statement,
  type StatementLine,
  wallTime,
  xmlText,
} from '#shared/statement/statement.ts';

const HEAD = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<?OFX OFXHEADER="200" VERSION="211" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>
`;
/** Characters the standard gives to a name and to a memo. */
const NAME = 32;
const MEMO = 255;

/** The whole statement as one file. */
export function writeOfx(statement: Statement, words: Readonly<Record<LineKind, string>>): string {
  const { currency, lines, madeAt, from, to, closing } = checkStatement(statement);
  const made = moment(statement, madeAt);
  return `${HEAD}<OFX>
<SIGNONMSGSRSV1><SONRS><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS><DTSERVER>${made}</DTSERVER><LANGUAGE>ENG</LANGUAGE></SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>0</TRNUID><STATUS><CODE>0</CODE><SEVERITY>INFO</SEVERITY></STATUS><STMTRS>
<CURDEF>${currency}</CURDEF>
<BANKACCTFROM><BANKID>${xmlText(statement.region, 9)}</BANKID><ACCTID>${accountName(statement)}</ACCTID><ACCTTYPE>CHECKING</ACCTTYPE></BANKACCTFROM>
<BANKTRANLIST><DTSTART>${moment(statement, from)}</DTSTART><DTEND>${moment(statement, to)}</DTEND>
${lines.map((line) => transaction(statement, line, words)).join('')}</BANKTRANLIST>
<LEDGERBAL><BALAMT>${decimal(closing, currency)}</BALAMT><DTASOF>${moment(statement, to)}</DTASOF></LEDGERBAL>
</STMTRS></STMTTRNRS></BANKMSGSRSV1>
</OFX>
`;
}

/** The account in the 22 characters the standard has: the end of the wallet's id, which is random, and the currency. */
export function accountName({ wallet, currency }: Pick<Statement, 'wallet' | 'currency'>): string {
  return `${wallet.replaceAll('-', '').slice(-18)}-${currency}`;
}

function transaction(statement: Statement, line: StatementLine, words: Readonly<Record<LineKind, string>>): string {
  const memo = line.memo ? `<MEMO>${xmlText(line.memo, MEMO)}</MEMO>` : '';
  return `<STMTTRN><TRNTYPE>${typeOf(line)}</TRNTYPE><DTPOSTED>${moment(statement, line.at)}</DTPOSTED><TRNAMT>${decimal(
    line.minor,
    statement.currency,
  )}</TRNAMT><FITID>${line.id}</FITID><NAME>${xmlText(lineTitle(line, words), NAME)}</NAME>${memo}</STMTTRN>
`;
}

function typeOf({ kind, minor }: StatementLine): string {
  if (kind === 'top-up' || kind === 'withdrawal') return 'XFER';
  if (kind === 'payment' && minor < 0) return 'PAYMENT';
  return minor < 0 ? 'DEBIT' : 'CREDIT';
}

/** `20261124101530[+8:CST]` without the name of the zone; half hours as a fraction, as the standard has it. */
function moment(statement: Statement, at: number): string {
  const { date, time } = wallTime(statement, at);
  const hours = statement.offsetAt(at) / 60;
  return `${date.replaceAll('-', '')}${time.replaceAll(':', '')}[${hours < 0 ? '' : '+'}${hours}]`;
}
