/**
 * Money by bank transfer: orders go out as pain.001, reports and notices come back (pain.002, camt.054, camt.006).
 * Invariant: a notice counts only with the pinned key's signature over its exact bytes, less than five minutes old.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { Check } from 'typebox/value';
import type { ChannelDoor, Notice, Order, Word } from '#server/funding/channel.ts';
import type { callOutside } from '#server/platform/outside.ts';
import { BankKey, BankNotice, BankReport, noticeBytes } from '#shared/api/bank.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, type Duration, duration, fromSeconds } from '#shared/base/time.ts';

/** How far a notice's time may be from ours, as Standard Webhooks recommends. */
const NOTICE_TOLERANCE: Duration = duration(300, 's');

/** What the bank's door needs. `key` pins the bank's public key; without it the first one fetched is pinned. */
export interface BankTransferNeeds {
  readonly url: string;
  /** Where the bank sends notices; the region is added, so that a notice finds its shard. */
  readonly notifyUrl: string;
  readonly key?: string;
  readonly call: typeof callOutside;
  readonly clock: Clock;
  readonly patience: Duration;
}

/** The bank behind `needs.url`. */
export function openBankTransfer(needs: BankTransferNeeds): ChannelDoor {
  let pinned: KeyObject | undefined = needs.key === undefined ? undefined : readKey(needs.key);

  async function bankKey(): Promise<KeyObject | undefined> {
    if (pinned) return pinned;
    const answer = await exchange(needs, 'GET', '/bank/key');
    if (answer?.status === 200 && Check(BankKey, answer.body)) pinned ??= readKey(answer.body.key);
    return pinned;
  }

  return {
    ask: async (order) => {
      const notify = new URL(needs.notifyUrl);
      notify.searchParams.set('region', order.region);
      const { reference: id, amount, currency } = order;
      const answer = await exchange(needs, 'POST', '/bank/orders', { id, amount, currency, notify: notify.href });
      // AM05 (duplication): the bank holds another order under this name, so this one was never taken.
      if (answer?.status === 409) return { says: 'declined', reason: 'AM05' };
      return wordOf(answer, order);
    },
    query: async (order) => {
      const answer = await exchange(needs, 'GET', `/bank/orders/${order.reference}`);
      return answer?.status === 404 ? { says: 'absent' } : wordOf(answer, order);
    },
    read: async (envelope) => {
      if (!Check(BankNotice, envelope)) return refuse({ code: 'request.malformed' });
      const key = await bankKey();
      if (!key) return refuse({ code: 'house.unreachable' });
      return readNotice(envelope, key, needs.clock);
    },
  };
}

function readNotice(envelope: BankNotice, key: KeyObject, clock: Clock): Result<Notice, Refusal> {
  const signature = fromBase64url(envelope.signature);
  const genuine =
    signature !== undefined && verify('sha256', noticeBytes(envelope), { key, dsaEncoding: 'ieee-p1363' }, signature);
  if (!genuine) return refuse({ code: 'funding.notice-forged' });
  if (Math.abs(clock() - fromSeconds(envelope.at)) > NOTICE_TOLERANCE) return refuse({ code: 'funding.notice-stale' });
  const report = parseJson(envelope.message);
  if (!Check(BankReport, report)) return refuse({ code: 'request.malformed' });
  return ok({ reference: report.id, amount: report.amount, currency: report.currency, word: wordIn(report) });
}

/** A report counts only when it speaks of this very order and sum; anything else is no answer. */
function wordOf(answer: { status: number; body: unknown } | undefined, order: Order): Word {
  if (answer?.status !== 200 || !Check(BankReport, answer.body)) return { says: 'silence' };
  const { id, amount, currency } = answer.body;
  const same = id === order.reference && amount === order.amount && currency === order.currency;
  return same ? wordIn(answer.body) : { says: 'silence' };
}

function wordIn(report: BankReport): Word {
  if (report.status === 'RJCT') return { says: 'declined', reason: report.reason ?? 'MS03' };
  return { says: report.status === 'ACSC' ? 'settled' : 'pending' };
}

async function exchange(
  needs: BankTransferNeeds,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown } | undefined> {
  const answer = await needs.call(new URL(path, needs.url).href, {
    method,
    timeoutMs: needs.patience,
    ...(body === undefined ? {} : { body }),
  });
  return answer.ok ? answer.value : undefined;
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
