/** Text messages out of the house: one interface, and the sandbox's network behind it. */
import { callOutside } from '#server/platform/outside.ts';
import type { Id } from '#shared/base/id.ts';

/** Sends one text; true when the network took it. The same `id` is the same text, however often it is sent. */
export type SendText = (text: { readonly id: Id; readonly to: string; readonly text: string }) => Promise<boolean>;

/** How long the network may take to accept a text. */
const PATIENCE_MS = 5_000;

/** The text-message network of the sandbox at `sandboxUrl`. */
export function sandboxTexts(sandboxUrl: string): SendText {
  return async (text) => {
    const answer = await callOutside(new URL('/sms', sandboxUrl).href, {
      method: 'POST',
      body: text,
      timeoutMs: PATIENCE_MS,
    });
    return answer.ok && answer.value.status < 300;
  };
}

/** What the code's text says; the last line lets phones offer the code by themselves (WICG origin-bound one-time codes). */
export function codeText(code: string, language: 'zh' | 'en', host: string): string {
  const words =
    language === 'zh'
      ? `【票号】验证码 ${code}，10 分钟内有效。票号不会向您索要此码，请勿告诉任何人。`
      : `[Piaohao] Your code is ${code}, good for 10 minutes. We never ask for it; tell nobody.`;
  return `${words}\n\n@${host} #${code}`;
}

const NOTICES = {
  password: ['支付密码已设置或修改', 'Your payment password was set or changed'],
  locked: ['支付密码输错太多次，已锁定', 'Your payment password was locked after too many wrong tries'],
  recovered: ['支付密码已通过「忘记支付密码」重设', 'Your payment password was reset as a forgotten one'],
  email: ['账户邮箱已更换', 'The e-mail address of your account was changed'],
  question: ['安全问题已设置或修改', 'Your security question was set or changed'],
  passkey: ['钱包新增了一把通行密钥', 'A passkey was added to your wallet'],
  frozen: ['钱包已冻结', 'Your wallet was frozen'],
  thawed: ['钱包已解冻', 'Your wallet is no longer frozen'],
  'alarm-alert': [
    '钱包有一笔不寻常的操作，请在安全中心查看',
    'Something unusual happened in your wallet; see the security centre',
  ],
  'alarm-step-up': [
    '钱包有不寻常的付款，近期每笔付款都要确认',
    'Unusual payments from your wallet: each one has to be confirmed for a while',
  ],
  'alarm-pause': [
    '钱包有不寻常的付款，已暂停付款，请在安全中心确认是不是本人',
    'Unusual payments from your wallet: paying is paused until you say in the security centre whether it was you',
  ],
  'appeal-granted': ['申诉已通过，冻结或限制已解除', 'Your appeal was granted: what held your wallet back has ended'],
  'appeal-refused': ['申诉没有通过，原因请看安全中心', 'Your appeal was refused; the security centre says why'],
  'support-opened': ['客服正在受理找回支付密码', 'Support has opened a recovery of your payment password'],
  'closing-asked': [
    '钱包已申请注销，到期之前可以在「注销钱包」里撤回',
    'Closing your wallet was asked for; until it is due you can take that back under “Close the wallet”',
  ],
  'closing-stopped': [
    '钱包没有注销：还有钱或没办完的事',
    'Your wallet was not closed: there is money or something unfinished in it',
  ],
  'wallet-closed': ['钱包已注销', 'Your wallet is closed'],
} as const;

/** What a text can be about. */
export type NoticeSubject = keyof typeof NOTICES;

/** What whoever did not do it does now; for most of it: freeze. */
const FREEZE = ['请立即冻结钱包', 'freeze your wallet now'] as const;
const WAYS: Partial<Record<NoticeSubject, readonly [string, string]>> = {
  frozen: ['请在安全中心查看', 'see the security centre'],
  'wallet-closed': ['请联系客服', 'contact support'],
};

/** What a text says after something happened to a wallet; in both languages, for the house keeps nobody's language. */
export function noticeText(what: NoticeSubject): string {
  const [chinese, english] = NOTICES[what];
  const [then, there] = WAYS[what] ?? FREEZE;
  return `【票号】您的${chinese}。如非本人操作，${then}。\n[Piaohao] ${english}. If it was not you, ${there}.`;
}
