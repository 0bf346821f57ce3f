/** What the categories are called that everybody has, and the picture of each. */
import type { BuiltInCategory } from '#shared/rules/filing.ts';
import { m } from '#web/paraglide/messages.js';

const NAMES: Readonly<Record<BuiltInCategory, () => string>> = {
  food: m.ui_category_food,
  shopping: m.ui_category_shopping,
  transport: m.ui_category_transport,
  home: m.ui_category_home,
  health: m.ui_category_health,
  fun: m.ui_category_fun,
  study: m.ui_category_study,
  family: m.ui_category_family,
  income: m.ui_category_income,
  moving: m.ui_category_moving,
  other: m.ui_category_other,
};

/** The name of a category: one of everybody's, or one of the person's `own` by its id. */
export function categoryName(id: string, own: ReadonlyMap<string, { readonly name: string }> = new Map()): string {
  return own.get(id)?.name ?? (Object.hasOwn(NAMES, id) ? NAMES[id as BuiltInCategory]() : m.ui_category_other());
}
