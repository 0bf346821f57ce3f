/**
 * The desk: agents look into cases and decide them, two for each; every look and every word stands in the logbook.
 * Invariant: nothing is decided by one agent, nor by anybody about themselves; nobody at the desk reads a balance, a
 * whole name, a whole number or a secret.
 */
import type { Session } from '#server/identity/identity.ts';
import { type Act, writeDown } from '#server/logbook/logbook.ts';
import type { Sql } from '#server/platform/database.ts';
import { heldBy } from '#server/support/appeal.ts';
import type { Owner, SupportParts } from '#server/support/parts.ts';
import * as store from '#server/support/store.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import {
  AGENT_ROLES,
  type AgentRole,
  type DeskCase,
  type DeskDecision,
  type DeskFile,
  type DeskHint,
  type DeskHintAnswer,
  type DeskList,
  type DeskPerson,
  type DeskRecovery,
} from '#shared/api/support.ts';
import { assert } from '#shared/base/assert.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, duration, instant } from '#shared/base/time.ts';
import { nameVeiled } from '#shared/rules/name.ts';

/** Somebody at the desk. */
export interface Agent extends Owner {
  readonly name: string;
  readonly roles: readonly AgentRole[];
}

/** Cases on one list, and how long one that was decided stays on it. */
const CASES_MOST = 200;
const DECIDED_SHOWN = duration(7, 'd');
/** A recovery is asked for by somebody on the telephone. */
const RECOVERY_WITHIN = duration(1, 'd');

/** The desk's front. Everything takes the agent that {@link agentOf} found behind the session. */
export interface DeskRoom {
  /** Who of the desk this is. To anybody else there is no desk: `request.not-found`. */
  readonly agentOf: (session: Session) => Promise<Result<Agent, Refusal>>;
  readonly list: (agent: Agent) => Promise<DeskList>;
  /** Refusal: `support.unknown`. */
  readonly file: (agent: Agent, id: Id) => Promise<Result<DeskFile, Refusal>>;
  /** Refusals: `support.unknown`, `support.own`, `support.same-agent`, `support.role`. */
  readonly decide: (agent: Agent, id: Id, said: DeskDecision) => Promise<Result<DeskList, Refusal>>;
  /** Refusals: `support.role`, `support.nobody`. */
  readonly find: (agent: Agent, phone: string) => Promise<Result<DeskPerson, Refusal>>;
  /**
   * Whether what a caller says answers their security question: a hint for who has to say how they know the person. It
   * opens nothing. Refusals: `support.role`, `support.unknown`, `support.own`, `question.none`, `request.too-many`.
   */
  readonly hint: (agent: Agent, asked: DeskHint) => Promise<Result<DeskHintAnswer, Refusal>>;
  /** Refusals: `support.role`, `support.unknown`, `support.own`, `recovery.id-reused`. */
  readonly openRecovery: (agent: Agent, asked: DeskRecovery) => Promise<Result<DeskList, Refusal>>;
}

/** Opens the desk. */
export function openDesk(parts: SupportParts): DeskRoom {
  const { database, identity } = parts;
  return {
    async agentOf({ region, wallet }) {
      const row = await store.readAgent(database, region, wallet);
      if (!row) return refuse({ code: 'request.not-found' });
      const roles = AGENT_ROLES.filter((role) => row.roles.split(',').includes(role));
      return ok({ region, wallet, name: row.name, roles });
    },
    list: (agent) => list(parts, agent),
    file: (agent, id) => file(parts, agent, id),
    decide: (agent, id, said) => decide(parts, agent, id, said),
    async find(agent, phone) {
      if (!agent.roles.includes('recovery')) return refuse({ code: 'support.role' });
      const person = await identity.personByPhone(agent.region, phone);
      await database.transaction((tx) => write(parts, tx, agent, 'desk-looked', { wallet: person?.wallet ?? null }));
      if (!person) return refuse({ code: 'support.nobody' });
      const { question } = await identity.questions.view(person);
      return ok({ ...(await personOf(parts, person.wallet)), ...(question === undefined ? {} : { question }) });
    },
    async hint(agent, { wallet: whose, answer }) {
      if (!agent.roles.includes('recovery')) return refuse({ code: 'support.role' });
      const caller = await callerOf(parts, agent, whose);
      if (!caller.ok) return caller;
      const owner = { region: agent.region, wallet: caller.value };
      const match = await identity.questions.matches(owner, answer, (tx, isMatch) =>
        write(parts, tx, agent, 'desk-asked', { wallet: owner.wallet, match: isMatch ? 'yes' : 'no' }),
      );
      return match.ok ? ok({ match: match.value }) : match;
    },
    async openRecovery(agent, { id: text, wallet: whose, why }) {
      const [id, caller] = [readId(text), await callerOf(parts, agent, whose)];
      if (!id) return refuse({ code: 'request.malformed' });
      if (!caller.ok) return caller;
      const wallet = caller.value;
      const opened = await identity.recoveries.open(agent, { id, wallet, why: why.trim() });
      return opened.ok ? ok(await list(parts, agent)) : opened;
    },
  };
}

