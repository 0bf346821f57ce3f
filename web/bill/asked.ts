/** What the person asks of the list, as it stands in the address: so that a chart leads to its bills, and back is back. */
import { fromDecimal } from '#shared/money/money.ts';
import type { Flow } from '#shared/rules/bill.ts';
import type { Wish } from '#web/bill/list.ts';
import { startOf } from '#web/vault/tally.ts';

/** What is asked: words to search for, and what to leave out. Days and sums as people write them. */
export interface Asked {
  readonly text?: string;
  readonly flow?: Flow;
  readonly category?: string;
  readonly peer?: string;
  readonly region?: string;
  readonly currency?: string;
  /** First and last day, both included: `2026-11-24`. */
  readonly from?: string;
  readonly to?: string;
  readonly least?: string;
  readonly most?: string;
}

const NAMES = ['text', 'flow', 'category', 'peer', 'region', 'currency', 'from', 'to', 'least', 'most'] as const;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
const SUM = /^\d{1,11}(?:\.\d{1,2})?$/;

/** Reads the address; what makes no sense there is not asked. */
export function readAsked(query: Pick<URLSearchParams, 'get'>): Asked {
  const asked: Record<string, string> = {};
  for (const name of NAMES) {
    const said = query.get(name)?.trim() ?? '';
    if (said !== '' && makesSense(name, said)) asked[name] = said;
  }
  return asked;
}

function makesSense(name: (typeof NAMES)[number], said: string): boolean {
  if (name === 'flow') return said === 'in' || said === 'out' || said === 'neutral';
  if (name === 'from' || name === 'to') return DAY.test(said);
  return name === 'least' || name === 'most' ? SUM.test(said) : said.length <= 100;
}

/** The path of the list that asks this. */
export function askedPath(asked: Asked): string {
  const query = new URLSearchParams();
  for (const name of NAMES) {
    const said = asked[name];
    if (said !== undefined && said !== '') query.set(name, said);
  }
  return query.size === 0 ? '/bills' : `/bills?${query}`;
}

/** The days of a month (`2026-11`), to be asked. */
export function monthAsked(month: string): Required<Pick<Asked, 'from' | 'to'>> {
  const last = new Date(startOf(month, 1) - 1).getDate();
  return { from: `${month}-01`, to: `${month}-${last}` };
}

/** The same as the list is read by. A sum without a currency is one of `home`. */
export function wishOf(asked: Asked, sources: Wish['sources'], home: 'CNY' = 'CNY'): Wish {
  const { flow, category, peer, region, currency, from, to } = asked;
  const minor = (said: string | undefined) => (said === undefined ? undefined : fromDecimal(said, home)?.minor);
  const [least, most] = [minor(asked.least), minor(asked.most)];
  return {
    sources,
    ...(flow === undefined ? {} : { flow }),
    ...(category === undefined ? {} : { category }),
    ...(peer === undefined ? {} : { peer }),
    ...(region === undefined ? {} : { region }),
    ...(currency === undefined ? {} : { currency }),
    ...(from === undefined ? {} : { from: startOf(from) }),
    ...(to === undefined ? {} : { to: startOf(to, 1) }),
    ...(least === undefined ? {} : { least }),
    ...(most === undefined ? {} : { most }),
  };
}

/** How many things are asked beside the words and the flow, which stand in sight. */
export function askedCount({ text: _text, flow: _flow, ...more }: Asked): number {
  const { from, to, least, most, ...single } = more;
  const ranges = [from ?? to, least ?? most].filter((one) => one !== undefined).length;
  return Object.values(single).filter((one) => one !== undefined).length + ranges;
}
