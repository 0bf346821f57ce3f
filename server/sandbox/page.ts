/** The tester's page: text and mail inbox, bank orders and switches as plain HTML that works without a script; every value is escaped. */
import { isWaiting, reportOf } from '#server/sandbox/bank.ts';
import { MAIL_STORIES } from '#server/sandbox/mail.ts';
import { REGISTER_STORIES } from '#server/sandbox/register.ts';
import type { Parts } from '#server/sandbox/routes.ts';
import { SMS_STORIES } from '#server/sandbox/sms.ts';
import type { Charge, Message, Order, Switches } from '#server/sandbox/store.ts';
import { CARD_STORIES, MISBOOKED, RETURNS, STORIES } from '#server/sandbox/story.ts';
import { BANKS, BINS, withCheckDigit } from '#shared/rules/card-number.ts';

/** Languages of the sandbox's pages. */
export type Language = 'zh' | 'en';

/** Rows shown of each list; the rest is in the control API. */
const SHOWN = 30;

const WORDS = {
  zh: {
    title: '票号 · 沙箱',
    lead: '这里扮演外面的世界:银行、短信、邮件与身份库。仅供测试,没有真实资金。',
    inbox: '短信收件箱',
    noTexts: '还没有短信',
    letters: '邮件收件箱',
    noLetters: '还没有邮件',
    orders: '资金订单',
    noOrders: '还没有订单',
    counter: '柜台',
    bankOrder: '银行转账',
    payOrder: '第三方支付',
    counterOrder: '柜台充值',
    payoutOrder: '提现到卡',
    cardOrder: '信用卡',
    cards: '试用卡号',
    cardStories: '信用卡:金额末两位',
    returns: '提现:金额末两位',
    answers: '回复',
    prompt: '及时',
    slow: '缓慢',
    silent: '办妥不回',
    twice: '重复',
    reversed: '已冲正',
    taken: '已扣款',
    debit: '储蓄卡',
    credit: '信用卡',
    switches: '开关',
    stories: '金额末两位(分)决定结果',
    other: '其他',
    PDNG: '处理中',
    ACSC: '已到账',
    RJCT: '已拒绝',
    RTRN: '已退回',
    untaken: '未受理',
    accept: '到账',
    declineMoney: '拒绝:余额不足',
    declineBlocked: '拒绝:账户冻结',
    repeat: '再发通知',
    lose: '丢掉通知',
    lost: '已丢失',
    onTheWay: '在途',
    bank: '银行',
    open: '正常',
    closed: '停业',
    'by-amount': '按金额',
    'by-hand': '等我处理',
    notices: '通知',
    sent: '发送',
    sentBack: '出款退回',
    paced: '按节拍',
    'next-day': '次日',
    sms: '短信',
    mail: '邮件',
    register: '身份库',
    codes: '身份证第 15 至 17 位',
    late: '延迟',
    disordered: '先新后旧',
    restart: '立即重启',
    throttled: '限流',
    paceMs: '节拍(毫秒)',
    numbers: '尾号',
    names: '@ 前的名字',
    refresh: '刷新',
    language: 'English',
    waitingNotice: '条通知待发',
  },
  en: {
    title: 'Piaohao · Sandbox',
    lead: 'This plays the outside world: the bank, the text messages, the e-mail and the register of citizens. For testing only; no real money.',
    inbox: 'Text messages',
    noTexts: 'No messages yet',
    letters: 'E-mail',
    noLetters: 'No mail yet',
    orders: 'Orders of money',
    noOrders: 'No orders yet',
    counter: 'Counter',
    bankOrder: 'bank transfer',
    payOrder: 'third party',
    counterOrder: 'counter',
    payoutOrder: 'payout to a card',
    cardOrder: 'credit card',
    cards: 'Card numbers to try',
    cardStories: 'Credit cards: last two digits',
    returns: 'Withdrawals: last two digits',
    answers: 'Answers',
    prompt: 'prompt',
    slow: 'slow',
    silent: 'done, none',
    twice: 'twice',
    reversed: 'reversed',
    taken: 'taken',
    debit: 'debit',
    credit: 'credit',
    switches: 'Switches',
    stories: 'The last two digits (fen) of the amount decide',
    other: 'any other',
    PDNG: 'in work',
    ACSC: 'settled',
    RJCT: 'declined',
    RTRN: 'returned',
    untaken: 'not taken',
    accept: 'Settle',
    declineMoney: 'Decline: no money',
    declineBlocked: 'Decline: account blocked',
    repeat: 'Repeat notice',
    lose: 'Lose notice',
    lost: 'lost',
    onTheWay: 'on the way',
    bank: 'Bank',
    open: 'open',
    closed: 'closed',
    'by-amount': 'by amount',
    'by-hand': 'I decide',
    notices: 'Notices',
    sent: 'sent',
    sentBack: 'Payouts sent back',
    paced: 'paced',
    'next-day': 'next day',
    sms: 'Texts',
    mail: 'E-mail',
    register: 'Register',
    codes: 'identity numbers with characters 15 to 17',
    late: 'late',
    disordered: 'out of order',
    restart: 'Restart in the middle',
    throttled: 'throttled',
    paceMs: 'Pace (ms)',
    numbers: 'numbers ending in',
    names: 'addresses named',
    refresh: 'Refresh',
    language: '中文',
    waitingNotice: 'notices waiting',
  },
} as const;

