/** The life of a payment as each side's phone tells it: its own part, and what the house knows of the other's. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeBill } from '#tests/kit/bills.ts';
import { entryById } from '#web/bill/entries.ts';
import { fetchLife, lacksLife } from '#web/bill/life.ts';
import { keepBills } from '#web/vault/bills.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

const AT = Date.UTC(2026, 10, 23, 12);
let vault: Vault;
beforeEach(() => {
  vault = openVault(`life-${crypto.randomUUID()}`);
});
afterEach(() => {
  vault.close();
  indexedDB.deleteDatabase(vault.name);
});

const told = makeBill(1, AT, {
  payment: 'pay-1',
  times: { signed: AT, uploaded: AT + 60_000, reconciled: AT + 60_010, posted: AT + 60_010 },
});

function house(view: object | undefined) {
  const asked: string[] = [];
  const ask = async <Answer>({ path }: { path: string }) => {
    asked.push(path);
    return view
      ? ({ ok: true, value: view as Answer } as const)
      : ({ ok: false, error: { code: 'house.unreachable' } } as const);
  };
  return { asked, ask };
}

test('what only the house knows is asked once and kept with the bill, until the bill changes', async () => {
  await keepBills(vault, [told], 1);
  const { asked, ask } = house({ uploadedBy: 'payee', handedAt: AT + 5_000 });
  const before = await entryById(vault, 'bill-1');
  expect(before && lacksLife(before)).toBe(true);
  expect(before?.times.handed).toBeUndefined();
  await fetchLife({ vault, ask }, 'pay-1');
  const after = await entryById(vault, 'pay-1');
  expect(asked).toEqual(['/payments/pay-1']);
  expect(after && lacksLife(after)).toBe(false);
  expect(after).toMatchObject({ life: { uploadedBy: 'payee' }, times: { signed: AT, handed: AT + 5_000 } });
  await keepBills(vault, [{ ...told, sequence: 2, state: 'reversed' }], 2);
  const changed = await entryById(vault, 'bill-1');
  expect(changed && lacksLife(changed)).toBe(true);
});

test('with no road the bill stands as it is', async () => {
  await keepBills(vault, [told], 1);
  await fetchLife({ vault, ask: house(undefined).ask }, 'pay-1');
  expect((await entryById(vault, 'bill-1'))?.times).toEqual(told.times);
});
