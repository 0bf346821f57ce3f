/** `node server/command.ts NAME [WORD]...`: has one of the operator's commands done; the scripts of package.json name them. */
import { COMMANDS } from '#server/commands.ts';
import { endAfter, runInHouse } from '#server/platform/command.ts';

const [name, ...words] = process.argv.slice(2);

await endAfter(async () => {
  const command = COMMANDS.find((one) => one.name === name);
  if (!command) throw new Error(`npm run ${COMMANDS.map((one) => one.name).join('|')} [-- WORD...]`);
  return runInHouse(command, words, console.log);
});
