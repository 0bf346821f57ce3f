/**
 * Reads the bills people export from Alipay and WeChat, as those wallets write them: a preamble of their own, then a table,
 * in GB18030 or UTF-8. What is read is an opinion of the person, which no ledger knows.
 * Invariant: the same row of the same wallet always has the same id, so that bringing a file in twice adds nothing.
 */
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Instant } from '#shared/base/time.ts';
import { fromDecimal } from '#shared/money/money.ts';
import { parseCsv } from '#web/bill/csv-rows.ts';
import type { BroughtRow, Origin } from '#web/vault/rows.ts';
import { spansOf } from '#web/vault/tally.ts';

/** What a file held. */
export interface Export {
  readonly origin: Origin;
  readonly rows: readonly BroughtRow[];
  /** Lines of the table that made no sense. */
  readonly unread: number;
}

/** Why a file was not read. */
export interface NoExport {
  /** `kind`: not an export of either wallet; `empty`: one without a single bill. */
  readonly why: 'kind' | 'empty';
}

/** What the columns are called in the exports of each wallet, those of before included. */
const COLUMNS = {
  time: ['交易时间', '交易创建时间'],
  type: ['交易分类', '交易类型', '类型'],
  peer: ['交易对方'],
  account: ['对方账号'],
  memo: ['商品说明', '商品名称', '商品'],
  way: ['收/支'],
  amount: ['金额', '金额(元)', '金额（元）'],
  state: ['交易状态', '当前状态'],
  number: ['交易订单号', '交易单号', '交易号'],
  note: ['备注'],
} as const;
type Column = keyof typeof COLUMNS;
const NEEDED: readonly Column[] = ['time', 'way', 'amount', 'number'];

/** Reads one file. */
export function readExport(bytes: Uint8Array, now: Instant): Result<Export, NoExport> {
  const table = parseCsv(decode(bytes));
  const top = table.findIndex((cells) => NEEDED.every((column) => placeOf(cells, column) >= 0));
  const heads = table[top];
  if (heads === undefined) return refuse({ why: 'kind' });
  const origin: Origin = heads.some((head) => head.trim() === '交易单号') ? 'wechat' : 'alipay';
  const places = new Map((Object.keys(COLUMNS) as Column[]).map((column) => [column, placeOf(heads, column)]));
  const lines = table
    .slice(top + 1)
    .filter((cells) => cells.length >= heads.length - 1 && cells.length > NEEDED.length);
  const rows = lines.map((cells) => {
    const cell = (column: Column) => plain(cells[places.get(column) ?? -1]);
    return rowOf(origin, cell, now);
  });
  const read = rows.filter((row) => row !== undefined);
  if (read.length === 0) return refuse({ why: 'empty' });
  return ok({ origin, rows: read, unread: rows.length - read.length });
}

/** UTF-8 where the bytes are, else what every Chinese computer wrote before it. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('gb18030').decode(bytes);
  }
}

function placeOf(heads: readonly string[], column: Column): number {
  const names: readonly string[] = COLUMNS[column];
  return heads.findIndex((head) => names.includes(head.trim()));
}

/** A cell without the tabs that keep spreadsheets from rounding numbers; a slash stands for nothing. */
function plain(cell: string | undefined): string {
  const text = (cell ?? '').trim();
  return text === '/' ? '' : text;
}

function rowOf(origin: Origin, cell: (column: Column) => string, now: Instant): BroughtRow | undefined {
  const at = momentOf(cell('time'));
  const amount = fromDecimal(cell('amount').replaceAll(/[¥￥,\s]/g, ''), 'CNY')?.minor;
  if (at === undefined || amount === undefined) return undefined;
  const [peer, memo, note, type] = [cell('peer'), cell('memo'), cell('note'), cell('type')];
  const said = [memo, note]
    .filter((text) => text !== '')
    .join(' · ')
    .slice(0, 140);
  return {
    id: `${origin}:${numberOf(cell, at, amount)}`,
    sequence: 0,
    ...movement(cell),
    ...{ amount, currency: 'CNY', region: '', ...spansOf(at), times: { posted: at }, origin, broughtAt: now },
    ...(peer === '' ? {} : { peer: { id: `${origin}:${peer}`, name: peer } }),
    ...(said === '' ? {} : { memo: said }),
    ...(type === '' ? {} : { filed: type }),
  };
}

/** Both wallets write the time of China, wherever the person is. */
function momentOf(text: string): number | undefined {
  const [, year, month, day, time] =
    /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})\s+(\d{1,2}:\d{2}(?::\d{2})?)$/.exec(text) ?? [];
  if (year === undefined || month === undefined || day === undefined || time === undefined) return undefined;
  const [hours = '0', minutes = '0', seconds = '0'] = time.split(':');
  const iso = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}T${hours.padStart(2, '0')}:${minutes}:${seconds}+08:00`;
  const at = Date.parse(iso);
  return Number.isNaN(at) ? undefined : at;
}

/** A payment and its refund may share a number: what happened to it, and when, tells them apart. */
function numberOf(cell: (column: Column) => string, at: number, amount: number): string {
  const number = cell('number')
    .replaceAll(/[^\w-]/g, '')
    .slice(0, 64);
  const way = { 支出: 'o', 收入: 'i' }[cell('way')] ?? 'n';
  return [number || 'none', (at / 1000).toString(36), `${way}${amount}`].join(':');
}

const FAILED = /关闭|失败|撤销|取消|未付款|等待付款|已退还/;

function movement(cell: (column: Column) => string): Pick<BroughtRow, 'kind' | 'direction' | 'state'> {
  const [way, state, type, memo] = [cell('way'), cell('state'), cell('type'), cell('memo')];
  const words = `${type} ${memo}`;
  const moved = FAILED.test(state) ? 'declined' : 'settled';
  if (/退款/.test(words) && way !== '支出') return { kind: 'refund', direction: 'in', state: moved };
  if (way === '支出' || way === '收入') {
    return { kind: 'payment', direction: way === '支出' ? 'out' : 'in', state: moved };
  }
  if (/提现|转出到银行卡/.test(words)) return { kind: 'withdrawal', direction: 'neutral', state: moved };
  if (/充值/.test(words)) return { kind: 'top-up', direction: 'neutral', state: moved };
  return { kind: 'payment', direction: 'neutral', state: moved };
}