type Words = Record<keyof (typeof WORDS)['en'], string>;

const CHOICES: readonly (readonly [keyof Switches, keyof Words, readonly string[]])[] = [
  ['bank', 'bank', ['open', 'closed']],
  ['orders', 'orders', ['by-amount', 'by-hand']],
  ['notices', 'notices', ['sent', 'lost', 'twice', 'late', 'disordered']],
  ['answers', 'answers', ['prompt', 'slow', 'silent']],
  ['returns', 'sentBack', ['paced', 'next-day']],
  ['sms', 'sms', ['open', 'late', 'lost', 'throttled']],
  ['mail', 'mail', ['open', 'late', 'lost', 'throttled']],
  ['register', 'register', ['open', 'closed']],
  ['paceMs', 'paceMs', ['100', '300', '1000', '5000']],
];

/** One number of each issuer that passes every check. */
const SAMPLE_CARDS = BINS.map(({ bin, bank, kind, digits }) => ({
  number: withCheckDigit(bin.padEnd(digits - 1, '0123456789').slice(0, digits - 1)),
  bank,
  kind,
}));

/** The style of the page; its own route, so that the policy needs no inline styles. */
export const CONTROL_CSS = `
:root{color-scheme:light dark;--ink:#1d1b19;--soft:#6b645c;--paper:#faf7f1;--card:#fff;--line:#e4ddd1;--seal:#a8261c}
@media(prefers-color-scheme:dark){:root{--ink:#f1ece4;--soft:#a89f94;--paper:#161412;--card:#211e1b;--line:#38332d;--seal:#ef7b6d}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,"PingFang SC","Noto Sans CJK SC",sans-serif}
header,main{max-width:1080px;margin:auto;padding:20px}header{display:flex;gap:16px;align-items:baseline;flex-wrap:wrap;padding-bottom:0}
h1{font-size:22px;margin:0;color:var(--seal)}h2{font-size:16px;margin:0 0 12px}h2::first-letter{text-transform:uppercase}header p{margin:0;color:var(--soft);flex:1 1 260px}
main{display:grid;gap:16px;grid-template-columns:minmax(0,3fr) minmax(0,2fr)}@media(max-width:820px){main{grid-template-columns:minmax(0,1fr)}}
section{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:18px}
ul{list-style:none;margin:0;padding:0}li{padding:10px 0;border-top:1px solid var(--line)}li:first-child{border:0}
.row{display:flex;justify-content:space-between;gap:12px}.big{font-size:18px;font-weight:600;font-variant-numeric:tabular-nums}
.soft,time{color:var(--soft);font-size:13px}.ACSC{color:#1f7a4d}.RJCT,.RTRN{color:var(--seal)}
@media(prefers-color-scheme:dark){.ACSC{color:#6fcf9b}}
form{display:inline-flex;gap:6px;flex-wrap:wrap;margin:6px 0 0}a,button{color:var(--ink);font:inherit}
button{border:1px solid var(--line);background:var(--paper);border-radius:9px;padding:6px 12px;min-height:36px;cursor:pointer}
button:hover,button[aria-pressed=true]{border-color:var(--seal);color:var(--seal)}button[aria-pressed=true]{font-weight:600}
dl{display:grid;grid-template-columns:auto minmax(0,1fr);gap:4px 14px;margin:0}dt{font-variant-numeric:tabular-nums;font-weight:600}dd{margin:0}
fieldset{border:0;padding:0;margin:0 0 10px}legend{color:var(--soft);font-size:13px;padding:0}`;

