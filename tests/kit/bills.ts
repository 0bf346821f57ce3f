/** Bills for tests: each a plain payment until said otherwise, and many of them as a person's years would leave them. */
import type { Bill } from '#shared/api/bill.ts';

/** One bill; `at` in milliseconds. */
export function makeBill(sequence: number, at: number, more: Partial<Bill> = {}): Bill {
  return {
    ...{ id: `bill-${sequence}`, sequence, kind: 'payment', direction: 'out', state: 'settled' },
    ...{ amount: 100 * sequence, currency: 'CNY', region: 'CN-SX', times: { signed: at } },
    ...more,
  } as Bill;
}

const PEERS = [
  ['晋味面馆', 'CN-SX'],
  ['平遥古城早点铺', 'CN-SX'],
  ['重庆火锅', 'CN-CQ'],
  ['乔家大院茶铺', 'CN-SX'],
  ['地铁', 'CN-BJ'],
  ['李青禾', 'CN-BJ'],
  ['王建国 ··8001', 'CN-SX'],
  ['Harbin Books & Coffee', 'CN-HL'],
  ['太原书城', 'CN-SX'],
  ['长安大戏院', 'CN-BJ'],
] as const;
const MEMOS = ['两碗刀削面', '龙井一壶', '周末房租', '', '早餐', 'two novels', '', '看戏', '', '加油'] as const;
const HOUR = 3_600_000;

/** `count` bills of a busy wallet, the newest at `now`, about a hundred a day; always the same ones for a `seed`. */
export function manyBills(count: number, now: number, seed = 1): Bill[] {
  let state = seed;
  const draw = (most: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % most;
  };
  return Array.from({ length: count }, (_, place) => {
    const at = now - (count - place) * Math.round(HOUR / 4) - draw(600_000);
    const [name, region] = PEERS[draw(PEERS.length)] ?? PEERS[0];
    const shop = draw(50);
    const memo = MEMOS[draw(MEMOS.length)];
    const kind = draw(40) === 0 ? 'top-up' : 'payment';
    const direction = kind === 'top-up' ? 'neutral' : draw(5) === 0 ? 'in' : 'out';
    return makeBill(place + 1, at, {
      id: crypto.randomUUID(),
      kind,
      direction,
      amount: 1 + draw(30_000),
      ...(kind === 'payment' ? { peer: { id: `peer-${name}-${shop}`, name: `${name}${shop || ''}`, region } } : {}),
      ...(memo ? { memo } : {}),
      times: { signed: at, handed: at + 4_000, uploaded: at + 9_000, reconciled: at + 9_050, posted: at + 9_050 },
    });
  });
}
