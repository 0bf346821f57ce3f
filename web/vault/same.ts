/** Whether two answers of the vault say the same, so that what stands on the screen already is not drawn again. */

/** Compares what rows are made of, lists and maps of it. Whatever it does not know (a key, a function) is itself alone. */
export function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left)) return Array.isArray(right) && isSameList(left, right);
  if (left instanceof Uint8Array) return right instanceof Uint8Array && isSameList(left, right);
  if (left instanceof Map) return right instanceof Map && isSameList([...left], [...right]);
  if (left instanceof Set) return right instanceof Set && isSameList([...left], [...right]);
  return isPlain(left) && isPlain(right) && isSameObject(left, right);
}

function isSameList(left: ArrayLike<unknown>, right: ArrayLike<unknown>): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (!isSame(left[at], right[at])) return false;
  return true;
}

type Plain = Readonly<Record<string, unknown>>;

function isPlain(value: object): value is Plain {
  const kind: unknown = Object.getPrototypeOf(value);
  return kind === Object.prototype || kind === null;
}

function isSameObject(left: Plain, right: Plain): boolean {
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => Object.hasOwn(right, name) && isSame(left[name], right[name]));
}
