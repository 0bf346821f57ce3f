/** The register of citizens, outside of the house: one interface, and the sandbox's register behind it. */
import { Check } from 'typebox/value';
import { callOutside } from '#server/platform/outside.ts';
import { RegisterAnswer, type RegisterQuestion, type RegisterVerdict } from '#shared/api/register.ts';

/** Asks the register; undefined when nothing usable came back, and the question may well have been taken. */
export type AskRegister = (question: RegisterQuestion) => Promise<RegisterVerdict | undefined>;

/** How long the register may take before its silence counts as no answer yet. */
const PATIENCE_MS = 5_000;

/** The register of the sandbox at `sandboxUrl`. */
export function sandboxRegister(sandboxUrl: string, patienceMs = PATIENCE_MS): AskRegister {
  const url = new URL('/register/checks', sandboxUrl).href;
  return async (question) => {
    const answer = await callOutside(url, { method: 'POST', body: question, timeoutMs: patienceMs });
    if (!answer.ok || answer.value.status !== 200 || !Check(RegisterAnswer, answer.value.body)) return undefined;
    return answer.value.body.id === question.id ? answer.value.body.verdict : undefined;
  };
}
