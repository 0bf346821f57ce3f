/** A phone asks the whole house to be told, in its own name: of its wallet's keys and money, until it is stopped. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NoticeView } from '#shared/api/notice.ts';
import { fund, openStage, type Stage } from '#tests/attack/stage.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { good, type Member, newDevice, openMember, stepUp } from '#tests/kit/member.ts';
import { openPushService, type PushService } from '#tests/kit/push.ts';

/** The house looks every two seconds; a busy machine may need many. */
const PATIENCE = { timeout: 30_000, interval: 200 };

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let service: PushService;
  let stage: Stage;
  let ming: Member;
  beforeAll(async () => {
    service = await openPushService();
    const databaseUrl = kind === 'postgres' ? await freshPostgres() : undefined;
    stage = await openStage({ insideHosts: [service.host], ...(databaseUrl ? { databaseUrl } : {}) });
    ming = await openMember(stage.place, { phone: '13911113333' });
  });
  afterAll(async () => {
    await stage.close();
    await service.close();
  });

  test('subscribes with the key it was told, hears of a new phone and of money, and nothing once it is stopped', async () => {
    const browser = service.subscriber();
    const { houseKey } = await good(ming.device.ask<NoticeView>('GET', '/notices'));
    const on = { details: true, houseKey };
    const view = await good(ming.device.ask<NoticeView>('PUT', '/notices', browser.request(houseKey, true)));
    expect(view).toEqual({ houseKey, on });

    await stepUp(ming);
    const tablet = newDevice(stage.place);
    await good(ming.ask('POST', '/devices', { id: tablet.id, key: tablet.key, name: 'Tablet' }));
    await expect
      .poll(() => browser.heard, PATIENCE)
      .toContainEqual(expect.objectContaining({ code: 'device-enrolled', device: 'Tablet' }));
    await fund(stage, ming, 77_00);
    const sum = { kind: 'arrival', of: 'top-up', amount: 77_00, currency: 'CNY' };
    await expect.poll(() => browser.heard, PATIENCE).toContainEqual(expect.objectContaining(sum));
    const subjects = browser.heard.map((one) => JSON.stringify(one));
    expect(new Set(subjects).size).toBe(subjects.length);

    const told = browser.heard.length;
    await good(ming.ask('DELETE', `/devices/${ming.device.id}`));
    const held = await stage.house.database.query('select 1 from notice_subscription where device = $1', [
      ming.device.id,
    ]);
    expect(held).toEqual([]);
    const listener = service.subscriber();
    const other = await good(tablet.ask<NoticeView>('PUT', '/notices', listener.request(houseKey)));
    expect(other.on).toEqual({ details: false, houseKey });
    await fund(stage, ming, 1_00);
    await expect.poll(() => listener.heard.length, PATIENCE).toBeGreaterThan(0);
    expect(browser.heard.length).toBe(told);
    await good(tablet.ask('DELETE', '/notices'));
    expect(await good(tablet.ask<NoticeView>('GET', '/notices'))).toEqual({ houseKey });
    expect(service.complaints).toEqual([]);
  });

  test('a session alone, or nobody, is told nothing and subscribes nothing', async () => {
    const asked = service.subscriber().request('B'.repeat(87));
    const answers = [await ming.ask('GET', '/notices'), await ming.ask('PUT', '/notices', asked)];
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
      [401, 'device.signature'],
      [401, 'device.signature'],
    ]);
  });

  test('where a phone is reached does not stand in the database for anybody to read', async () => {
    const rows = await stage.house.database.query<{ sealed: Uint8Array }>('select sealed from notice_subscription');
    const all = JSON.stringify(rows.map(({ sealed }) => Buffer.from(sealed).toString('latin1')));
    expect(all).not.toContain(service.host);
  });
});
