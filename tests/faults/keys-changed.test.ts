/**
 * Keys of regions change by the operator's command while twenty phones pay without pause at two servers of one house: no
 * payment that is valid is refused, and each is booked once. The long run pays on until the new key signs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { generationOf, generationStart } from '#server/region/issuer-key.ts';
import { ROTATION_AT_ONCE, ROTATION_NOTICE } from '#server/region/rotation.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { after as later } from '#shared/base/time.ts';
import { EMPTY_SYNC, openPurse } from '#tests/attack/stage.ts';
import { type Beside, startBeside } from '#tests/kit/beside.ts';
import { runCommand } from '#tests/kit/command.ts';
import { endingsOf, openClient, type Reply } from '#tests/kit/crowd.ts';
import { booksOf, clock, fill, openTroubled, outcomesOf, syncLetter, whileStopped } from '#tests/kit/fault-house.ts';
import { isLong, report } from '#tests/kit/fault-report.ts';
import { good, type Member, openMember } from '#tests/kit/member.ts';

const PHONES = 20;
const FEN = 10;
/** A purse of so many payments; then the phone gives back what is left and takes the next one, by whichever key signs then. */
const PURSE = 25;
const BY = ['--who', 'Wang', '--why', 'a drill'];
/** What is left of a quarter's key: in its last week the usual notice has nothing to hasten. */
const isDue = () => later(clock(), ROTATION_NOTICE) >= generationStart(generationOf(clock()) + 1);

test('no valid payment is refused while both kinds of rotation are ordered and published', async () => {
  const troubled = await openTroubled({ database: 'postgres', minor: 1_00 });
  const { house, place, port } = troubled;
  onTestFinished(() => house.stop());
  const payees = {
    'CN-SX': troubled.payee,
    'CN-BJ': await openMember(place, { phone: '13800138008', region: 'CN-BJ' }),
  };
  await good(payees['CN-BJ'].device.ask('POST', '/sync', EMPTY_SYNC));
  const payers: { payer: Member; region: keyof typeof payees }[] = [];
  for (let at = 0; at < PHONES; at += 1) {
    const region = at % 2 === 0 ? 'CN-SX' : 'CN-BJ';
    payers.push({ payer: await openMember(place, { phone: `1390013${8100 + at}`, region }), region });
  }
  await whileStopped(house, async (inside) => {
    for (const { payer, region } of payers) await fill(inside, payer, 10_000_00, region);
  });
  const beside: Beside = await startBeside(house);
  onTestFinished(() => beside.stop());

  let isOver = false;
  const replies: Reply[] = [];
  const paid = new Map<string, string>();
  const keys = new Set<string>();
  const paying = payers.map(async ({ payer, region }, at) => {
    const client = openClient(at % 4 < 2 ? port : beside.port);
    while (!isOver) {
      const purse = await openPurse(payer, { clock }, PURSE * FEN);
      keys.add(toBase64url(purse.allowance.kid));
      for (let number = 0; number < PURSE && !isOver; number += 1) {
        const { id, bytes } = await purse.pay(payees[region], FEN);
        const reply = await client.ask(syncLetter(payer.device, { payments: [bytes] }));
        replies.push(reply);
        paid.set(
          id,
          outcomesOf(reply)
            .map((one) => ('code' in one ? `${one.outcome} ${one.code}` : one.outcome))
            .join(),
        );
      }
      await purse.giveBack();
    }
    client.close();
  });
  const untilPaid = async (count: number) => {
    const wanted = paid.size + count;
    while (paid.size < wanted) await pause(20);
  };
  await untilPaid(100);
  const before = keys.size;
  const atOnce = await order(house.environment, 'CN-SX', '--at-once');
  expect(atOnce).toMatchObject({ code: 0, said: expect.stringContaining('CN-SX: a new key is published now') });
  const usual = await order(house.environment, 'CN-BJ');
  expect(usual).toEqual(
    isDue()
      ? { code: 2, said: 'Its key changes by itself before that: nothing to do.\n' }
      : { code: 0, said: expect.stringContaining('CN-BJ: a new key is published now') },
  );
  await untilPaid(400);
  // Two minutes in which nothing is left out of what people do.
  if (isLong) {
    await pause(ROTATION_AT_ONCE);
    await untilPaid(1_000);
    expect(keys.size, 'the new key has signed').toBeGreaterThan(before);
  }
  isOver = true;
  await Promise.all(paying);

  expect(endingsOf(replies)).toEqual({ 'answered 200': replies.length });
  expect([...new Set(paid.values())]).toEqual(['settled']);
  await beside.stop();
  await house.end('server', 'SIGTERM');
  expect(await booksOf(house)).toEqual({ findings: [], payments: paid.size, transfers: paid.size });
  report('keys changed under load', 1, {
    phones: PHONES,
    processes: 2,
    payments: paid.size,
    keys: keys.size,
    refused: 0,
  });
}, 600_000);

/** `npm run rotate`: an operator's command beside the running servers. */
function order(env: NodeJS.ProcessEnv, ...words: string[]) {
  return runCommand(env, 'rotate', ...words, ...BY);
}
