/** Rows of a list, drawn a few new ones at a time; what stands already costs nothing. */
import { expect, test } from 'vitest';
import { makeBill } from '#tests/kit/bills.ts';
import { drawnNext } from '#web/bill/drawn.ts';
import { type Entry, entryOfBill } from '#web/bill/entries.ts';
import { monthOf } from '#web/vault/tally.ts';

const AT = Date.UTC(2026, 10, 23, 12);
/** `1-3` the bills of these numbers. */
function rows(text: string): Entry[] {
  const [first = 1, last = 0] = text === '-' ? [] : text.split('-').map(Number);
  const numbers = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  return numbers.map((one) => entryOfBill({ ...makeBill(one, AT), at: AT, month: monthOf(AT) }));
}

test.each([
  // wanted   drawn    drawn next
  ['1-40      nothing  -         a first page begins with what stands over it'],
  ['1-40      -        1-1       then comes one'],
  ['1-40      1-1      1-4       and grows by a few'],
  ['1-40      1-37     1-40      to its end'],
  ['1-2       1-1      1-2       a short one is soon there'],
  ['1-1       -        1-1       one of a single row at once'],
  ['1-40      1-40     1-40      what stands is kept'],
  ['4-43      1-40     4-43      three new ones below'],
  ['41-80     1-40     41-43     a page of other bills begins anew'],
  ['-         1-40     -         none'],
  ['-         nothing  -         an empty list has nothing over it'],
])('%s', (row) => {
  const [wanted = '', drawn = '', next = ''] = row.split(/\s+/);
  expect(drawnNext(rows(wanted), drawn === 'nothing' ? undefined : rows(drawn))).toEqual(rows(next));
});
