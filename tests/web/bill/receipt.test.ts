/** Receipts: what the phones of both sides can show, and what a stranger's phone makes of it and of what a forger made. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { PaymentView } from '#shared/api/payment.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Instant, instant } from '#shared/base/time.ts';
import { allowanceMessage } from '#shared/protocol/allowance.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { epochMessage } from '#shared/protocol/epoch.ts';
import { type Finality, finalityMessage } from '#shared/protocol/finality.ts';
import { type Frame, readFrame } from '#shared/protocol/frame.ts';
import { keySetMessage } from '#shared/protocol/key-set.ts';
import { leafHash } from '#shared/protocol/merkle.ts';
import { encodeCore, type PaymentCore, readPayment } from '#shared/protocol/payment.ts';
import { readVoucher, type Voucher, writeVoucher } from '#shared/protocol/voucher.ts';
import { buyPhone, foundTown, giveAllowance, good, NOON, type Phone, type Town } from '#tests/web/vault/town.ts';
import { askRegion, checkReceipt, readCode, type Verdict } from '#web/bill/check.ts';
import { fetchFinality, readReceipt } from '#web/bill/receipt.ts';
import { acceptCode, invoiceCode, makeInvoice } from '#web/pay/payee.ts';
import { pay, planPayment, readOffer } from '#web/pay/payer.ts';
import type { Ask } from '#web/sync/client.ts';
import { type NetworkNeeds, renewNetwork } from '#web/sync/network.ts';
import { keepBills } from '#web/vault/bills.ts';
import { applyPaymentAnswer, keepFinality } from '#web/vault/payments.ts';
import type { PaymentRow } from '#web/vault/rows.ts';
import { readSetting } from '#web/vault/settings.ts';
import { openVault } from '#web/vault/vault.ts';

let town: Town;
/** A town of the forger's own making: same regions, other keys. */
let forger: Town;
let payer: Phone;
let payee: Phone;
let paid: PaymentRow;
let core: PaymentCore;

beforeAll(async () => {
  town = await foundTown();
  forger = await foundTown();
  payer = await buyPhone(town, '王小明');
  payee = await buyPhone(town, '平遥牛肉店', 'CN-BJ');
  await giveAllowance(town, payer);
  const invoice = good(await makeInvoice(payee, { amount: 12_50, currency: 'CNY', memo: '两斤' }));
  const offer = good(await readOffer(payer, frameOf(good(await invoiceCode(payee, invoice))[0])));
  paid = good(await pay(payer, offer, good(await planPayment(payer, offer))));
  const allowance = (await payer.vault.allowances.get(paid.allowance))?.bytes ?? new Uint8Array();
  good(await acceptCode(payee, invoice, { kind: 'payment', payment: bytesOf(paid), allowance }));
  core = good(readPayment(bytesOf(paid))).message;
});

function bytesOf(row: PaymentRow): Uint8Array {
  if (!row.bytes) throw new Error('not signed');
  return row.bytes;
}

function frameOf(text: string | undefined): Frame {
  const frame = readFrame(text ?? '');
  if (!frame.ok || frame.value.kind === 'part') throw new Error('no whole frame');
  return frame.value;
}

/** Beijing's word on the payment, bent by `change`, signed in `by`. */
async function finality(change: Partial<Finality> = {}, by = town): Promise<Uint8Array> {
  const said: Finality = {
    ...{ region: 'CN-BJ', payment: fromBase64url(paid.id) ?? new Uint8Array(), payee: core.payee },
    ...{ invoice: core.invoice, amount: core.amount, currency: 'CNY', time: instant(NOON + 60_000) },
    ...change,
  };
  return finalityMessage.sign(said, by.beijing);
}

/** The house as a visitor reaches it; `past` are its key sets of before. */
function house(of: Town = town, past: readonly Uint8Array[] = []): Ask {
  return (async ({ path }: { path: string }) => {
    if (path === '/network/past') return ok({ keySets: past.map(toBase64url) });
    if (path !== '/network') return refuse({ code: 'request.not-found' });
    return ok({ root: toBase64url(of.root.key), keySet: toBase64url(of.keySet) });
  }) as Ask;
}
const NO_ROAD: Ask = async () => refuse({ code: 'house.unreachable' });

