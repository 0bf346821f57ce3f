/** The security question, as its owner reads and sets it: each change after a touch of the passkey. */
import type { Refusal } from '#shared/api/refusal.ts';
import type { QuestionRequest, QuestionView } from '#shared/api/security-question.ts';
import type { Result } from '#shared/base/result.ts';
import { type IdentityNeeds, withPasskey } from '#web/identity/person.ts';

type Asked = Promise<Result<QuestionView, Refusal>>;

const path = '/security-question';

/** The question that is set. */
export function readSecurityQuestion(needs: IdentityNeeds): Asked {
  return needs.ask<QuestionView>({ method: 'GET', path });
}

/** Sets it, or another one; the same again is the same act. */
export function setSecurityQuestion(needs: IdentityNeeds, body: QuestionRequest): Asked {
  return withPasskey(needs, () => needs.ask<QuestionView>({ method: 'PUT', path, body }));
}

/** Takes it away. */
export function dropSecurityQuestion(needs: IdentityNeeds): Asked {
  return withPasskey(needs, () => needs.ask<QuestionView>({ method: 'DELETE', path }));
}
