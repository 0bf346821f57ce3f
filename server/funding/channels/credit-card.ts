/**
 * Money from a bound credit card by a card network (ISO 8583): one question, one answer, no notices.
 * Invariant: a charge whose answer we did not hear in time is reversed until the network confirms it, and never counts,
 * whatever its late answer says.
 */
import { Check } from 'typebox/value';
import type { ChannelDoor, Order, Word } from '#server/funding/channel.ts';
import { exchange, type Provider } from '#server/funding/provider.ts';
import { CardAnswer, type CardCharge, type CardReversal } from '#shared/api/card-network.ts';

/** Field 39 of a charge that was taken. */
const APPROVED = '00';

/** Field 39 "response received too late": what a charge of unknown outcome ends with when it has been reversed. */
const TOO_LATE = '68';

/** The card network behind `provider.url`. */
export function openCreditCard(provider: Provider): ChannelDoor {
  return {
    ask: async (order) => {
      const { reference: id, token, amount, currency, region: account } = order;
      if (token === null) return { says: 'declined', reason: '14' };
      const charge: CardCharge = { id, token, amount, currency, account };
      const code = codeIn(await exchange(provider, 'POST', '/card/charges', charge), order);
      if (code === undefined) return { says: 'silence' };
      return code === APPROVED ? { says: 'settled' } : { says: 'declined', reason: code };
    },
    // Who has to ask how a charge ended has not heard its answer in time: the network's rule is to reverse it.
    query: async (order): Promise<Word> => {
      const reversal: CardReversal = { id: order.reference };
      const code = codeIn(await exchange(provider, 'POST', '/card/reversals', reversal), order);
      return code === undefined ? { says: 'silence' } : { says: 'declined', reason: TOO_LATE };
    },
  };
}

function codeIn(answer: { status: number; body: unknown } | undefined, order: Order): string | undefined {
  if (answer?.status !== 200 || !Check(CardAnswer, answer.body)) return undefined;
  return answer.body.id === order.reference ? answer.body.code : undefined;
}