/** Text safe between tags and in double-quoted attributes. */
export function escapeHtml(text: string | number): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return String(text).replaceAll(/[&<>"']/g, (sign) => entities[sign] ?? '');
}

/** The whole page in `language`. */
export function controlPage(parts: Parts, language: Language): string {
  const words: Words = WORDS[language];
  const other: Language = language === 'zh' ? 'en' : 'zh';
  const orders = parts.store.all('order').slice(-SHOWN).reverse();
  const charges = parts.store
    .all('charge')
    .filter(({ amount }) => amount > 0)
    .slice(-SHOWN)
    .reverse();
  const texts = parts.store.all('text').slice(-SHOWN).reverse();
  const letters = parts.store.all('mail').slice(-SHOWN).reverse();
  return `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5"><title>${words.title}</title><link rel="stylesheet" href="/control.css"></head><body>
<header><h1>${words.title}</h1><p>${words.lead}</p><a href="/?lang=${language}">${words.refresh}</a> <a href="/?lang=${other}">${words.language}</a> <a href="/counter?lang=${language}">${words.counter}</a></header>
<main><div><section><h2>${words.inbox}</h2>${list(
    texts.map((text) => messageRow(text, parts.clock(), words)),
    words.noTexts,
  )}</section><br>
<section><h2>${words.letters}</h2>${list(
    letters.map((letter) => messageRow(letter, parts.clock(), words)),
    words.noLetters,
  )}</section><br>
<section><h2>${words.orders}</h2>${list(
    orders.map((order) => orderRow(order, parts, words, language)),
    words.noOrders,
  )}</section><br>
<section><h2>${words.cardOrder}</h2>${list(
    charges.map((charge) => chargeRow(charge, words)),
    words.noOrders,
  )}</section></div>
<div><section><h2>${words.switches}</h2>${CHOICES.map((choice) => switchRow(choice, parts.switches(), words, language)).join('')}${form(language, [], [`<button name="act" value="restart">${words.restart}</button>`])}</section><br>
<section>${storyLists(words, language)}</section></div></main></body></html>`;
}

/** Everything that can be had at will, and what has to be typed for it. */
function storyLists(words: Words, language: Language): string {
  const digits = (story: { digits: number }) => `.${String(story.digits).padStart(2, '0')}`;
  const byDigits = (stories: readonly { digits: number; zh: string; en: string }[]): [string, string][] =>
    stories.map((story) => [digits(story), story[language]]);
  const lists: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
    [words.stories, [...byDigits([...STORIES, MISBOOKED]), ['…', `${words.other}: ${STORIES[0]?.[language] ?? ''}`]]],
    [words.returns, byDigits(RETURNS)],
    [words.cardStories, byDigits(CARD_STORIES)],
    [
      words.cards,
      SAMPLE_CARDS.map(({ number, bank, kind }) => [number, `${BANKS[bank]?.[language] ?? bank} · ${words[kind]}`]),
    ],
    [`${words.sms}: ${words.numbers}`, Object.entries(SMS_STORIES).map(([tail, story]) => [tail, words[story]])],
    [`${words.mail}: ${words.names}`, Object.entries(MAIL_STORIES).map(([name, story]) => [`${name}@`, words[story]])],
    [`${words.register}: ${words.codes}`, REGISTER_STORIES.map((story) => [story.code, story[language]])],
  ];
  return lists
    .map(
      ([title, rows]) =>
        `<h2>${title}</h2><dl>${rows
          .map(([sign, meaning]) => `<dt>${sign}</dt><dd>${escapeHtml(meaning)}</dd>`)
          .join('')}</dl>`,
    )
    .join('<br>');
}

