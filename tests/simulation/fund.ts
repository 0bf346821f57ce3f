/** What the fund paid, held against what it may pay: plain sums over plain facts, with nothing of the house's own rule. */
import type { Duration, Instant } from '#shared/base/time.ts';

/** The bounds of a fund, in minor units. */
export interface FundBounds {
  readonly epochAge: Duration;
  readonly payeeCap: number;
  readonly window: Duration;
  readonly payerCap: number;
}

/** One sum the fund paid and kept paid, and how things stood right after it. */
export interface FundPaid {
  readonly payment: string;
  readonly region: string;
  readonly payer: string;
  readonly payee: string;
  readonly isGraded: boolean;
  /** Whether its payer had proved a name when the allowance was issued. */
  readonly isProved: boolean;
  readonly allowance: string;
  /** The most that may be paid for that allowance. */
  readonly reserved: number;
  readonly amount: number;
  readonly signedAt: Instant;
  readonly paidAt: Instant;
  readonly claimUntil: Instant;
  /** When the lists were made that the payee held; undefined for lists nobody made. */
  readonly cardAt: Instant | undefined;
  readonly owedByPayer: number;
  readonly owed: number;
  /** Most the fund might be owed at that moment. */
  readonly cap: number;
}

/** Every payment that the fund should not have made, each bound by itself. */
export function fundFaults(paid: readonly FundPaid[], bounds: FundBounds): string[] {
  const alone = paid.flatMap((one) => {
    const faults: string[] = [];
    if (one.payer === one.payee) faults.push('was paid to its own payer');
    if (!one.isGraded) faults.push('was paid to a payee without a grade');
    if (!one.isProved) faults.push('was paid for a payer nobody knows');
    if (one.cardAt === undefined) faults.push('lied about its lists and was paid');
    else if (one.signedAt - one.cardAt > bounds.epochAge) faults.push('was taken under old lists and was paid');
    if (one.paidAt > one.claimUntil) faults.push('came too late and was paid');
    if (one.owedByPayer > bounds.payerCap) faults.push(`left its payer owing ${one.owedByPayer}`);
    if (one.owed > one.cap) faults.push(`left the fund of ${one.cap} owed ${one.owed}`);
    return faults.map((fault) => `${one.payment} ${fault}`);
  });
  return [...alone, ...overReserved(paid), ...overPayeeCap(paid, bounds)];
}

function overReserved(paid: readonly FundPaid[]): string[] {
  return [...Map.groupBy(paid, (one) => one.allowance)].flatMap(([allowance, all]) => {
    const sum = all.reduce((total, one) => total + one.amount, 0);
    const reserved = all[0]?.reserved ?? 0;
    return sum > reserved ? [`the fund paid ${sum} for ${allowance}, which ${reserved} was set aside for`] : [];
  });
}

function overPayeeCap(paid: readonly FundPaid[], { payeeCap, window }: FundBounds): string[] {
  return [...Map.groupBy(paid, (one) => `${one.payee} of ${one.region}`)].flatMap(([payee, all]) =>
    all.flatMap((last) => {
      const within = all.filter((one) => one.paidAt <= last.paidAt && one.paidAt > last.paidAt - window);
      const sum = within.reduce((total, one) => total + one.amount, 0);
      return sum > payeeCap ? [`the fund paid ${sum} to ${payee} in one window`] : [];
    }),
  );
}
