/** How a refusal that is found deep in a transaction undoes it and is answered. */
import type { Refusal } from '#shared/api/refusal.ts';
import { type Result, refuse } from '#shared/base/result.ts';

/** Thrown inside a transaction that must leave nothing behind, for `refusal`. */
export class Undone extends Error {
  override readonly name = 'Undone';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.code);
    this.refusal = refusal;
  }
}

/** What `work` answers, or the refusal it was undone by; any other error goes on. */
export async function unlessUndone<Value>(
  work: () => Promise<Result<Value, Refusal>>,
): Promise<Result<Value, Refusal>> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Undone) return refuse(error.refusal);
    throw error;
  }
}
