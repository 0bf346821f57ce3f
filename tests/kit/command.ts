/** An operator's command, run as operators run it, and heard out while the test goes on. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { NODE, ROOT } from '#server/setup/ready.mjs';

/** Runs the command that `words` are, on the house of `env`; `said` is all it wrote, `code` is null when a signal ended it. */
export async function runCommand(
  env: NodeJS.ProcessEnv,
  ...words: readonly string[]
): Promise<{ code: number | null; said: string }> {
  const child = spawn(NODE, [join(ROOT, 'server/command.ts'), ...words], { cwd: ROOT, env });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text) => {
      said += String(text);
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}
