/**
 * Providers that take an order and send notices of it: a bank's transfer, a third party's pay page, a counter, a payout.
 * Invariant: a notice counts only with the pinned key's signature over its exact bytes and service, less than five minutes old.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { Check } from 'typebox/value';
import type { ChannelDoor, Errand, Notice, Order, Word } from '#server/funding/channel.ts';
import { exchange, type Provider } from '#server/funding/provider.ts';
import { BankKey, BankNotice, BankReport, noticeBytes, type Service } from '#shared/api/bank.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, type Duration, duration, fromSeconds } from '#shared/base/time.ts';

/** How far a notice's time may be from ours, as Standard Webhooks recommends. */
const NOTICE_TOLERANCE: Duration = duration(300, 's');

/** What such a provider's door needs. `key` pins its public key; without it the first one fetched is pinned. */
export interface OrderedNeeds extends Provider {
  readonly service: Service;
  /** Where it sends notices; the region is added, so that a notice finds its shard. */
  readonly notifyUrl: string;
  /** Where a person comes back to from its page; the id is added. Absent: nobody is sent away. */
  readonly backUrl?: string;
  readonly key?: string;
  readonly clock: Clock;
}

/** The provider of `needs.service` behind `needs.url`. */
export function openOrdered(needs: OrderedNeeds): ChannelDoor {
  const { service } = needs;
  let pinned: KeyObject | undefined = needs.key === undefined ? undefined : readKey(needs.key);

  async function providerKey(): Promise<KeyObject | undefined> {
    if (pinned) return pinned;
    const answer = await exchange(needs, 'GET', `/${service}/key`);
    if (answer?.status === 200 && Check(BankKey, answer.body)) pinned ??= readKey(answer.body.key);
    return pinned;
  }

  return {
    ask: async (order) => {
      const answer = await exchange(needs, 'POST', `/${service}/orders`, orderFor(needs, order));
      // AM05 (duplication): the provider holds another order under this name, so this one was never taken.
      if (answer?.status === 409) return { says: 'declined', reason: 'AM05' };
      return wordOf(needs, answer, order);
    },
    query: async (order) => {
      const answer = await exchange(needs, 'GET', `/${service}/orders/${order.reference}`);
      return answer?.status === 404 ? { says: 'absent' } : wordOf(needs, answer, order);
    },
    read: async (envelope) => {
      if (!Check(BankNotice, envelope)) return refuse({ code: 'request.malformed' });
      const key = await providerKey();
      if (!key) return refuse({ code: 'house.unreachable' });
      return readNotice(envelope, key, needs);
    },
  };
}

function orderFor(needs: OrderedNeeds, order: Order): object {
  const notify = new URL(needs.notifyUrl);
  notify.searchParams.set('region', order.region);
  const { reference: id, amount, currency, region: account, token } = order;
  return {
    ...{ id, amount, currency, account, notify: notify.href },
    ...(needs.backUrl === undefined ? {} : { back: `${needs.backUrl}/${order.id}` }),
    ...(token === null ? {} : { card: token }),
  };
}

function readNotice(envelope: BankNotice, key: KeyObject, needs: OrderedNeeds): Result<Notice, Refusal> {
  const { clock, service } = needs;
  const signature = fromBase64url(envelope.signature);
  const genuine =
    signature !== undefined &&
    verify('sha256', noticeBytes(envelope, service), { key, dsaEncoding: 'ieee-p1363' }, signature);
  if (!genuine) return refuse({ code: 'funding.notice-forged' });
  if (Math.abs(clock() - fromSeconds(envelope.at)) > NOTICE_TOLERANCE) return refuse({ code: 'funding.notice-stale' });
  const report = parseJson(envelope.message);
  if (!Check(BankReport, report)) return refuse({ code: 'request.malformed' });
  const word = wordIn(needs, report);
  return ok({ reference: report.id, amount: report.amount, currency: report.currency, word });
}

/** A report counts only when it speaks of this very order and sum; anything else is no answer. */
function wordOf(needs: OrderedNeeds, answer: { status: number; body: unknown } | undefined, order: Order): Word {
  if (answer?.status !== 200 || !Check(BankReport, answer.body)) return { says: 'silence' };
  const { id, amount, currency } = answer.body;
  const same = id === order.reference && amount === order.amount && currency === order.currency;
  return same ? wordIn(needs, answer.body) : { says: 'silence' };
}

function wordIn(needs: OrderedNeeds, report: BankReport): Word {
  switch (report.status) {
    case 'RJCT':
      return { says: 'declined', reason: report.reason ?? 'MS03' };
    case 'RTRN':
      return { says: 'returned', reason: report.reason ?? 'MS03' };
    case 'ACSC':
      return { says: 'settled' };
    default:
      return { says: 'pending', ...errandIn(needs, report) };
  }
}

/** People are sent to the provider's own pages only, whatever address it names. */
function errandIn(needs: OrderedNeeds, { page, code, until }: BankReport): { errand?: Errand } {
  const own = page !== undefined && URL.parse(page)?.origin === new URL(needs.url).origin ? page : null;
  if (own === null && code === undefined) return {};
  return { errand: { page: own, code: code ?? null, until: until === undefined ? null : fromSeconds(until) } };
}

function readKey(text: string): KeyObject {
  return createPublicKey({ key: Buffer.from(text, 'base64url'), type: 'spki', format: 'der' });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
