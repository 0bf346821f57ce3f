/** What two phones wrote differently on one thing, and how all of it can stand. */
import { NOTE_LENGTH, type Opinion, TAGS_MOST } from '#shared/api/notebook.ts';
import { newId } from '#shared/base/id.ts';
import type { Instant } from '#shared/base/time.ts';
import type { Settlement, Version } from '#web/notebook/notebook.ts';

/** The versions that say something different, each once, the one shown first. */
export function different(versions: readonly Version[]): Version[] {
  const seen = new Set<string>();
  return versions.filter(({ opinion }) => {
    const words = wordsOf(opinion);
    return !seen.has(words) && seen.add(words);
  });
}

/** An opinion without when and where it was written. */
function wordsOf({ at: _at, by: _by, ...words }: Opinion): string {
  return JSON.stringify(Object.entries(words).sort(([left], [right]) => left.localeCompare(right)));
}

/** One of the versions stands, and the others go. */
export function only({ opinion }: Version, now: Instant): Settlement {
  return { keep: { ...opinion, at: now }, beside: [] };
}

/**
 * All of the versions stand: notes below each other, tags together, and of categories, rules and budgets each for
 * itself. Undefined where only one can: of a filing, and of notes and tags that do not fit into one.
 */
export function all(versions: readonly Version[], now: Instant): Settlement | undefined {
  const [first, ...others] = different(versions);
  if (!first || others.length === 0 || first.opinion.type === 'filing') return undefined;
  const keep = together([first, ...others], now);
  if (keep) return isWhole(keep) ? { keep, beside: [] } : undefined;
  return { keep: { ...first.opinion, at: now }, beside: others.map((one) => anew(one, now)) };
}

/** Whether the versions could stand together, were they shorter. */
export function isTooMuch(versions: readonly Version[], now: Instant): boolean {
  const keep = together(different(versions), now);
  return keep !== undefined && !isWhole(keep);
}

function together(versions: readonly Version[], now: Instant): Opinion | undefined {
  const opinions = versions.map(({ opinion }) => opinion);
  const [first] = opinions;
  if (first?.type === 'note') {
    const texts = new Set(opinions.flatMap((one) => (one.type === 'note' && one.text !== '' ? [one.text] : [])));
    return { ...first, text: [...texts].join('\n'), at: now };
  }
  if (first?.type === 'tags') {
    const tags = new Set(opinions.flatMap((one) => (one.type === 'tags' ? one.tags : [])));
    return { ...first, tags: [...tags], at: now };
  }
  return undefined;
}

function isWhole(opinion: Opinion): boolean {
  if (opinion.type === 'note') return opinion.text.length <= NOTE_LENGTH;
  return opinion.type !== 'tags' || opinion.tags.length <= TAGS_MOST;
}

/** The same under an id of its own, which every phone makes alike: both may be asked, and both choose to keep all. */
function anew({ revision, opinion }: Version, now: Instant): Opinion {
  const [, old = newId(now)] = opinion._id.split(/:(.*)/s);
  const digits = revision.replace(/^\d+-/, '').replace(/[^0-9a-f]/g, '');
  // It keeps the time of the old id in front, because of two rules the older one counts.
  const own =
    digits.length < 18
      ? newId(now)
      : `${old.slice(0, 15)}${digits.slice(0, 3)}-8${digits.slice(3, 6)}-${digits.slice(6, 18)}`;
  return {
    ...opinion,
    _id: `${opinion.type}:${own}`,
    ...(opinion.type === 'category' ? { category: own } : {}),
    at: now,
  } as Opinion;
}
