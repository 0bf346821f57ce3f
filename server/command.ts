/** `node server/command.ts NAME [WORD]...`: has one of the operator's commands done; the scripts of package.json name them. */
import { COMMANDS } from '#server/commands.ts';
import { endAfter, runInHouse } from '#server/platform/command.ts';

/** What is done beside the house, which is asked for no more than its rows. */
const BESIDE = ['backup', 'restore', 'drill'] as const;

const [name = '', ...words] = process.argv.slice(2);

await endAfter(async () => {
  const beside = BESIDE.find((one) => one === name);
  // It knows the whole house, which a switch that must be turned now has no time to read.
  if (beside) return (await import('#server/backup.ts'))[beside](words, console.log);
  const command = COMMANDS.find((one) => one.name === name);
  if (!command) throw new Error(`npm run ${[...BESIDE, ...COMMANDS.map((one) => one.name)].join('|')} [-- WORD...]`);
  return runInHouse(command, words, console.log);
});
