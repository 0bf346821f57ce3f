/** A road to PostgreSQL that can break at the worst moment: after COMMIT has arrived there, before its answer is back. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** The road; `url` leads over it. */
export interface Thief {
  readonly url: string;
  /**
   * Cuts the connection on which the next `count` statements are sent, when their answer comes; of `commits` only the
   * answers to COMMIT are taken.
   */
  steal(count: number, of?: 'commits'): void;
  stolen(): number;
  /** Says behind the next `count` times PostgreSQL is ready, in the same breath, that the connection is ended, and ends it. */
  endWhenReady(count: number): void;
  /** Lets every answer take from nothing to `mostMs` longer, each connection in its own order; 0: no longer. */
  slow(mostMs: number): void;
  /** Cuts every connection now. */
  cut(): void;
  close(): Promise<void>;
}

/** The tags by which PostgreSQL says that a statement is done (protocol 3, CommandComplete). */
const ANY_ANSWER = /INSERT|COMMIT|SELECT \d/;
const COMMIT_ANSWER = /COMMIT\0/;

/** ReadyForQuery outside a transaction, and the ErrorResponse of an administrator's command (protocol 3, message formats). */
const READY = Buffer.from('Z\0\0\0\x05I', 'latin1');
const ENDED = (() => {
  const fields = Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0', 'latin1');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(fields.length + 4);
  return Buffer.concat([Buffer.from('E'), length, fields]);
})();

/** Opens the road to the server behind `url` (a Unix socket as the kit's servers have). */
export async function openThief(url: string): Promise<Thief> {
  const target = new URL(url);
  const path = `${target.searchParams.get('host') ?? ''}/.s.PGSQL.5432`;
  const open = new Set<Socket>();
  let left = 0;
  let stolen = 0;
  let loot = ANY_ANSWER;
  let ends = 0;
  let slowMs = 0;
  const server = createServer((client) => {
    const upstream = connect(path);
    open.add(client);
    let marked = false;
    let road = Promise.resolve();
    let waiting = 0;
    client.on('data', (part) => {
      // Execute of a posting or a commit: its answer is the one to lose.
      if (left > 0 && /^[\s\S]*(?:insert into ledger_transfer|\bcommit\b|E\0{3})/i.test(part.toString('latin1')))
        marked = true;
      upstream.write(part);
    });
    upstream.on('data', (part: Buffer) => {
      if (marked && left > 0 && loot.test(part.toString('latin1'))) {
        left -= 1;
        stolen += 1;
        client.destroy();
        upstream.destroy();
        return;
      }
      if (ends > 0 && part.subarray(-READY.length).equals(READY)) {
        ends -= 1;
        client.end(Buffer.concat([part, ENDED]));
        upstream.destroy();
        return;
      }
      if (slowMs === 0 && waiting === 0) {
        client.write(part);
        return;
      }
      waiting += 1;
      road = road
        .then(() => pause(Math.random() * slowMs))
        .then(() => {
          waiting -= 1;
          if (!client.destroyed) client.write(part);
        });
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(client);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgres://piaohao@127.0.0.1:${port}${target.pathname}`,
    steal(count, of) {
      left = count;
      loot = of === 'commits' ? COMMIT_ANSWER : ANY_ANSWER;
    },
    stolen: () => stolen,
    endWhenReady(count) {
      ends = count;
    },
    slow(mostMs) {
      slowMs = mostMs;
    },
    cut() {
      for (const socket of open) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
