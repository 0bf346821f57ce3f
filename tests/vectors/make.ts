/**
 * Freezes the vectors: `node tests/vectors/make.ts` checks that every frozen one is still there and adds nothing;
 * with `--new` it adds cases that have no vector yet. A vector that exists is never changed: others build on its bytes.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import {
  closingCases,
  epochCases,
  finalityCases,
  forkCases,
  frameCases,
  invoiceCases,
  issuedCases,
  keySetCases,
  messageRows,
  payCodeCases,
  paymentCases,
  receiptCases,
} from '#tests/vectors/cases.ts';
import { addressFrames, noteCases, noteRow } from '#tests/vectors/note-cases.ts';
import { signedForCases } from '#tests/vectors/signed-for-cases.ts';
import { forgedCases, settledCases } from '#tests/vectors/thief-cases.ts';
import { voucherCases } from '#tests/vectors/voucher-cases.ts';

const FILES = {
  'key-set': keySetCases,
  issued: issuedCases,
  invoice: invoiceCases,
  payment: paymentCases,
  receipt: receiptCases,
  closing: closingCases,
  'pay-code': payCodeCases,
  epoch: epochCases,
  finality: finalityCases,
  fork: forkCases,
  frame: async () => [...(await frameCases()), ...(await addressFrames())],
  note: noteCases,
  voucher: voucherCases,
  settled: settledCases,
  forged: forgedCases,
  'signed-for': signedForCases,
  message: async () => [...(await messageRows()), noteRow()],
} as const;

const adding = process.argv.includes('--new');
let missing = 0;
for (const [name, cases] of Object.entries(FILES)) {
  const path = new URL(`./${name}.json`, import.meta.url);
  const frozen: { name: string }[] = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : [];
  const known = new Set(frozen.map((one) => one.name));
  const fresh = (await cases()).filter((one) => !known.has(one.name));
  missing += fresh.length;
  if (adding && fresh.length > 0) writeFileSync(path, `${JSON.stringify([...frozen, ...fresh], null, 1)}\n`);
  console.log(`${name}: ${frozen.length} frozen, ${fresh.length} ${adding ? 'added' : 'without a vector'}`);
}
process.exitCode = missing > 0 && !adding ? 1 : 0;
