/** Several servers of a house at its one port, started and ended as `npm run serve -- --processes N` does it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { NODE, ROOT } from '#server/setup/ready.mjs';
import { childrenOf } from '#tests/kit/children.ts';

/** The servers together. */
export interface Several {
  /** The processes that serve now. */
  readonly pids: () => number[];
  /** How many have said so far that they are open; those that took a dead one's place as well. */
  readonly opened: () => number;
  /** Ends all of them politely; answers the exit code. */
  stop(): Promise<number | null>;
}

/** Says what `words` on the command line come to: all output and the exit code, when it ends by itself. */
export async function startAndHear(env: NodeJS.ProcessEnv, ...words: string[]) {
  const { child, said, gone } = launch(env, words);
  const last = () => child.kill('SIGKILL');
  process.once('exit', last);
  const code = await gone;
  process.removeListener('exit', last);
  return { code, said: said() };
}

/** Starts `count` servers of `env` and answers when each of them is open. */
export async function startSeveral(env: NodeJS.ProcessEnv, count: number): Promise<Several> {
  const { child, said, gone } = launch(env, ['--processes', String(count)]);
  const last = () => child.kill('SIGTERM');
  process.once('exit', last);
  const opened = () => said().split('Piaohao is open').length - 1;
  while (opened() < count) {
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode} before it was open:\n${said()}`);
    await pause(50);
  }
  return {
    opened,
    pids: () => childrenOf(child.pid ?? 0),
    async stop() {
      process.removeListener('exit', last);
      child.kill('SIGTERM');
      return gone;
    },
  };
}

function launch(env: NodeJS.ProcessEnv, words: readonly string[]) {
  // server/setup/serve.mjs without its wish for a built app.
  const program = `
    import { liveWith } from '${join(ROOT, 'server/setup/launch.mjs')}';
    import { startServers } from '${join(ROOT, 'server/setup/processes.mjs')}';
    liveWith([startServers(process.env, ${JSON.stringify(words)})]);`;
  const child = spawn(NODE, ['--input-type=module', '--eval', program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part) => {
      text += String(part);
    });
  }
  const gone = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, said: () => text, gone };
}
