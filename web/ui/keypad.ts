/** What a money keypad makes of the next key: never more decimals than the currency has, never a sum too long to be one. */

const MOST_WHOLE_DIGITS = 9;

/** The text after `key` (`0`-`9`, `.` or `Backspace`) was pressed; `digits` is how many decimals the currency has. */
export function typed(text: string, key: string, digits: number): string {
  if (key === 'Backspace') return text.slice(0, -1);
  const [whole = '', decimals] = text.split('.');
  if (key === '.') {
    if (digits === 0 || decimals !== undefined) return text;
    return `${whole === '' ? '0' : whole}.`;
  }
  if (!/^\d$/.test(key)) return text;
  if (decimals !== undefined) return decimals.length >= digits ? text : text + key;
  if (whole === '0') return key;
  return whole.length >= MOST_WHOLE_DIGITS ? text : text + key;
}
