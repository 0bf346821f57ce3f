/** What the sandbox bank does with an order, told by the last two digits of the amount, so that every failure can be had at will. */
import type { BankStatus } from '#shared/api/bank.ts';

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
  readonly end: Exclude<BankStatus, 'PDNG'>;
  readonly reason?: string;
  readonly decided?: number;
  readonly notices: readonly { readonly paces: number; readonly flaw?: 'forged' | 'stale' | 'amount' }[];
  readonly deafAsks?: number;
  readonly busyAsks?: number;
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
];

/** The story of an order of `amount` minor units. */
export function storyOf(amount: number): Story {
  return STORIES.find((story) => story.digits === amount % 100) ?? PLAIN;
}