/** A browser that holds nothing. */
function stranger(ask: Ask = house(), time: Instant = NOON): NetworkNeeds & { ask: Ask } {
  return { vault: openVault(`stranger-${crypto.randomUUID()}`), clock: () => time, ask };
}

function inWords(verdict: Verdict): string {
  if (verdict.kind === 'forged' || verdict.kind === 'unsure') return `${verdict.kind} ${verdict.why}`;
  if (verdict.kind === 'no-receipt') return verdict.kind;
  const { amount, certificate } = verdict.proved;
  const late = verdict.kind === 'promise' && verdict.late ? ' late' : '';
  return `${verdict.kind}${late} ${amount} to ${certificate?.name ?? 'nobody named'}`;
}

async function verdictOn(text: string, needs: NetworkNeeds = stranger()): Promise<string> {
  const read = readCode(text);
  if (!read.ok || read.value.kind === 'part') return 'unreadable';
  return inWords(await checkReceipt(needs, read.value));
}

const coded = (voucher: Voucher) => toBase64url(writeVoucher(voucher));

/** The voucher on a phone's receipt. */
async function shown(phone: Phone): Promise<Voucher> {
  const receipt = await readReceipt(phone, paid.id);
  const frame = frameOf(receipt?.code?.text);
  if (frame.kind !== 'voucher') throw new Error('no voucher');
  return good(readVoucher(frame.voucher));
}

describe('before it is settled', () => {
  test('both sides show a promise that names the payee, and say that it is none of them who is unknown', async () => {
    const [out, into] = [await readReceipt(payer, paid.id), await readReceipt(payee, paid.id)];
    expect(out?.code?.proved).toMatchObject({ kind: 'promise', amount: 12_50, certificate: { name: '平遥牛肉店' } });
    expect(into?.code?.proved).toMatchObject({ kind: 'promise', amount: 12_50, acceptedAt: NOON });
    expect([out?.payer, out?.payee]).toEqual([
      { own: true, name: '王小明' },
      { own: false, name: '平遥牛肉店' },
    ]);
    expect([into?.payer, into?.payee]).toEqual([{ own: false }, { own: true, name: '平遥牛肉店' }]);
    expect([out?.road, into?.road]).toEqual(['code', 'code']);
  });

  test('a stranger reads the same from the code and from the link, whatever site the link names', async () => {
    const code = (await readReceipt(payee, paid.id))?.code;
    expect(await verdictOn(code?.text ?? '')).toBe('promise 1250 to 平遥牛肉店');
    const sent = `收据 ¥12.50。核验：https://evil.example/check#${code?.fragment} 谢谢`;
    expect(await verdictOn(sent)).toBe('promise 1250 to 平遥牛肉店');
  });

  test('a promise nobody brought in while the region honoured it is told as late', async () => {
    const code = (await readReceipt(payee, paid.id))?.code;
    const later = instant(NOON + 18 * 86_400_000);
    expect(await verdictOn(code?.text ?? '', stranger(house(), later))).toBe('promise late 1250 to 平遥牛肉店');
  });

  test('a payment code is a promise as well, other codes are no receipts', async () => {
    const { payment, allowance } = (await shown(payer)) as Voucher & { kind: 'promise' };
    const verdict = async (frame: Frame) => inWords(await checkReceipt(stranger(), frame));
    expect(await verdict({ kind: 'payment', payment, allowance })).toBe('promise 1250 to nobody named');
    expect(await verdict({ kind: 'payment', payment })).toBe('no-receipt');
    expect(await verdict({ kind: 'epoch', epoch: town.epoch })).toBe('no-receipt');
    expect(await verdict({ kind: 'voucher', voucher: Uint8Array.of(0xa0) })).toBe('no-receipt');
  });
});

