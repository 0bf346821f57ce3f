/** What an entry is called on the screen: who, what kind, and how far it has come. */

import type { Entry } from '#web/bill/entries.ts';
import { m } from '#web/paraglide/messages.js';
import type { IconName } from '#web/ui/icons.ts';
import type { Origin } from '#web/vault/rows.ts';

/** Who it was with, else what it was. */
export function entryTitle(entry: Entry): string {
  if (entry.peer) return entry.peer.name;
  if (entry.kind === 'payment') return entry.direction === 'in' ? m.bill_kind_received() : m.bill_kind_payment();
  return entryKind(entry);
}

/** What kind of thing happened. */
export function entryKind(entry: Entry): string {
  switch (entry.kind) {
    case 'payment':
      return entry.direction === 'in' ? m.bill_kind_received() : m.bill_kind_payment();
    case 'top-up':
      return m.bill_kind_top_up();
    case 'withdrawal':
      return m.bill_kind_withdrawal();
    case 'fee':
      return m.bill_kind_fee();
    case 'refund':
      return m.bill_kind_refund();
    case 'debt':
      return m.bill_kind_debt();
  }
}

const ICON_OF_KIND: Readonly<Record<Entry['kind'], IconName>> = {
  payment: 'scan',
  'top-up': 'top-up',
  withdrawal: 'leave',
  fee: 'leave',
  refund: 'retry',
  debt: 'warning',
};

/** The picture beside an entry that has no person. */
export function entryIcon(entry: Entry): IconName {
  return entry.kind === 'payment' && entry.direction === 'in' ? 'code' : ICON_OF_KIND[entry.kind];
}

/** How far it has come, in one word. */
export function stateWord(entry: Entry): string {
  switch (entry.state) {
    case 'unsigned':
      return m.bill_state_unsigned();
    case 'waiting':
      return m.bill_state_waiting();
    case 'arriving':
      return m.bill_state_arriving();
    case 'settled':
      return m.bill_state_settled();
    case 'disputed':
      return m.bill_state_disputed();
    case 'refused':
      return m.bill_state_refused();
    case 'declined':
      return m.bill_state_declined();
    case 'reversed':
      return m.bill_state_reversed();
  }
}

/** Whether an entry moved no money in the end, so that its sum is drawn struck through. */
export function isVoid(entry: Entry): boolean {
  return entry.state === 'declined' || entry.state === 'reversed' || entry.state === 'refused';
}

/** The wallet a bill was brought in from. */
export function originWord(origin: Origin): string {
  return `${origin === 'alipay' ? m.bill_origin_alipay() : m.bill_origin_wechat()} (${m.bill_brought()})`;
}
