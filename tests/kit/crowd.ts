/** Many clients at once, each over a socket of its own, and how each one's request ended. */
import { connect, type Socket } from 'node:net';

/** `never taken`: the connection was refused, so nothing was asked. `cut …`: it was taken and not answered in full. */
export type Ending = `answered ${number}` | 'never taken' | `cut ${string}`;

/** One request as its bytes. */
export interface Letter {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What came back in full. */
export interface Reply {
  readonly ending: Ending;
  readonly head: string;
  readonly body: string;
}

/** One client with at most one connection, which it keeps as long as the server does. */
export interface Client {
  /** Sends one request on the kept connection, or on a new one, and waits for how it ends. Never rejects. */
  ask(letter: Letter): Promise<Reply>;
  /** Whether the server has left the connection open. */
  isOpen(): boolean;
  close(): void;
}

/** A client of the server at `port` on this machine. */
export function openClient(port: number): Client {
  let kept: Socket | undefined;
  return {
    isOpen: () => kept !== undefined && !kept.destroyed && kept.writable,
    close: () => kept?.destroy(),
    ask: (letter) =>
      new Promise((resolve) => {
        const socket = kept && !kept.destroyed && kept.writable ? kept : connect(port, '127.0.0.1').setNoDelay(true);
        kept = socket;
        let text = '';
        const finish = (ending: Ending) => {
          socket.removeAllListeners();
          // A broken connection that is only kept says so later; that is nobody's request.
          socket.on('error', () => undefined);
          const cut = text.indexOf('\r\n\r\n');
          const head = text.slice(0, cut);
          if (!ending.startsWith('answered') || /^connection: close/im.test(head)) {
            socket.destroy();
            kept = undefined;
          }
          resolve({ ending, head, body: text.slice(cut + 4) });
        };
        socket.on('data', (part) => {
          text += part.toString('latin1');
          const status = isWhole(text);
          if (status !== undefined) finish(`answered ${status}`);
        });
        socket.on('error', (error: NodeJS.ErrnoException) =>
          finish(error.code === 'ECONNREFUSED' ? 'never taken' : `cut ${error.code}`),
        );
        socket.on('end', () => finish('cut by its end'));
        socket.write(bytesOf(letter, port));
      }),
  };
}

/** How many of `replies` ended in each way. */
export function endingsOf(replies: readonly Reply[]): Partial<Record<Ending, number>> {
  const counted: Partial<Record<Ending, number>> = {};
  for (const { ending } of replies) counted[ending] = (counted[ending] ?? 0) + 1;
  return counted;
}

function bytesOf({ method, path, headers = {}, body }: Letter, port: number): string {
  const all = {
    host: `127.0.0.1:${port}`,
    ...headers,
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`;
}

/** The status of the answer in `text` when all of it is there. */
function isWhole(text: string): number | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const length = Number(/^content-length: (\d+)/im.exec(text.slice(0, end))?.[1] ?? 'NaN');
  if (!(text.length >= end + 4 + length)) return undefined;
  return Number(text.slice(9, 12));
}
