/** The categories there are to choose from. */
import type { Category } from '#shared/api/notebook.ts';
import { CATEGORIES } from '#shared/rules/filing.ts';
import { categoryName } from '#web/ui/category.ts';

/** All there are to choose from, the person's own first. */
export function categoryChoices(
  own: ReadonlyMap<string, Category>,
): { readonly value: string; readonly label: string }[] {
  return [...own.keys(), ...CATEGORIES].map((value) => ({ value, label: categoryName(value, own) }));
}
