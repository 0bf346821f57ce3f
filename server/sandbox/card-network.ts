/**
 * The sandbox's card network (ISO 8583): charges and their reversals.
 * Invariant: a reversed charge stays reversed, also when it is asked for again or its reversal came first.
 */
import type { Charge, Store, Switches } from '#server/sandbox/store.ts';
import { type CardStory, cardStoryOf } from '#server/sandbox/story.ts';
import type { CardAnswer, CardCharge } from '#shared/api/card-network.ts';
import type { Clock } from '#shared/base/time.ts';

/** The network's answer: told at once or late, silence, or a refusal of another charge under a used id. */
export type CardReply =
  | { readonly kind: 'answer'; readonly answer: CardAnswer }
  | { readonly kind: 'late'; readonly answer: CardAnswer }
  | { readonly kind: 'silence' | 'busy' | 'reused' };

/** The network. */
export interface CardNetwork {
  charge(asked: CardCharge): CardReply;
  reverse(id: string): CardReply;
}

/** Field 39 of a charge that was reversed before it came, or whose card is not known. */
const TOO_LATE = '68';
const NO_CARD = '14';

/** Opens the network over `store`, where the cards were bound. */
export function openCardNetwork({
  store,
  clock,
  switches,
}: {
  store: Store;
  clock: Clock;
  switches: () => Switches;
}): CardNetwork {
  function reply(story: CardStory, id: string, code: string): CardReply {
    if (story.answer === 'silent') return { kind: 'silence' };
    return { kind: story.answer === 'late' ? 'late' : 'answer', answer: { id, code } };
  }

  return {
    charge(asked) {
      const { id, token, amount } = asked;
      if (switches().bank === 'closed') return { kind: 'busy' };
      const story = cardStoryOf(amount);
      if (story.answer === 'deaf') return { kind: 'silence' };
      const before = store.get('charge', id);
      if (before && before.amount !== 0 && (before.amount !== amount || before.token !== token))
        return { kind: 'reused' };
      if (before) return reply(story, id, before.reversedAt === undefined ? before.code : TOO_LATE);
      const lives = store.all('binding').some((one) => one.state === 'bound' && one.token === token);
      const code = lives ? story.code : NO_CARD;
      const taken = code === '00' ? { takenAt: clock() } : {};
      store.put('charge', { ...asked, at: clock(), code, reversals: 0, ...taken });
      return reply(story, id, code);
    },
    reverse(id) {
      if (switches().bank === 'closed') return { kind: 'busy' };
      const before = store.get('charge', id);
      const unheard: Charge = {
        id,
        token: '',
        amount: 0,
        currency: '',
        account: '',
        at: clock(),
        code: '',
        reversals: 0,
      };
      const charge = before ?? unheard;
      const reversals = charge.reversals + 1;
      store.put('charge', { ...charge, reversals, reversedAt: charge.reversedAt ?? clock() });
      if (reversals <= (cardStoryOf(charge.amount).deafReversals ?? 0)) return { kind: 'silence' };
      // 25 (unable to locate record): what never came is as good as reversed, and stays so.
      return { kind: 'answer', answer: { id, code: before ? '00' : '25' } };
    },
  };
}