describe('what a forger tries with a promise', () => {
  const cases: readonly (readonly [
    what: string,
    bend: (voucher: Voucher & { kind: 'promise' }) => Promise<Voucher>,
    said: string,
  ])[] = [
    ['writes another sum', async (voucher) => ({ ...voucher, payment: raised(voucher.payment) }), 'forged altered'],
    [
      'issues an allowance of his own',
      async (voucher) => {
        const read = good(allowanceMessage.read(voucher.allowance));
        return { ...voucher, allowance: await allowanceMessage.sign(read.message, forger.issuer) };
      },
      'forged issuer',
    ],
    [
      'names a payee of his own',
      async (voucher) => {
        const { certificate: _named, ...bare } = voucher;
        return { ...bare, certificate: await certificateOf({ name: '税务局' }, forger) };
      },
      'forged issuer',
    ],
    [
      'shows the certificate of somebody else',
      async (voucher) => ({ ...voucher, certificate: await certificateOf({ payee: payer.wallet, name: '王小明' }) }),
      'forged mixed',
    ],
    [
      'joins it to another allowance',
      async (voucher) => {
        const read = good(allowanceMessage.read(voucher.allowance));
        const other = { ...read.message, total: 900_00 };
        return { ...voucher, allowance: await allowanceMessage.sign(other, town.issuer) };
      },
      'forged mixed',
    ],
  ];

  test.each(cases)('%s', async (_what, bend, said) => {
    const honest = await shown(payer);
    if (honest.kind !== 'promise') throw new Error('a promise was asked for');
    const { receipt: _receipt, ...bare } = honest;
    expect(await verdictOn(coded(await bend(bare)))).toBe(said);
  });
});

describe('once the region has said that it is final', () => {
  beforeAll(async () => {
    for (const { vault } of [payer, payee]) {
      await applyPaymentAnswer(vault, { id: paid.id, outcome: 'settled' }, NOON);
      await keepFinality(vault, paid.id, await finality(), NOON);
    }
  });

  test.each(['payer', 'payee'] as const)('the receipt of the %s proves it, with who and when', async (who) => {
    const receipt = await readReceipt(who === 'payer' ? payer : payee, paid.id);
    expect(receipt?.code?.proved).toMatchObject({
      ...{ kind: 'final', amount: 12_50, region: 'CN-BJ', finalAt: NOON + 60_000 },
      ...{ signedAt: core.time, certificate: { name: '平遥牛肉店' } },
    });
    expect(await verdictOn(receipt?.code?.text ?? '')).toBe('final 1250 to 平遥牛肉店');
  });

  test('a phone that only has the bill asks for the proof, and then holds it', async () => {
    const bare = stranger((async ({ path, signed }: { path: string; signed?: boolean }) => {
      if (path === '/network') return await house()({ method: 'GET', path });
      return signed ? ok({ finality: toBase64url(await finality()) }) : refuse({ code: 'session.none' });
    }) as Ask);
    const bill = {
      id: 'bill',
      sequence: 1,
      kind: 'payment',
      direction: 'out',
      state: 'settled',
      amount: 12_50,
    } as const;
    const times = { signed: NOON, uploaded: NOON + 1000 };
    await keepBills(bare.vault, [{ ...bill, currency: 'CNY', region: 'CN-BJ', payment: paid.id, times }], 1);
    expect(await readReceipt(bare, 'bill')).not.toHaveProperty('code');
    good(await fetchFinality(bare, paid.id));
    bare.ask = NO_ROAD;
    expect(await readReceipt(bare, 'bill')).toMatchObject({ road: 'network', code: { proved: { kind: 'final' } } });
  });

  test.each<[string, (card: string) => NonNullable<PaymentView['settled']>, string | undefined]>([
    ['is true', (card) => ({ card, place: 0, count: 1, path: [] }), undefined],
    [
      'leads to another root',
      (card) => ({ card, place: 1, count: 2, path: ['A'.repeat(43)] }),
      'finality.not-under-card',
    ],
    ['names a card nobody signed', () => ({ card: 'AAAA', place: 0, count: 1, path: [] }), 'message.malformed'],
  ])('a proof that it stands in the tree of claims counts when it %s', async (_what, proof, code) => {
    const root = leafHash(fromBase64url(paid.id) ?? new Uint8Array());
    const card = { region: 'CN-BJ', number: 1, time: NOON, statusList: root, keySet: root, claims: root };
    const settled = proof(toBase64url(await epochMessage.sign(card, town.beijing)));
    const asking = stranger((async ({ path }: { path: string }) => {
      if (path === '/network') return await house()({ method: 'GET', path });
      return ok({ finality: toBase64url(await finality()), settled });
    }) as Ask);
    const taken = await fetchFinality(asking, paid.id);
    expect(taken.ok ? undefined : taken.error.code).toBe(code);
  });

  test('a payment that was given back has no receipt', async () => {
    const bare = stranger();
    const bill = {
      id: 'bill',
      sequence: 1,
      kind: 'payment',
      direction: 'out',
      state: 'reversed',
      amount: 12_50,
    } as const;
    await keepBills(bare.vault, [{ ...bill, currency: 'CNY', region: 'CN-BJ', payment: paid.id, times: {} }], 1);
    expect(await readReceipt(bare, 'bill')).toBeUndefined();
  });

  test.each([
    ['signed by a region of his own', async () => ({ finality: await finality({}, forger) }), 'forged issuer'],
    ['with another sum', async () => ({ finality: raised(await finality()) }), 'forged altered'],
    ['with the payload of another payment', async () => ({ core: encodeCore({ ...core, number: 2 }) }), 'forged mixed'],
    [
      'with somebody else’s name',
      async () => ({ certificate: await certificateOf({ payee: payer.wallet }) }),
      'forged mixed',
    ],
    ['with a name nobody gave', async () => ({ certificate: await certificateOf({}, forger) }), 'forged issuer'],
  ])('a forger makes one %s', async (_what, change, said) => {
    const honest = (await shown(payer)) as Voucher & { kind: 'final' };
    expect(await verdictOn(coded({ ...honest, ...(await change()) }))).toBe(said);
  });
});

