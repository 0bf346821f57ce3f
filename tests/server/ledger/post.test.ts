/** Posting: once per id, all or nothing, never below a floor, however many ask at once. */
import { beforeAll, describe, expect, test } from 'vitest';
import { clearing } from '#server/ledger/chart.ts';
import type { Ledger, Transfer } from '#server/ledger/ledger.ts';
import { openLedger } from '#server/ledger/ledger.ts';
import type { Database } from '#server/platform/database.ts';
import { instant } from '#shared/base/time.ts';
import { eachDatabase } from '#tests/kit/databases.ts';
import { bank, idOf, ledgerOn, SHANXI, transfer, walletOf } from '#tests/kit/ledger.ts';

eachDatabase('posting', (open) => {
  let database: Database;
  let ledger: Ledger;

  beforeAll(async () => {
    database = await open();
    ledger = await ledgerOn(database);
  });

  const balance = async (name: string, region = SHANXI) => (await ledger.balances(region, [walletOf(name, region)]))[0];
  const give = (name: string, minor: number) => ledger.post([transfer(`for ${name}`, bank(), walletOf(name), minor)]);
  const codeOf = (answer: Awaited<ReturnType<Ledger['post']>>) => (answer.ok ? 'posted' : answer.error.code);

  test('money that came in is there, and the bank account shows it', async () => {
    expect(await give('Ai', 5_00)).toMatchObject({ ok: true, value: { fresh: true } });
    expect(await balance('Ai')).toBe(5_00);
  });

  test('fifty ask for 100 of 900 at once: exactly nine get it', async () => {
    await give('Bo', 900);
    const asked = Array.from({ length: 50 }, (_, at) =>
      ledger.post([transfer(`Bo ${at}`, walletOf('Bo'), walletOf('Shop'), 100)]),
    );
    const codes = (await Promise.all(asked)).map(codeOf);
    expect(codes.filter((code) => code === 'posted')).toHaveLength(9);
    expect(codes.filter((code) => code === 'ledger.insufficient')).toHaveLength(41);
    expect(await balance('Bo')).toBe(0);
    expect(await balance('Shop')).toBe(900);
  });

  test('fifty send the same act at once: one booking, fifty times the same answer', async () => {
    await give('Cai', 1_000);
    const before = await balance('Cai');
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => ledger.post([transfer('Cai pays', walletOf('Cai'), walletOf('Deng'), 70)])),
    );
    expect(new Set(answers.map((answer) => (answer.ok ? answer.value.cursor : answer.error.code))).size).toBe(1);
    expect(answers.filter((answer) => answer.ok && answer.value.fresh)).toHaveLength(1);
    expect(await balance('Cai')).toBe((before ?? 0) - 70);
  });

  const ORIGINAL = () => transfer('E', bank(), walletOf('E'), 300, { about: { slip: 'A1' } });
  const REPEATS: readonly (readonly [what: string, again: () => Transfer, answer: string])[] = [
    ['the same', ORIGINAL, 'posted'],
    ['the same at a later hour', () => ({ ...ORIGINAL(), at: instant(1_800_000_000_000) }), 'posted'],
    [
      'another amount',
      () => ({ ...transfer('E', bank(), walletOf('E'), 301), about: { slip: 'A1' } }),
      'ledger.id-reused',
    ],
    [
      'another payee',
      () => ({ ...transfer('E', bank(), walletOf('F'), 300), about: { slip: 'A1' } }),
      'ledger.id-reused',
    ],
    ['another kind', () => ({ ...ORIGINAL(), kind: 'refund' }), 'ledger.id-reused'],
    ['another story', () => ({ ...ORIGINAL(), about: { slip: 'A2' } }), 'ledger.id-reused'],
    [
      'turned round',
      () => ({ ...transfer('E', walletOf('E'), bank(), 300), about: { slip: 'A1' } }),
      'ledger.id-reused',
    ],
  ];
  test.each(REPEATS)('an id used before with %s -> %#', async (_what, again, answer) => {
    const first = await ledger.post([ORIGINAL()]);
    const second = await ledger.post([again()]);
    expect(codeOf(second)).toBe(answer);
    if (second.ok && first.ok) expect(second.value).toEqual({ ...first.value, fresh: false });
    expect(await balance('E')).toBe(300);
  });

  test('of two acts with one id in one breath the first counts', async () => {
    const [first, second] = await Promise.all([
      ledger.post([transfer('G', bank(), walletOf('G'), 1)]),
      ledger.post([transfer('G', bank(), walletOf('G'), 2)]),
    ]);
    expect([codeOf(first), codeOf(second)]).toEqual(['posted', 'ledger.id-reused']);
    expect(await balance('G')).toBe(1);
  });

  test('who asks first with too little is refused, though money comes in the same breath', async () => {
    const answers = await Promise.all([
      ledger.post([transfer('H pays', walletOf('H'), walletOf('I'), 10)]),
      ledger.post([transfer('H gets', bank(), walletOf('H'), 10)]),
    ]);
    expect(answers.map(codeOf)).toEqual(['ledger.insufficient', 'posted']);
    expect(await balance('H')).toBe(10);
  });

  describe('a unit over two regions', () => {
    const unit = (name: string, minor: number): Transfer[] => [
      transfer(`${name} out`, walletOf('Jia'), clearing('CN-SX', 'CN-BJ', 'CNY'), minor),
      transfer(`${name} in`, clearing('CN-BJ', 'CN-SX', 'CNY'), walletOf('Kang', 'CN-BJ'), minor),
    ];

    test('arrives wholly, with a cursor in each region', async () => {
      await give('Jia', 100);
      const answer = await ledger.post(unit('both', 60));
      expect(answer.ok && Object.keys(answer.value.cursors).sort()).toEqual(['CN-BJ', 'CN-SX']);
      expect([await balance('Jia'), await balance('Kang', 'CN-BJ')]).toEqual([40, 60]);
    });

    test('or not at all', async () => {
      expect(codeOf(await ledger.post(unit('too much', 41)))).toBe('ledger.insufficient');
      expect([await balance('Jia'), await balance('Kang', 'CN-BJ')]).toEqual([40, 60]);
    });

    test('half of it known and half of it new is a reuse', async () => {
      const [out] = unit('both', 60);
      expect(codeOf(await ledger.post(out ? [out, ...unit('third', 1).slice(1)] : []))).toBe('ledger.id-reused');
      expect(await balance('Kang', 'CN-BJ')).toBe(60);
    });
  });

  test('inside a door: the refused unit does not spoil the others, and the door can still throw all away', async () => {
    await give('Lin', 50);
    const units = [30, 30, 20].map((minor, at) => [transfer(`Lin ${at}`, walletOf('Lin'), walletOf('Mo'), minor)]);
    const thrown = database.transaction(async (tx) => {
      expect((await ledger.postWithin(tx, units)).map(codeOf)).toEqual(['posted', 'ledger.insufficient', 'posted']);
      throw new Error('the door changed its mind');
    });
    await expect(thrown).rejects.toThrow('changed its mind');
    expect(await balance('Lin')).toBe(50);
    await database.transaction((tx) => ledger.postWithin(tx, units));
    expect([await balance('Lin'), await balance('Mo')]).toEqual([0, 50]);
  });

  test('a transfer is taken back once', async () => {
    await give('Nan', 80);
    const back = (name: string) =>
      ledger.reverse({ region: SHANXI, original: idOf('transfer for Nan'), id: idOf(name), at: instant(1) });
    expect(codeOf(await back('back'))).toBe('posted');
    expect(codeOf(await back('back'))).toBe('posted');
    expect(codeOf(await back('again'))).toBe('ledger.reversed');
    expect(await balance('Nan')).toBe(0);
    const unknown = await ledger.reverse({ region: SHANXI, original: idOf('never'), id: idOf('x'), at: instant(1) });
    expect(codeOf(unknown)).toBe('ledger.unknown');
  });

  test.each([
    ['nothing', () => []],
    ['no money', () => [transfer('zero', bank(), walletOf('A'), 0)]],
    ['less than no money', () => [transfer('minus', bank(), walletOf('A'), -5)]],
    ['an account to itself', () => [transfer('self', bank(), bank(), 5)]],
    ['two regions in one transfer', () => [transfer('far', bank(), walletOf('A', 'CN-BJ'), 5)]],
    ['no id', () => [{ ...transfer('id', bank(), walletOf('A'), 5), id: 'nobody' as never }]],
  ])('a door that posts %s is stopped as our own fault', async (_what, unit) => {
    await expect(ledger.post(unit())).rejects.toThrow(expect.objectContaining({ name: 'Fault' }));
  });

  test('the journal has no gaps, tells each move with its accounts, and comes in pages', async () => {
    const all = await ledger.journal(SHANXI, 0, 1_000);
    expect(all.map((one) => one.cursor)).toEqual(all.map((_, at) => at + 1));
    expect(await ledger.journal(SHANXI, 3, 2)).toEqual(all.slice(3, 5));
    expect(all[0]?.moves[0]).toEqual({
      debit: { id: 'outside/bank/CNY', kind: 'outside', owner: 'bank' },
      credit: { id: walletOf('Ai').id, kind: 'available', owner: idOf('Ai') },
      amount: 500,
      currency: 'CNY',
    });
  });

  test('a wallet lists its accounts', async () => {
    expect(await ledger.walletAccounts(SHANXI, idOf('Ai'))).toEqual([
      { id: walletOf('Ai').id, kind: 'available', currency: 'CNY', balance: 500 },
    ]);
  });

  test('several processes on one journal stay exact', async () => {
    const others = [ledger, openLedger({ database }), openLedger({ database }), openLedger({ database })];
    await give('Ou', 900);
    const answers = await Promise.all(
      others.flatMap((one, who) =>
        Array.from({ length: 25 }, (_, at) =>
          one.post([transfer(`Ou ${at % 20} ${who % 2}`, walletOf('Ou'), walletOf(`P${at}`), 100)]),
        ),
      ),
    );
    expect(await balance('Ou')).toBe(0);
    expect(answers.filter((answer) => answer.ok && answer.value.fresh)).toHaveLength(9);
  });
});
