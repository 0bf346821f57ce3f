/** The pages the outside world shows to people: a third party's pay page, the teller's counter, the bank's page for binding a card. */
import { isWaiting, reportOf } from '#server/sandbox/bank.ts';
import type { FormFault } from '#server/sandbox/binding.ts';
import { escapeHtml, type Language } from '#server/sandbox/page.ts';
import type { Binding, Order } from '#server/sandbox/store.ts';
import type { CardNumberFault } from '#shared/rules/card-number.ts';

const WORDS = {
  zh: {
    pay: '示例支付 · 收银台',
    payee: '收款方',
    house: '票号(充值)',
    payNow: '确认付款',
    cancel: '取消',
    paid: '付款成功',
    refused: '付款没有成功',
    back: '返回票号',
    gone: '没有这笔订单',
    counter: '示例网点 · 柜台',
    code: '充值码(12 位)',
    find: '查询',
    wrong: '没有这个充值码,请核对',
    take: '已收现金',
    takeBack: '当日冲正(退还现金)',
    spent: '不能冲正:钱已用掉,或票号没有答复。现金不退。',
    waits: '待收款',
    ACSC: '已收款',
    RJCT: '已失效',
    RTRN: '已冲正',
    PDNG: '处理中',
    bind: '示例银行 · 绑定银行卡',
    bindLead: '这是银行的页面。卡号只在这里填写,票号看不到。',
    name: '持卡人姓名',
    number: '银行卡号',
    identity: '身份证号',
    phone: '银行预留手机号',
    next: '下一步',
    smsCode: '短信验证码',
    sent: '验证码已发往尾号',
    confirm: '确认绑定',
    bound: '银行卡已绑定',
    notBound: '银行卡没有绑定',
  },
  en: {
    pay: 'Sample Pay · Checkout',
    payee: 'To',
    house: 'Piaohao (top-up)',
    payNow: 'Pay',
    cancel: 'Cancel',
    paid: 'Paid',
    refused: 'Not paid',
    back: 'Back to Piaohao',
    gone: 'No such order',
    counter: 'Sample branch · Counter',
    code: 'Top-up code (12 digits)',
    find: 'Look up',
    wrong: 'There is no such code; please check it',
    take: 'Cash taken',
    takeBack: 'Reverse today’s deposit (give the cash back)',
    spent: 'Cannot be reversed: it has been spent, or Piaohao did not answer. Keep the cash.',
    waits: 'waits for cash',
    ACSC: 'cash taken',
    RJCT: 'no longer valid',
    RTRN: 'reversed',
    PDNG: 'in work',
    bind: 'Sample Bank · Bind a card',
    bindLead: 'This is the bank’s page. The card number is typed here only; Piaohao never sees it.',
    name: 'Card holder',
    number: 'Card number',
    identity: 'Identity number',
    phone: 'Phone known to the bank',
    next: 'Next',
    smsCode: 'Code from the text message',
    sent: 'A code went to the phone ending in',
    confirm: 'Bind the card',
    bound: 'The card is bound',
    notBound: 'The card was not bound',
  },
} as const;

const FAULTS: Readonly<Record<FormFault, Readonly<Record<Language, string>>>> = {
  'not-a-number': { zh: '卡号应为 13 至 19 位数字', en: 'A card number has 13 to 19 digits' },
  'check-digit': { zh: '卡号不对,请核对', en: 'The card number is mistyped' },
  'unknown-bank': { zh: '暂不支持这家银行', en: 'This bank is not supported' },
  length: { zh: '卡号位数不对', en: 'The card number has too few or too many digits' },
  identity: { zh: '身份证号不对', en: 'The identity number is mistyped' },
  phone: { zh: '手机号不对', en: 'The phone number is mistyped' },
  'holder-differs': { zh: '姓名与银行卡不符', en: 'The name is not the card holder’s' },
  'code-wrong': { zh: '验证码不对', en: 'Wrong code' },
  throttled: { zh: '请一分钟后再试', en: 'Please try again in a minute' },
};

/** What the pages add to the style of the tester's page. */
export const DESK_CSS = `
.desk{max-width:440px;margin:8vh auto;padding:0 20px}.desk section{display:grid;gap:14px}
.desk .sum{font-size:34px;font-weight:600;font-variant-numeric:tabular-nums;text-align:center;margin:0}
.desk label{display:grid;gap:4px;color:var(--soft);font-size:13px}
.desk input{font:inherit;font-size:17px;color:var(--ink);background:var(--paper);border:1px solid var(--line);border-radius:9px;padding:10px;min-height:48px}
.desk form{display:grid;gap:12px;margin:0}.desk button,.desk .button{min-height:48px;font-weight:600;text-align:center;border-radius:9px}
.desk .main{background:var(--seal);color:var(--card);border-color:var(--seal)}.desk .fault{color:var(--seal);margin:0}
.desk .button{display:grid;place-items:center;border:1px solid var(--line);text-decoration:none}`;

/** A language's words by name. */
export type DeskWords = Record<keyof (typeof WORDS)['en'], string>;

/** The words in `language`. */
export function deskWords(language: Language): DeskWords {
  return WORDS[language];
}

/** What a fault of a form says. */
export function faultWords(fault: FormFault, language: Language): string {
  return FAULTS[fault][language];
}

/** Loaded by the page on which a card number is typed. */
const CARD_FORM = '<script type="module" src="/card-form.js"></script>';

