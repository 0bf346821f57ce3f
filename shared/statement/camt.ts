/** Statements in ISO 20022 camt.053.001.08 (bank to customer statement), one `Stmt` a currency in one document. */
import { accountName } from '#shared/statement/ofx.ts';
import {
  checkStatement,
  decimal,
  isoTime,
  type LineKind,
  lineTitle,
  oneLine,
  type Statement,
  type StatementLine,
  wallTime,
  xmlText,
} from '#shared/statement/statement.ts';

const NAMESPACE = 'urn:iso:std:iso:20022:tech:xsd:camt.053.001.08';
/** Characters of a name and of what was said with a payment. */
const TEXT = 140;

type Words = Readonly<Record<LineKind, string>>;

/** All `statements` as one document; `number` names the message (32 hexadecimal digits), `words` say what a line without a name is. */
export function writeCamt(statements: readonly Statement[], number: string, words: Words): string {
  const [first] = statements;
  const made = first ? isoTime(first, first.madeAt) : '';
  return `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="${NAMESPACE}"><BkToCstmrStmt>
<GrpHdr><MsgId>${number}</MsgId><CreDtTm>${made}</CreDtTm></GrpHdr>
${statements.map((statement) => stmt(checkStatement(statement), number, words)).join('')}</BkToCstmrStmt></Document>
`;
}

function stmt(statement: Statement, number: string, words: Words): string {
  const { currency, from, to, madeAt, opening, closing, lines } = statement;
  const time = (at: number) => isoTime(statement, at);
  return `<Stmt><Id>${number.slice(0, 28)}-${currency}</Id><CreDtTm>${time(madeAt)}</CreDtTm>
<FrToDt><FrDtTm>${time(from)}</FrDtTm><ToDtTm>${time(to)}</ToDtTm></FrToDt>
<Acct><Id><Othr><Id>${accountName(statement)}</Id></Othr></Id><Ccy>${currency}</Ccy><Ownr><Nm>${name(statement.owner)}</Nm></Ownr><Svcr><FinInstnId><Nm>Piaohao</Nm><Othr><Id>${xmlText(statement.region, 35)}</Id></Othr></FinInstnId></Svcr></Acct>
${balance(statement, 'OPBD', opening, from)}${balance(statement, 'CLBD', closing, to - 1)}${lines.map((line) => entry(statement, line, words)).join('')}</Stmt>
`;
}

function balance(statement: Statement, code: 'OPBD' | 'CLBD', minor: number, at: number): string {
  return `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp>${amount(statement, minor)}<Dt><Dt>${wallTime(statement, at).date}</Dt></Dt></Bal>
`;
}

function entry(statement: Statement, line: StatementLine, words: Words): string {
  const peer = line.peer ? parties(statement, line, line.peer.name) : '';
  const said = line.memo ? `<RmtInf><Ustrd>${xmlText(line.memo, TEXT)}</Ustrd></RmtInf>` : '';
  return `<Ntry><NtryRef>${line.id}</NtryRef>${amount(statement, line.minor)}<Sts><Cd>${line.pending ? 'PDNG' : 'BOOK'}</Cd></Sts><BookgDt><DtTm>${isoTime(statement, line.at)}</DtTm></BookgDt><AcctSvcrRef>${line.id}</AcctSvcrRef><BkTxCd><Prtry><Cd>${line.kind}</Cd><Issr>Piaohao</Issr></Prtry></BkTxCd><NtryDtls><TxDtls><Refs><EndToEndId>${line.id}</EndToEndId></Refs>${amount(statement, line.minor)}${peer}${said}</TxDtls></NtryDtls><AddtlNtryInf>${xmlText(lineTitle(line, words), TEXT)}</AddtlNtryInf></Ntry>
`;
}

function amount({ currency }: Statement, minor: number): string {
  return `<Amt Ccy="${currency}">${decimal(Math.abs(minor), currency)}</Amt><CdtDbtInd>${minor < 0 ? 'DBIT' : 'CRDT'}</CdtDbtInd>`;
}

function parties({ owner }: Statement, { minor }: StatementLine, peer: string): string {
  const [payer, payee] = minor < 0 ? [owner, peer] : [peer, owner];
  return `<RltdPties><Dbtr><Pty><Nm>${name(payer)}</Nm></Pty></Dbtr><Cdtr><Pty><Nm>${name(payee)}</Nm></Pty></Cdtr></RltdPties>`;
}

/** A name may not be empty. */
function name(text: string): string {
  return xmlText(oneLine(text, TEXT) || '-', TEXT);
}
