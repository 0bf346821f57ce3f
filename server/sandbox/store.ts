/**
 * What the sandbox remembers: an append-only file of JSON lines, the newest line of an id winning.
 * Invariant: everything answered has been written; at most {@link KEPT} records of a kind outlive a start.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Service } from '#shared/api/bank.ts';

/**
 * An order at a provider. `decidedAt` undefined: waits for the person or a tester, of a pay page and a counter at most
 * `until`. `returnsAt`: when what was settled is sent back, for `returnReason`.
 */
export interface Order {
  readonly id: string;
  /** Records of before other services came have none: they are the bank's. */
  readonly service?: Service;
  readonly account?: string;
  readonly back?: string;
  readonly card?: string;
  readonly code?: string;
  readonly until?: number;
  readonly returnsAt?: number;
  readonly returnReason?: string;
  readonly amount: number;
  readonly currency: string;
  readonly notify: string;
  readonly at: number;
  readonly asks: number;
  /** Whether an ask has done its work; until then a query knows nothing of the order. */
  readonly taken: boolean;
  readonly end: 'ACSC' | 'RJCT';
  readonly reason?: string;
  readonly decidedAt?: number;
  /** The one notice id of this order, the same in each repetition. */
  readonly notice: string;
}

/** What is wrong with a notice. */
export type Flaw = 'forged' | 'stale' | 'amount';

/** A notice on its way: due at `dueAt`, tried `tries` times, finished when `doneAt` is set. */
export interface Errand {
  readonly id: string;
  readonly order: string;
  readonly dueAt: number;
  readonly tries: number;
  readonly flaw?: Flaw;
  readonly doneAt?: number;
  readonly outcome?: string;
}

/** A text message or an e-mail (which has a subject); `arrivesAt` undefined: lost on the way. */
export interface Message {
  readonly id: string;
  readonly to: string;
  readonly subject?: string;
  readonly text: string;
  readonly at: number;
  readonly arrivesAt?: number;
}

/** A question to the register; of who it is about only a hash is kept. `code`: the story it follows. */
export interface Check {
  readonly id: string;
  readonly hash: string;
  readonly code: string;
  readonly at: number;
  readonly asks: number;
}

/** A charge of a card; `code` is field 39 of its answer, `takenAt` undefined: nothing was taken. */
export interface Charge {
  readonly id: string;
  readonly token: string;
  readonly amount: number;
  readonly currency: string;
  readonly account: string;
  readonly at: number;
  readonly code: string;
  readonly takenAt?: number;
  readonly reversedAt?: number;
  /** Reversals heard so far: a story may have the first ones get no answer. */
  readonly reversals: number;
}

/** A card being bound or bound; its number is never written, the token is made of it. `smsId` names the code's text. */
export interface Binding {
  readonly id: string;
  readonly holder: string;
  readonly back: string;
  readonly at: number;
  readonly until: number;
  readonly state: 'open' | 'bound' | 'refused';
  readonly reason?: 'cancelled' | 'expired' | 'refused';
  readonly token?: string;
  readonly bin?: string;
  readonly last4?: string;
  readonly smsCode?: string;
  readonly phoneTail?: string;
  readonly tries: number;
}

/**
 * What a tester may turn: a closed bank answers 503, `by-hand` holds each order, lost notices are never sent, those of
 * `twice` come two times, those of `disordered` are followed by an old one, slow answers take {@link SLOW_PACES}, silent ones never come though the work is done.
 */
export interface Switches {
  readonly id: 'switches';
  readonly bank: 'open' | 'closed';
  readonly orders: 'by-amount' | 'by-hand';
  readonly notices: 'sent' | 'lost' | 'twice' | 'late' | 'disordered';
  readonly answers: 'prompt' | 'slow' | 'silent';
  /** When a payout that comes back does so: within paces, or on the bank's next day. */
  readonly returns: 'paced' | 'next-day';
  readonly sms: 'open' | 'late' | 'lost' | 'throttled';
  readonly mail: 'open' | 'late' | 'lost' | 'throttled';
  readonly register: 'open' | 'closed';
  /** Milliseconds of one pace: the unit of every delay. */
  readonly paceMs: number;
}

interface Tables {
  readonly order: Order;
  readonly errand: Errand;
  readonly text: Message;
  readonly mail: Message;
  readonly check: Check;
  readonly charge: Charge;
  readonly binding: Binding;
  readonly switches: Switches;
}

/** Paces a slow answer takes. */
export const SLOW_PACES = 5;

/** Records of a kind that outlive a start: enough for a long day of testing, few enough to load in a blink. */
export const KEPT = 5_000;

/** The records, by kind and id; `put` writes before it answers. */
export interface Store {
  all<Kind extends keyof Tables>(kind: Kind): Tables[Kind][];
  get<Kind extends keyof Tables>(kind: Kind, id: string): Tables[Kind] | undefined;
  put<Kind extends keyof Tables>(kind: Kind, record: Tables[Kind]): void;
  /** Forgets what is in memory and reads the file anew, as after a restart. */
  reopen(): void;
}

/** Opens the store in `folder`, dropping a half-written last line and all but the newest records. */
export function openStore(folder: string): Store {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, 'sandbox.jsonl');
  const tables: { [Kind in keyof Tables]: Map<string, Tables[Kind]> } = {
    order: new Map(),
    errand: new Map(),
    text: new Map(),
    mail: new Map(),
    check: new Map(),
    charge: new Map(),
    binding: new Map(),
    switches: new Map(),
  };
  reopen();

  function reopen(): void {
    for (const table of Object.values(tables)) table.clear();
    for (const line of existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []) remember(line);
    const lines: string[] = [];
    for (const kind of Object.keys(tables) as (keyof Tables)[]) {
      const table: Map<string, Tables[typeof kind]> = tables[kind];
      for (const id of [...table.keys()].slice(0, -KEPT)) table.delete(id);
      for (const record of table.values()) lines.push(`${JSON.stringify([kind, record])}\n`);
    }
    writeFileSync(`${file}.new`, lines.join(''), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }

  function remember(line: string): void {
    try {
      const [kind, record] = JSON.parse(line) as [keyof Tables, Tables[keyof Tables]];
      keep(kind, record);
    } catch {
      // A line cut off by a crash was never answered for.
    }
  }
  function keep(kind: keyof Tables, record: Tables[keyof Tables]): void {
    const table: Map<string, Tables[keyof Tables]> = tables[kind];
    table.delete(record.id);
    table.set(record.id, record);
  }
  return {
    all: (kind) => [...tables[kind].values()],
    get: (kind, id) => tables[kind].get(id),
    put: (kind, record) => {
      appendFileSync(file, `${JSON.stringify([kind, record])}\n`);
      keep(kind, record);
    },
    reopen,
  };
}
