/** What the sandbox's providers do with an order or a charge, told by the last two digits of the amount, so that every failure can be had at will. */

import type { Flaw } from '#server/sandbox/store.ts';
import type { Service } from '#shared/api/bank.ts';

/**
 * One way things can go. `answer`: 'tell' reports the state at once, 'silence' never answers though the work is done,
 * 'early' sends the notice first and then reports PDNG. `deafAsks` leading asks do nothing at all, `busyAsks` answer 503.
 * `decided` is when the end is known and `notices` when news is sent, in paces after the order; undefined: by hand.
 */
export interface Story {
  readonly digits: number;
  readonly zh: string;
  readonly en: string;
  readonly answer: 'tell' | 'silence' | 'early';
  readonly end: 'ACSC' | 'RJCT';
  readonly reason?: string;
  readonly decided?: number;
  readonly notices: readonly { readonly paces: number; readonly flaw?: Flaw }[];
  readonly deafAsks?: number;
  readonly busyAsks?: number;
  /** The ask is taken, and then everything restarts: every line goes dead. */
  readonly restarts?: true;
  /** What was settled is sent back: in so many paces, unless the switch says on the bank's next day; and whether news of it is sent. */
  readonly returned?: { readonly paces: number; readonly reason: string; readonly told: boolean };
  /** The statement of the day tells another sum than was moved. */
  readonly misbooked?: boolean;
}

const at = (...paces: readonly number[]) => paces.map((count) => ({ paces: count }));

const PLAIN: Story = {
  digits: 0,
  zh: '先处理中,随后到账',
  en: 'pending, then settled',
  answer: 'tell',
  end: 'ACSC',
  decided: 1,
  notices: at(1),
};

/** Every story; an amount whose digits are not listed follows the first one. */
export const STORIES: readonly Story[] = [
  PLAIN,
  { ...PLAIN, digits: 1, zh: '立即到账', en: 'settled at once', decided: 0 },
  {
    ...PLAIN,
    digits: 4,
    zh: '立即拒绝:余额不足',
    en: 'declined at once: not enough money',
    end: 'RJCT',
    reason: 'AM04',
    decided: 0,
  },
  {
    ...PLAIN,
    digits: 5,
    zh: '稍后拒绝:账户已销户',
    en: 'declined later: account closed',
    end: 'RJCT',
    reason: 'AC04',
  },
  {
    ...PLAIN,
    digits: 6,
    zh: '稍后拒绝,通知丢失',
    en: 'declined later, notice lost',
    end: 'RJCT',
    reason: 'AC06',
    notices: [],
  },
  { ...PLAIN, digits: 11, zh: '已办妥,但不回复', en: 'done, but no answer', answer: 'silence', decided: 0 },
  {
    ...PLAIN,
    digits: 12,
    zh: '已办妥,不回复,通知丢失',
    en: 'done, no answer, notice lost',
    answer: 'silence',
    decided: 0,
    notices: [],
  },
  { ...PLAIN, digits: 13, zh: '首次请求石沉大海', en: 'first ask does nothing at all', deafAsks: 1 },
  {
    ...PLAIN,
    digits: 14,
    zh: '已拒绝,但不回复,通知丢失',
    en: 'declined, no answer, notice lost',
    answer: 'silence',
    end: 'RJCT',
    reason: 'AM04',
    decided: 0,
    notices: [],
  },
  { ...PLAIN, digits: 21, zh: '到账通知重复四次', en: 'notice four times', notices: at(1, 1, 2, 3) },
  { ...PLAIN, digits: 22, zh: '到账通知迟到', en: 'notice late', notices: at(30) },
  { ...PLAIN, digits: 23, zh: '到账通知丢失', en: 'notice lost', notices: [] },
  {
    ...PLAIN,
    digits: 24,
    zh: '通知先于回复',
    en: 'notice before the answer',
    answer: 'early',
    decided: 0,
    notices: [],
  },
  {
    ...PLAIN,
    digits: 25,
    zh: '先来伪造的通知',
    en: 'a forged notice first',
    notices: [{ paces: 1, flaw: 'forged' }, { paces: 2 }],
  },
  {
    ...PLAIN,
    digits: 26,
    zh: '旧通知后到',
    en: 'an old notice comes after the new one',
    notices: [{ paces: 1 }, { paces: 2, flaw: 'stale' }],
  },
  {
    ...PLAIN,
    digits: 27,
    zh: '先来金额不符的通知',
    en: 'a notice of another amount first',
    notices: [{ paces: 1, flaw: 'amount' }, { paces: 2 }],
  },
  {
    digits: 31,
    zh: '等测试人员处理',
    en: 'waits for the tester',
    answer: 'tell',
    end: 'ACSC',
    notices: [],
  },
  { ...PLAIN, digits: 41, zh: '头两次繁忙', en: 'busy twice', busyAsks: 2 },
  {
    ...PLAIN,
    digits: 42,
    zh: '受理后重启,连接全部中断',
    en: 'restarts once it is taken',
    answer: 'silence',
    restarts: true,
  },
];

