/** A person's own road to the network: a forward proxy that can be cut, slowed or made to lose answers, service worker included. */
import { request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/**
 * How the road is: `open`; `cut`: nothing passes; `deaf`: requests arrive and their answers are lost; `slow`: answers
 * wait; `crawling`: requests wait, and those given up meanwhile never arrive.
 */
export type RoadState = 'open' | 'cut' | 'deaf' | 'slow' | 'crawling';

export interface Road {
  /** The address for the browser's proxy setting. */
  readonly address: string;
  /** Changes the state for everything from now on; `cut` also ends what is under way. */
  become(state: RoadState, delayMs?: number): void;
  /** Loses the answers to every POST to an address that ends like this: it arrives, and nobody hears of it; none when absent. */
  lose(ending?: string): void;
  close(): Promise<void>;
}

/** Opens a road on a free port of this machine. */
export async function openRoad(): Promise<Road> {
  let state: RoadState = 'open';
  let delay = 0;
  let lost: string | undefined;
  const sockets = new Set<Socket>();

  const server = createServer((incoming, outgoing) => {
    if (state === 'cut') {
      incoming.socket.destroy();
      return;
    }
    // A browser asks again by itself on a connection that was lost: the answer to that is lost as well.
    const isLost = lost !== undefined && incoming.method === 'POST' && incoming.url?.endsWith(lost) === true;
    const mayAnswer = async () => {
      if (isLost) return false;
      if (state === 'slow') await new Promise((resolve) => setTimeout(resolve, delay));
      return state !== 'cut' && state !== 'deaf';
    };
    if (state !== 'crawling') {
      forward(incoming, outgoing, mayAnswer);
      return;
    }
    const arrival = setTimeout(forward, delay, incoming, outgoing, mayAnswer);
    outgoing.on('close', () => clearTimeout(arrival));
  });
  server.on('connection', (socket) => {
    if (state === 'cut') socket.destroy();
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('connect', (_request, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    become(next, delayMs = 0) {
      state = next;
      delay = delayMs;
      if (next === 'cut') for (const socket of sockets) socket.destroy();
    },
    lose(ending) {
      lost = ending;
    },
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, mayAnswer: () => Promise<boolean>): void {
  const target = ask(incoming.url ?? '', { method: incoming.method ?? 'GET', headers: incoming.headers }, (answer) => {
    void mayAnswer().then((may) => {
      if (!may) {
        answer.destroy();
        incoming.socket.destroy();
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
  });
  target.on('error', () => incoming.socket.destroy());
  incoming.pipe(target);
}
