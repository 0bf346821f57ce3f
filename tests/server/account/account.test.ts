/** A person and the house: terms that must be accepted, everything held and shown, taking it all along, and leaving. */
import { createHash } from 'node:crypto';
import { strFromU8, unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { agreementCommand, HOLDINGS, openAccounts } from '#server/account/account.ts';
import { type Identity, openIdentity } from '#server/identity/identity.ts';
import { openLedger } from '#server/ledger/ledger.ts';
import type { Desk } from '#server/platform/command.ts';
import type { AgreementView, ClosingView, HoldingList, HoldingRows } from '#shared/api/account.ts';
import type { SecurityEventList } from '#shared/api/security.ts';
import type { SyncAnswer } from '#shared/api/sync.ts';
import { newId } from '#shared/base/id.ts';
import { type Duration, duration, instant } from '#shared/base/time.ts';
import { cookieOf, EMPTY_SYNC, fund, openPurse, openStage, type Stage } from '#tests/attack/stage.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { good, type Member, openMember, stepUp } from '#tests/kit/member.ts';
import { MEMORY_ORIGIN } from '#tests/kit/memory-house.ts';

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let stage: Stage;
  let now = Date.parse('2026-11-26T04:00:00Z');
  const pass = (length: Duration) => {
    now += length;
  };
  beforeAll(async () => {
    const databaseUrl = kind === 'postgres' ? await freshPostgres() : undefined;
    stage = await openStage(databaseUrl === undefined ? {} : { databaseUrl }, () => instant(now));
  });
  afterAll(() => stage.close());

  let phones = 100;
  const person = (phone?: string): Promise<Member> => {
    phones += 1;
    return openMember(stage.place, { phone: phone ?? `1390070${String(phones).padStart(4, '0')}`, name: '常归' });
  };
  const id = () => newId(stage.place.clock(), crypto.getRandomValues(new Uint8Array(10)));
  const touched = async (who: Member) => {
    pass(duration(1, 's'));
    await stepUp(who);
  };
  /** Asks for closing with a fresh touch; tells the state or the refusal, with what stands in the way. */
  async function leave(who: Member, closing = id()): Promise<string> {
    await touched(who);
    const body = { id: closing, proof: { by: 'passkey' } };
    const answer = await who.ask<ClosingView & { code?: string; blocker?: string }>('POST', '/account/closing', body);
    return answer.body.code ? [answer.body.code, answer.body.blocker].filter(Boolean).join(' ') : answer.body.state;
  }
  /** What the house's own job does once a minute; answers what owners are told of it. */
  const runDue = async () => {
    const { database } = stage.house;
    const { clock } = stage.place;
    const config = {
      origin: MEMORY_ORIGIN,
      rpId: 'localhost',
      sandboxUrl: MEMORY_ORIGIN,
      keysDir: 'memory',
      regions: ['CN-SX'],
    };
    const heard: string[] = [];
    const tell: Identity['tell'] = async (_owner, what) => void heard.push(what);
    const identity = { ...openIdentity({ database, clock, config }), tell };
    const ledger = openLedger({ database });
    const parts = { database, clock, identity, ledger, unfinished: async () => 0, regions: () => ['CN-SX'] };
    await openAccounts(parts).closings.runDue();
    return heard;
  };

  test('opening a wallet accepts the terms in force; new ones stop offline money and top-ups until they are accepted', async () => {
    const who = await person();
    const first = await good(who.ask<AgreementView>('GET', '/agreement'));
    expect([first.version, first.acceptedVersion, first.zh.length > 500, first.en.length > 500]).toEqual([
      1,
      1,
      true,
      true,
    ]);
    await fund(stage, who, 300_00);
    const topUp = async (act = id()) => {
      const body = { id: act, channel: 'bank-transfer', amount: 10_00, currency: 'CNY' };
      const answer = await who.ask<{ code?: string }>('POST', '/top-ups', body);
      return answer.body.code ?? answer.status;
    };
    const begun = id();
    expect(await topUp(begun)).toBe(202);

    const said: string[] = [];
    const desk = { database: stage.house.database, say: async (line: string) => said.push(line) } as unknown as Desk;
    const words = ['CN-SX', '2026-12-01', '第二版', 'Version two', '--who', 'Wang', '--why', 'fees are lower'];
    expect(await agreementCommand.run(desk, words)).toBe(0);
    expect(said).toEqual(['CN-SX: version 2 of the agreement is in force from 2026-12-01 on.']);
    expect((await good(who.ask<AgreementView>('GET', '/agreement'))).next?.version).toBe(2);
    await openPurse(who, stage.place);

    pass(duration(6, 'd'));
    const back = await person();
    expect((await good(back.ask<AgreementView>('GET', '/agreement'))).acceptedVersion).toBe(2);
    await signIn(who);
    const want = { key: back.device.key, currency: 'CNY', wrapped: true };
    const refused = await good(who.device.ask<SyncAnswer>('POST', '/sync', { ...EMPTY_SYNC, want }));
    expect(refused.allowanceRefused).toBe('agreement.new');
    expect([await topUp(), await topUp(begun)]).toEqual(['agreement.new', 202]);
    expect((await who.ask('POST', '/agreement', { version: 1 })).body).toMatchObject({ code: 'agreement.version' });
    expect((await good(who.ask<AgreementView>('POST', '/agreement', { version: 2 }))).acceptedVersion).toBe(2);
    await openPurse(who, stage.place);
    expect(await topUp()).toBe(202);
  });

  const textTo = async (who: Member) => (await stage.texts.texts(`+86${who.phone}`))[0]?.text ?? '';
  /** What the security centre tells of leaving, the newest first. */
  const told = async (who: Member) =>
    (await good(who.ask<SecurityEventList>('GET', '/security-events'))).events.flatMap(({ code, about }) =>
      code.startsWith('closing') ? [[code, about.reason ?? ''].join(' ').trim()] : [],
    );

  async function signIn(who: Member): Promise<void> {
    const { options } = await good(who.ask('POST', '/sign-in/options'));
    await good(who.ask('POST', '/sign-in', { answer: who.authenticator.get(options) }));
  }

  test('what is shown is what is stored: every table, every row, every column; secrets are named and not told', async () => {
    const who = await person();
    await fund(stage, who, 300_00);
    await openPurse(who, stage.place);
    await good(who.ask('PUT', '/account/consent', { analytics: true }));
    await good(who.ask('GET', '/bills'));
    const list = await good(who.ask<HoldingList>('GET', '/account/data'));
    expect(list.analytics).toBe(true);
    for (const { name, rows } of list.holdings) {
      await touched(who);
      const shown = (await good(who.ask<HoldingRows>('GET', `/account/data/${name}`))).rows;
      const stored = await stage.house.database.query<{ row: Record<string, unknown> }>(
        `select to_jsonb(t) as row from ${name} t where to_jsonb(t)::text like $1`,
        [`%${who.wallet}%`],
      );
      const mine = stored.filter(({ row }) => Object.values(row).includes(who.wallet));
      expect([name, rows, shown.length]).toEqual([name, mine.length, mine.length]);
      const columns = mine.length > 0 ? Object.keys(mine[0]?.row ?? {}).sort() : [];
      expect(shown.length > 0 ? Object.keys(shown[0] ?? {}).sort() : []).toEqual(columns);
    }
    const [wallet] = (await good(who.ask<HoldingRows>('GET', '/account/data/identity_wallet'))).rows;
    expect(wallet).toMatchObject({ name: '常归', phone_sealed: '(secret)', phone_hash: '(secret)' });
    expect((await who.ask('GET', '/account/data/region')).status).toBe(404);
  });

  test('no table that names a wallet is left out', async () => {
    const rows = await stage.house.database.query<{ table: string }>(
      `select distinct table_name as table from information_schema.columns
       where table_schema = 'public' and column_name in ('wallet', 'payer', 'payee', 'owner', 'asker', 'asked', 'book') order by 1`,
    );
    const named = HOLDINGS.map(({ table }) => table);
    expect(rows.map(({ table }) => table).filter((table) => !named.includes(table))).toEqual([]);
  });

  test('the export is one zip: a file a table, and a list whose checksums are right', async () => {
    const who = await person();
    await fund(stage, who, 300_00);
    pass(duration(6, 'min'));
    expect((await who.ask('GET', '/account/export')).body).toMatchObject({ code: 'session.step-up' });
    await touched(who);
    const answer = await stage.house.app.inject({ method: 'GET', url: '/account/export', headers: cookieOf(who) });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/zip']);
    const files = unzipSync(answer.rawPayload);
    const manifest = JSON.parse(strFromU8(files['manifest.json'] ?? new Uint8Array())) as {
      wallet: string;
      files: { name: string; rows: number; sha256: string }[];
    };
    expect(manifest.wallet).toBe(who.wallet);
    expect(manifest.files.map(({ name }) => name)).toEqual(HOLDINGS.map(({ table }) => `${table}.jsonl`));
    for (const { name, rows, sha256 } of manifest.files) {
      const bytes = files[name] ?? new Uint8Array();
      expect([name, createHash('sha256').update(bytes).digest('hex')]).toEqual([name, sha256]);
      const lines = strFromU8(bytes).split('\n').filter(Boolean);
      expect([name, lines.length]).toEqual([name, rows]);
      for (const line of lines) JSON.parse(line);
    }
  });

  test('who has money, or a freeze, does not leave; asked with nothing in the way it cools for seven days and can be taken back', async () => {
    const who = await person();
    await fund(stage, who, 1);
    expect(await leave(who)).toBe('closing.blocked money');
    const empty = await person();
    await good(empty.ask('POST', '/freeze'));
    expect(await leave(empty)).toBe('closing.blocked frozen');
    await touched(empty);
    await good(empty.ask('POST', '/freeze/end', {}));
    const closing = id();
    expect(await leave(empty, closing)).toBe('cooling');
    expect(await leave(empty, closing)).toBe('cooling');
    expect(await leave(empty)).toBe('closing.cooling');
    expect(await leave(await person(), closing)).toBe('closing.id-reused');
    expect((await good(empty.ask<ClosingView>('DELETE', '/account/closing'))).state).toBe('cancelled');
    expect((await told(empty)).sort()).toEqual(['closing-asked', 'closing-cancelled']);
    pass(duration(8, 'd'));
    await runDue();
    await signIn(empty);
    expect((await good(empty.ask<ClosingView>('GET', '/account/closing'))).state).toBe('cancelled');
  });

  test('leaving wants a passkey touched just now', async () => {
    const who = await person();
    pass(duration(6, 'min'));
    const body = { id: id(), proof: { by: 'passkey' } };
    expect((await who.ask('POST', '/account/closing', body)).body).toMatchObject({ code: 'session.step-up' });
    expect((await who.ask('POST', '/account/closing', { id: id() })).body).toMatchObject({ code: 'money.proof' });
  });

  test('money that comes in during the seven days keeps the wallet open, and says so', async () => {
    const who = await person();
    expect(await leave(who)).toBe('cooling');
    expect(await textTo(who)).toContain('钱包已申请注销');
    await fund(stage, who, 5_00);
    pass(duration(8, 'd'));
    expect(await runDue()).toEqual(['closing-stopped']);
    await signIn(who);
    const view = await good(who.ask<ClosingView>('GET', '/account/closing'));
    expect([view.state, view.reason]).toEqual(['cancelled', 'money']);
    expect(await told(who)).toEqual(['closing-cancelled money', 'closing-asked']);
  });

  test('a closed wallet answers 410, its keys are ended, its phone opens a new one, and the law’s time later nobody is named', async () => {
    const who = await person('13900719999');
    await good(who.ask('PUT', '/account/consent', { analytics: true }));
    const consents = await stage.house.database.query<{ row: unknown }>(
      'select to_jsonb(t) as row from account_consent t where wallet = $1',
      [who.wallet],
    );
    expect(await leave(who)).toBe('cooling');
    pass((duration(7, 'd') - 1 - duration(1, 's')) as Duration);
    await runDue();
    expect((await who.device.ask('POST', '/sync', EMPTY_SYNC)).status).toBe(200);
    pass((duration(1, 's') + 1) as Duration);
    expect(await runDue()).toEqual(['wallet-closed']);
    const sync = await who.device.ask('POST', '/sync', EMPTY_SYNC);
    expect([sync.status, sync.body.code]).toEqual([410, 'account.closed']);
    const { options } = await good(who.ask('POST', '/sign-in/options'));
    const answer = await who.ask('POST', '/sign-in', { answer: who.authenticator.get(options) });
    expect([answer.status, answer.body.code]).toEqual([410, 'account.closed']);
    const heir = await person('13900719999');
    expect(heir.wallet).not.toBe(who.wallet);

    const stored = (table: string, by = 'wallet') =>
      stage.house.database.query<Record<string, unknown>>(`select * from ${table} where ${by} = $1`, [who.wallet]);
    const forgotten = () => stored('account_forgotten');
    for (const { table, by, keep } of HOLDINGS) {
      if (keep === 'closure') expect([table, await stored(table, by[0])]).toEqual([table, []]);
    }
    const atClosing = (await forgotten()).length;
    expect(atClosing).toBe(HOLDINGS.filter(({ keep }) => keep === 'closure').length);
    // The proof: whoever still has the rows, in the export they took along, can show that these very ones went.
    const [proof] = (await forgotten()).filter(({ holding }) => holding === 'account_consent');
    const digest = createHash('sha256').update(JSON.stringify(consents[0]?.row)).digest('hex');
    expect([proof?.rows, Buffer.from(proof?.digest as Uint8Array).toString('hex')]).toEqual([1, digest]);
    expect(await stored('identity_wallet', 'id')).toMatchObject([{ name: '常归' }]);

    pass(duration(3653, 'd'));
    await runDue();
    expect(await stored('identity_wallet', 'id')).toMatchObject([{ name: '', phone_masked: '' }]);
    expect([await stored('identity_device'), await stored('identity_passkey')]).toEqual([[], []]);
    expect((await forgotten()).length).toBeGreaterThan(atClosing);
    expect((await who.device.ask('POST', '/sync', EMPTY_SYNC)).status).toBe(401);
  });
});
