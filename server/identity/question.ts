/**
 * A security question: set by its owner, asked by the support desk, which hears only whether the caller's words match.
 * Invariant: it opens nothing and stands for no factor; the answer is kept as a payment password is, each try is counted
 * before it is looked at, and its owner reads of every try.
 */
import { noteEvent } from '#server/identity/event.ts';
import { tellOwner } from '#server/identity/notice.ts';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import type { Hasher } from '#server/identity/password-hash.ts';
import type { Session } from '#server/identity/session.ts';
import * as store from '#server/identity/store.ts';
import { mayAct } from '#server/identity/throttle.ts';
import type { Sql } from '#server/platform/database.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { QuestionRequest, QuestionView } from '#shared/api/security-question.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { questionFault, readAnswer, readQuestion } from '#shared/rules/security-question.ts';

type Owner = Pick<Session, 'region' | 'wallet'>;

/** Security questions. */
export interface Questions {
  readonly view: (owner: Owner) => Promise<QuestionView>;
  /** Refusals: `question.short`, `question.answer-short`, `question.answer-told`, `request.too-many`. */
  readonly set: (owner: Owner, asked: QuestionRequest) => Promise<Result<QuestionView, Refusal>>;
  /** Takes it away; again is the same act. */
  readonly drop: (owner: Owner) => Promise<QuestionView>;
  /**
   * Whether a caller's words match; `noted` runs in the transaction that tells the owner of the try. Refusals:
   * `question.none`, `request.too-many`.
   */
  readonly matches: (owner: Owner, answer: string, noted: Noted) => Promise<Result<boolean, Refusal>>;
}

/** Writes down, with the owner's own line, what came of a try. */
export type Noted = (tx: Sql, isMatch: boolean) => Promise<void>;

/** Tries for one wallet in a day, whoever makes them: enough for a bad line, too few to go through names of mothers. */
const TRIES_A_DAY = 3;

/** What the hash is made of; no payment password begins so. */
const worded = (answer: string) => `question ${readAnswer(answer)}`;

/** Opens security questions over the database of `parts`. */
export function openQuestions(parts: IdentityParts, hasher: Hasher): Questions {
  const { database, clock, secrets } = parts;
  const viewOf = async ({ region, wallet }: Owner): Promise<QuestionView> => {
    const row = await store.readQuestion(database, region, wallet);
    return row ? { question: secrets.open(row.question_sealed), setAt: row.set_at } : {};
  };
  return {
    view: viewOf,
    async set(owner, { question, answer }) {
      const fault = questionFault(question, answer);
      if (fault) return no(fault);
      const { region, wallet } = owner;
      const words = readQuestion(question);
      const before = await store.readQuestion(database, region, wallet);
      if (before && secrets.open(before.question_sealed) === words) {
        const isSame = await hasher.fits(wallet, worded(answer), before);
        if (!isSame.ok) return isSame;
        if (isSame.value) return ok(await viewOf(owner));
      }
      const hashed = await hasher.hash(wallet, worded(answer));
      if (!hashed.ok) return hashed;
      const at = clock();
      await database.transaction(async (tx) => {
        await store.lockWallet(tx, region, wallet);
        await store.writeQuestion(tx, {
          ...{ region, wallet, ...hashed.value },
          ...{ question_sealed: secrets.seal(words), set_at: at },
        });
        await noteEvent(tx, owner, { code: 'question-set', at });
      });
      await tellOwner(parts, owner, 'question');
      return ok(await viewOf(owner));
    },
    async drop(owner) {
      await database.transaction(async (tx) => {
        await store.lockWallet(tx, owner.region, owner.wallet);
        const isGone = await store.dropQuestion(tx, owner.region, owner.wallet);
        if (isGone) await noteEvent(tx, owner, { code: 'question-ended', at: clock() });
      });
      return {};
    },
    async matches(owner, answer, noted) {
      const row = await store.readQuestion(database, owner.region, owner.wallet);
      if (!row) return no('question.none');
      const may = await mayAct(parts, 'question', owner.wallet, TRIES_A_DAY);
      if (!may.ok) return may;
      const isMatch = await hasher.fits(owner.wallet, worded(answer), row);
      if (!isMatch.ok) return isMatch;
      await database.transaction(async (tx) => {
        const about = { match: isMatch.value ? 'yes' : 'no' };
        await noteEvent(tx, owner, { code: 'question-asked', at: clock(), about });
        await noted(tx, isMatch.value);
      });
      return isMatch;
    },
  };
}
