/** Who a person is, proved by the register: every answer it can give, none at all, and those who claim to be another. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REAL_NAME_TERMS, type RealNameView } from '#shared/api/real-name.ts';
import { newId } from '#shared/base/id.ts';
import { duration } from '#shared/base/time.ts';
import { checkLetter } from '#shared/rules/identity-number.ts';
import { freshPostgres } from '#tests/kit/databases.ts';
import { type Answer, good, type Member, openMember } from '#tests/kit/member.ts';
import { openPlace } from '#tests/server/identity/place.ts';

type Place = Awaited<ReturnType<typeof openPlace>>;
let people = 0;

/** An identity number nobody here has yet; `code` (characters 15 to 17) is the story the sandbox's register follows. */
function numberOf(code: string, born = ''): string {
  people += 1;
  const day = born || `19${String(50 + (people % 40))}0${1 + (people % 9)}1${people % 10}`;
  const digits = `1401${String(people % 100).padStart(2, '0')}${day}${code}`;
  return digits + checkLetter(digits);
}

/** Where a certification stands, in one line. */
function inWords({ tier, latest }: RealNameView): string {
  return [latest?.wants ?? '-', latest?.state ?? '-', latest?.reason ?? '', tier].filter(Boolean).join(' ');
}

describe.each(['pglite', 'postgres'] as const)('on %s', (kind) => {
  let place: Place;
  beforeAll(async () => {
    place = await openPlace({}, kind === 'postgres' ? await freshPostgres() : undefined);
  });
  afterAll(() => place.close());

  // Numbers ending in 0001 to 0003 are stories of the text network.
  let phones = 100;
  const person = (region = 'CN-SX'): Promise<Member> => {
    phones += 1;
    return openMember(place, { phone: `1390050${String(phones).padStart(4, '0')}`, name: '小明', region });
  };
  const question = (number: string, name = '王大明') => ({
    id: newId(place.clock(), randomBytes(10)),
    wants: 'real-name' as const,
    name,
    number,
    agreed: REAL_NAME_TERMS,
  });
  const second = () => ({
    id: newId(place.clock(), randomBytes(10)),
    wants: 'two-factor' as const,
    agreed: REAL_NAME_TERMS,
  });
  const certify = (who: Member, asked: object): Promise<Answer<RealNameView & { code?: string }>> => {
    place.pass(duration(1, 'ms'));
    return who.ask('POST', '/real-name', asked);
  };
  const told = async (who: Member, asked: object): Promise<string> => {
    const { status, body } = await certify(who, asked);
    return status === 200 ? inWords(body) : (body.code ?? '');
  };
  const now = async (who: Member) => inWords(await good(who.ask<RealNameView>('GET', '/real-name')));
  /** Lets the register be asked again until `seconds` have passed. */
  const wait = async (seconds: number) => {
    for (let passed = 0; passed < seconds; passed += 5) {
      place.pass(duration(5, 's'));
      await place.identity.realNames.runDue();
    }
  };

  test.each([
    // story of the number | at once | after a quarter of an hour
    ['001', 'real-name proved real-name', 'real-name proved real-name'],
    ['901', 'real-name refused mismatch unproved', 'real-name refused mismatch unproved'],
    ['902', 'real-name refused not-found unproved', 'real-name refused not-found unproved'],
    ['903', 'real-name review unproved', 'real-name proved real-name'],
    ['904', 'real-name review unproved', 'real-name refused mismatch unproved'],
    ['905', 'real-name asking unproved', 'real-name proved real-name'],
    ['906', 'real-name asking unproved', 'real-name proved real-name'],
  ])('the register’s story %s: %s, later %s', async (code, atOnce, later) => {
    const who = await person();
    expect(await told(who, question(numberOf(code)))).toBe(atOnce);
    await wait(900);
    // Sessions end when nobody uses them for so long; the person signs in again.
    expect(inWords(await place.identity.realNames.view({ region: 'CN-SX', wallet: who.wallet }))).toBe(later);
  });

  test('payers see the certified name instead of the one that was typed, and the number stays masked', async () => {
    const who = await person();
    expect((await place.identity.person(who.wallet))?.verifiedName).toMatch(/^小明 ··\d{4}$/);
    const number = numberOf('001');
    await good(certify(who, question(number, '阿卜杜拉·热合曼')));
    expect((await place.identity.person(who.wallet))?.verifiedName).toBe('阿卜杜拉·热合曼');
    const { body } = await who.ask<RealNameView>('GET', '/real-name');
    expect(body).toMatchObject({ name: '阿卜杜拉·热合曼', number: `1${'*'.repeat(16)}${number.slice(-1)}` });
  });

  test('the third tier wants the operator’s word on the phone, and the second tier before it', async () => {
    const [who, lent] = [await person(), await person()];
    expect(await told(who, second())).toBe('real-name.first');
    await good(certify(who, question(numberOf('001'))));
    expect(await told(who, second())).toBe('two-factor proved two-factor');
    await good(certify(lent, question(numberOf('911'))));
    expect(await told(lent, second())).toBe('two-factor refused phone-mismatch real-name');
  });

  test('one person proves one wallet in a region, of many that try at once, and one in each region', async () => {
    const number = numberOf('001');
    const many = [await person(), await person(), await person()];
    const ends = await Promise.all(many.map((who) => told(who, question(number))));
    expect(ends.sort()).toEqual([
      'real-name proved real-name',
      'real-name refused taken unproved',
      'real-name refused taken unproved',
    ]);
    expect(await told(await person('CN-BJ'), question(number))).toBe('real-name proved real-name');
  });

  test.each<[string, () => object, string]>([
    ['a number with a wrong last digit', () => question(`${numberOf('001').slice(0, 17)}Y`), 'real-name.number'],
    ['a name with digits', () => question(numberOf('001'), '小明2'), 'real-name.name'],
    ['a name only the house may have', () => question(numberOf('001'), '票号客服'), 'real-name.name'],
    ['a child', () => question(numberOf('001', '20150301')), 'real-name.age'],
    ['nothing agreed to', () => ({ ...question(numberOf('001')), agreed: 'old' }), 'request.malformed'],
    ['a tier nobody has', () => ({ ...question(numberOf('001')), wants: 'king' }), 'request.malformed'],
    ['an id that is none', () => ({ ...question(numberOf('001')), id: '1' }), 'request.malformed'],
  ])('%s is refused, and nobody is asked', async (_what, asked, code) => {
    const who = await person();
    expect(await told(who, asked())).toBe(code);
    expect(await now(who)).toBe('- - unproved');
  });

  test('the same again is the same act; another question under its id, or beside an open one, is refused', async () => {
    const who = await person();
    const asked = question(numberOf('903'));
    expect(await told(who, asked)).toBe('real-name review unproved');
    expect(await told(who, asked)).toBe('real-name review unproved');
    expect(await told(who, { ...asked, number: numberOf('001') })).toBe('real-name.id-reused');
    expect(await told(await person(), asked)).toBe('real-name.id-reused');
    expect(await told(who, question(numberOf('001')))).toBe('real-name.open');
    await wait(60);
    expect(await now(who)).toBe('real-name proved real-name');
    expect(await told(who, question(numberOf('001')))).toBe('real-name.done');
  });

  test('asking and asking again at the same moment rises once', async () => {
    const who = await person();
    const asked = question(numberOf('001'));
    const all = await Promise.all([0, 1, 2, 3].map(() => told(who, asked)));
    expect(all.every((one) => /^real-name (?:asking|proved)/.test(one))).toBe(true);
    const rose = await place.database.query(`select 1 from logbook_line where act = 'tier-raised' and who = $1`, [
      `wallet ${who.wallet}`,
    ]);
    expect(rose).toHaveLength(1);
  });

  test('five questions a day: nobody tries out strangers’ numbers here', async () => {
    const who = await person();
    for (let at = 0; at < 5; at += 1) expect(await told(who, question(numberOf('901')))).toContain('mismatch');
    expect(await told(who, question(numberOf('001')))).toBe('request.too-many');
  });

  test('it takes a passkey touched just now, and a session', async () => {
    const who = await person();
    place.pass(duration(6, 'min'));
    expect(await told(who, question(numberOf('001')))).toBe('session.step-up');
    await good(who.ask('DELETE', '/session'));
    expect(await told(who, question(numberOf('001')))).toBe('session.none');
  });

  test('neither name nor number stands anywhere in the clear', async () => {
    const who = await person();
    const number = numberOf('901');
    await good(certify(who, question(number, '秘密先生')));
    const rows = await place.database.query<{ row: string }>(
      'select row_to_json(one)::text as row from identity_certification as one',
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { row } of rows) {
      expect(row).not.toContain(number.slice(0, 10));
      expect(row).not.toContain('秘密先生');
    }
  });
});
