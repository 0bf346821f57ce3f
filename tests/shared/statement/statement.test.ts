/**
 * Statements in the formats of others, read by the programs of others: OFX by libofx, camt.053 by xmllint with what we
 * use of the standard's schema, Beancount by bean-check, CSV by hledger. What they read is what was written, to the fen, and under the same ids.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { instant } from '#shared/base/time.ts';
import { writeBeancount } from '#shared/statement/beancount.ts';
import { writeCamt } from '#shared/statement/camt.ts';
import { type CsvWords, writeCsv } from '#shared/statement/csv.ts';
import { accountName, writeOfx } from '#shared/statement/ofx.ts';
import { writeQif } from '#shared/statement/qif.ts';
import { decimal, isoTime, lineId, type Statement, type StatementLine } from '#shared/statement/statement.ts';

// The programs of others take their time to start on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const KINDS = {
  payment: 'Payment',
  'top-up': 'Top-up',
  withdrawal: 'Withdrawal',
  fee: 'Fee',
  refund: 'Refund',
  debt: 'Debt',
};
const WORDS: CsvWords = {
  heads: ['Date', 'Time', 'Zone', 'Kind', 'Name', 'Region', 'Note', 'Amount', 'Currency', 'State', 'Category', 'Id'],
  kinds: KINDS,
  settled: 'settled',
  pending: 'arriving',
};
const MIDNIGHT = instant(Date.UTC(2026, 9, 31, 16));
const NUMBER = '0190abcdef0123456789abcdef012345';
/** Names and notes that are not what they look like to some program. */
const SAID = [
  ['晋味面馆', '两碗刀削面'],
  ['=HYPERLINK("http://evil.example","click")', '+1+1'],
  ['＝cmd|calc', '@SUM(A1)'],
  ['-2+3', '\t=1'],
  ['Tea & "Coffee" <Ltd>', 'two; three, four\\'],
  ["O'Neill's ]]>", '^\n!Type:Cash'],
  ['a name that is longer than the thirty-two characters an OFX name may have 一二三四五', '备'.repeat(300)],
  ['\uD800 lone', '\u0000\u0007 bell'],
  ['', ''],
] as const;

function line(place: number, minor: number, more: Partial<StatementLine> = {}): StatementLine {
  const [name, memo] = SAID[place % SAID.length] ?? ['', ''];
  return {
    id: lineId(`01900000-0000-7000-8000-${String(place).padStart(12, '0')}`),
    at: instant(MIDNIGHT + place * 7_654_321),
    kind: 'payment',
    minor,
    pending: false,
    ...(name ? { peer: { name, region: 'CN-BJ' } } : {}),
    ...(memo ? { memo } : {}),
    category:
      place % 2 ? { id: 'food', name: '餐饮' } : { id: '01900000-0000-7000-8000-00000000000a', name: 'My "own"' },
    ...more,
  };
}

function statement(change: Partial<Statement> = {}): Statement {
  const lines = [
    line(0, 100_000_00, { kind: 'top-up' }),
    ...Array.from({ length: 18 }, (_, place) => line(place + 1, place % 3 === 0 ? 1_01 + place : -(2_50 + place))),
    line(19, 3_20, { kind: 'refund' }),
    line(20, -500_00, { kind: 'withdrawal' }),
    line(21, 88_00, { pending: true }),
  ];
  const opening = 12_34;
  return {
    ...{ wallet: '01900000-0000-7000-8000-123456789abc', owner: '乔雨桐', region: 'CN-SX', currency: 'CNY' },
    ...{ from: MIDNIGHT, to: instant(MIDNIGHT + 30 * 86_400_000), madeAt: instant(MIDNIGHT + 31 * 86_400_000) },
    ...{ opening, closing: opening + lines.reduce((sum, one) => sum + one.minor, 0), lines },
    offsetAt: () => 480,
    ...change,
  };
}

