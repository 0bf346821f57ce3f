/** Held back and heard: why, until when, an appeal, and a desk at which two agents decide and nobody learns too much. On both databases. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Desk } from '#server/platform/command.ts';
import { agentCommand } from '#server/support/support.ts';
import type { NewRecoveryCode } from '#shared/api/freeze.ts';
import type { SecurityEventList } from '#shared/api/security.ts';
import type { QuestionView } from '#shared/api/security-question.ts';
import type { DeskFile, DeskList, DeskPerson, Standing } from '#shared/api/support.ts';
import { type Id, newId } from '#shared/base/id.ts';
import { duration, instant } from '#shared/base/time.ts';
import { openStage, type Stage } from '#tests/attack/stage.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { type Answer, good, type Member, newDevice, openMember, stepUp } from '#tests/kit/member.ts';

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let stage: Stage;
  let now = Date.parse('2026-11-26T04:00:00Z');
  let liu: Member;
  let wei: Member;
  beforeAll(async () => {
    const databaseUrl = kind === 'postgres' ? await freshPostgres() : undefined;
    stage = await openStage(databaseUrl === undefined ? {} : { databaseUrl }, () => instant(now));
    [liu, wei] = [await agent('liu'), await agent('wei')];
  });
  afterAll(() => stage.close());

  let phones = 100;
  const person = (name = '常在心'): Promise<Member> => {
    phones += 1;
    return openMember(stage.place, { phone: `1390092${String(phones).padStart(4, '0')}`, name });
  };
  const id = () => newId(stage.place.clock(), randomBytes(10));
  const command = async (...words: string[]): Promise<string> => {
    const said: string[] = [];
    const desk = { database: stage.house.database, say: async (line: string) => said.push(line) } as unknown as Desk;
    await agentCommand.run(desk, [...words, '--who', 'Wang', '--why', 'works at the desk']);
    return said.join('\n');
  };
  /** As the register would have said. */
  const prove = (wallet: Id) =>
    stage.house.database.query(`update identity_wallet set tier = 'real-name' where id = $1`, [wallet]);
  async function agent(name: string): Promise<Member> {
    const who = await person('柳如是');
    await prove(who.wallet);
    await command('CN-SX', 'grant', who.wallet, name, 'cases,recovery');
    return who;
  }
  const touched = async (who: Member) => {
    now += duration(1, 's');
    await stepUp(who);
    return who;
  };
  const codeOf = async (asked: Promise<Answer<{ code?: string }>>) => {
    const { status, body } = await asked;
    return status === 200 ? 'ok' : (body.code ?? String(status));
  };
  const standing = (who: Member) => good(who.ask<Standing>('GET', '/support/standing'));
  const reasons = async (who: Member) => (await standing(who)).held.map(({ reason }) => reason);
  const appeal = (who: Member, about: string, words = '手机找回来了', made = id()) =>
    who.ask<Standing & { code?: string }>('POST', '/support/appeals', { id: made, about, words });
  const desk = async (who: Member) => (await good((await touched(who)).ask<DeskList>('GET', '/desk'))).cases;
  const say = async (who: Member, one: string, outcome: string, answer = '已核实') =>
    (await touched(who)).ask<DeskList & { code?: string }>('POST', `/desk/cases/${one}/decision`, { outcome, answer });
  const freezeByCode = async (who: Member) => {
    const { code } = await good(who.ask<NewRecoveryCode>('POST', '/freeze/code'));
    await good(who.ask('POST', '/freeze/by-code', { code }));
  };
  const lines = async () =>
    (
      await stage.house.database.query<{ act: string; who: string; about: string }>(
        'select act, who, about from logbook_line order by number desc limit 12',
      )
    ).map(({ act, who }) => `${who}: ${act}`);

  test('who lost the printed code reads why, appeals, and two agents let them in again, with less for a day', async () => {
    const who = await person();
    expect(await standing(who)).toEqual({ held: [], answerMs: duration(3, 'd'), agent: false });
    expect(await codeOf(appeal(who, 'frozen-by-code'))).toBe('appeal.nothing');
    await freezeByCode(who);
    expect(await reasons(who)).toEqual(['frozen-by-code']);
    const made = id();
    const first = await good(appeal(who, 'frozen-by-code', '码丢了', made));
    expect(first.appeal).toMatchObject({ state: 'open', words: '码丢了', dueAt: now + duration(3, 'd') });
    // The answer was lost: the same again is the same act; another one is not, and there is one at a time.
    expect(await codeOf(appeal(who, 'frozen-by-code', '码丢了', made))).toBe('ok');
    expect(await codeOf(appeal(who, 'frozen-by-code', '别的话', made))).toBe('appeal.id-reused');
    expect(await codeOf(appeal(who, 'frozen-by-code'))).toBe('appeal.open');

    expect(await desk(liu)).toEqual([
      expect.objectContaining({ id: made, kind: 'appeal', state: 'open', who: '*在心' }),
    ]);
    const file = await good((await touched(liu)).ask<DeskFile>('GET', `/desk/cases/${made}`));
    expect(file).toMatchObject({ words: '码丢了', person: { name: '*在心', phone: expect.stringContaining('****') } });
    expect(file.events.map(({ code }) => code)).toContain('frozen');
    expect(JSON.stringify(file)).not.toMatch(new RegExp(`${who.phone}|常在心|balance|available`));

    expect(await codeOf(say(liu, made, 'granted'))).toBe('ok');
    expect(await reasons(who)).toEqual(['frozen-by-code']);
    expect(await codeOf(say(liu, made, 'refused')), 'one agent is one voice').toBe('support.same-agent');
    const [mine] = await desk(wei);
    expect(mine?.first).toEqual({ name: 'liu', outcome: 'granted', answer: '已核实', own: false });
    expect(await codeOf(say(wei, made, 'granted', '身份已核实，已解冻'))).toBe('ok');
    expect((await standing(who)).appeal).toMatchObject({ state: 'granted', answer: '身份已核实，已解冻' });
    expect(await reasons(who), 'both proofs and half the limits for a day').toEqual(['recovered']);
    expect((await lines()).slice(0, 4)).toEqual([
      'agent wei: desk-decided',
      'agent liu: desk-said',
      'agent liu: desk-looked',
      `wallet ${who.wallet}: appeal-made`,
    ]);
  });

  test('two who do not agree decide nothing; a refusal is told with its words, and three appeals a day are all', async () => {
    const who = await person();
    await freezeByCode(who);
    for (let at = 0; at < 3; at += 1) {
      const made = id();
      await good(appeal(who, 'frozen-by-code', '请解冻', made));
      await say(liu, made, 'granted');
      await say(wei, made, 'refused');
      expect((await standing(who)).appeal?.state).toBe('open');
      await say(wei, made, 'refused', '证件不符');
      await say(liu, made, 'refused', '证件不符，请带证件到网点');
      expect((await standing(who)).appeal).toMatchObject({ state: 'refused', answer: '证件不符，请带证件到网点' });
    }
    expect(await codeOf(appeal(who, 'frozen-by-code'))).toBe('appeal.too-many');
    expect(await reasons(who)).toEqual(['frozen-by-code']);
  });

  test('nobody decides about themselves', async () => {
    await freezeByCode(wei);
    const made = id();
    await good(appeal(wei, 'frozen-by-code', '我的', made));
    expect(await codeOf(say(wei, made, 'granted'))).toBe('support.own');
    const third = await agent('qin');
    await say(third, made, 'granted');
    expect(await codeOf(say(liu, made, 'granted'))).toBe('ok');
    expect(await reasons(wei)).toEqual(['recovered']);
  });

  test('what slows or stops somebody comes to the desk by itself, a mere notice only when it was not them', async () => {
    const who = await person();
    const device = newDevice(stage.place);
    await good((await touched(who)).ask('POST', '/devices', { id: device.id, key: device.key, name: '新手机' }));
    const alarmCases = async () => (await desk(liu)).filter(({ kind }) => kind === 'alarm');
    expect(await alarmCases()).toEqual([]);
    const { alarms } = await good(who.ask<{ alarms: { id: string }[] }>('GET', '/alarms'));
    await good(who.ask('POST', `/alarms/${alarms[0]?.id}/answer`, { mine: false }));
    expect(await alarmCases()).toEqual([
      expect.objectContaining({ id: alarms[0]?.id, reason: 'new-device', state: 'open' }),
    ]);
    expect(await reasons(who)).toEqual(['frozen', 'new-device']);
  });

  test('a forgotten password: an agent finds whoever rings, two stand for them', async () => {
    const who = await person('邵飞飞');
    const found = await good((await touched(liu)).ask<DeskPerson>('POST', '/desk/find', { phone: who.phone }));
    expect(found).toMatchObject({ wallet: who.wallet, name: '*飞飞', tier: 'unproved' });
    expect(await codeOf((await touched(liu)).ask('POST', '/desk/find', { phone: '13999990000' }))).toBe(
      'support.nobody',
    );
    const made = id();
    const asked = { id: made, wallet: who.wallet, why: '换了号码，打来电话' };
    expect(await codeOf((await touched(liu)).ask('POST', '/desk/recoveries', asked))).toBe('ok');
    expect(await codeOf(say(liu, made, 'granted'))).toBe('ok');
    expect(await codeOf(say(liu, made, 'granted'))).toBe('support.same-agent');
    expect(await codeOf(say(wei, made, 'granted'))).toBe('ok');
    expect((await desk(wei)).find((one) => one.id === made)).toMatchObject({ kind: 'recovery', state: 'granted' });
  });

  test('a security question is a hint and no more: the desk hears match or not, three times a day, and the owner each time', async () => {
    const who = await person('邵飞飞');
    const [question, answer] = ['第一只猫叫什么？', '煤球'];
    const set = (said: object) => who.ask<QuestionView & { code?: string }>('PUT', '/security-question', said);
    now += duration(6, 'min');
    expect(await codeOf(set({ question, answer }))).toBe('session.step-up');
    await touched(who);
    expect(await codeOf(set({ question: '煤球叫什么', answer }))).toBe('question.answer-told');
    const hint = async (agent: Member, said: string, wallet = who.wallet) => {
      const asked = await (await touched(agent)).ask<{ match?: boolean; code?: string }>('POST', '/desk/hints', {
        ...{ wallet, answer: said },
      });
      return asked.body.match ?? asked.body.code;
    };
    expect(await hint(liu, answer)).toBe('question.none');
    await touched(who);
    expect(await good(set({ question, answer }))).toMatchObject({ question, setAt: now });
    await good(set({ question, answer }));
    const events = async () =>
      (await good(who.ask<SecurityEventList>('GET', '/security-events'))).events.map(
        ({ code, about }) => `${code} ${about.match ?? ''}`,
      );
    expect(
      (await events()).filter((one) => one.startsWith('question-set')),
      'the same is the same act',
    ).toHaveLength(1);

    const found = await good((await touched(liu)).ask<DeskPerson>('POST', '/desk/find', { phone: who.phone }));
    expect(found).toMatchObject({ wallet: who.wallet, question });
    expect(await hint(liu, '煤炭')).toBe(false);
    expect(await hint(wei, ' 煤、球 ')).toBe(true);
    expect((await lines())[0]).toBe('agent wei: desk-asked');
    expect(await codeOf((await touched(liu)).ask('POST', '/desk/hints', { wallet: liu.wallet, answer }))).toBe(
      'support.own',
    );
    expect(await hint(liu, answer)).toBe(true);
    expect(await hint(wei, answer), 'whoever asks').toBe('request.too-many');
    expect((await events()).slice(0, 3)).toEqual(['question-asked yes', 'question-asked yes', 'question-asked no']);

    // Right answers stand for nobody: the recovery is as far as it was.
    await touched(who);
    const chosen = { id: id(), password: '730291', proof: { by: 'passkey' } };
    await good(who.ask('PUT', '/payment-password', chosen));
    const recovery = id();
    await good(who.ask('POST', '/recoveries', { id: recovery }));
    expect(await good(who.ask('GET', `/recoveries/${recovery}`))).toMatchObject({ missing: 2, support: false });

    const rows = await stage.house.database.query<{ text: string }>(
      `select encode(question_sealed, 'escape') || encode(hash, 'escape') as text from identity_question where wallet = $1`,
      [who.wallet],
    );
    expect(rows).toHaveLength(1);
    for (const secret of [question, answer]) expect(rows[0]?.text).not.toContain(secret);
    await touched(who);
    expect(await good(who.ask('DELETE', '/security-question'))).toEqual({});
    expect(await good(who.ask('GET', '/security-question'))).toEqual({});
    now += duration(1, 'd');
  });

  test('to whoever does not work there, there is no desk; who did once, neither; and looking takes a fresh passkey', async () => {
    const who = await person();
    const paths = ['/desk', `/desk/cases/${id()}`];
    for (const path of paths) expect(await codeOf((await touched(who)).ask('GET', path))).toBe('request.not-found');
    await expect(command('CN-SX', 'grant', who.wallet, 'mo', 'cases')).rejects.toThrow('not proved');
    await prove(who.wallet);
    await expect(command('CN-SX', 'grant', who.wallet, 'liu', 'cases')).rejects.toThrow('another agent');
    expect(await command('CN-SX', 'grant', who.wallet, 'mo', 'cases')).toBe('CN-SX: mo works at the desk (cases).');
    expect((await standing(who)).agent).toBe(true);
    expect(await codeOf((await touched(who)).ask('POST', '/desk/find', { phone: who.phone }))).toBe('support.role');
    expect(await codeOf(who.ask('GET', `/desk/cases/${id()}`))).toBe('support.unknown');
    now += duration(6, 'min');
    expect(await codeOf(who.ask('GET', `/desk/cases/${id()}`))).toBe('session.step-up');
    await command('CN-SX', 'revoke', who.wallet);
    expect(await codeOf((await touched(who)).ask('GET', '/desk'))).toBe('request.not-found');
  });
});
