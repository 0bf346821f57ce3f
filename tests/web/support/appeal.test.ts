/** An appeal and the security centre on the phone: written once however often it is sent, and to be read with no network. */
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AlarmView } from '#shared/api/security.ts';
import type { AppealRequest, AppealView, DeskCase, Held, Standing } from '#shared/api/support.ts';
import { refuse } from '#shared/base/result.ts';
import { buyPhone, foundTown, type Phone, type Town } from '#tests/web/vault/town.ts';
import { answerAlarm, keptSecurity, readSecurity, waiting } from '#web/identity/security.ts';
import { m } from '#web/paraglide/messages.js';
import { appealable, draftOf, makeAppeal } from '#web/support/appeal.ts';
import { deskState } from '#web/support/desk-words.ts';
import { appealText } from '#web/support/held-words.ts';
import { momentText } from '#web/ui/format.ts';
import { readSetting } from '#web/vault/settings.ts';

let town: Town;
let phone: Phone;
/** What was asked, as `GET /sessions`; and the bodies of appeals. */
let asked: string[];
let sent: AppealRequest[];
let isReached: boolean;

const STANDING: Standing = { held: [{ reason: 'frozen-by-code', since: 1 }], answerMs: 1, agent: false };
const ALARM: AlarmView = { id: 'a', rule: 'burst', answer: 'pause', at: 1, amount: 5, currency: 'CNY' };
const ANSWERS: Readonly<Record<string, unknown>> = {
  '/security-events': { events: [], more: false },
  '/passkeys': { passkeys: [{}, {}] },
  '/devices': { devices: [{ id: 'a' }, { id: 'b', revokedAt: 1 }] },
  '/sessions': { sessions: [{}] },
  '/freeze': { frozenAt: 1, by: 'code' },
  '/alarms': { alarms: [{ ...ALARM, id: 'b', answered: 'mine' }, ALARM], paused: true },
  '/support/standing': STANDING,
  '/support/appeals': STANDING,
  '/alarms/a/answer': { alarms: [], paused: false },
};

beforeAll(async () => {
  town = await foundTown();
});
beforeEach(async () => {
  [asked, sent, isReached] = [[], [], true];
  phone = await buyPhone(town, '王小明');
  const ask: Phone['ask'] = async <Answer>({
    method,
    path,
    body,
  }: {
    method: string;
    path: string;
    body?: unknown;
  }) => {
    asked.push(`${method} ${path}`);
    if (path === '/support/appeals') sent.push(body as AppealRequest);
    if (!isReached) return refuse({ code: 'house.unreachable' });
    return { ok: true, value: ANSWERS[path] as Answer };
  };
  phone = Object.assign(phone, { ask });
});

describe('an appeal', () => {
  test('sent again after a lost answer it is the same one; other words are another', async () => {
    isReached = false;
    expect((await makeAppeal(phone, 'frozen-by-code', '码丢了')).ok).toBe(false);
    expect(await draftOf(phone)).toBe('码丢了');
    await makeAppeal(phone, 'frozen-by-code', '码丢了');
    await makeAppeal(phone, 'frozen-by-code', '码和手机都丢了');
    isReached = true;
    expect((await makeAppeal(phone, 'frozen-by-code', '码和手机都丢了')).ok).toBe(true);
    const [first, second, third, fourth] = sent.map(({ id }) => id);
    expect([first === second, second === third, third === fourth]).toEqual([true, false, true]);
    expect(await draftOf(phone)).toBe('');
  });

  test.each(
    `
    frozen-by-code             -       frozen-by-code
    frozen-by-code             open    -
    frozen-by-code             refused frozen-by-code
    recovered                  -       -
    new-device,watched         -       watched
    paused,watched             granted paused
    -                          -       -
  `
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/)),
  )('held by %s with an appeal that is %s: about %s', (reasons = '', state = '', about) => {
    const held = reasons === '-' ? [] : reasons.split(',').map((reason) => ({ reason }) as Held);
    const appeal = { id: 'a', about: 'frozen', words: 'x', state, madeAt: 1, dueAt: 2 } as Standing['appeal'];
    const standing: Standing = { held, answerMs: 1, agent: false, ...(state === '-' || !appeal ? {} : { appeal }) };
    expect(appealable(standing) ?? '-').toBe(about);
  });
});

describe('how it stands', () => {
  const DUE = 1_764_000_000_000;
  const APPEAL: AppealView = { id: 'a', about: 'frozen', words: 'x', state: 'open', madeAt: 1, dueAt: DUE };

  test.each([
    ['open, up to its day', APPEAL, DUE, () => m.security_appeal_due({ at: momentText(DUE) })],
    ['open, its day gone by', APPEAL, DUE + 1, () => m.security_appeal_late()],
    [
      'refused, whenever',
      { ...APPEAL, state: 'refused', decidedAt: DUE - 9 },
      DUE + 1,
      () => m.security_appeal_refused({ at: momentText(DUE - 9) }),
    ],
  ] as const)('%s', (_when, appeal, now, words) => {
    expect(appealText(appeal, now)).toBe(words());
  });

  test('to the desk a case is due, and after its day overdue, until somebody has spoken', () => {
    const open = { state: 'open', dueAt: DUE } as DeskCase;
    expect([DUE, DUE + 1].map((now) => deskState(open, now))).toEqual([
      m.desk_due({ at: momentText(DUE) }),
      m.desk_late(),
    ]);
    const seen = { ...open, first: { own: false, name: 'wei' } } as DeskCase;
    expect(deskState(seen, DUE + 1)).toBe(m.desk_first_other({ name: 'wei' }));
  });
});

describe('the security centre', () => {
  test('keeps what it read, counts what is live, and shows it when nothing is reached', async () => {
    expect((await readSecurity(phone)).ok).toBe(true);
    isReached = false;
    expect(await readSecurity(phone)).toEqual(refuse({ code: 'house.unreachable' }));
    expect(await keptSecurity(phone)).toMatchObject({
      ...{ passkeys: 2, devices: 1, sessions: 1, freeze: { by: 'code' }, standing: STANDING },
    });
    expect(await readSetting(phone.vault, 'alarms')).toBe(1);
  });

  test('waits for a word to what was not answered; "not me" goes out at once', async () => {
    const read = await readSecurity(phone);
    expect(read.ok && waiting(read.value.alarms).map(({ id }) => id)).toEqual(['a']);
    asked = [];
    expect((await answerAlarm(phone, 'a', false)).ok).toBe(true);
    expect(asked).toEqual(['POST /alarms/a/answer']);
  });
});