const YEN: Statement = statement({ currency: 'JPY', opening: 0, closing: -1_200, lines: [line(3, -1_200)] });
const EMPTY: Statement = statement({ opening: 5, closing: 5, lines: [] });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'piaohao-statement-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Runs a program of others to its end; it must like what it reads. */
function run(program: string, ...args: string[]): string {
  const done = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' },
  });
  if (done.error) throw done.error;
  expect(`${program} ${done.status} ${done.status === 0 ? '' : done.stderr + done.stdout}`.trim()).toBe(`${program} 0`);
  return done.stdout;
}

function statusOf(program: string, path: string): number | null {
  return spawnSync(program, [path]).status;
}

describe('ids', () => {
  test.each([
    ['01900000-0000-7000-8000-00000000000A', '0190000000007000800000000000000a'],
    [Buffer.from(Array.from({ length: 32 }, (_, at) => at)).toString('base64url'), '000102030405060708090a0b0c0d0e0f'],
  ])('of %s is %s', (bill, id) => {
    expect(lineId(bill)).toBe(id);
  });

  test('are the same in every format, once each', () => {
    const one = statement();
    const texts = [
      writeCsv([one], WORDS),
      writeOfx(one, KINDS),
      writeQif(one, KINDS),
      writeCamt([one], NUMBER, KINDS),
      writeBeancount([one], KINDS),
    ];
    const found = texts.map((text) => [...new Set(text.match(/0190000000007000800[0-9a-f]{13}/g))].sort());
    for (const ids of found) expect(ids).toEqual(one.lines.map(({ id }) => id).sort());
  });

  test('a statement that does not come to its end is not written', () => {
    expect(() => writeOfx(statement({ closing: 1 }), KINDS)).toThrow();
  });
});

describe('days and hours', () => {
  test.each([
    [480, '2026-11-01T00:00:00+08:00'],
    [0, '2026-10-31T16:00:00+00:00'],
    [-210, '2026-10-31T12:30:00-03:30'],
    [345, '2026-10-31T21:45:00+05:45'],
  ])('%i minutes ahead it is %s', (offset, text) => {
    expect(isoTime({ offsetAt: () => offset }, MIDNIGHT)).toBe(text);
  });
});

describe('CSV', () => {
  const rows = (text: string) => text.replace('\uFEFF', '').split('\r\n').slice(1, -1);

  test('opens in a spreadsheet: marked as UTF-8, lines by CRLF, no formula in any width', () => {
    const text = writeCsv([statement(), YEN], WORDS);
    expect(text.startsWith('\uFEFF"Date"')).toBe(true);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(rows(text).length).toBe(statement().lines.length + 1);
    // Every cell that is a text: what follows its opening quote is no sign of a formula.
    for (const row of rows(text)) {
      for (const [, said = ''] of row.matchAll(/"((?:[^"]|"")*)"/g)) {
        if (!/^[+-]\d\d:\d\d$/.test(said)) expect(said).not.toMatch(/^\s*[=+\-@＝＋－＠]/u);
      }
    }
  });

  test('is read by hledger, to the fen', () => {
    const csv = file('bills.csv', writeCsv([statement()], WORDS));
    const rules = file(
      'bills.rules',
      [
        'skip 1',
        'fields date, time, zone, kind, description, region, comment, amount, currency, state, category, code',
        'currency %currency ',
        'account1 assets:piaohao',
        'account2 %category',
      ].join('\n'),
    );
    const balance = run('hledger', '-f', csv, '--rules-file', rules, 'balance', 'assets:piaohao', '--no-total');
    const { closing, opening } = statement();
    expect(balance.replaceAll(/[\s,]/g, '')).toBe(`CNY${decimal(closing - opening, 'CNY')}assets:piaohao`);
    expect(run('hledger', '-f', csv, '--rules-file', rules, 'print').match(/\([0-9a-f]{32}\)/g)?.length).toBe(22);
  });
});

