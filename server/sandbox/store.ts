/**
 * What the sandbox remembers: an append-only file of JSON lines, the newest line of an id winning.
 * Invariant: everything answered has been written; at most {@link KEPT} records of a kind outlive a start.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An order at the bank. `decidedAt` undefined: waits for a tester. */
export interface Order {
  readonly id: string;
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

/** A notice on its way: due at `dueAt`, tried `tries` times, finished when `doneAt` is set. */
export interface Errand {
  readonly id: string;
  readonly order: string;
  readonly dueAt: number;
  readonly tries: number;
  readonly flaw?: 'forged' | 'stale' | 'amount';
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

/** What a tester may turn: a closed bank answers 503, `byHand` holds each order, lost notices are never sent. */
export interface Switches {
  readonly id: 'switches';
  readonly bank: 'open' | 'closed';
  readonly orders: 'by-amount' | 'by-hand';
  readonly notices: 'sent' | 'lost';
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
  readonly switches: Switches;
}

/** Records of a kind that outlive a start: enough for a long day of testing, few enough to load in a blink. */
export const KEPT = 5_000;

/** The records, by kind and id; `put` writes before it answers. */
export interface Store {
  all<Kind extends keyof Tables>(kind: Kind): Tables[Kind][];
  get<Kind extends keyof Tables>(kind: Kind, id: string): Tables[Kind] | undefined;
  put<Kind extends keyof Tables>(kind: Kind, record: Tables[Kind]): void;
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
    switches: new Map(),
  };
  for (const line of existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []) remember(line);
  const lines: string[] = [];
  for (const kind of Object.keys(tables) as (keyof Tables)[]) {
    const table: Map<string, Tables[typeof kind]> = tables[kind];
    for (const id of [...table.keys()].slice(0, -KEPT)) table.delete(id);
    for (const record of table.values()) lines.push(`${JSON.stringify([kind, record])}\n`);
  }
  writeFileSync(`${file}.new`, lines.join(''), { mode: 0o600 });
  renameSync(`${file}.new`, file);

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
  };
}
