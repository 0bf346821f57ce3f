/** Migrations: forward only, each step once, never half, and never edited afterwards. */
import { expect, test } from 'vitest';
import { migrate } from '#server/platform/migrate.ts';
import { eachDatabase } from '#tests/kit/databases.ts';

const FIRST = '-- step 1: what it is for\ncreate table note (text text);\n';
const SECOND =
  "-- step 2: a function with a body\ncreate function shout() returns text language plpgsql as $$\nbegin\n  return 'a;';\nend\n$$;\ninsert into note values ('two'); -- and a word\n";
const BROKEN = "-- step 3: half of it fails\ninsert into note values ('three');\ninsert into nowhere values (1);\n";
const MENDED = "-- step 3: half of it fails\ninsert into note values ('three');\n";

eachDatabase('migrating', (open) => {
  const notes = (schema: string) => [{ name: 'notes', schema }];

  test('runs each step once, in order, whoever asks and how often', async () => {
    const database = await open('empty');
    await migrate(database, notes(FIRST));
    await Promise.all([1, 2, 3].map(() => migrate(database, notes(FIRST + SECOND))));
    expect(await database.query('select text, shout() from note')).toEqual([{ text: 'two', shout: 'a;' }]);
  });

  test('a step that fails leaves nothing, and the mended one runs', async () => {
    const database = await open('empty');
    await expect(migrate(database, notes(FIRST + SECOND + BROKEN))).rejects.toThrow('nowhere');
    expect(await database.query('select text from note')).toEqual([{ text: 'two' }]);
    await migrate(database, notes(FIRST + SECOND + MENDED));
    expect(await database.query('select text from note order by text')).toEqual([{ text: 'three' }, { text: 'two' }]);
  });

  test.each([
    ['an edited step', FIRST.replace('text text', 'text text not null') + SECOND, 'Step 1 of notes was changed'],
    ['a step the program has lost', FIRST, 'this program knows 1'],
    ['a missing number', FIRST + MENDED, 'step 3 of notes stands at place 2'],
    ['SQL before the first step', `drop table note;\n${FIRST}`, 'SQL before the first step'],
  ])('%s is refused', async (_what, schema, says) => {
    const database = await open('empty');
    await migrate(database, notes(FIRST + SECOND));
    await expect(migrate(database, notes(schema))).rejects.toThrow(says);
  });
});