function list(rows: readonly string[], empty: string): string {
  return rows.length === 0 ? `<p class="soft">${empty}</p>` : `<ul>${rows.join('')}</ul>`;
}

function messageRow(message: Message, now: number, words: Words): string {
  const state = message.arrivesAt === undefined ? words.lost : message.arrivesAt > now ? words.onTheWay : '';
  const subject = message.subject === undefined ? '' : `<strong>${escapeHtml(message.subject)}</strong><br>`;
  return `<li><div class="row"><strong>${escapeHtml(message.to)}</strong><span class="soft">${state} ${clockTime(message.at)}</span></div>${subject}${escapeHtml(message.text)}</li>`;
}

function chargeRow({ id, amount, currency, code, takenAt, reversedAt, at }: Charge, words: Words): string {
  const state = reversedAt !== undefined ? words.reversed : takenAt === undefined ? words.RJCT : words.taken;
  return `<li><div class="row"><span class="big">${escapeHtml(currency)} ${escapeHtml((amount / 100).toFixed(2))}</span>
<strong>${state} · ${escapeHtml(code)}</strong></div><span class="soft">${escapeHtml(id)} · ${clockTime(at)}</span></li>`;
}

function orderRow(order: Order, { store, clock }: Parts, words: Words, language: Language): string {
  const report = reportOf(order, clock());
  const waiting = store.all('errand').filter((errand) => errand.order === order.id && errand.doneAt === undefined);
  const presses: [string, string][] = isWaiting(order, clock())
    ? [
        ['accept', words.accept],
        ['decline', words.declineMoney],
        ['block', words.declineBlocked],
      ]
    : [['repeat', words.repeat]];
  if (waiting.length > 0) presses.push(['lose', `${words.lose} (${waiting.length})`]);
  const state = order.taken ? words[report.status] : words.untaken;
  return `<li><div class="row"><span class="big">${escapeHtml(order.currency)} ${escapeHtml((order.amount / 100).toFixed(2))}</span>
<strong class="${report.status}">${state}${report.reason ? ` · ${escapeHtml(report.reason)}` : ''}</strong></div>
<span class="soft">${words[`${order.service ?? 'bank'}Order`]} · ${order.code ? `${escapeHtml(order.code)} · ` : ''}${escapeHtml(order.id)} · ${clockTime(order.at)}</span><br>${form(
    language,
    [['order', order.id]],
    presses.map(([act, label]) => `<button name="act" value="${act}">${label}</button>`),
  )}</li>`;
}

function switchRow(
  [name, label, values]: (typeof CHOICES)[number],
  switches: Switches,
  words: Words,
  language: Language,
): string {
  const buttons = values.map((value) => {
    const pressed = String(switches[name]) === value;
    const text = Object.hasOwn(words, value) ? words[value as keyof Words] : value;
    return `<button name="value" value="${value}" aria-pressed="${pressed}">${text}</button>`;
  });
  return `<fieldset><legend>${words[label]}</legend>${form(language, [['name', name]], buttons)}</fieldset>`;
}

function form(language: Language, hidden: readonly [string, string][], buttons: readonly string[]): string {
  const fields = [...hidden, ['lang', language]].map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${escapeHtml(value ?? '')}">`,
  );
  return `<form method="post" action="/control/form">${fields.join('')}${buttons.join('')}</form>`;
}

function clockTime(at: number): string {
  const text = new Date(at).toISOString();
  return `<time datetime="${text}">${text.slice(11, 19)} UTC</time>`;
}
