/** Stops at our own faults: a broken assertion is a bug in this house, never an answer to the world. */

/** Thrown when the house itself is wrong; a door turns it into a 500, never into a refusal. */
export class Fault extends Error {
  override readonly name = 'Fault';
}

/** Throws a {@link Fault} with `message` unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Fault(message);
}
