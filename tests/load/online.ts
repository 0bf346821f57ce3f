/**
 * Payments with signal, as phones bring them to a house that an operator has started: a process of its own, caged, on a
 * durable PostgreSQL. Each is one sync on a kept connection of a signed-up phone, signed by its device; when half of an
 * allowance is paid away the phone gives it back for a fresh one in a sync more, as the app does. First 200 connections,
 * then 1,000 that come again at once when they are turned away, at a house that takes on fewer.
 *
 * Payments are signed before they are counted, those over an allowance that is fetched on the way when it comes. What a
 * sync says of the bills the phone has is known from the answer before, so the device signs in between; that is not timed,
 * but done on the same two cores.
 */
import type { SyncAnswer, SyncRequest } from '#shared/api/sync.ts';
import { fromBase64url } from '#shared/base/bytes.ts';
import { certificateMessage } from '#shared/protocol/certificate.ts';
import { keySetMessage } from '#shared/protocol/key-set.ts';
import type { MessageType } from '#shared/protocol/message.ts';
import { DEFAULT_POLICIES } from '#shared/rules/policy.ts';
import { purseIn, wantOn } from '#tests/attack/stage.ts';
import { openClient } from '#tests/kit/crowd.ts';
import { startPostgres } from '#tests/kit/databases.ts';
import { booksOf, clock, fill, ROOM, whileStopped } from '#tests/kit/fault-house.ts';
import { freePort, type House, startHouse } from '#tests/kit/house.ts';
import { freshSigner } from '#tests/kit/market.ts';
import { deviceHeader, type Member, openMember } from '#tests/kit/member.ts';
import { overHttp } from '#tests/kit/over-http.ts';

const PHONES = 1_000;
const CONNECTIONS = 200;
/** Requests the house takes on at once when it is overrun. */
const TAKEN_ON = 200;
/** Signed up at once: more wait for their texts no sooner. */
const SIGNING_UP = 20;
const FEN = 1_00;
/** What people known best may do, which is the most a phone pays before it needs the next allowance. */
const POLICY = {
  ...ROOM,
  total: DEFAULT_POLICIES['two-factor'].total,
  maxCount: DEFAULT_POLICIES['two-factor'].maxCount,
};
/** Payments after which the app takes an allowance for worn (web/sync/sync.ts). */
const WORN = POLICY.maxCount / 2;

async function online(): Promise<void> {
  const server = await startPostgres({ durable: true });
  const metricsPort = await freePort();
  const often = '1000000';
  const house = await startHouse({
    caged: true,
    paceMs: 10,
    environment: {
      DATABASE_URL: await server.fresh(),
      LOG_LEVEL: 'error',
      METRICS_PORT: String(metricsPort),
      CEREMONIES_PER_MINUTE: often,
      REGISTRATIONS_PER_HOUR: often,
      TEXTS_PER_ADDRESS_HOUR: often,
    },
  });
  try {
    const phones = await people(house);
    const booked = new Set<string>();
    const run = async (phonesUsed: readonly Phone[], payments: number) =>
      await measure(metricsPort, phonesUsed, payments, booked);
    const few = phones.slice(0, CONNECTIONS);
    await run(few, 2_000);
    report('online.200', await run(few, 8_000));
    house.environment.REQUESTS_MOST = String(TAKEN_ON);
    await house.restart('server');
    await run(few, 2_000);
    report('online.overload', await run(phones, 8_000));
    report('online.afterwards', await run(few, 2_000));
    for (const phone of phones) phone.close();
    await house.end('server', 'SIGTERM');
    const books = await booksOf(house);
    if (books.findings.length > 0) throw new Error(JSON.stringify(books.findings.slice(0, 5)));
    if (books.payments !== booked.size || books.transfers !== booked.size)
      throw new Error(`${booked.size} payments were answered, ${books.payments} are booked ${books.transfers} times`);
  } finally {
    await house.stop();
    await server.stop();
  }
}

/** The benchmarks of this file, by what starts them. */
export const benches = { online };

/** What a phone did, and how long it waited for the answer. */
interface Act {
  readonly did: 'paid' | 'renewed' | 'turned away';
  readonly ms: number;
  readonly id: string;
}

