/** The words statements are written in: the language of the app. */
import type { CsvWords } from '#shared/statement/csv.ts';
import { m } from '#web/paraglide/messages.js';

/** Heads, kinds and states as the person reads them. */
export function paperWords(): CsvWords {
  return {
    heads: [
      m.bill_paper_date(),
      m.bill_paper_time(),
      m.bill_paper_zone(),
      m.bill_fact_kind(),
      m.bill_paper_peer(),
      m.bill_fact_region(),
      m.bill_fact_memo(),
      m.bill_paper_amount(),
      m.bill_paper_currency(),
      m.bill_paper_state(),
      m.bill_filter_category(),
      m.bill_fact_number(),
    ],
    kinds: {
      payment: m.bill_paper_payment(),
      'top-up': m.bill_kind_top_up(),
      withdrawal: m.bill_kind_withdrawal(),
      fee: m.bill_kind_fee(),
      refund: m.bill_kind_refund(),
      debt: m.bill_kind_debt(),
    },
    settled: m.bill_state_settled(),
    pending: m.bill_state_arriving(),
  };
}