/** The wallet of somebody this agent may speak to: of their region, and not themselves. */
async function callerOf({ identity }: SupportParts, agent: Agent, whose: string): Promise<Result<Id, Refusal>> {
  const wallet = readId(whose);
  if (!wallet) return refuse({ code: 'request.malformed' });
  if (wallet === agent.wallet) return refuse({ code: 'support.own' });
  return (await identity.person(wallet))?.region === agent.region ? ok(wallet) : refuse({ code: 'support.unknown' });
}

async function list(parts: SupportParts, agent: Agent): Promise<DeskList> {
  const { database, clock, identity } = parts;
  const now = clock();
  const rows = agent.roles.includes('cases')
    ? await store.deskCases(database, agent.region, instant(now - DECIDED_SHOWN), CASES_MOST)
    : [];
  const recoveries = agent.roles.includes('recovery')
    ? await identity.recoveries.opened(agent.region, instant(now - RECOVERY_WITHIN))
    : [];
  const people = await identity.people([...rows, ...recoveries].map(({ wallet }) => wallet));
  const nameOf = (wallet: Id) => nameVeiled(people.get(wallet)?.name ?? '');
  const cases = [
    ...rows.map((row) => caseOf(row, agent, nameOf(row.wallet))),
    ...recoveries.map((one) => recoveryOf(one, agent, nameOf(one.wallet))),
  ];
  const isDone = ({ state }: DeskCase) => Number(state !== 'open');
  cases.sort((one, other) => isDone(one) - isDone(other) || one.dueAt - other.dueAt);
  return { name: agent.name, roles: [...agent.roles], cases };
}

function caseOf(row: store.CaseRow, agent: Agent, who: string): DeskCase {
  const { first_by: name, first_outcome: outcome } = row;
  return {
    ...{ id: row.id, kind: row.kind, state: row.state, who, reason: row.reason },
    ...{ openedAt: row.opened_at, dueAt: row.due_at },
    ...(name !== null && outcome !== null
      ? { first: { name, outcome, answer: row.answer ?? '', own: name === agent.name } }
      : {}),
  };
}

type Recovery = Awaited<ReturnType<SupportParts['identity']['recoveries']['opened']>>[number];

function recoveryOf({ id, why, openedAt, approvedBy }: Recovery, agent: Agent, who: string): DeskCase {
  const [first, second] = approvedBy;
  return {
    ...{ id, kind: 'recovery', state: second === undefined ? 'open' : 'granted', who, reason: why, openedAt },
    dueAt: after(openedAt, RECOVERY_WITHIN),
    ...(first === undefined
      ? {}
      : { first: { name: first, outcome: 'granted', answer: '', own: first === agent.name } }),
  };
}

async function personOf({ identity }: SupportParts, wallet: Id): Promise<DeskPerson> {
  const person = await identity.person(wallet);
  assert(person !== undefined, 'a case belongs to a wallet');
  const { name, phoneMasked: phone, tier, createdAt: since } = person;
  return { wallet, name: nameVeiled(name), phone, tier, since };
}

/** A case of this agent's region and roles, wherever it is kept. */
async function found(
  parts: SupportParts,
  agent: Agent,
  id: Id,
): Promise<{ wallet: Id; shown: (who: string) => DeskCase; row?: store.CaseRow } | undefined> {
  const row = agent.roles.includes('cases') ? await store.readCase(parts.database, agent.region, id) : undefined;
  if (row) return { wallet: row.wallet, shown: (who) => caseOf(row, agent, who), row };
  if (!agent.roles.includes('recovery')) return undefined;
  const since = instant(parts.clock() - RECOVERY_WITHIN);
  const recovery = (await parts.identity.recoveries.opened(agent.region, since)).find((one) => one.id === id);
  return recovery && { wallet: recovery.wallet, shown: (who) => recoveryOf(recovery, agent, who) };
}

