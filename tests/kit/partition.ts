/**
 * Networks that exist for one test: phones, a house and a database, each in a network namespace of its own, joined by a
 * router that can let packets from one to another fall, in one direction or both, as a broken road does: without a word.
 * Nothing outside these namespaces is touched; what crosses their border goes through sockets in a folder.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect as open, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const NODE = join(import.meta.dirname, '../../node_modules/node/bin/node');

/** Who stands in a namespace of its own. */
const PLACES = ['phones', 'house', 'database'] as const;
/** One of them. */
export type PlaceName = (typeof PLACES)[number];

/** A road that can break: packets from the one to the other. */
export type Way = readonly [from: PlaceName, to: PlaceName];

/** Three places and the roads between them. */
export interface Partitions {
  /** The address of a place on these networks. */
  readonly address: (place: PlaceName) => string;
  /** The command and its arguments, so that it runs in `place`. */
  readonly within: (place: PlaceName, command: string, args: readonly string[]) => [string, string[]];
  /** Lets everything that goes these ways fall from now on. */
  readonly cut: (...ways: readonly Way[]) => void;
  readonly heal: () => void;
  /** What connects to `port` of this machine comes out of `from` and goes to `address:at`. */
  readonly enter: (port: number, from: PlaceName, address: string, at: number) => Promise<void>;
  /** What connects to `port` of `place` inside comes out at the socket file `file` of this machine. */
  readonly leave: (place: PlaceName, port: number, file: string) => Promise<void>;
  readonly close: () => void;
}

/** Why this machine can have no such networks; undefined when it can. */
export function noPartitions(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root';
  if (spawnSync('ip', ['-V']).status !== 0) return 'no iproute2';
  const name = `piaohao-probe-${process.pid}`;
  if (spawnSync('ip', ['netns', 'add', name]).status !== 0) return 'no namespaces';
  spawnSync('ip', ['netns', 'del', name]);
  return undefined;
}

/** Makes the namespaces, their networks and the router between them; close them in the end, whatever happens. */
export function openPartitions(): Partitions {
  const prefix = `piaohao-${process.pid}`;
  const folder = mkdtempSync(join(tmpdir(), 'piaohao-partition-'));
  const router = `${prefix}-router`;
  const children: ChildProcess[] = [];
  const servers: Server[] = [];
  const broken: Way[] = [];
  const spaceOf = (place: PlaceName) => `${prefix}-${place}`;
  const address = (place: PlaceName) => `10.77.${PLACES.indexOf(place) + 1}.2`;
  const within: Partitions['within'] = (place, command, args) => [
    'ip',
    ['netns', 'exec', spaceOf(place), command, ...args],
  ];

  const close = () => {
    process.removeListener('exit', close);
    for (const server of servers) server.close();
    for (const child of children) child.kill('SIGKILL');
    for (const space of [...PLACES.map(spaceOf), router]) spawnSync('ip', ['netns', 'del', space]);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', close);
  build(
    router,
    PLACES.map((place, at) => ({ space: spaceOf(place), net: `10.77.${at + 1}` })),
  );

  const rule = (word: 'add' | 'del', [from, to]: Way) =>
    ip('-n', router, 'rule', word, 'from', address(from), 'to', address(to), 'blackhole');
  const relay = async (place: PlaceName, ...words: readonly string[]) => {
    const [command, args] = within(place, NODE, ['-e', RELAY, ...words]);
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    await new Promise((ready) => child.stdout?.once('data', ready));
  };

  return {
    address,
    within,
    cut(...ways) {
      for (const way of ways) {
        rule('add', way);
        broken.push(way);
      }
    },
    heal() {
      for (const way of broken.splice(0)) rule('del', way);
    },
    async enter(port, from, to, at) {
      const file = join(folder, `${port}.sock`);
      await relay(from, file, '', to, String(at));
      const server = createServer((near) => {
        const far = open(file);
        near.pipe(far).pipe(near);
        for (const [one, other] of [
          [near, far],
          [far, near],
        ] as const) {
          one.on('error', () => other.destroy());
          one.on('close', () => other.destroy());
        }
      });
      servers.push(server);
      await new Promise<void>((ready) => server.listen(port, '127.0.0.1', ready));
    },
    async leave(place, port, file) {
      await relay(place, String(port), '0.0.0.0', file, '');
      await pause(0);
    },
    close,
  };
}

function build(router: string, places: readonly { readonly space: string; readonly net: string }[]): void {
  ip('netns', 'add', router);
  ip('-n', router, 'link', 'set', 'lo', 'up');
  for (const [at, { space, net }] of places.entries()) {
    const [near, far] = ['out', `to${at}`];
    ip('netns', 'add', space);
    ip('-n', space, 'link', 'set', 'lo', 'up');
    ip('link', 'add', near, 'netns', space, 'type', 'veth', 'peer', 'name', far, 'netns', router);
    ip('-n', space, 'addr', 'add', `${net}.2/24`, 'dev', near);
    ip('-n', router, 'addr', 'add', `${net}.1/24`, 'dev', far);
    ip('-n', space, 'link', 'set', near, 'up');
    ip('-n', router, 'link', 'set', far, 'up');
    ip('-n', space, 'route', 'add', 'default', 'via', `${net}.1`);
  }
  run('ip', ['netns', 'exec', router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
}

function ip(...words: readonly string[]): void {
  run('ip', words);
}

function run(command: string, words: readonly string[]): void {
  const done = spawnSync(command, words, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${command} ${words.join(' ')}: ${done.stderr}`);
}

/** Runs in a namespace: whoever connects to the first place is carried to the second. A place is a file, or port and host. */
const RELAY = `
const { createServer, connect } = require('node:net');
const [from, host, to, at] = process.argv.slice(1);
const server = createServer((near) => {
  const far = at ? connect(Number(at), to) : connect(to);
  near.pipe(far).pipe(near);
  for (const [one, other] of [[near, far], [far, near]]) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
});
const listening = () => process.stdout.write('listening');
if (host) server.listen(Number(from), host, listening);
else server.listen(from, listening);
`;
