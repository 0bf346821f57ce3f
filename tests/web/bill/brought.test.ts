/** Exports of Alipay and WeChat, as those wallets write them and as people's computers have saved them. */
import { describe, expect, test } from 'vitest';
import { instant } from '#shared/base/time.ts';
import { readExport } from '#web/bill/brought.ts';
import { parseCsv } from '#web/bill/csv-rows.ts';

const NOW = instant(Date.UTC(2026, 10, 24));

const ALIPAY = `------------------------------------------------------------------------------------
导出信息：
姓名：乔雨桐
支付宝账户：138******01
起始时间：[2025-01-01 00:00:00]    终止时间：[2025-12-31 23:59:59]
导出交易类型：[全部]
共6笔记录
收入：1笔 200.00元
支出：2笔 112.40元
不计收支：3笔 512.00元

特别提示：
1.本回单内容可表明支付宝受理了相应的交易申请，具体以实际到账为准;
------------------------支付宝（中国）网络技术有限公司  电子客户回单------------------------
交易时间,交易分类,交易对方,对方账号,商品说明,收/支,金额,收/付款方式,交易状态,交易订单号,商家订单号,备注,
2025-06-01 08:15:02,餐饮美食,晋味面馆,jin***@qq.com,"刀削面,大碗",支出,12.40,余额宝,交易成功,2025060122001400000000000001	,M1	,,
2025-06-02 09:00:00,日用百货,便利店,,"""特价""水",支出,100.00,花呗,交易成功,2025060222001400000000000002	,,送礼,
2025-06-03 10:00:00,转账红包,李青禾,,房租,收入,200.00,,交易成功,2025060322001400000000000003	,,,
2025-06-04 10:00:00,退款,便利店,,退款-特价水,不计收支,100.00,花呗,退款成功,2025060222001400000000000002	,,,
2025-06-05 10:00:00,投资理财,余额宝,,提现到银行卡,不计收支,400.00,余额宝,交易成功,2025060522001400000000000005	,,,
2025-06-06 10:00:00,日用百货,便利店,,没付的,支出,12.00,,交易关闭,2025060622001400000000000006	,,,
`;

const OLD_ALIPAY = `支付宝交易记录明细查询
账号:[13800000001]
起始日期:[2019-01-01 00:00:00]    终止日期:[2019-12-31 00:00:00]
---------------------------------交易记录明细列表------------------------------------
交易号                  ,商家订单号               ,交易创建时间              ,付款时间                ,最近修改时间              ,交易来源地     ,类型              ,交易对方            ,商品名称                ,金额（元）   ,收/支     ,交易状态    ,服务费（元）   ,成功退款（元）  ,备注                  ,资金状态     ,
2019010122001400000001 ,T1 ,2019-01-01 20:00:00 ,2019-01-01 20:00:01 ,2019-01-01 20:00:01 ,其他（包括阿里巴巴和外部商家） ,即时到账交易 ,太原书城 ,三国演义 ,36.80 ,支出 ,交易成功 ,0.00 ,0.00 , ,已支出 ,
------------------------------------------------------------------------------------
共1笔记录
`;

const WECHAT = `\uFEFF微信支付账单明细,,,,,,,,
微信昵称：[雨桐],,,,,,,,
起始时间：[2025-06-01 00:00:00] 终止时间：[2025-06-30 23:59:59],,,,,,,,
导出类型：[全部],,,,,,,,
,,,,,,,,
共4笔记录,,,,,,,,
----------------------微信支付账单明细列表--------------------,,,,,,,,
交易时间,交易类型,交易对方,商品,收/支,金额(元),支付方式,当前状态,交易单号,商户单号,备注
2025-06-01 12:00:01,商户消费,美团,"美团订单-""外卖""",支出,¥35.50,零钱,支付成功,"4200000000000000000000000001	","1001	","/"
2025-06-02 12:00:00,微信红包,王建国,/,收入,¥1,200.00,/,已存入零钱,"1000000000000000000000000002	","/","/"
2025-06-03 12:00:00,零钱提现,工商银行,/,/,¥500.00,工商银行,提现已到账,"1000000000000000000000000003	","/","服务费¥0.50"
2025-06-04 12:00:00,美团-退款,美团,"外卖",收入,¥35.50,零钱,已全额退款,"5000000000000000000000000004	","1001	","/"
`.replace('¥1,200.00', '"¥1,200.00"');

