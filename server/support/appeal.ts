/**
 * Why a person is held back, and their appeal against it.
 * Invariant: whoever is held back reads why, until when, and has a way on; what they write is answered by a time the
 * region has promised.
 */
import type { Alarm } from '#server/identity/identity.ts';
import { writeDown } from '#server/logbook/logbook.ts';
import type { Sql } from '#server/platform/database.ts';
import type { Owner, SupportParts } from '#server/support/parts.ts';
import * as store from '#server/support/store.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { APPEALABLE, type AppealRequest, type AppealView, type Held, type Standing } from '#shared/api/support.ts';
import { assert } from '#shared/base/assert.ts';
import { readId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { after, duration, instant } from '#shared/base/time.ts';

const DAY = duration(1, 'd');

/** What holds a wallet back now, the gravest first. */
export async function heldBy({ identity }: SupportParts, owner: Owner): Promise<Held[]> {
  const [freeze, alarms, password] = await Promise.all([
    identity.freezes.view(owner),
    identity.watch.view(owner),
    identity.passwords.view(owner),
  ]);
  const held: Held[] = [];
  if (freeze.frozenAt !== undefined) {
    held.push({ reason: freeze.by === 'code' ? 'frozen-by-code' : 'frozen', since: freeze.frozenAt });
  }
  const pause = alarms.alarms.find(({ answer, answered }) => answer === 'pause' && answered === undefined);
  if (pause) held.push({ reason: 'paused', since: pause.at });
  else if (alarms.watchedUntil !== undefined) held.push({ reason: 'watched', until: alarms.watchedUntil });
  if (password.risk) held.push({ reason: password.risk, ...(password.riskUntil ? { until: password.riskUntil } : {}) });
  return held;
}

/** How a person stands. */
export async function standingOf(parts: SupportParts, owner: Owner): Promise<Standing> {
  const { database } = parts;
  const [held, appeal, terms, agent] = await Promise.all([
    heldBy(parts, owner),
    store.newestAppeal(database, owner.region, owner.wallet),
    termsOf(database, owner.region),
    store.readAgent(database, owner.region, owner.wallet),
  ]);
  return {
    held,
    ...(appeal ? { appeal: viewOf(appeal) } : {}),
    answerMs: terms.answer_ms,
    agent: agent !== undefined,
  };
}

/** What a region promises of its desk. */
export async function termsOf(tx: Sql, region: string): Promise<store.TermsRow> {
  const terms = await store.readTerms(tx, region);
  assert(terms !== undefined, `no terms of support for ${region}`);
  return terms;
}

/** Takes an appeal. Refusals: `appeal.nothing`, `appeal.open`, `appeal.too-many`, `appeal.id-reused`. */
export async function appeal(
  parts: SupportParts,
  owner: Owner,
  { id: text, about, words }: AppealRequest,
): Promise<Result<Standing, Refusal>> {
  const { database, clock } = parts;
  const { region, wallet } = owner;
  const id = readId(text);
  if (!id) return refuse({ code: 'request.malformed' });
  const known = await store.readCase(database, region, id);
  if (known) {
    return isSame(known, owner, about, words)
      ? ok(await standingOf(parts, owner))
      : refuse({ code: 'appeal.id-reused' });
  }
  const held = await heldBy(parts, owner);
  if (!held.some(({ reason }) => reason === about)) return refuse({ code: 'appeal.nothing' });
  const made = await database.transaction(async (tx): Promise<Result<undefined, Refusal>> => {
    const at = clock();
    const terms = await termsOf(tx, region);
    if ((await store.newestAppeal(tx, region, wallet))?.state === 'open') return refuse({ code: 'appeal.open' });
    const made = await store.countAppeals(tx, region, wallet, instant(at - DAY));
    if (made >= terms.appeals_a_day) {
      return refuse({ code: 'appeal.too-many', detail: { most: terms.appeals_a_day } });
    }
    const row = { region, id, wallet, kind: 'appeal', reason: about, words: words.trim() } as const;
    const isAdded = await store.insertCase(tx, { ...row, opened_at: at, due_at: after(at, terms.answer_ms) });
    if (!isAdded) return refuse({ code: 'appeal.id-reused' });
    await parts.identity.note(tx, owner, { code: 'appeal-made', at });
    await writeDown(tx, [{ region, at, act: 'appeal-made', who: `wallet ${wallet}`, about: { case: id } }]);
    return ok(undefined);
  });
  return made.ok ? ok(await standingOf(parts, owner)) : made;
}

function isSame(row: store.CaseRow, { wallet }: Owner, about: string, words: string): boolean {
  return row.wallet === wallet && row.kind === 'appeal' && row.reason === about && row.words === words.trim();
}

function viewOf(row: store.CaseRow): AppealView {
  const about = APPEALABLE.find((one) => one === row.reason);
  assert(about !== undefined && row.state !== 'answered', 'an appeal is about what can be appealed');
  const isDecided = row.state !== 'open';
  return {
    id: row.id,
    about,
    words: row.words ?? '',
    state: row.state,
    madeAt: row.opened_at,
    dueAt: row.due_at,
    ...(isDecided && row.decided_at !== null ? { decidedAt: row.decided_at } : {}),
    ...(isDecided && row.answer !== null ? { answer: row.answer } : {}),
  };
}

/** Opens a case for an alarm that stops or slows somebody; a mere notice needs none until its owner says it was not them. */
export async function openAlarmCase(tx: Sql, alarm: Alarm): Promise<void> {
  if (alarm.answer === 'alert' && alarm.answered !== 'not-mine') return;
  const { region, id, wallet, rule: reason } = alarm;
  const { answer_ms } = await termsOf(tx, region);
  const at = alarm.answered_at ?? alarm.at;
  const row = { region, id, wallet, kind: 'alarm', reason, words: null } as const;
  await store.insertCase(tx, { ...row, opened_at: at, due_at: after(at, answer_ms) });
}

/** What the owner says to an alarm ends its case, or brings it on the desk. */
export async function answerAlarmCase(tx: Sql, alarm: Alarm): Promise<void> {
  if (alarm.answered === 'not-mine') await openAlarmCase(tx, alarm);
  else if (alarm.answered_at !== null) await store.settleCase(tx, alarm.region, alarm.id, alarm.answered_at);
}
