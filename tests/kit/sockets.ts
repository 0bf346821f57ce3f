/** Cuts TCP connections of this machine as the kernel can: both ends hear of it at once, whatever was on the road is lost. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Cuts every connection to `port` of this machine and answers how many there were. */
export async function cutSockets(port: number): Promise<number> {
  const filter = ['state', 'established', 'dst', '127.0.0.1', 'dport', '=', `:${port}`];
  const { stdout } = await run('ss', ['-K', '-H', '-t', '-n', ...filter]);
  return stdout.split('\n').filter((line) => line.trim() !== '').length;
}

/** Why connections cannot be cut here; undefined when they can. A kernel without the means says nothing and cuts nothing. */
export async function noCutting(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'not root';
  const server = createServer((far) => far.on('error', () => {})).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    await once(near, 'connect');
    const ended = new Promise((resolve) => near.once('error', resolve));
    if ((await cutSockets((server.address() as AddressInfo).port)) === 0) return 'this kernel cuts no sockets';
    await ended;
    return undefined;
  } catch {
    return 'no iproute2';
  } finally {
    near.destroy();
    server.close();
  }
}
