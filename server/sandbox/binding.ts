/**
 * Binding a card at the sandbox's bank: name, identity number, phone and card number typed on its page, then the text's code.
 * Invariant: a card number is read, checked and turned into a token; it is never written anywhere.
 */
import { randomInt } from 'node:crypto';
import type { Inbox } from '#server/sandbox/inbox.ts';
import type { SigningKey } from '#server/sandbox/key.ts';
import type { Binding, Store } from '#server/sandbox/store.ts';
import type { BindingOrder, BindingReport } from '#shared/api/card-network.ts';
import { newId } from '#shared/base/id.ts';
import { type Clock, duration } from '#shared/base/time.ts';
import { type CardNumberFault, readCardNumber } from '#shared/rules/card-number.ts';
import { readIdentityNumber } from '#shared/rules/identity-number.ts';
import { readPhone } from '#shared/rules/phone.ts';

/** What the person types. */
export interface CardForm {
  readonly name: string;
  readonly number: string;
  readonly identity: string;
  readonly phone: string;
}

/** What the bank does with a card, told by the four digits before the last, whatever was typed beside it. */
export const BINDING_STORIES = { '0404': 'holder-differs', '0505': 'refused' } as const;

/** What is wrong with what was typed. */
export type FormFault = CardNumberFault | 'identity' | 'phone' | 'holder-differs' | 'code-wrong' | 'throttled';

/** The bank's desk for cards. */
export interface Bindings {
  ask(order: BindingOrder): Binding | 'reused';
  find(id: string): Binding | undefined;
  /** Checks what was typed, remembers the card as a token, and sends the code. */
  fill(id: string, form: CardForm): FormFault | 'sent' | 'gone';
  /** The code of the text binds the card; the third wrong one ends it. */
  confirm(id: string, code: string): FormFault | 'bound' | 'gone';
  cancel(id: string): void;
  forget(id: string): boolean;
}

const PATIENCE = duration(15, 'min');
const MOST_TRIES = 3;

/** Opens the desk over `store`; codes go out by `sms`. */
export function openBindings({
  store,
  clock,
  key,
  sms,
}: {
  store: Store;
  clock: Clock;
  key: SigningKey;
  sms: Inbox;
}): Bindings {
  function find(id: string): Binding | undefined {
    const binding = store.get('binding', id);
    if (binding?.state === 'open' && clock() >= binding.until)
      return { ...binding, state: 'refused', reason: 'expired' };
    return binding;
  }
  function open(id: string): Binding | undefined {
    const binding = find(id);
    return binding?.state === 'open' ? binding : undefined;
  }

  return {
    ask(order) {
      const before = store.get('binding', order.id);
      if (before) return before.holder === order.holder ? (find(order.id) ?? before) : 'reused';
      const at = clock();
      const binding: Binding = { ...order, at, until: at + PATIENCE, state: 'open', tries: 0 };
      store.put('binding', binding);
      return binding;
    },
    find,
    fill(id, form) {
      const binding = open(id);
      if (!binding) return 'gone';
      const card = readCardNumber(form.number);
      if (typeof card === 'string') return card;
      if (!readIdentityNumber(form.identity, clock())) return 'identity';
      const phone = readPhone(form.phone);
      if (!phone) return 'phone';
      const story = storyOf(card.number);
      if (story === 'holder-differs' || form.name.trim() !== binding.holder) return 'holder-differs';
      if (story === 'refused') {
        store.put('binding', { ...binding, state: 'refused', reason: 'refused' });
        return 'gone';
      }
      const smsCode = String(randomInt(1_000_000)).padStart(6, '0');
      const text = `【银行】绑卡验证码 ${smsCode}，尾号 ${card.number.slice(-4)}。[Bank] Your code is ${smsCode}.`;
      if (sms.send({ id: newId(clock()), to: phone, text }) === 'throttled') return 'throttled';
      const known = { token: key.tokenOf(card.number), bin: card.number.slice(0, 6), last4: card.number.slice(-4) };
      store.put('binding', { ...binding, ...known, smsCode, phoneTail: phone.slice(-4) });
      return 'sent';
    },
    confirm(id, code) {
      const binding = open(id);
      if (binding?.smsCode === undefined) return 'gone';
      const { smsCode, ...rest } = binding;
      if (code.trim() === smsCode) {
        store.put('binding', { ...rest, state: 'bound' });
        return 'bound';
      }
      const tries = binding.tries + 1;
      if (tries < MOST_TRIES) {
        store.put('binding', { ...binding, tries });
        return 'code-wrong';
      }
      store.put('binding', { ...rest, tries, state: 'refused', reason: 'refused' });
      return 'gone';
    },
    cancel(id) {
      const binding = open(id);
      if (binding) store.put('binding', { ...binding, state: 'refused', reason: 'cancelled' });
    },
    forget(id) {
      const binding = find(id);
      if (!binding) return false;
      if (binding.state !== 'refused') store.put('binding', { ...binding, state: 'refused', reason: 'cancelled' });
      return true;
    },
  };
}

function storyOf(number: string): (typeof BINDING_STORIES)[keyof typeof BINDING_STORIES] | undefined {
  const digits = number.slice(-5, -1);
  return Object.hasOwn(BINDING_STORIES, digits) ? BINDING_STORIES[digits as keyof typeof BINDING_STORIES] : undefined;
}

/** What the house is told of `binding`; `page` is where the person goes on. */
export function bindingReport(binding: Binding, page: string): BindingReport {
  const { id, state, reason, token, bin, last4 } = binding;
  if (state === 'open') return { id, state, page };
  if (state === 'refused') return { id, state, ...(reason ? { reason } : {}) };
  return { id, state, ...(token && bin && last4 ? { token, bin, last4 } : {}) };
}