async function file(parts: SupportParts, agent: Agent, id: Id): Promise<Result<DeskFile, Refusal>> {
  const one = await found(parts, agent, id);
  if (!one) return refuse({ code: 'support.unknown' });
  const { identity } = parts;
  const owner = { region: agent.region, wallet: one.wallet };
  const [person, held, { alarms }, { events }, devices] = await Promise.all([
    personOf(parts, one.wallet),
    heldBy(parts, owner),
    identity.watch.view(owner),
    identity.events(owner),
    identity.devicesOf(one.wallet),
  ]);
  // Before anything is told: who could not write down that they looked has not looked.
  await parts.database.transaction((tx) => write(parts, tx, agent, 'desk-looked', { case: id, wallet: one.wallet }));
  const { row } = one;
  return ok({
    case: one.shown(person.name),
    ...(row?.words ? { words: row.words } : {}),
    ...(row?.answer ? { answer: row.answer } : {}),
    person,
    held,
    alarms,
    events,
    devices: devices.map(({ name, createdAt, revokedAt }) => ({
      name,
      createdAt,
      ...(revokedAt === undefined ? {} : { revokedAt }),
    })),
  });
}

async function decide(
  parts: SupportParts,
  agent: Agent,
  id: Id,
  { outcome, answer }: DeskDecision,
): Promise<Result<DeskList, Refusal>> {
  const { database, identity } = parts;
  const one = await found(parts, agent, id);
  if (!one) return refuse({ code: 'support.unknown' });
  if (one.wallet === agent.wallet) return refuse({ code: 'support.own' });
  if (!one.row) {
    // A recovery is only ever stood for; whoever is not sure lets it run out.
    if (outcome === 'refused') return refuse({ code: 'support.unknown' });
    const approved = await identity.recoveries.approve(agent, id);
    return approved.ok ? ok(await list(parts, agent)) : approved;
  }
  const said = await database.transaction((tx) => speak(parts, tx, agent, id, { outcome, answer: answer.trim() }));
  if (!said.ok) return said;
  if (said.value === 'decided') {
    const owner = { region: agent.region, wallet: one.wallet };
    await identity.tell(owner, outcome === 'granted' ? 'appeal-granted' : 'appeal-refused');
  }
  return ok(await list(parts, agent));
}

/** The first word stands until another agent says the same, which decides, or the contrary, which takes it away. */
async function speak(
  parts: SupportParts,
  tx: Sql,
  agent: Agent,
  id: Id,
  { outcome, answer }: DeskDecision,
): Promise<Result<'said' | 'decided', Refusal>> {
  const row = await store.lockCase(tx, agent.region, id);
  assert(row !== undefined, 'a case stays');
  if (row.state !== 'open') return row.state === outcome ? ok('said') : refuse({ code: 'support.unknown' });
  const at = parts.clock();
  const about = { case: id, wallet: row.wallet, outcome };
  if (row.first_by === agent.name) {
    return row.first_outcome === outcome ? ok('said') : refuse({ code: 'support.same-agent' });
  }
  if (row.first_by === null) {
    await store.writeCase(tx, { ...row, first_by: agent.name, first_at: at, first_outcome: outcome, answer });
    await write(parts, tx, agent, 'desk-said', about);
    return ok('said');
  }
  if (row.first_outcome !== outcome) {
    await store.writeCase(tx, { ...row, first_by: null, first_at: null, first_outcome: null, answer: null });
    await write(parts, tx, agent, 'desk-said', about);
    return ok('said');
  }
  // What the second says is what the person reads: they saw the first one's words and may have bettered them.
  await store.writeCase(tx, { ...row, state: outcome, answer, second_by: agent.name, decided_at: at });
  const owner = { region: row.region, wallet: row.wallet };
  if (outcome === 'granted') {
    await parts.identity.freezes.endBySupport(tx, owner, at);
    await parts.identity.watch.clear(tx, owner, at);
  }
  const code = outcome === 'granted' ? 'appeal-granted' : 'appeal-refused';
  await parts.identity.note(tx, owner, { code, at });
  await write(parts, tx, agent, 'desk-decided', about);
  return ok('decided');
}

async function write(
  { clock }: SupportParts,
  tx: Sql,
  { region, name }: Agent,
  act: Act,
  about: Readonly<Record<string, string | null>>,
): Promise<void> {
  await writeDown(tx, [{ region, at: clock(), act, who: `agent ${name}`, about }]);
}
