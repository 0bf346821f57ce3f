/**
 * `npm run switch -- REGION issuing|cross-region on|off --who NAME --why TEXT`: turns a kill switch of a house that is
 * running on DATABASE_URL; each of its processes follows within two seconds. Ends with 0 when it is turned, 2 when not.
 */
import { parseArgs } from 'node:util';
import { runBeside } from '#server/platform/audit-command.ts';
import { systemClock } from '#server/platform/clock.ts';
import { switchRegion } from '#server/region/region.ts';

const USAGE = 'npm run switch -- REGION issuing|cross-region on|off --who NAME --why TEXT';
const SWITCHES = { issuing: 'issuing', 'cross-region': 'crossRegion' } as const;

function readWish(): { region: string; to: { issuing?: boolean; crossRegion?: boolean }; who: string; why: string } {
  const options = { who: { type: 'string' }, why: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [region = '', name = '', state = '', ...more] = positionals;
  const who = values.who?.trim() ?? '';
  const why = values.why?.trim() ?? '';
  const known = Object.hasOwn(SWITCHES, name) && ['on', 'off'].includes(state) && more.length === 0;
  // Who and why stand in the logbook for ever: a switch nobody answers for is not turned.
  if (!known || region === '' || who === '' || why === '') throw new Error(USAGE);
  return { region, to: { [SWITCHES[name as keyof typeof SWITCHES]]: state === 'on' }, who, why };
}

await runBeside('switch', async (database) => {
  const { region, to, who, why } = readWish();
  const now = await switchRegion(database, region, to, { who: `operator ${who}`, why }, systemClock());
  if (now === undefined) throw new Error(`There is no region ${region}.`);
  console.log(`${region}: issuing ${now.issuing ? 'on' : 'off'}, cross-region ${now.crossRegion ? 'on' : 'off'}.`);
  return 0;
});