/** GB18030 of a text, made of what this browser decodes: there is no encoder in the platform. */
function gb18030(text: string): Uint8Array {
  const decoder = new TextDecoder('gb18030');
  const bytes = new Map<string, readonly number[]>();
  for (let high = 0x81; high <= 0xfe; high += 1) {
    for (let low = 0x40; low <= 0xfe; low += 1) {
      if (low === 0x7f) continue;
      const character = decoder.decode(new Uint8Array([high, low]));
      if (!bytes.has(character)) bytes.set(character, [high, low]);
    }
  }
  return new Uint8Array([...text].flatMap((one) => (one < '\x80' ? [one.charCodeAt(0)] : (bytes.get(one) ?? [0x3f]))));
}

function read(bytes: Uint8Array | string) {
  const result = readExport(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes, NOW);
  if (!result.ok) throw new Error(result.error.why);
  return result.value;
}

/** Kind, way, state, sum, who and what. */
const told = (bytes: Uint8Array | string) =>
  read(bytes).rows.map((row) =>
    [row.kind, row.direction, row.state, row.amount, row.peer?.name ?? '-', row.memo ?? '-'].join(' '),
  );

describe('Alipay', () => {
  const expected = [
    'payment out settled 1240 晋味面馆 刀削面,大碗',
    'payment out settled 10000 便利店 "特价"水 · 送礼',
    'payment in settled 20000 李青禾 房租',
    'refund in settled 10000 便利店 退款-特价水',
    'withdrawal neutral settled 40000 余额宝 提现到银行卡',
    'payment out declined 1200 便利店 没付的',
  ];
  test.each([
    ['UTF-8', ALIPAY],
    ['GB18030', gb18030(ALIPAY)],
    ['lines of Windows', ALIPAY.replaceAll('\n', '\r\n')],
  ])('as %s', (_name, bytes) => {
    expect(told(bytes)).toEqual(expected);
    expect(read(bytes)).toMatchObject({ origin: 'alipay', unread: 0 });
  });

  test('as it was exported years ago', () => {
    expect(told(gb18030(OLD_ALIPAY))).toEqual(['payment out settled 3680 太原书城 三国演义']);
    expect(read(OLD_ALIPAY).rows[0]?.at).toBe(Date.UTC(2019, 0, 1, 12));
  });

  test('a payment and its refund under one number are two, and each is the same again', () => {
    const ids = read(ALIPAY).rows.map(({ id }) => id);
    expect(new Set(ids).size).toBe(6);
    expect(read(gb18030(ALIPAY)).rows.map(({ id }) => id)).toEqual(ids);
    for (const id of ids) expect(id).toMatch(/^[\w.:-]{1,100}$/);
  });
});

test('WeChat', () => {
  expect(told(WECHAT)).toEqual([
    'payment out settled 3550 美团 美团订单-"外卖"',
    'payment in settled 120000 王建国 -',
    'withdrawal neutral settled 50000 工商银行 服务费¥0.50',
    'refund in settled 3550 美团 外卖',
  ]);
  expect(read(WECHAT)).toMatchObject({ origin: 'wechat', unread: 0 });
  expect(read(WECHAT).rows[0]).toMatchObject({ at: Date.UTC(2025, 5, 1, 4, 0, 1), filed: '商户消费' });
});

test.each([
  ['a photograph', new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 1, 2, 3]), 'kind'],
  ['nothing', new Uint8Array(), 'kind'],
  ['another table', new TextEncoder().encode('a,b\n1,2\n'), 'kind'],
  ['an export without bills', new TextEncoder().encode(WECHAT.split('\n').slice(0, 8).join('\n')), 'empty'],
])('%s is refused', (_name, bytes, why) => {
  const result = readExport(bytes, NOW);
  expect(result.ok ? 'read' : result.error.why).toBe(why);
});

test('a line that makes no sense is counted, and keeps no other from being read', () => {
  const { rows, unread } = read(WECHAT.replace('¥35.50,零钱,支付成功', 'much,零钱,支付成功'));
  expect([rows.length, unread]).toEqual([3, 1]);
});

test.each([
  [
    'a,b\nc,d',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  ['"a,1","b ""q"""\r\n', [['a,1', 'b "q"'], ['']]],
  ['"two\nlines",x', [['two\nlines', 'x']]],
  ['a,,\n', [['a', '', ''], ['']]],
])('the cells of %j', (text, cells) => {
  expect(parseCsv(text)).toEqual(cells);
});
