/**
 * `npm run rotate -- REGION [--at-once] --who NAME --why TEXT`: has the issuer key of a region changed while the house runs:
 * after a week, within which phones learn the new one, or in two minutes when the old one has leaked.
 */
import { systemClock } from '#server/platform/clock.ts';
import { type Command, readDecision } from '#server/platform/command.ts';
import { ROTATION_AT_ONCE, ROTATION_NOTICE, type RotationRefusal, rotateKey } from '#server/region/rotation.ts';

const USAGE = 'npm run rotate -- REGION [--at-once] --who NAME --why TEXT';
const WHY_NOT: Readonly<Record<RotationRefusal, string>> = {
  'no-region': 'There is no such region.',
  pending: 'Its key is being changed already; wait until the new one signs.',
  due: 'Its key changes by itself before that: nothing to do.',
  'too-many': 'Its key was changed three times in this quarter: phones could not carry more keys.',
};

/** Ends with 0 when it is ordered, 2 when not. */
export const rotateCommand: Command = {
  name: 'rotate',
  book: 'region',
  run: async ({ database, say }, args) => {
    const decision = readDecision(args, ['at-once']);
    const [region, ...more] = decision?.words ?? [];
    if (!decision || region === undefined || more.length > 0) throw new Error(USAGE);
    const notice = decision.flags.has('at-once') ? ROTATION_AT_ONCE : ROTATION_NOTICE;
    const ordered = await rotateKey(database, region, notice, decision.by, systemClock());
    if (!ordered.ok) throw new Error(WHY_NOT[ordered.error]);
    await say(`${region}: a new key is published now and signs from ${new Date(ordered.value).toISOString()}.`);
    return 0;
  },
};
