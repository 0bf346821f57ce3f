/** Home stands after at most ninety kilobytes of script, packed, in few files. */
import { beforeAll, expect, test } from 'vitest';
import { buildApp } from '#tests/kit/house.ts';
import { firstLoad } from '#tests/load/web.ts';

const BUDGET_KB = 90;
/** A slow road pays for each file anew. */
const FILES_AT_MOST = 20;

beforeAll(buildApp);

test('what home needs to stand for somebody who has a wallet is within its budget', async () => {
  const { kilobytes, files } = await firstLoad();
  expect(files).toBeGreaterThan(3);
  expect(files).toBeLessThanOrEqual(FILES_AT_MOST);
  expect(kilobytes).toBeGreaterThan(60);
  expect(kilobytes).toBeLessThanOrEqual(BUDGET_KB);
});
