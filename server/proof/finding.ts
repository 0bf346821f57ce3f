/** What the auditor of payments can find, and where it writes it down while it reads. */

/** What can be wrong. */
export type ProofCheck =
  | 'allowance-message'
  | 'allowance-signature'
  | 'allowance-issue'
  | 'allowance-hold'
  | 'allowance-claimed'
  | 'allowance-state'
  | 'outstanding'
  | 'payment-message'
  | 'payment-signature'
  | 'payment-parties'
  | 'payment-posting'
  | 'payment-void'
  | 'posting-orphaned'
  | 'case'
  | 'fund'
  | 'claim-place'
  | 'bill'
  | 'bill-gap';

/** One wrong row. `row` names it; `off` is by how many minor units (or places) it is wrong, where that can be said. */
export interface Finding {
  readonly check: ProofCheck;
  readonly region: string;
  readonly row: string;
  readonly off: number;
  readonly says: string;
}

/** Writes one finding down. */
export type Find = (check: ProofCheck, region: string, row: string, off: number, says: string) => void;

/** Rows read at once: a page is all the auditor ever keeps. */
export const PAGE = 2_000;

/** The pages of {@link PAGE} rows that `read` answers after the last row of the page before, to the end. */
export async function* pages<Row>(read: (last: Row | undefined) => Promise<Row[]>): AsyncGenerator<Row[]> {
  let last: Row | undefined;
  for (let full = true; full; ) {
    const page = await read(last);
    full = page.length === PAGE;
    last = page.at(-1);
    if (last !== undefined) yield page;
  }
}
