/** The first letters of Chinese words as people type them to find somebody: 晋味面馆 is found by `jwmg`. */

/** The first character of each letter's part of the dictionary, as every browser's own Chinese order has them. */
const FIRSTS: readonly (readonly [letter: string, first: string])[] = [
  ['a', '阿'],
  ['b', '八'],
  ['c', '嚓'],
  ['d', '咑'],
  ['e', '妸'],
  ['f', '发'],
  ['g', '旮'],
  ['h', '哈'],
  ['j', '丌'],
  ['k', '咔'],
  ['l', '垃'],
  ['m', '妈'],
  ['n', '拏'],
  ['o', '噢'],
  ['p', '妑'],
  ['q', '七'],
  ['r', '呥'],
  ['s', '仨'],
  ['t', '他'],
  ['w', '屲'],
  ['x', '夕'],
  ['y', '丫'],
  ['z', '帀'],
];

/** Characters people read with another letter than the dictionary's first, in the names of people, shops and places. */
const OTHERWISE: Readonly<Record<string, string>> = {
  重: 'zc',
  长: 'cz',
  行: 'xh',
  乐: 'ly',
  曾: 'zc',
  单: 'ds',
  解: 'jx',
  仇: 'qc',
  区: 'qo',
  查: 'cz',
  朝: 'cz',
  厦: 'sx',
  会: 'hk',
  调: 'dt',
  盛: 'sc',
  石: 'sd',
  车: 'cj',
  沈: 'sc',
  尉: 'wy',
  翟: 'zd',
  覃: 'qt',
  召: 'zs',
  折: 'zs',
  术: 'sz',
  参: 'cs',
  藏: 'cz',
  弹: 'dt',
  提: 'td',
  系: 'xj',
  宿: 'sx',
  校: 'xj',
};

const HAN = /\p{Script=Han}/u;
/** A name with more readings than these is found by its dictionary readings alone. */
const READINGS_MOST = 4;

const order = new Intl.Collator('zh-Hans-CN-u-co-pinyin');
const known = new Map<string, string>();

/** The letters `character` can begin with; empty when it is not Chinese. */
function lettersOf(character: string): string {
  const held = known.get(character);
  if (held !== undefined) return held;
  const letters = HAN.test(character) ? (OTHERWISE[character] ?? dictionaryLetter(character)) : '';
  known.set(character, letters);
  return letters;
}

function dictionaryLetter(character: string): string {
  return FIRSTS.findLast(([, first]) => order.compare(first, character) <= 0)?.[0] ?? '';
}

/** The initials of the Chinese in `text`, one word a reading; empty when it has none. */
export function initialsOf(text: string): string {
  let readings = [''];
  for (const character of text) {
    const letters = lettersOf(character);
    if (letters === '') continue;
    const usable = readings.length * letters.length > READINGS_MOST ? letters.slice(0, 1) : letters;
    readings = readings.flatMap((reading) => [...usable].map((letter) => reading + letter));
  }
  return [...new Set(readings)].join(' ').trim();
}
