/** The refusal that became the last word of an act, as it was kept with it. */
import { REFUSALS, type Refusal, type RefusalCode } from '#shared/api/refusal.ts';

/** Reads it off the kept detail; what this version of the app does not know is a fault of the house. */
export function refusalIn({ code, ...rest }: Readonly<Record<string, unknown>>): Refusal {
  const known = typeof code === 'string' && Object.hasOwn(REFUSALS, code) ? (code as RefusalCode) : 'house.fault';
  const figures = Object.entries(rest).filter((entry): entry is [string, string | number] =>
    ['string', 'number'].includes(typeof entry[1]),
  );
  return { code: known, detail: Object.fromEntries(figures) };
}
