/** Support: what is out of the ordinary about people's money is noticed. */
export { type PaidParts, watchPaid } from '#server/support/paid.ts';
