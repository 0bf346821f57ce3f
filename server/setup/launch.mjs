/** Starts the processes of a wallet, the server and the sandbox beside it, and lets them live and end together. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ENVIRONMENT, NODE, ROOT } from './ready.mjs';

/** The folder of the server's data in `env`, made for its owner alone when it is missing. */
function dataFolder(env) {
  const folder = resolve(ROOT, env.DATA_DIR ?? 'data');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Starts the server of `env`. */
export function startServer(env) {
  return start('server/main.ts', env);
}

/** Starts the sandbox of `env`. */
export function startSandbox(env) {
  return start('server/sandbox/main.ts', env);
}

function start(file, env) {
  return spawn(NODE, ['--disable-warning=ExperimentalWarning', file], {
    cwd: ROOT,
    // Compiled code is kept beside the data: half of a start is reading and compiling TypeScript.
    env: { ...ENVIRONMENT, ...env, NODE_COMPILE_CACHE: join(dataFolder(env), 'compiled') },
    stdio: 'inherit',
  });
}

/** Ends this process when its `children` end; passes on what it is told, and one child's end is the others' end too. */
export function liveWith(children) {
  let stopping = false;
  const stop = () => {
    stopping = true;
    for (const child of children) child.kill('SIGTERM');
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
  for (const child of children) {
    child.on('exit', (code) => {
      // One without the other is no wallet. The reason of the first to end is the exit code; being told to stop is none.
      if (!stopping || code) process.exitCode ||= code ?? 1;
      stop();
    });
  }
}
