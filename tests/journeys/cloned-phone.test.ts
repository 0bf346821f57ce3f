/** A phone is copied and both copies pay with no network: both payees are paid, payer and payee read the case, the payer is stopped. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { CaseFile, CaseList } from '#shared/api/payment.ts';
import { certify } from '#tests/kit/bank-story.ts';
import type { Person } from '#tests/kit/person.ts';
import {
  ask,
  button,
  collect,
  confirm,
  go,
  home,
  network,
  openTown,
  picture,
  refusal,
  refusalWords,
  scan,
  synced,
  told,
  topUp,
  untilBills,
  waitForAllowance,
  wake,
  words,
} from '#tests/kit/story.ts';

const town = openTown();

test('two copies pay two payees with the same number', async () => {
  let owner = await town.newcomer('owner', { called: '小明', phone: '13800138001', prf: false });
  const tea = await town.newcomer('tea', { called: '茶馆', phone: '13800138002' });
  const rice = await town.newcomer('rice', { called: '米店', phone: '13800138003' });
  // All that stands behind the phone is the hold of one allowance; one payee alone can exhaust it.
  await town.policy({ total: 30_00, perPayment: 30_00, perPayee: 30_00 });
  // The guarantee stands behind people whose name is proved, who cannot begin anew under another.
  await certify(owner, '王小明');
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
  await untilBills(tea, ['王小明 +¥24.00 Settled']);
  await network('open', rice);
  await untilBills(rice, ['王小明 +¥24.00 Arriving']);

  const file = await onlyCase(rice);
  expect(file).toMatchObject({ kind: 'fork', role: 'payee', amount: 18_00, currency: 'CNY' });
  const events = file.timeline.map(({ code }) => code);
  expect(events).toEqual(expect.arrayContaining(['signed', 'uploaded', 'conflict-found', 'paid-by-guarantee']));
  expect(file.proofs).toHaveLength(1);

  // The payee is told at the first screen, reads the story, checks the proof on the phone, and can do so with no network.
  await home(rice);
  await openTheCase(rice);
  await story(rice, [words(rice, 'case_payee_fork'), words(rice, 'case_do_nothing'), '王小明']);
  await picture(rice, 'case-payee');
  await rice.network('cut');
  await rice.page.reload();
  await story(rice, [words(rice, 'case_payee_fork'), words(rice, 'case_offline')]);
  await button(rice, 'case_proof_check').click();
  await told(rice, 'case_proof_good').waitFor();
  const saving = rice.page.waitForEvent('download');
  await button(rice, 'case_proof_save').click();
  expect(readFileSync(await (await saving).path()).toString('base64url')).toBe(file.proofs[0]?.proof);
  await picture(rice, 'case-payee-offline');
  await rice.page.goto(`${town.house.origin}/`);
  await home(rice);
  await expect.poll(() => rice.page.getByText(words(rice, 'case_home_title')).count()).toBe(0);
  await go(rice, 'bills');
  await rice.page.getByRole('listitem').first().getByRole('link').click();
  await rice.page.getByText(words(rice, 'case_of_bill')).click();
  await rice.page.waitForURL(`**/cases/${file.id}`);

  await network('open', owner);
  await wake(owner, town.house.origin);
  await synced(owner);
  await openTheCase(owner);
  await story(owner, [
    words(owner, 'case_payer_fork', { number: 1 }),
    words(owner, 'case_payer_owes', { sum: '¥18.00' }),
  ]);
  await story(owner, ['茶馆 ··8002', '米店 ··8003', words(owner, 'case_do_pay')]);
  await picture(owner, 'case-payer');
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

/** From the notice of the first screen to the story of the case. */
async function openTheCase(person: Person): Promise<void> {
  await person.page.getByText(words(person, 'case_home_title')).click({ timeout: 90_000 });
  const row = person.page.getByRole('link', { name: words(person, 'case_kind_fork') });
  const signIn = button(person, 'identity_sign_in');
  await row.or(signIn).first().waitFor({ timeout: 30_000 });
  // A phone that was switched off may have lost its session; what hints at a case leads here all the same.
  if (!(await row.isVisible())) await signIn.click();
  await row.click();
}

/** Waits until the screen tells all of this. */
async function story(person: Person, lines: readonly string[]): Promise<void> {
  for (const line of lines) await person.page.getByText(line).first().waitFor({ timeout: 30_000 });
}

/** The one case that concerns this person, as the house tells it to their session. */
async function onlyCase(person: Person): Promise<CaseFile> {
  const { cases } = await tell<CaseList>(person, '/cases');
  expect(cases).toHaveLength(1);
  return tell<CaseFile>(person, `/cases/${cases[0]?.id}`);
}

function tell<Answer>(person: Person, path: string): Promise<Answer> {
  return person.page.evaluate(async (asked) => (await fetch(asked)).json(), path);
}
