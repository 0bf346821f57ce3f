/** What the names of shops and the words of notes say about where a bill belongs; the person's own rules stand above it. */
import type { BuiltInCategory } from '#shared/rules/filing.ts';

/** The first that is found counts: what is particular stands before what is general. */
const WORDS: readonly (readonly [category: BuiltInCategory, words: RegExp])[] = [
  ['health', /医院|诊所|药|医疗|体检|牙|hospital|clinic|pharma|dental|doctor/],
  ['study', /书城|书店|学校|大学|学费|培训|教育|课程|图书|books?\b|school|university|course|tuition/],
  [
    'transport',
    /地铁|公交|打车|出租|滴滴|加油|停车|高速|铁路|火车|机票|航空|单车|爱车|交通|metro|subway|taxi|\bbus\b|rail|fuel|parking|airline/,
  ],
  [
    'home',
    /房租|物业|水费|电费|燃气|宽带|话费|缴费|家居|家装|住房|生活服务|\brent\b|utility|electric|broadband|furniture/,
  ],
  [
    'fun',
    /电影|戏|影院|游戏|旅游|酒店|景区|门票|健身|运动|文化休闲|cinema|theat|game|hotel|travel|museum|ticket|\bgym\b/,
  ],
  ['family', /红包|转账|亲友|孝敬|礼金|gift/],
  ['moving', /理财|余额宝|信用借还|还款|基金|零钱通/],
  [
    'food',
    /餐|饭|面馆|面条|刀削面|火锅|早点|早餐|小吃|茶|咖啡|奶茶|烧烤|饺子|包子|烘焙|蛋糕|外卖|美食|食堂|酒楼|美团|饿了么|restaurant|noodle|coffee|\btea\b|café|cafe|bakery|pizza|lunch|dinner/,
  ],
  [
    'shopping',
    /超市|便利店|商店|商场|百货|服饰|服装|数码|淘宝|京东|拼多多|水果|市场|美容|理发|supermarket|\bstore\b|\bshop\b|market|\bmall\b/,
  ],
];

/** The category the first of `texts` speaks of that speaks of any; each in one form and small letters. */
export function spokenCategory(texts: readonly (string | undefined)[]): BuiltInCategory | undefined {
  for (const text of texts) {
    const plain = text?.normalize('NFKC').toLowerCase();
    const found = plain && WORDS.find(([, words]) => words.test(plain));
    if (found) return found[0];
  }
  return undefined;
}
