/** A phone is copied and both copies pay with no network: both payees are paid, the case can be read, the payer is stopped. */
import { expect, test } from 'vitest';
import type { CaseFile, CaseList } from '#shared/api/payment.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  collect,
  confirm,
  network,
  openTown,
  picture,
  refusal,
  refusalWords,
  scan,
  synced,
  topUp,
  untilBills,
  waitForAllowance,
  wake,
} from '#tests/kit/story.ts';

const town = openTown();

test('two copies pay two payees with the same number', async () => {
  let owner = await town.newcomer('owner', { called: '小明', phone: '13800138001', prf: false });
  const tea = await town.newcomer('tea', { called: '茶馆', phone: '13800138002' });
  const rice = await town.newcomer('rice', { called: '米店', phone: '13800138003' });
  // All that stands behind the phone is the hold of one allowance; one payee alone can exhaust it.
  await town.policy({ total: 30_00, perPayment: 30_00, perPayee: 30_00 });
  await topUp(owner, '30');
  await waitForAllowance(owner);

  await owner.kill();
  const copy = await town.adopt(owner.clone('copy'));
  owner = await town.adopt(owner.reopen());
  await network('cut', owner, copy, tea, rice);
  await Promise.all([wake(owner, town.house.origin), wake(copy, town.house.origin)]);

  for (const [payer, payee] of [
    [owner, tea],
    [copy, rice],
  ] as const) {
    await ask(payee, '24');
    await scan(payer, payee);
    await confirm(payer);
    expect(await collect(payee, payer)).toBe('verified');
  }

  await network('open', tea);
  await untilBills(tea, ['小明 ··8001 +¥24.00 Settled']);
  await network('open', rice);
  await untilBills(rice, ['小明 ··8001 +¥24.00 Arriving']);

  const file = await onlyCase(rice);
  expect(file).toMatchObject({ kind: 'fork', role: 'payee', amount: 18_00, currency: 'CNY' });
  const events = file.timeline.map(({ code }) => code);
  expect(events).toEqual(expect.arrayContaining(['signed', 'uploaded', 'conflict-found', 'paid-by-guarantee']));
  expect(file.proofs).toHaveLength(1);

  await network('open', owner);
  await wake(owner, town.house.origin);
  await synced(owner);
  await owner.page.goto(`${town.house.origin}/me/allowance`);
  expect(await refusal(owner)).toBe(refusalWords(owner, 'allowance.device-stopped'));
  await picture(owner, 'stopped');

  const books = await town.closeBooks();
  expect(books.lines('claim')).toEqual(['claim 24.00 hold owner -> tea']);
  expect(books.lines('shortfall')).toEqual([
    'shortfall 6.00 hold owner -> rice',
    'shortfall 18.00 guarantee-fund -> arriving rice',
    'shortfall 18.00 receivable owner -> guarantee-fund',
  ]);
});

/** The one case that concerns this person, as the house tells it to their session. */
async function onlyCase(person: Person): Promise<CaseFile> {
  const { cases } = await tell<CaseList>(person, '/cases');
  expect(cases).toHaveLength(1);
  return tell<CaseFile>(person, `/cases/${cases[0]?.id}`);
}

function tell<Answer>(person: Person, path: string): Promise<Answer> {
  return person.page.evaluate(async (asked) => (await fetch(asked)).json(), path);
}
