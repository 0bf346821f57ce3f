/**
 * What a wallet may be called by whoever looks for it. A nickname is found by its exact spelling only, and no two may
 * look alike: each has a shape, in which letters and figures the eye takes for one another are the same.
 */

/** Latin letters, figures and single underscores beginning with a letter; nothing from another script can stand among them. */
const LATIN = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;

/** Chinese characters with figures behind them. The compatibility forms, which look like others, are not among them. */
const CHINESE = /^[\u4e00-\u9fff]+\d*$/;

/** What the eye takes for what; pairs first, for `rn` is an m before r and n are themselves. */
const ALIKE: readonly (readonly [from: RegExp, to: string])[] = [
  [/rn/g, 'm'],
  [/vv/g, 'w'],
  [/cl/g, 'd'],
  [/[1i]/g, 'l'],
  [/0/g, 'o'],
  [/5/g, 's'],
  [/2/g, 'z'],
  [/8/g, 'b'],
  [/[69]/g, 'g'],
  [/_/g, ''],
  // 已 and 己, 未 and 末, 土 and 士, 日 and 曰, 戍 and 戌, 入 and 人, 千 and 干: told apart by one stroke.
  [/[已巳]/g, '己'],
  [/末/g, '未'],
  [/士/g, '土'],
  [/曰/g, '日'],
  [/[戌戊]/g, '戍'],
  [/入/g, '人'],
  [/[千于]/g, '干'],
];

/** Words only the house may be called by, by their shapes: whoever is called so wants to be taken for it. */
const RESERVED = [
  ...['票号', '银行', '银联', '支付', '客服', '官方', '公安', '政府', '税务', '法院', '退款'],
  ...['piaohao', 'official', 'support', 'service', 'admin', 'bank', 'police', 'court', 'refund', 'help'].map(lookOf),
];

/** A nickname in its one spelling, and its shape: two nicknames of one shape are one nickname. */
export interface Nickname {
  readonly name: string;
  readonly shape: string;
}

/** The nickname in what a person typed (`@` and capitals are fine), or undefined when nobody may be called so. */
export function readNickname(typed: string): Nickname | undefined {
  const name = typed.normalize('NFC').trim().replace(/^@/, '').toLowerCase();
  const least = LATIN.test(name) ? 4 : CHINESE.test(name) ? 2 : Number.POSITIVE_INFINITY;
  if (name.length < least || name.length > 20) return undefined;
  const shape = lookOf(name);
  // A name of nothing but what looks like one stroke is nobody's.
  if (shape.length < 2 || RESERVED.some((word) => shape.includes(word))) return undefined;
  return { name, shape };
}

function lookOf(name: string): string {
  return ALIKE.reduce((shape, [from, to]) => shape.replaceAll(from, to), name);
}