describe('OFX', () => {
  test('is read by libofx: every line with its id, sum, name and note', () => {
    const one = statement();
    const said = run('ofxdump', file('bills.ofx', writeOfx(one, KINDS)));
    const ids = [...said.matchAll(/Financial institution's ID for this transaction: ([0-9a-f]{32})/g)].map(
      ([, id]) => id,
    );
    expect(ids).toEqual(one.lines.map(({ id }) => id));
    const sums = [...said.matchAll(/Total money amount: (-?[\d.]+)/g)].map(([, sum]) => Math.round(Number(sum) * 100));
    expect(sums).toEqual(one.lines.map(({ minor }) => minor));
    expect(said).toContain('晋味面馆');
    expect(said).toContain('Tea & "Coffee" <Ltd>');
    expect(said).toContain('Currency: CNY');
    expect(said).toContain(accountName(one));
  });

  test.each([
    ['yen', YEN],
    ['nothing', EMPTY],
  ])('of %s is one file that stands by itself', (_name, one) => {
    const said = run('ofxdump', file('one.ofx', writeOfx(one, KINDS)));
    expect(said).toContain(`Currency: ${one.currency}`);
    expect(said.match(/Total money amount:/g)?.length ?? 0).toBe(one.lines.length);
  });
});

describe('QIF', () => {
  test('has a record a line, and nothing said in it ends one', () => {
    const one = statement();
    const text = writeQif(one, KINDS);
    const [head, ...records] = text.split(/\^?\n(?=D)/);
    expect(head).toBe('!Type:Bank');
    expect(text.match(/^\^$/gm)?.length).toBe(one.lines.length);
    expect(text.match(/^!/gm)?.length).toBe(1);
    expect(records.map((record) => Math.round(Number(/^T(.*)$/m.exec(record)?.[1]) * 100))).toEqual(
      one.lines.map(({ minor }) => minor),
    );
  });
});

describe('camt.053', () => {
  const schema = join(import.meta.dirname, '../../kit/camt.053.xsd');

  test.each([
    ['one currency', [statement()]],
    ['two currencies', [statement(), YEN]],
    ['nothing', [EMPTY]],
    ['a debt', [statement({ opening: -5_00, closing: -5_00, lines: [] })]],
  ])('of %s is what the standard says', (_name, statements) => {
    run('xmllint', '--noout', '--schema', schema, file('bills.xml', writeCamt(statements, NUMBER, KINDS)));
  });

  test('comes to its closing balance, read by what the standard calls things', () => {
    const path = file('sum.xml', writeCamt([statement()], NUMBER, KINDS));
    const sum = (sign: string) => {
      const amounts = `//*[local-name()="Ntry"][*[local-name()="CdtDbtInd"]="${sign}"]/*[local-name()="Amt"]/text()`;
      return run('xmllint', '--xpath', amounts, path)
        .trim()
        .split(/\s+/)
        .reduce((total, one) => total + Math.round(Number(one) * 100), 0);
    };
    const { opening, closing } = statement();
    expect(sum('CRDT') - sum('DBIT')).toBe(closing - opening);
  });
});

describe('Beancount', () => {
  test.each([
    ['one currency', [statement()]],
    ['two currencies', [statement(), YEN]],
    ['nothing', [EMPTY]],
    ['half a day', [statement({ to: instant(MIDNIGHT + 20 * 86_400_000 + 3_600_000) })]],
  ])('of %s proves itself to bean-check', (_name, statements) => {
    run('bean-check', file('bills.beancount', writeBeancount(statements, KINDS)));
  });

  test('a sum that was changed is found by its own balance', () => {
    const path = file(
      'wrong.beancount',
      writeBeancount([statement()], KINDS).replace(' 100000.00 CNY', ' 100000.01 CNY'),
    );
    expect(statusOf('bean-check', path)).toBe(1);
  });
});
