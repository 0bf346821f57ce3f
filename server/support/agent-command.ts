/**
 * `npm run agent -- REGION grant WALLET NAME ROLES --who NAME --why TEXT`: lets somebody work at the desk; `revoke WALLET`
 * ends it, `list` says who does. Only a wallet with a proved name can: two agents are then two persons.
 */
import { tierOf } from '#server/identity/identity.ts';
import { type Act, writeDown } from '#server/logbook/logbook.ts';
import { systemClock } from '#server/platform/clock.ts';
import { type Command, type Decision, type Desk, readDecision } from '#server/platform/command.ts';
import * as store from '#server/support/store.ts';
import { AGENT_ROLES } from '#shared/api/support.ts';
import { type Id, readId } from '#shared/base/id.ts';

const USAGE = `npm run agent -- REGION grant WALLET NAME ${AGENT_ROLES.join(',')} --who NAME --why TEXT
npm run agent -- REGION revoke WALLET --who NAME --why TEXT
npm run agent -- REGION list`;

/** Ends with 0 when it is done, 2 when not. */
export const agentCommand: Command = {
  name: 'agent',
  book: 'desk',
  run: async (desk, words) => {
    const [region = '', act] = words;
    if (act === 'list' && words.length === 2) return await list(desk, region);
    const decision = readDecision(words);
    const [, , whose = '', name = '', roles = '', ...more] = decision?.words ?? [];
    const wallet = readId(whose);
    if (!decision || !wallet || more.length > 0) throw new Error(USAGE);
    if (act === 'grant') await grant(desk, decision, { region, wallet, name, roles });
    else if (act === 'revoke' && name === '') await revoke(desk, decision, { region, wallet });
    else throw new Error(USAGE);
    return 0;
  },
};

async function list({ database, say }: Desk, region: string): Promise<number> {
  for (const { wallet, name, roles, revoked_at } of await store.readAgents(database, region)) {
    await say(`${wallet} ${name} ${revoked_at === null ? roles : 'revoked'}`);
  }
  return 0;
}

async function grant(
  { database, say }: Desk,
  { by }: Decision,
  asked: { readonly region: string; readonly wallet: Id; readonly name: string; readonly roles: string },
): Promise<void> {
  const { region, wallet, name, roles } = asked;
  const known = roles.split(',').every((role) => AGENT_ROLES.some((one) => one === role));
  if (!known || !/^[a-z][a-z0-9-]{1,30}$/.test(name)) throw new Error(USAGE);
  const tier = await tierOf(database, region, wallet);
  if (tier === undefined) throw new Error(`There is no wallet ${wallet} in ${region}.`);
  if (tier === 'unproved') throw new Error(`The name behind ${wallet} is not proved: the desk is for known people.`);
  await database.transaction(async (tx) => {
    const at = systemClock();
    const isGranted = await store.writeAgent(tx, { ...asked, granted_at: at });
    if (!isGranted) throw new Error(`${name} is the name of another agent.`);
    await write(tx, 'agent-granted', region, by, { wallet, name, roles }, at);
  });
  await say(`${region}: ${name} works at the desk (${roles}).`);
}

async function revoke(
  { database, say }: Desk,
  { by }: Decision,
  { region, wallet }: { readonly region: string; readonly wallet: Id },
): Promise<void> {
  await database.transaction(async (tx) => {
    const at = systemClock();
    if (!(await store.revokeAgent(tx, region, wallet, at))) throw new Error(`${wallet} does not work at the desk.`);
    await write(tx, 'agent-revoked', region, by, { wallet }, at);
  });
  await say(`${region}: ${wallet} works at the desk no more.`);
}

async function write(
  tx: Parameters<typeof writeDown>[0],
  act: Act,
  region: string,
  { who, why }: Decision['by'],
  about: Readonly<Record<string, string>>,
  at: ReturnType<typeof systemClock>,
): Promise<void> {
  await writeDown(tx, [{ region, at, act, who, about: { ...about, why } }]);
}
