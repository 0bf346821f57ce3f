/** The names of acts in the books, frozen: with another one a retry of an old act would be a second act. */
import { expect, test } from 'vitest';
import { feeIdOf, referenceOf, returnIdOf } from '#server/funding/names.ts';
import { transferId } from '#server/payment/posting.ts';
import type { Id } from '#shared/base/id.ts';

const PAYMENT = Uint8Array.from({ length: 32 }, (_, at) => (at * 7) & 255);
const ACT = '01900000-0000-7000-8000-000000000001' as Id;
const WALLET = '01900000-0000-7000-8000-00000000000a' as Id;

test.each([
  ['claim', 'payer', '692c1049-2e48-8910-8da3-b43f76b9a2f9'],
  ['claim', 'payee', 'c5ae379d-3b54-8513-b6c7-f31bf2248625'],
  ['mature', 'payer', '5400a332-b8f3-8c48-94d8-2c9d4be8a6e6'],
  ['mature', 'payee', 'aa583c16-5470-866f-a0ae-083a5e0b8ba5'],
  ['reverse', 'payer', 'fd5cc7c2-087c-8a17-b562-ba746985ffd4'],
  ['reverse', 'payee', '800bbb92-677e-84bc-8da9-02e3bf21b6ec'],
] as const)('a payment, %s in the region of its %s: %s', (act, place, name) => {
  expect(transferId(PAYMENT, act, place)).toBe(name);
});

test.each([
  [
    'what a provider knows an act by',
    referenceOf({ region: 'CN-SX', wallet: WALLET }, ACT),
    '077ca393-3467-8acb-8b6e-184c22301106',
  ],
  ['its fee', feeIdOf(ACT), '3ac234c5-1e52-8022-aea5-0912db895b5d'],
  ['what takes it back', returnIdOf(ACT), '032af1e1-778a-8bfe-bec5-56887943223d'],
])('funding, %s', (_what, made, name) => {
  expect(made).toBe(name);
});
