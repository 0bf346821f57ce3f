/** What every file of support works with, handed in once when the house is built. */
import type { Identity } from '#server/identity/identity.ts';
import type { Database } from '#server/platform/database.ts';
import type { Id } from '#shared/base/id.ts';
import type { Clock } from '#shared/base/time.ts';

/** What every file of support works with. */
export interface SupportParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly identity: Pick<
    Identity,
    | 'devicesOf'
    | 'events'
    | 'freezes'
    | 'note'
    | 'passwords'
    | 'people'
    | 'person'
    | 'personByPhone'
    | 'questions'
    | 'recoveries'
    | 'tell'
    | 'watch'
  >;
}

/** Whose. */
export interface Owner {
  readonly region: string;
  readonly wallet: Id;
}
