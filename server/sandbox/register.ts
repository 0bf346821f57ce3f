/**
 * The sandbox's register of citizens and phone operator: whether a name belongs to a number, and a phone to both.
 * It keeps of a question only a hash and the story it follows: no name and no number stands in its file.
 */
import { createHash } from 'node:crypto';
import type { Store, Switches } from '#server/sandbox/store.ts';
import type { RegisterAnswer, RegisterQuestion, RegisterVerdict } from '#shared/api/register.ts';
import type { Clock } from '#shared/base/time.ts';

/** What the register does with a number, told by its sequence code (characters 15 to 17). */
export interface RegisterStory {
  readonly code: string;
  readonly zh: string;
  readonly en: string;
  readonly end: Exclude<RegisterVerdict, 'review'>;
  /** Paces a person takes to look at it. */
  readonly review?: number;
  /** Leading asks that do the work and never answer, and leading asks that answer 503. */
  readonly deafAsks?: number;
  readonly busyAsks?: number;
}

const PLAIN: RegisterStory = { code: '', zh: '相符', en: 'matches', end: 'match' };

/** Every story; a number whose code is not listed matches at once. */
export const REGISTER_STORIES: readonly RegisterStory[] = [
  { code: '901', zh: '姓名与号码不符', en: 'name and number differ', end: 'mismatch' },
  { code: '902', zh: '库中无此号', en: 'no such number', end: 'not-found' },
  { code: '903', zh: '人工复核,通过', en: 'looked at by a person, matches', end: 'match', review: 10 },
  { code: '904', zh: '人工复核,不符', en: 'looked at by a person, differs', end: 'mismatch', review: 10 },
  { code: '905', zh: '首次查询不回复', en: 'first ask gets no answer', end: 'match', deafAsks: 1 },
  { code: '906', zh: '头两次繁忙', en: 'busy twice', end: 'match', busyAsks: 2 },
  { code: '911', zh: '手机不是本人的', en: 'the phone is another person’s', end: 'phone-mismatch' },
];

/** The register's answer to an ask: a verdict, silence, a 503, or a refusal of another question under a used id. */
export type RegisterReply =
  | { readonly kind: 'answer'; readonly answer: RegisterAnswer }
  | { readonly kind: 'silence' | 'busy' | 'reused' };

/** The register. */
export interface Register {
  ask(question: RegisterQuestion): RegisterReply;
}

/** Opens the register over `store`. */
export function openRegister(deps: { store: Store; clock: Clock; switches: () => Switches }): Register {
  const { store, clock, switches } = deps;
  return {
    ask(question) {
      const { id, name, number, phone } = question;
      const hash = createHash('sha256')
        .update(JSON.stringify([name, number, phone]))
        .digest('base64url');
      const before = store.get('check', id);
      if (before && before.hash !== hash) return { kind: 'reused' };
      if (switches().register === 'closed') return { kind: 'busy' };
      const story = storyOf(number);
      const check = { id, hash, at: before?.at ?? clock(), asks: (before?.asks ?? 0) + 1, code: story.code };
      store.put('check', check);
      if (check.asks <= (story.deafAsks ?? 0)) return { kind: 'silence' };
      if (check.asks <= (story.busyAsks ?? 0)) return { kind: 'busy' };
      const isLookedAt = clock() < check.at + (story.review ?? 0) * switches().paceMs;
      return { kind: 'answer', answer: { id, verdict: isLookedAt ? 'review' : endOf(story, phone) } };
    },
  };
}

/** Whose the phone is only matters to a question that names one. */
function endOf({ end }: RegisterStory, phone: string | undefined): RegisterVerdict {
  return end === 'phone-mismatch' && phone === undefined ? 'match' : end;
}

function storyOf(number: string): RegisterStory {
  return REGISTER_STORIES.find((story) => story.code === number.slice(14, 17)) ?? PLAIN;
}
