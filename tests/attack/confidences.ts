/**
 * What people trust a house with beside signing in and paying: words with money, claims and requests, a pay code, a
 * notebook, where a phone is reached, an appeal two agents decide, what they take along when they leave; and what
 * operators are told by their commands. Everything nobody may read in a log is kept as it is told.
 */
import { createHash, randomBytes, sign } from 'node:crypto';
import type { NewRecoveryCode } from '#shared/api/freeze.ts';
import { isFinal, type Withdrawal } from '#shared/api/funding.ts';
import type { NoticeView } from '#shared/api/notice.ts';
import { REAL_NAME_TERMS } from '#shared/api/real-name.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { newId } from '#shared/base/id.ts';
import { invoiceMessage } from '#shared/protocol/invoice.ts';
import { referenceOf } from '#shared/protocol/message.ts';
import { writeNote } from '#shared/protocol/note.ts';
import { payCodeMessage } from '#shared/protocol/pay-code.ts';
import { checkLetter } from '#shared/rules/identity-number.ts';
import { cookieOf, EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { runCommand } from '#tests/kit/command.ts';
import type { House } from '#tests/kit/house.ts';
import { good, type Member, type Place, stepUp } from '#tests/kit/member.ts';
import type { PushService } from '#tests/kit/push.ts';

/** Where it is told, and who keeps what. */
export interface Telling {
  readonly house: House;
  readonly place: Place;
  readonly keep: (what: string, secret: string) => void;
  readonly arrival: (name: string, phone: string, who: string) => Promise<Member>;
}

/** Money leaves to a bound card. */
export async function withdrawn({ place, keep }: Telling, who: Member, card: string): Promise<void> {
  const id = newId(place.clock());
  keep('a withdrawal', id);
  await stepUp(who);
  const request = { id, card, amount: 10_00, currency: 'CNY', proof: { by: 'passkey' } };
  for (let { state } = await good(who.ask<Withdrawal>('POST', '/withdrawals', request)); !isFinal(state); ) {
    ({ state } = await good(who.ask<Withdrawal>('GET', `/withdrawals/${id}`)));
  }
}

/** Money that says what it is for, is claimed back and given back; a request that is declined; a bill that is shared. */
export async function wordsWithMoney({ place, keep }: Telling, an: Member, bo: Member): Promise<void> {
  const now = place.clock();
  const [memo, reason, asking, declining] = ['买药的钱别告诉人', '转错给了外人', '上月房租的事', '这笔早还清了'];
  const [claim, ask] = [newId(now), newId(now)];
  for (const [what, secret] of Object.entries({ memo, reason, asking, declining, claim, ask })) keep(what, secret);
  const purse = await openPurse(an, place);
  const note = writeNote({
    ...{ payee: bo.device.id, id: newId(now), amount: 12_12, currency: 'CNY', time: now, memo },
  });
  const paid = await purse.pay(bo, 12_12, { invoice: createHash('sha256').update(note).digest().subarray(0, 16) });
  keep('a note as it was signed', toBase64url(note));
  const notes = [{ payment: paid.id, note: toBase64url(note) }];
  await good(an.device.ask('POST', '/sync', { ...EMPTY_SYNC, payments: [paid.bytes], notes }));
  await good(an.ask('POST', '/transfers/claims', { id: claim, payment: paid.id, reason }));
  await stepUp(bo);
  await good(bo.ask('POST', `/transfers/claims/${claim}/answer`, { give: 12_12, proof: { by: 'passkey' } }));
  await good(an.ask('POST', '/transfers/find', { who: bo.phone }));
  const expiresAt = now + 86_400_000;
  const asked = { payee: an.device.id, amount: 15_15, currency: 'CNY', expiresAt, memo: asking };
  await good(bo.ask('POST', '/transfers/requests', { id: ask, ...asked }));
  await good(an.ask('POST', `/transfers/requests/${ask}/decline`, { reason: declining }));
  const shares = [{ id: newId(now), payee: an.device.id, amount: 10_00 }];
  const split = { id: newId(now), total: 20_00, own: 10_00, currency: 'CNY', memo: asking, expiresAt, shares };
  await good(bo.ask('POST', '/transfers/splits', split));
  await paidByCode({ place, keep }, purse, bo);
}

/** A pay code is shown, a sum is asked on it, and the payer's phone fetches what is asked. */
async function paidByCode(
  { place, keep }: Pick<Telling, 'place' | 'keep'>,
  { allowance, signer }: Awaited<ReturnType<typeof openPurse>>,
  payee: Member,
): Promise<void> {
  const time = place.clock();
  const bytes = await payCodeMessage.sign(
    { allowance: referenceOf(allowance.id), nonce: randomBytes(16), time, lifetime: 60 },
    signer,
  );
  const read = payCodeMessage.read(bytes);
  const { privateKey: key } = payee.device;
  const phone = {
    key: fromBase64url(payee.device.key) ?? new Uint8Array(),
    sign: async (message: Uint8Array) => sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }),
  };
  const invoice = await invoiceMessage.sign(
    { payee: payee.device.id, id: newId(time), amount: 1_00, currency: 'CNY', time, lifetime: 120, epoch: 0 },
    phone,
  );
  const { certificate = '' } = await good(payee.device.ask<SyncAnswer>('POST', '/sync', EMPTY_SYNC));
  const shown = { code: toBase64url(bytes), invoice: toBase64url(invoice), certificate };
  for (const [what, secret] of Object.entries(shown)) keep(`${what} of a pay code`, secret);
  await good(payee.device.ask('POST', '/pay-codes', shown));
  if (read.ok) await payee.device.ask('GET', `/pay-codes/${toBase64url(read.value.id)}`);
}

