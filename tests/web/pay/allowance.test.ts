/** What a person wants ready for payments with no network, and that giving it back forgets nothing of it. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { SyncAnswer, SyncRequest } from '#shared/api/sync.ts';
import { toBase64url } from '#shared/base/bytes.ts';
import { buyPhone, foundTown, giveAllowance, type Phone, type Town } from '#tests/web/vault/town.ts';
import { giveBack, loadAgain, offlineView, setOffline } from '#web/pay/allowance.ts';
import { syncNow } from '#web/sync/sync.ts';

let town: Town;
beforeAll(async () => {
  town = await foundTown();
});

/** A phone whose server takes everything and gives no allowance; `wants` is how much it was asked for, sync by sync. */
async function phoneOf(name: string): Promise<{ phone: Phone; wants: (number | 'all' | 'none')[] }> {
  const phone = await buyPhone(town, name);
  const wants: (number | 'all' | 'none')[] = [];
  const ask: Phone['ask'] = async <Answer>({ body }: { body?: unknown }) => {
    const request = body as SyncRequest;
    wants.push(request.want ? (request.want.total ?? 'all') : 'none');
    const answer: SyncAnswer = {
      ...{ epoch: toBase64url(town.epoch), answers: [], bills: [], cursor: request.cursor, more: false, balances: [] },
      closed: request.closings,
    };
    return { ok: true, value: answer as Answer } as const;
  };
  return { phone: Object.assign(phone, { ask }), wants };
}

const good = (done: { ok: boolean }) => expect(done.ok).toBe(true);
const last = (wants: readonly unknown[]) => wants.at(-1);

describe('what the person set', () => {
  test.each([
    ['a sum', 300_00, 300_00],
    ['nothing, so what the tier gives', undefined, 'all'],
  ] as const)(
    '%s: given back it is asked for no more, and loaded again it is as it was',
    async (_what, set, wanted) => {
      const { phone, wants } = await phoneOf('王小明');
      good(await setOffline(phone, set, undefined));
      await giveAllowance(town, phone);
      good(await giveBack(phone));
      good(await syncNow(phone));
      expect(last(wants)).toBe('none');
      expect((await offlineView(phone)).wantedTotal).toBe(set);
      good(await loadAgain(phone));
      expect(last(wants)).toBe(wanted);
    },
  );

  test('stays when all of it was used and more is loaded', async () => {
    const { phone, wants } = await phoneOf('李小红');
    good(await setOffline(phone, 120_00, 4));
    good(await loadAgain(phone));
    expect(last(wants)).toBe(120_00);
    expect(await offlineView(phone)).toMatchObject({ wantedTotal: 120_00, wantedCount: 4 });
  });

  test('none at all is no wish to be loaded: pressing load asks for what the tier gives', async () => {
    const { phone, wants } = await phoneOf('阿兰');
    good(await setOffline(phone, 0, undefined));
    good(await syncNow(phone));
    expect(last(wants)).toBe('none');
    good(await loadAgain(phone));
    expect(last(wants)).toBe('all');
  });
});
