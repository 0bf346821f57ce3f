/** `npm start`: from a fresh clone to a running wallet; installs and builds what is missing, then runs server and sandbox. */
import { spawn } from 'node:child_process';
import { ENVIRONMENT, ensureBuilt, ensureInstalled, NODE, ROOT } from './ready.mjs';

ensureInstalled();
ensureBuilt();

const running = ['server/sandbox/main.ts', 'server/main.ts'].map((file) =>
  spawn(NODE, ['--disable-warning=ExperimentalWarning', file], { cwd: ROOT, env: ENVIRONMENT, stdio: 'inherit' }),
);

let stopping = false;
function stop(signal) {
  stopping = true;
  for (const child of running) child.kill(signal);
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop(signal));
for (const child of running) {
  child.on('exit', (code) => {
    // One without the other is no wallet: when either ends, both do, and the reason is the exit code.
    if (!stopping) {
      process.exitCode = code ?? 1;
      stop('SIGTERM');
    }
  });
}
