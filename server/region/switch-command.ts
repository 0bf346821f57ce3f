/**
 * `npm run switch -- REGION issuing|withdrawal|cross-region on|off --who NAME --why TEXT`: turns a kill switch of a house
 * that may be running; each of its processes follows within two seconds.
 */
import { systemClock } from '#server/platform/clock.ts';
import { type Command, readDecision } from '#server/platform/command.ts';
import { type Switches, switchRegion } from '#server/region/switches.ts';

const USAGE = 'npm run switch -- REGION issuing|withdrawal|cross-region on|off --who NAME --why TEXT';
const SWITCHES: ReadonlyMap<string, keyof Switches> = new Map([
  ['issuing', 'issuing'],
  ['withdrawal', 'withdrawal'],
  ['cross-region', 'crossRegion'],
]);

/** Ends with 0 when it is turned, 2 when not. */
export const switchCommand: Command = {
  name: 'switch',
  book: 'region',
  run: async ({ database, say }, words) => {
    const decision = readDecision(words);
    const [region = '', name = '', state = '', ...more] = decision?.words ?? [];
    const turned = SWITCHES.get(name);
    if (!decision || !turned || !['on', 'off'].includes(state) || more.length > 0) throw new Error(USAGE);
    const now = await switchRegion(database, region, { [turned]: state === 'on' }, decision.by, systemClock());
    if (now === undefined) throw new Error(`There is no region ${region}.`);
    const all = [...SWITCHES].map(([switched, key]) => `${switched} ${now[key] ? 'on' : 'off'}`);
    await say(`${region}: ${all.join(', ')}.`);
    return 0;
  },
};