/** What somebody writes for themselves, and where their phone is reached. */
export async function notesAndNotices({ place, keep }: Telling, who: Member, service: PushService): Promise<void> {
  const text = '医院复查别忘记';
  keep('a line of a notebook', text);
  const docs = [{ _id: 'note:b1', type: 'note', bill: 'b1', text, at: place.clock(), _rev: '1-a' }];
  await good(who.device.ask('POST', `/notebook/${who.wallet}/_bulk_docs`, { docs, new_edits: false }));
  const { houseKey } = await good(who.device.ask<NoticeView>('GET', '/notices'));
  const browser = service.subscriber();
  const request = browser.request(houseKey, true);
  keep('where a phone is reached', request.endpoint);
  keep('the path of where a phone is reached', new URL(request.endpoint).pathname.slice('/push/'.length));
  keep('the key of a subscription', request.publicKey);
  keep('the secret of a subscription', request.secret);
  await good(who.device.ask('PUT', '/notices', request));
  // The service turns the house away, which is when a house would complain of somebody by name.
  browser.answer(500);
}

/** A wallet stopped by its printed code, the appeal, two agents who look it up and decide, and their hints. */
export async function atTheDesk(telling: Telling, who: Member): Promise<string[]> {
  const { place, keep } = telling;
  const liu = await agent(telling, '柳如是', '13812340031', '21');
  const wei = await agent(telling, '卫子夫', '13812340032', '22');
  const said = [await command(telling, 'agent', 'CN-SX', 'grant', liu.wallet, 'liu', 'cases,recovery', ...WHY)];
  said.push(await command(telling, 'agent', 'CN-SX', 'grant', wei.wallet, 'wei', 'cases,recovery', ...WHY));
  const { code } = await good(who.ask<NewRecoveryCode>('POST', '/freeze/code'));
  keep('a recovery code', code);
  await good(who.ask('POST', '/freeze/by-code', { code }));
  const [appeal, words, answer] = [newId(place.clock()), '手机掉进黄河了', '已在柜台核对证件'];
  for (const [what, secret] of Object.entries({ appeal, words, answer })) keep(`${what} at the desk`, secret);
  await good(who.ask('POST', '/support/appeals', { id: appeal, about: 'frozen-by-code', words }));
  for (const one of [liu, wei]) {
    await stepUp(one);
    await good(one.ask('GET', '/desk'));
    await good(one.ask('POST', '/desk/find', { phone: who.phone }));
    await one.ask('POST', '/desk/hints', { wallet: who.wallet, answer: '错的提示词语' });
    await good(one.ask('GET', `/desk/cases/${appeal}`));
    await good(one.ask('POST', `/desk/cases/${appeal}/decision`, { outcome: 'granted', answer }));
  }
  return said;
}

async function agent({ place, keep, arrival }: Telling, name: string, phone: string, last: string): Promise<Member> {
  const who = await arrival(name, phone, `agent ${last}`);
  const digits = `140106199003070${last}`;
  const number = digits + checkLetter(digits);
  keep(`the identity number of an agent ${last}`, number);
  const claim = { id: newId(place.clock()), wants: 'real-name', agreed: REAL_NAME_TERMS };
  await good(who.ask('POST', '/real-name', { ...claim, name, number }));
  return who;
}

/** Everything is taken along, and the wallet is to be closed. */
export async function leaving({ house, place, keep }: Telling, who: Member): Promise<void> {
  const id = newId(place.clock());
  keep('a closing', id);
  await stepUp(who);
  const answer = await fetch(`${house.origin.replace('localhost', '127.0.0.1')}/account/export`, {
    headers: cookieOf(who),
  });
  if (answer.headers.get('content-type') !== 'application/zip') throw new Error(`no export: ${await answer.text()}`);
  await stepUp(who);
  const asked = await who.ask('POST', '/account/closing', { id, proof: { by: 'passkey' } });
  if (asked.status >= 500) throw new Error(`closing: ${asked.status}`);
  await who.ask('DELETE', '/account/closing');
}

const WHY = ['--who', 'Wang', '--why', 'works at the desk'];

/** Every command an operator types while the house runs, as it answers them. */
export async function commands(telling: Telling): Promise<string[]> {
  const day = new Date(telling.place.clock()).toISOString().slice(0, 10);
  const said: string[] = [];
  for (const words of [
    ['audit:ledger'],
    ['audit:payments'],
    ['audit:logbook'],
    ['audit:statements'],
    ['agent', 'CN-SX', 'list'],
    ['statistics', 'CN-SX', day],
    ['switch', 'CN-SX', 'issuing', 'off', ...WHY],
    ['switch', 'CN-SX', 'issuing', 'on', ...WHY],
    ['agent', 'CN-SX', 'grant', 'nobody', 'x', 'cases', ...WHY],
  ]) {
    said.push(await command(telling, ...words));
  }
  return said;
}

/** What a command says, good or not. */
async function command({ house }: Pick<Telling, 'house'>, ...words: readonly string[]): Promise<string> {
  const { said } = await runCommand(house.environment, ...words);
  return `command ${words[0]}: ${said.trimEnd().replaceAll('\n', '\ncommand: ')}`;
}
