/** A phone is lost after it paid with no network: the payee's upload settles it, and the rest comes home by itself. */
import { expect, test } from 'vitest';
import { duration } from '#shared/base/time.ts';
import {
  ask,
  balance,
  collect,
  confirm,
  network,
  openTown,
  scan,
  synced,
  told,
  topUp,
  untilBalance,
  waitForAllowance,
  wake,
  words,
} from '#tests/kit/story.ts';

const town = openTown();

test('settled by the payee, the rest released after the claim window, all of it on the new phone', async () => {
  await town.policy({ life: duration(40, 's'), claimWindow: duration(10, 's') });
  const owner = await town.newcomer('owner', { called: '小明', phone: '13800138001' });
  const payee = await town.newcomer('payee', { called: '小红', phone: '13800138002' });
  await topUp(owner, '100');
  await waitForAllowance(owner);
  await network('cut', owner, payee);
  await ask(payee, '10');
  await scan(owner, payee);
  await confirm(owner);
  expect(await collect(payee, owner)).toBe('verified');

  await owner.kill();
  await network('open', payee);
  await told(payee, 'pay_arrived').waitFor();
  await untilBalance(payee, 10_00);

  const fresh = await town.adopt(owner.successor('fresh'));
  // The keychain offers its passkey in the first field, and taking it is all it needs.
  await fresh.page.goto(town.house.origin);
  await told(fresh, 'home_state_online').waitFor();
  expect(await balance(fresh)).toMatchObject({ available: 0, setAside: 90_00 });

  // Nobody calls anybody: the window ends, the house gives it back, and the new phone is made ready from it.
  const ready = fresh.page.getByText(words(fresh, 'home_payments_left'));
  await expect
    .poll(
      async () => {
        await wake(fresh, town.house.origin);
        await synced(fresh);
        return await ready.isVisible();
      },
      { timeout: 150_000, interval: 5_000 },
    )
    .toBe(true);
  await untilBalance(fresh, 90_00);

  const books = await town.closeBooks();
  expect(books.lines('claim', 'late-claim', 'shortfall')).toEqual(['claim 10.00 hold owner -> payee']);
  expect(books.lines('release')).toContain('release 90.00 hold owner -> owner');
});
