/**
 * A person and the house: the agreement, what is held about the person, consent, and parting.
 * Invariant: what the person is shown of what is held are the stored rows themselves, all of them.
 */
import type { Readable } from 'node:stream';
import { type Agreements, openAgreements } from '#server/account/agreement.ts';
import { type Closings, openClosings } from '#server/account/closing.ts';
import { exportOf, shownRow } from '#server/account/export.ts';
import { HOLDINGS, holdingOf } from '#server/account/holding.ts';
import type { AccountParts } from '#server/account/parts.ts';
import * as store from '#server/account/store.ts';
import type { HoldingList, HoldingRows } from '#shared/api/account.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { assert } from '#shared/base/assert.ts';
import { newId } from '#shared/base/id.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';

export { agreementCommand } from '#server/account/agreement.ts';
export { HOLDINGS } from '#server/account/holding.ts';
export { readConsenting } from '#server/account/store.ts';

/** Rows of one kind shown at once. */
const SHOWN_MOST = 100;

/** The front door. */
export interface Accounts {
  readonly agreements: Agreements;
  readonly closings: Closings;
  /** Everything held about the person, kind by kind, counted. */
  readonly holdings: (owner: store.Owner) => Promise<HoldingList>;
  /** At most 100 rows of one kind; an unknown kind is `request.not-found`. */
  readonly rows: (owner: store.Owner, name: string) => Promise<Result<HoldingRows, Refusal>>;
  /** Everything, as one zip. */
  readonly export: (owner: store.Owner) => Readable;
  /** Whether figures of use may be made of the person from now on. */
  readonly consent: (owner: store.Owner, analytics: boolean) => Promise<HoldingList>;
}

/** Opens it over its parts. */
export function openAccounts(parts: AccountParts): Accounts {
  const { database, clock } = parts;
  const holdings = async (owner: store.Owner): Promise<HoldingList> => {
    const terms = await store.readTerms(database, owner.region);
    assert(terms !== undefined, `no terms of leaving in ${owner.region}`);
    const counted = [];
    for (const holding of HOLDINGS) {
      const { table: name, purpose, keep } = holding;
      counted.push({ name, purpose, keep, rows: await store.countHeld(database, holding, owner) });
    }
    return { holdings: counted, analytics: await store.readConsent(database, owner), keepMs: terms.keep_ms };
  };
  return {
    agreements: openAgreements(parts),
    closings: openClosings(parts),
    holdings,
    rows: async (owner, name) => {
      const holding = holdingOf(name);
      if (!holding) return refuse({ code: 'request.not-found' });
      const page = await store.pageHeld(database, holding, owner, 0, SHOWN_MOST);
      return ok({ rows: page.map((row) => shownRow(holding, row)) });
    },
    export: (owner) => exportOf(database, owner, clock()),
    consent: async (owner, analytics) => {
      const now = clock();
      await store.keepConsent(database, owner, newId(now), analytics, now);
      return await holdings(owner);
    },
  };
}