/** The planted mistake: everybody agrees on the order, but the statement of the day says another sum. */
export const MISBOOKED: Story = {
  ...PLAIN,
  digits: 77,
  zh: '对账单金额多一元',
  en: 'the statement says one yuan more',
  misbooked: true,
};

/** What only a payout to a card can do: come back on the next day. */
export const RETURNS: readonly Story[] = [
  {
    ...PLAIN,
    digits: 51,
    zh: '出款成功,次日退回:账户已销户',
    en: 'paid out, returned the next day: account closed',
    notices: at(1),
    returned: { paces: 12, reason: 'AC04', told: true },
  },
  {
    ...PLAIN,
    digits: 52,
    zh: '出款成功,次日退回,通知丢失',
    en: 'paid out, returned the next day, its notice lost',
    notices: at(1),
    returned: { paces: 12, reason: 'AC04', told: false },
  },
];

/** The story of an order of `amount` minor units at `service`. */
export function storyOf(amount: number, service: Service = 'bank'): Story {
  const stories = service === 'payout' ? [...STORIES, ...RETURNS, MISBOOKED] : [...STORIES, MISBOOKED];
  return stories.find((story) => story.digits === amount % 100) ?? PLAIN;
}

/** One way a charge can go at the card network: field 39 of its answer, and whether the answers come. */
export interface CardStory {
  readonly digits: number;
  readonly zh: string;
  readonly en: string;
  readonly code: string;
  /** silent: no answer. late: one, {@link LATE_PACES} after. deaf: nothing was heard, nothing done. */
  readonly answer?: 'silent' | 'late' | 'deaf';
  /** Leading reversals that are done and not answered. */
  readonly deafReversals?: number;
}

/** Paces a late answer takes: longer than anybody waits. */
export const LATE_PACES = 120;

/** Every story of a charge; an amount whose digits are not listed is approved. */
export const CARD_STORIES: readonly CardStory[] = [
  { digits: 0, zh: '批准', en: 'approved', code: '00' },
  { digits: 5, zh: '不予承兑', en: 'do not honour', code: '05' },
  { digits: 14, zh: '卡号无效', en: 'no such card', code: '14' },
  { digits: 51, zh: '余额不足', en: 'not enough money', code: '51' },
  { digits: 54, zh: '卡已过期', en: 'card expired', code: '54' },
  { digits: 61, zh: '超出限额', en: 'over the limit', code: '61' },
  { digits: 62, zh: '卡受限制', en: 'restricted card', code: '62' },
  { digits: 91, zh: '发卡行无法联系', en: 'issuer cannot be reached', code: '91' },
  { digits: 96, zh: '系统故障', en: 'system fault', code: '96' },
  { digits: 11, zh: '已批准,但不回复', en: 'approved, but no answer', code: '00', answer: 'silent' },
  { digits: 12, zh: '已批准,回复迟到', en: 'approved, the answer late', code: '00', answer: 'late' },
  { digits: 13, zh: '请求石沉大海', en: 'does nothing at all', code: '00', answer: 'deaf' },
  {
    digits: 15,
    zh: '已批准,不回复,头两次冲正也不回复',
    en: 'approved, no answer, nor to the first two reversals',
    code: '00',
    answer: 'silent',
    deafReversals: 2,
  },
  { digits: 77, zh: '批准,对账单金额多一元', en: 'approved, the statement says one yuan more', code: '00' },
];

/** The story of a charge of `amount` minor units. */
export function cardStoryOf(amount: number): CardStory {
  return CARD_STORIES.find((story) => story.digits === amount % 100) ?? (CARD_STORIES[0] as CardStory);
}
