/**
 * What the person thinks of their bills, as screens read it: a copy of the notebook's newest word on each thing, kept
 * here so that lists and charts need no second database. Only web/notebook writes it, from the notebook itself.
 */
import type { Category, Opinion, OpinionType } from '#shared/api/notebook.ts';
import { type Filed, categoryOf as fileBill } from '#shared/rules/filing.ts';
import type { OpinionRow } from '#web/vault/rows.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What stands on one bill; `disputed` names the parts two phones have changed apart. */
export interface OnBill {
  readonly text: string;
  readonly tags: readonly string[];
  /** Where the person put it by hand. */
  readonly category: string | undefined;
  readonly disputed: readonly ('note' | 'tags' | 'filing')[];
  /** The revision of each part by its document, as whoever changes it has it before them. */
  readonly seen: Readonly<Record<string, string>>;
}

const ON_BILL = ['note', 'tags', 'filing'] as const;

/** What the person thinks of the bill `id`. */
export async function noteOf(vault: Vault, id: string): Promise<OnBill> {
  const rows = await vault.opinions.bulkGet(ON_BILL.map((type) => `${type}:${id}`));
  return onBill(rows.filter((row) => row !== undefined));
}

/** What the person thinks of each of these bills, by its id; bills nobody has said anything of are left out. */
export async function notesOf(vault: Vault, ids: readonly string[]): Promise<Map<string, OnBill>> {
  const rows = await vault.opinions.bulkGet(ids.flatMap((id) => ON_BILL.map((type) => `${type}:${id}`)));
  const byBill = Map.groupBy(
    rows.filter((row) => row !== undefined),
    ({ bill }) => bill ?? '',
  );
  return new Map([...byBill].map(([id, held]) => [id, onBill(held)]));
}

/** Everything the person has written or tagged, to be searched: bill id, text and tags in one. */
export async function writtenOn(vault: Vault): Promise<readonly { readonly bill: string; readonly words: string }[]> {
  const rows = await vault.opinions.where('type').anyOf('note', 'tags').toArray();
  return rows.flatMap(({ opinion }) => {
    if (opinion.type === 'note') return [{ bill: opinion.bill, words: opinion.text }];
    return opinion.type === 'tags' ? [{ bill: opinion.bill, words: opinion.tags.join(' ') }] : [];
  });
}

/** Files bills as the person's own filings and rules say; read it once for a whole list, again when they change. */
export async function filer(vault: Vault): Promise<(bill: Filed) => string> {
  const [filings, rules] = await Promise.all([ofType(vault, 'filing'), ofType(vault, 'rule')]);
  const chosen = new Map(filings.map(({ bill, category }) => [bill, category]));
  return (bill) => fileBill(bill, rules, chosen.get(bill.id));
}

/** The category of one bill: a built-in name or the id of one of the person's own. */
export async function categoryOf(vault: Vault, bill: Filed): Promise<string> {
  return (await filer(vault))(bill);
}

/** The person's own categories by their ids. */
export async function ownCategories(vault: Vault): Promise<Map<string, Category>> {
  return new Map((await ofType(vault, 'category')).map((one) => [one.category, one]));
}

/** All opinions of one type, the oldest first (ids are ordered by time). */
export async function ofType<Type extends OpinionType>(
  vault: Vault,
  type: Type,
): Promise<Extract<Opinion, { type: Type }>[]> {
  const rows = await vault.opinions.where('type').equals(type).sortBy('id');
  return rows.map(({ opinion }) => opinion as Extract<Opinion, { type: Type }>);
}

/** What two phones have changed apart and nobody has put right. */
export async function disputed(vault: Vault): Promise<OpinionRow[]> {
  return await vault.opinions.where('disputed').equals(1).toArray();
}

function onBill(rows: readonly OpinionRow[]): OnBill {
  const find = <Type extends OpinionType>(type: Type) =>
    rows.find((row) => row.type === type)?.opinion as Extract<Opinion, { type: Type }> | undefined;
  return {
    text: find('note')?.text ?? '',
    tags: find('tags')?.tags ?? [],
    category: find('filing')?.category,
    disputed: ON_BILL.filter((type) => rows.some((row) => row.type === type && row.disputed === 1)),
    seen: Object.fromEntries(rows.flatMap(({ id, revision }) => (revision === undefined ? [] : [[id, revision]]))),
  };
}
