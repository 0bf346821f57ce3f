/**
 * Sums in Chinese capital figures, as bills of the banks carry them beside the digits because they are hard to alter.
 * By 《正确填写票据和结算凭证的基本规定》 of the People's Bank of China (Payment and Settlement Measures, annex 1).
 */
import { assert } from '#shared/base/assert.ts';
import { type Currency, currencyDigits } from '#shared/money/currency.ts';
import type { Money } from '#shared/money/money.ts';

const DIGITS = '零壹贰叁肆伍陆柒捌玖';
const PLACES = ['', '拾', '佰', '仟'] as const;
/** What stands before the figures without a space between; the unit behind them is 元 in every currency we know. */
const NAMES: Readonly<Record<Currency, string>> = {
  CNY: '人民币',
  HKD: '港币',
  USD: '美元',
  EUR: '欧元',
  GBP: '英镑',
  SGD: '新加坡元',
  JPY: '日元',
  KRW: '韩元',
};

const WAN = 10_000;
const YI = 100_000_000;

/**
 * `sum` in capitals: 人民币壹仟肆佰零玖元伍角. One 零 for any run of noughts between figures, none before 万 or 元 itself,
 * one behind 元 where the yuan or the jiao are nought and smaller figures follow; 整 only where the sum ends with 元.
 * A Fault for a negative sum: no bill is written for one.
 */
export function toCapitals(sum: Money): string {
  assert(sum.minor >= 0, 'only what was paid is written in capitals');
  const parts = 10 ** currencyDigits(sum.currency);
  const whole = Math.floor(sum.minor / parts);
  const rest = sum.minor % parts;
  const name = NAMES[sum.currency];
  if (rest === 0) return `${name}${whole === 0 ? '零' : wholeText(whole)}元整`;
  const jiao = Math.floor(rest / 10);
  const fen = rest % 10;
  const small = `${jiao > 0 ? `${digit(jiao)}角` : ''}${fen > 0 ? `${digit(fen)}分` : ''}`;
  if (whole === 0) return `${name}${small}`;
  return `${name}${wholeText(whole)}元${jiao === 0 || whole % 10 === 0 ? '零' : ''}${small}`;
}

/** A whole number from one up: what is above 亿, then above 万, then the last four places. */
function wholeText(count: number): string {
  for (const [size, name] of [
    [YI, '亿'],
    [WAN, '万'],
  ] as const) {
    if (count < size) continue;
    const rest = count % size;
    const gap = rest > 0 && rest < size / 10 ? '零' : '';
    return `${wholeText(Math.floor(count / size))}${name}${gap}${rest > 0 ? wholeText(rest) : ''}`;
  }
  return fourPlaces(count);
}

function fourPlaces(count: number): string {
  let text = '';
  let skipped = false;
  for (let place = 3; place >= 0; place -= 1) {
    const figure = Math.floor(count / 10 ** place) % 10;
    if (figure === 0) skipped = text !== '';
    else {
      text += `${skipped ? '零' : ''}${digit(figure)}${PLACES[place]}`;
      skipped = false;
    }
  }
  return text;
}

function digit(figure: number): string {
  return DIGITS[figure] ?? '';
}