/** A phone on its one connection, which it keeps. */
interface Phone {
  /** Brings the next payment or, where the allowance is worn, fetches the next one. */
  readonly act: () => Promise<Act>;
  readonly isWorn: () => boolean;
  readonly close: () => void;
}

async function people(house: House): Promise<Phone[]> {
  const place = { app: overHttp(house.origin), origin: house.origin, clock, codeFor: house.smsCode };
  const members: Member[] = [];
  // Numbers that end in 0001 to 0003 have stories of their own (server/sandbox/sms.ts).
  const waiting = Array.from({ length: PHONES }, (_, at) => String(13_800_001_000 + at));
  const desk = async () => {
    for (let phone = waiting.pop(); phone !== undefined; phone = waiting.pop())
      members.push(await openMember(place, { phone }));
  };
  await Promise.all(Array.from({ length: SIGNING_UP }, desk));
  await whileStopped(house, async (database) => {
    await database.query('update region_policy set policy = policy || $1::jsonb', [POLICY]);
    // Room for everybody's allowances of a day, which all stay open to claims.
    await database.query('update region set terms = terms || $1::jsonb', [{ fundCap: 1_000_000_000_00 }]);
    await database.query('update identity_anomaly_terms set count_from = 1000000');
    for (const member of members) await fill(database, member, 2 * POLICY.total);
  });
  const port = Number(new URL(house.origin).port);
  const payees = members.map(({ device }) => device);
  const phones: Phone[] = [];
  for (const [at, member] of members.entries())
    phones.push(await openPhone(member, port, [...payees.slice(at + 1), ...payees.slice(0, at)]));
  return phones;
}

