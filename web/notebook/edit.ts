/** What a person types about a bill, as opinions: only what was really changed is written. */
import { type Opinion, TAG_LENGTH, TAGS_MOST } from '#shared/api/notebook.ts';
import type { Instant } from '#shared/base/time.ts';
import type { OnBill } from '#web/vault/opinions.ts';

/** What the form holds. `category` is empty when nobody chose one by hand. */
export interface Typed {
  readonly text: string;
  readonly tags: string;
  readonly category: string;
}

/** What is written and what is taken back. */
export interface Edits {
  readonly write: readonly Opinion[];
  readonly remove: readonly string[];
}

/** The difference between what stood on the bill and what was typed. */
export function editsOf(bill: string, before: OnBill, typed: Typed, now: Instant): Edits {
  const write: Opinion[] = [];
  const remove: string[] = [];
  const text = typed.text.trim();
  const tags = readTags(typed.tags);
  if (text !== before.text) {
    if (text === '') remove.push(`note:${bill}`);
    else write.push({ _id: `note:${bill}`, type: 'note', bill, text, at: now });
  }
  if (tags.join(' ') !== before.tags.join(' ')) {
    if (tags.length === 0) remove.push(`tags:${bill}`);
    else write.push({ _id: `tags:${bill}`, type: 'tags', bill, tags, at: now });
  }
  if (typed.category !== (before.category ?? '')) {
    if (typed.category === '') remove.push(`filing:${bill}`);
    else write.push({ _id: `filing:${bill}`, type: 'filing', bill, category: typed.category, at: now });
  }
  return { write, remove };
}

/** Tags as they are typed: parted by spaces or commas, each once. */
export function readTags(typed: string): string[] {
  const tags = typed
    .split(/[\s,，、#＃]+/u)
    .map((one) => one.slice(0, TAG_LENGTH))
    .filter((one) => one !== '');
  return [...new Set(tags)].slice(0, TAGS_MOST);
}
