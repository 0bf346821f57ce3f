/**
 * The agreement between a person and the house, version by version.
 * Invariant: for a person who has not accepted the version in force no money moves but to their own card, when they leave.
 */
import type { AccountParts } from '#server/account/parts.ts';
import * as store from '#server/account/store.ts';
import { writeDown } from '#server/logbook/logbook.ts';
import type { Command } from '#server/platform/command.ts';
import { readDecision } from '#server/platform/command.ts';
import type { Sql } from '#server/platform/database.ts';
import type { AgreementView } from '#shared/api/account.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Instant, instant } from '#shared/base/time.ts';

/** Reading and accepting. */
export interface Agreements {
  readonly view: (owner: store.Owner) => Promise<Result<AgreementView, Refusal>>;
  /** Refuses `agreement.version` when it is not the one in force, or the next one. */
  readonly accept: (owner: store.Owner, version: number) => Promise<Result<AgreementView, Refusal>>;
}

/** Opens the agreement: who opens a wallet accepts the version in force, and money asks for it from then on. */
export function openAgreements(parts: AccountParts): Agreements {
  const { database, clock, identity } = parts;
  identity.onOpened(async (tx, owner, at) => {
    const version = await store.versionInForce(tx, owner.region, at);
    if (version !== undefined) await store.keepAcceptance(tx, owner, version, at);
  });
  identity.beforeMoney(async (tx, owner) => {
    const version = await store.versionInForce(tx, owner.region, clock());
    const accepted = await store.readAcceptance(tx, owner);
    const isStale = version !== undefined && (accepted?.version ?? 0) < version;
    return isStale ? { code: 'agreement.new', detail: { version } } : undefined;
  });
  const view = (owner: store.Owner) => viewOf(database, owner, clock());
  return {
    view,
    accept: async (owner, version) => {
      const shown = await view(owner);
      if (!shown.ok) return shown;
      if (version !== shown.value.version && version !== shown.value.next?.version) {
        return refuse({ code: 'agreement.version' });
      }
      await store.keepAcceptance(database, owner, version, clock());
      return await view(owner);
    },
  };
}

async function viewOf(tx: Sql, owner: store.Owner, now: Instant): Promise<Result<AgreementView, Refusal>> {
  const [current, next] = await store.readAgreements(tx, owner.region, now);
  if (!current) return refuse({ code: 'request.not-found' });
  const accepted = await store.readAcceptance(tx, owner);
  return ok({
    ...wordsOf(current),
    ...(accepted ? { acceptedVersion: accepted.version, acceptedAt: accepted.at } : {}),
    ...(next ? { next: wordsOf(next) } : {}),
  });
}

function wordsOf({ version, effective_at, zh, en }: store.AgreementRow) {
  return { version, effectiveAt: effective_at, zh, en };
}

const HOW = 'npm run agreement -- REGION YYYY-MM-DD ZH-TEXT EN-TEXT --who NAME --why TEXT';

/** `npm run agreement`: publishes the next version of a region's agreement, in force from a day on (midnight UTC). */
export const agreementCommand: Command = {
  name: 'agreement',
  book: 'agreement',
  run: async ({ database, say }, args) => {
    const decision = readDecision(args);
    const [region = '', day = '', zh = '', en = ''] = decision?.words ?? [];
    const effective = Date.parse(`${day}T00:00:00Z`);
    if (!decision || !Number.isSafeInteger(effective) || zh.trim() === '' || en.trim() === '') throw new Error(HOW);
    const version = await database.transaction(async (tx) => {
      const [newest] = (await store.readAgreements(tx, region, instant(Number.MAX_SAFE_INTEGER))).slice(-1);
      if (!newest) throw new Error(`There is no region ${region} with an agreement.`);
      const row = { version: newest.version + 1, effective_at: instant(effective), zh, en };
      if (!(await store.insertAgreement(tx, region, row))) throw new Error('Somebody else published one just now.');
      const about = { version: row.version, effective: day, why: decision.by.why };
      await writeDown(tx, [{ region, at: row.effective_at, act: 'agreement', who: decision.by.who, about }]);
      return row.version;
    });
    await say(`${region}: version ${version} of the agreement is in force from ${day} on.`);
    return 0;
  },
};