async function openPhone(member: Member, port: number, payees: readonly Member['device'][]): Promise<Phone> {
  const client = openClient(port);
  let have: SyncRequest['have'] = {};
  let cursor = 0;
  let paidSoFar = 0;
  let purse: ReturnType<typeof purseIn> | undefined;
  let stock: { readonly id: string; readonly bytes: string }[] = [];

  async function sync(brings: Partial<SyncRequest>): Promise<{ ms: number; answer: SyncAnswer | undefined }> {
    const body = { cursor, payments: [], closings: [], receipts: [], forks: [], ...brings, have };
    const headers = {
      accept: 'application/json',
      cookie: [...member.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      origin: new URL(`http://localhost:${port}`).origin,
      authorization: deviceHeader(member.device, 'POST', '/sync', body, Date.now()),
    };
    const asked = performance.now();
    const reply = await client.ask({ method: 'POST', path: '/sync', headers, body: JSON.stringify(body) });
    const ms = performance.now() - asked;
    if (reply.ending === 'answered 503') {
      const [, seconds] = /^retry-after: (\d+)\r?$/im.exec(reply.head) ?? [];
      if (!(Number(seconds) >= 1)) throw new Error(`turned away without saying when to come again: ${reply.head}`);
      return { ms, answer: undefined };
    }
    if (reply.ending !== 'answered 200') throw new Error(`${reply.ending} ${reply.body}`);
    const answer = JSON.parse(reply.body) as SyncAnswer;
    ({ cursor } = answer);
    have = holding(have, answer);
    return { ms, answer };
  }

  async function renew(): Promise<Act> {
    const signer = freshSigner();
    const closings = purse ? [await purse.closing()] : [];
    const { ms, answer } = await sync({ closings, want: wantOn(signer) });
    if (!answer) return { did: 'turned away', ms, id: '' };
    purse = purseIn(answer, signer, clock);
    for (let step = 0; step < WORN; step += 1) {
      const payee = payees[(paidSoFar * 7 + 13) % payees.length];
      if (!payee) throw new Error('nobody to pay');
      paidSoFar += 1;
      stock.push(await purse.pay({ device: payee }, FEN));
    }
    return { did: 'renewed', ms, id: '' };
  }

  // The house knows a payee by the certificate it gave out.
  await sync({});
  return {
    isWorn: () => stock.length === 0,
    close: client.close,
    async act() {
      const [next] = stock;
      if (!next) return renew();
      const { id, bytes } = next;
      const { ms, answer } = await sync({ payments: [bytes] });
      if (!answer) return { did: 'turned away', ms, id };
      const [said] = answer.answers;
      if (said?.id !== id || said.outcome !== 'settled') throw new Error(JSON.stringify(answer.answers));
      stock = stock.slice(1);
      return { did: 'paid', ms, id };
    },
  };
}

/** What the phone holds after `answer`, so that the house need not send it again. */
function holding(before: SyncRequest['have'], { status = [], keySet, certificate }: SyncAnswer): SyncRequest['have'] {
  const until = certificate === undefined ? undefined : read(certificateMessage, certificate).expires / 1000;
  return {
    ...before,
    status: { ...before.status, ...Object.fromEntries(status.map(({ region, epoch }) => [region, epoch])) },
    ...(keySet === undefined ? {} : { keySet: read(keySetMessage, keySet).epoch }),
    ...(until === undefined ? {} : { certificateUntil: Math.floor(until) }),
  };
}

function read<Message>(type: MessageType<Message>, text: string): Message {
  const signed = type.read(fromBase64url(text) ?? new Uint8Array());
  if (!signed.ok) throw new Error(signed.error.code);
  return signed.value.message;
}

interface Measured {
  readonly ms: number;
  /** How long each answered and each turned away payment took, sorted. */
  readonly answered: readonly number[];
  readonly turnedAway: readonly number[];
  readonly renewed: number;
  /** The most that waited for a batch at any look, and the memory before and after. */
  readonly queueMost: number;
  readonly rssMb: readonly [before: number, after: number];
  /** What of the two cores the phones took, in seconds. */
  readonly phonesCpuSeconds: number;
}

async function measure(
  metricsPort: number,
  phones: readonly Phone[],
  payments: number,
  booked: Set<string>,
): Promise<Measured> {
  // Signed and asked for before it counts, also the connection.
  for (const phone of phones) if (phone.isWorn()) await phone.act();
  const before = await figures(metricsPort);
  const cpu = process.cpuUsage();
  const answered: number[] = [];
  const turnedAway: number[] = [];
  let left = payments;
  let renewed = 0;
  let queueMost = 0;
  const visit = async (phone: Phone) => {
    while (left > 0) {
      const paying = !phone.isWorn();
      if (paying) left -= 1;
      const { did, ms, id } = await phone.act();
      if (did === 'renewed') renewed += 1;
      else if (did === 'turned away') turnedAway.push(ms);
      else answered.push(ms);
      if (did === 'paid') booked.add(id);
      else if (paying) left += 1;
    }
  };
  const watch = setInterval(async () => {
    const seen = await figures(metricsPort).catch(() => undefined);
    queueMost = Math.max(queueMost, seen?.queue ?? 0);
  }, 250);
  const began = performance.now();
  await Promise.all(phones.map(visit)).finally(() => clearInterval(watch));
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  const after = await figures(metricsPort);
  if (after.queue > 0) throw new Error(`${after.queue} pieces of work wait although nobody asks`);
  const sorted = (list: number[]) => list.sort((left, right) => left - right);
  return {
    ...{ ms, renewed, queueMost, answered: sorted(answered), turnedAway: sorted(turnedAway) },
    rssMb: [before.rssMb, after.rssMb],
    phonesCpuSeconds: (user + system) / 1e6,
  };
}

/** What the house says of itself to whoever looks after it. */
async function figures(metricsPort: number): Promise<{ queue: number; rssMb: number }> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  return {
    queue: value('piaohao_queue_length'),
    rssMb: Math.round(value('process_resident_memory_bytes') / 2 ** 20),
  };
}

function report(name: string, { ms, answered, turnedAway, ...more }: Measured): void {
  const at = (list: readonly number[], share: number) => Math.round(list[Math.floor((list.length - 1) * share)] ?? 0);
  const value = Math.round((answered.length * 1000) / ms);
  const [p50, p99] = [at(answered, 0.5), at(answered, 0.99)];
  const times = { p50, p99, ratio: Number((p99 / p50).toFixed(2)) };
  const away = { turnedAway: turnedAway.length, turnedAwayP99: at(turnedAway, 0.99) };
  const seconds = Number((ms / 1000).toFixed(1));
  console.log(
    JSON.stringify({ name, value, unit: 'payments/s', seconds, answered: answered.length, ...times, ...away, ...more }),
  );
}