describe('a stranger’s phone', () => {
  const text = async () => (await readReceipt(payer, paid.id))?.code?.text ?? '';

  test('that has never seen the network says that it cannot tell', async () => {
    expect(await verdictOn(await text(), stranger(NO_ROAD))).toBe('unsure no-network');
  });

  test('that has seen it once needs no network again', async () => {
    const visitor = stranger();
    good(await renewNetwork(visitor));
    expect(await verdictOn(await text(), { ...visitor, ask: NO_ROAD })).toBe('final 1250 to 平遥牛肉店');
    const forged = coded({ kind: 'final', finality: await finality({}, forger) });
    expect(await verdictOn(forged, { ...visitor, ask: NO_ROAD })).toBe('unsure old-keys');
  });

  test('keeps the root of its first visit, and takes no keys another root has signed', async () => {
    const visitor = stranger();
    good(await renewNetwork(visitor));
    const pinned = await readSetting(visitor.vault, 'networkSeen');
    const later = { ...visitor, ask: house(forger) };
    expect(codeOf(await renewNetwork(later))).toBe('key-set.signature');
    expect(await readSetting(visitor.vault, 'networkSeen')).toEqual(pinned);
    const forged = coded({ kind: 'final', finality: await finality({}, forger) });
    expect(await verdictOn(forged, later)).toBe('unsure other-network');
    expect(await verdictOn(await text(), later)).toBe('final 1250 to 平遥牛肉店');
  });

  test('whose keys are too old asks for newer ones, and without a road says so', async () => {
    const visitor = stranger();
    good(await renewNetwork(visitor));
    const late = { ...visitor, ask: NO_ROAD, clock: () => instant(NOON + 200 * 86_400_000) };
    expect(await verdictOn(await text(), late)).toBe('unsure old-keys');
  });

  describe('years later, when the keys that signed it have left the key set', () => {
    const YEARS = instant(NOON + 900 * 86_400_000);
    /** The town's next life: the same root, other issuers. */
    const later = async (): Promise<Town> => {
      const { issuer, beijing } = await foundTown();
      const read = good(keySetMessage.read(town.keySet)).message;
      const keys = [issuer.key, beijing.key];
      const span = { from: instant(YEARS - 1000), until: instant(YEARS + 86_400_000) };
      const issuers = read.issuers.map((one, at) => ({ ...one, key: keys[at] ?? one.key, ...span }));
      const keySet = await keySetMessage.sign({ ...read, epoch: 9, expires: span.until, issuers }, town.root);
      return { ...town, issuer, beijing, keySet };
    };

    test('it is verified by the key sets of before, and from then on with no network', async () => {
      const visitor = stranger(house(await later(), [town.keySet]), YEARS);
      expect(await verdictOn(await text(), visitor)).toBe('final 1250 to 平遥牛肉店');
      expect(await verdictOn(await text(), { ...visitor, ask: NO_ROAD })).toBe('final 1250 to 平遥牛肉店');
    });

    test('a phone that lacks the region’s old word fetches it and can show it', async () => {
      const now = await later();
      const bare = stranger(
        (async (asked: { path: string; method: 'GET' }) =>
          asked.path.startsWith('/network')
            ? await house(now, [town.keySet])(asked)
            : ok({ finality: toBase64url(await finality()) })) as Ask,
        YEARS,
      );
      const kept = {
        id: 'bill',
        sequence: 1,
        kind: 'payment',
        direction: 'out',
        state: 'settled',
        amount: 12_50,
      } as const;
      await keepBills(bare.vault, [{ ...kept, currency: 'CNY', region: 'CN-BJ', payment: paid.id, times: {} }], 1);
      good(await fetchFinality(bare, paid.id));
      expect(await readReceipt(bare, 'bill')).toMatchObject({ code: { proved: { kind: 'final' } } });
    });

    test.each<[string, () => Promise<Ask>, string]>([
      ['and the house no longer tells them', async () => house(await later()), 'forged issuer'],
      [
        'and only key sets of another root are told',
        async () => house(await later(), [forger.keySet]),
        'forged issuer',
      ],
      [
        'and the road ends before they are told',
        async () => {
          const open = house(await later());
          return (async (asked: { path: string; method: 'GET' }) =>
            asked.path === '/network' ? await open(asked) : refuse({ code: 'house.unreachable' })) as Ask;
        },
        'unsure old-keys',
      ],
    ])('%s', async (_what, ask, said) => {
      expect(await verdictOn(await text(), stranger(await ask(), YEARS))).toBe(said);
    });

    test('a key of before signs nothing of today', async () => {
      const visitor = stranger(house(await later(), [town.keySet]), YEARS);
      const backdated = coded({ kind: 'final', finality: await finality({ time: YEARS }) });
      expect(await verdictOn(backdated, visitor)).toBe('forged issuer');
    });
  });

  test.each(['', 'https://example.com/', 'PH1V:', 'PH1V:!!', 'not base64url!'])(
    'reads nothing in "%s"',
    async (given) => {
      expect(await verdictOn(given)).toBe('unreadable');
    },
  );

  test('hears from the region how the payment stands now, only when somebody asks', async () => {
    const asked: string[] = [];
    const ask = (async ({ path }: { path: string }): Promise<Result<unknown, Refusal>> => {
      asked.push(path);
      if (path === '/network') return await house()({ method: 'GET', path });
      return asked.length === 2 ? ok({ state: 'reversed' }) : refuse({ code: 'request.not-found' });
    }) as Ask;
    const visitor = stranger(ask);
    await verdictOn(await text(), visitor);
    expect(asked).toEqual(['/network']);
    const id = fromBase64url(paid.id) ?? new Uint8Array();
    expect(await askRegion(visitor, id)).toEqual(ok('reversed'));
    expect(await askRegion(visitor, id)).toEqual(ok('unknown'));
    expect(asked[1]).toBe(`/receipts/${paid.id}`);
  });
});

function codeOf(result: { ok: true } | { ok: false; error: { code: string } }): string {
  return result.ok ? 'ok' : result.error.code;
}

/** The payee's certificate, bent, signed by Beijing of `by`. */
function certificateOf(change: { payee?: Phone['wallet']; name?: string }, by = town): Promise<Uint8Array> {
  return certificateMessage.sign(
    {
      ...{ payee: payee.wallet, key: by.issuer.key, name: '平遥牛肉店', category: 'person', region: 'CN-BJ' },
      ...{ currencies: ['CNY'], expires: instant(NOON + 86_400_000), guarantee: 'basic' },
      ...change,
    },
    by.beijing,
  );
}

/** 12.50 becomes 12.51 wherever it stands: CBOR writes 1250 as 19 04 e2. */
function raised(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  for (let at = 0; at + 2 < copy.length; at += 1) {
    if (copy[at] === 0x19 && copy[at + 1] === 0x04 && copy[at + 2] === 0xe2) copy[at + 2] = 0xe3;
  }
  return copy;
}