/** What can be wrong with a card number, to be said without asking the bank. */
const NUMBER_FAULTS: readonly CardNumberFault[] = ['not-a-number', 'check-digit', 'unknown-bank', 'length'];

function frame(language: Language, title: string, content: string, goesTo?: string): string {
  const onward = goesTo === undefined ? '' : `<meta http-equiv="refresh" content="2;url=${escapeHtml(goesTo)}">`;
  return `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">${onward}
<title>${title}</title><link rel="stylesheet" href="/control.css"></head><body class="desk"><section><h1>${title}</h1>${content}</section></body></html>`;
}

/** A page that says one thing; with `goesTo` it leads there by itself. */
export function sayPage(language: Language, title: string, text: string, goesTo?: string): string {
  const back = goesTo === undefined ? '' : `<a class="button" href="${escapeHtml(goesTo)}">${WORDS[language].back}</a>`;
  return frame(language, title, `<p role="status"><strong>${escapeHtml(text)}</strong></p>${back}`, goesTo);
}

/** A third party's page for `order` at `now`. */
export function payPage(order: Order, now: number, language: Language): string {
  const words = WORDS[language];
  if (!isWaiting(order, now)) {
    const good = order.decidedAt !== undefined && order.end === 'ACSC';
    return sayPage(language, words.pay, good ? words.paid : words.refused, order.back);
  }
  return frame(
    language,
    words.pay,
    `<p class="soft">${words.payee}: ${words.house}</p>${sumLine(order)}
<form method="post" action="/pay/${order.id}/choose?lang=${language}"><button class="main" name="choice" value="pay">${words.payNow}</button><button name="choice" value="cancel">${words.cancel}</button></form>`,
  );
}

/** The counter: a code is looked up, cash is taken, a deposit of today given back. */
export function counterPage(
  language: Language,
  found: { readonly code: string; readonly order: Order | undefined; readonly now: number; readonly refused: boolean },
): string {
  const words = WORDS[language];
  const { code, order, now, refused } = found;
  const ask = `<form method="get" action="/counter"><input type="hidden" name="lang" value="${language}"><label>${words.code}<input name="code" inputmode="numeric" autocomplete="off" value="${escapeHtml(code)}"></label><button>${words.find}</button></form>`;
  const wrong = code !== '' && !order ? `<p class="fault" role="alert">${words.wrong}</p>` : '';
  return frame(language, words.counter, `${ask}${wrong}${order ? slip(order, now, words, language, refused) : ''}`);
}

function slip(order: Order, now: number, words: DeskWords, language: Language, refused: boolean): string {
  const waits = isWaiting(order, now);
  const { status } = reportOf(order, now);
  const button = (choice: string, text: string, look: string) =>
    `<button class="${look}" name="choice" value="${choice}">${text}</button>`;
  const buttons = waits
    ? button('pay', words.take, 'main') + button('cancel', words.cancel, '')
    : status === 'ACSC'
      ? button('take-back', words.takeBack, '')
      : '';
  return `${sumLine(order)}<p role="status"><strong>${waits ? words.waits : words[status]}</strong></p>${
    refused ? `<p class="fault" role="alert">${words.spent}</p>` : ''
  }<form method="post" action="/counter/${order.id}/choose?lang=${language}">${buttons}</form>`;
}

/** The bank's page for binding a card: the form, then the code. What was typed stands again after a fault, but for the number. */
export function bindPage(
  binding: Binding,
  language: Language,
  typed: Readonly<Record<string, string>> = {},
  fault?: FormFault,
): string {
  const words = WORDS[language];
  if (binding.state !== 'open')
    return sayPage(language, words.bind, binding.state === 'bound' ? words.bound : words.notBound, binding.back);
  const field = (name: string, label: string, more: string) =>
    `<label>${label}<input name="${name}" value="${escapeHtml(typed[name] ?? '')}" required ${more}></label>`;
  const alert = fault ? `<p class="fault" role="alert">${faultWords(fault, language)}</p>` : '';
  const cancel = `<form method="post" action="/card/bind/${binding.id}/cancel?lang=${language}"><button>${words.cancel}</button></form>`;
  const action = (step: string, more = '') =>
    `<form method="post" action="/card/bind/${binding.id}/${step}?lang=${language}"${more}>`;
  const faults = JSON.stringify(Object.fromEntries(NUMBER_FAULTS.map((one) => [one, faultWords(one, language)])));
  const content =
    binding.smsCode === undefined
      ? `<p class="soft">${words.bindLead}</p>${alert}${action('fill', ` data-faults="${escapeHtml(faults)}"`)}${field('name', words.name, 'autocomplete="name"')}${field('number', words.number, 'inputmode="numeric" autocomplete="cc-number"')}${field('identity', words.identity, 'autocomplete="off"')}${field('phone', words.phone, 'inputmode="tel" autocomplete="tel"')}<button class="main">${words.next}</button></form>${CARD_FORM}`
      : `<p class="soft">${words.sent} ${escapeHtml(binding.phoneTail ?? '')}</p>${alert}${action('confirm')}${field('code', words.smsCode, 'inputmode="numeric" autocomplete="one-time-code"')}<button class="main">${words.confirm}</button></form>`;
  return frame(language, words.bind, content + cancel);
}

function sumLine({ amount, currency }: Order): string {
  return `<p class="sum">${(amount / 100).toFixed(2)} ${escapeHtml(currency)}</p>`;
}
