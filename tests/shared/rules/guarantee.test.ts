/** When the fund pays a shortfall, and which reason it gives when it does not. */
import { describe, expect, test } from 'vitest';
import { duration } from '#shared/base/time.ts';
import {
  type GuaranteeClaim,
  guaranteeFault,
  guaranteeOf,
  hasGuarantee,
  reservedFor,
} from '#shared/rules/guarantee.ts';
import { minutes, NOON } from '#tests/vectors/cast.ts';

const POLICY = {
  epochAge: duration(72, 'h'),
  payeeCap: 2000_00,
  payerCap: 1000_00,
  window: duration(1, 'd'),
  fundCap: 50_000_00,
};

/** 90 yuan that a hold lacks, signed at noon under lists of an hour ago, brought in an hour later; nothing paid before. */
const CLAIM: GuaranteeClaim = {
  shortfall: 90_00,
  signedAt: NOON,
  uploadedAt: minutes(60),
  claimUntil: minutes(14 * 24 * 60),
  epochTime: minutes(-60),
  linked: false,
  graded: true,
  answerable: true,
  paidToPayee: 0,
  owedByPayer: 0,
  paidForAllowance: 0,
  reserved: 100_00,
  owed: 0,
};

describe('the fund is asked for 90 yuan', () => {
  test.each<[string, Partial<GuaranteeClaim>, string]>([
    ['of an honest payee', {}, 'paid'],
    ['by the payer himself', { linked: true }, 'guarantee.linked'],
    ['for a payee without a grade', { graded: false }, 'guarantee.not-promised'],
    ['for a payer without a proved name', { answerable: false }, 'guarantee.payer-unproved'],
    ['under lists of 72 hours ago', { epochTime: minutes(-72 * 60) }, 'paid'],
    ['under lists a minute older', { epochTime: minutes(-72 * 60 - 1) }, 'guarantee.stale-epoch'],
    ['under lists nobody made', { epochTime: undefined }, 'guarantee.stale-epoch'],
    ['under lists of the future', { epochTime: minutes(6) }, 'guarantee.stale-epoch'],
    ['in the last moment of the claim window', { uploadedAt: CLAIM.claimUntil }, 'paid'],
    ['a minute after it', { uploadedAt: minutes(14 * 24 * 60 + 1) }, 'guarantee.too-late'],
    ['with just that left for the payee today', { paidToPayee: 1910_00 }, 'paid'],
    ['with a fen less', { paidToPayee: 1910_01 }, 'guarantee.payee-cap'],
    ['with just that left for the payer', { owedByPayer: 910_00 }, 'paid'],
    ['with a fen less of it', { owedByPayer: 910_01 }, 'guarantee.payer-cap'],
    ['for the first copy of a phone', { paidForAllowance: 10_00 }, 'paid'],
    ['for a second one', { paidForAllowance: 10_01 }, 'guarantee.allowance-cap'],
    ['for an allowance nothing was set aside for', { reserved: 0 }, 'guarantee.allowance-cap'],
    ['of its last 90', { owed: 49_910_00 }, 'paid'],
    ['when it has a fen less', { owed: 49_910_01 }, 'guarantee.fund-cap'],
  ])('%s', (_when, twist, answer) => {
    expect(guaranteeFault({ ...CLAIM, ...twist }, POLICY) ?? 'paid').toBe(answer);
  });
});

describe('the fund stands behind an allowance', () => {
  test.each([
    ['of who gave nothing but a phone number', guaranteeOf('unproved'), false],
    ['of who proved a name', guaranteeOf('real-name'), true],
    ['of who proved more', guaranteeOf('two-factor'), true],
    ['of before, which says nothing', undefined, true],
  ] as const)('%s', (_whose, guarantee, stands) => {
    expect(hasGuarantee(guarantee === undefined ? {} : { guarantee })).toBe(stands);
  });
});

describe('issuing sets aside of the fund', () => {
  test.each<[string, { total: number; isLocked: boolean }, number, number]>([
    ['the sum itself, where one copy is reckoned with', { total: 200_00, isLocked: false }, 1, 200_00],
    ['four times the sum, where four are', { total: 200_00, isLocked: false }, 4, 800_00],
    ['nothing, where none is', { total: 200_00, isLocked: false }, 0, 0],
    ['nothing for one payee who sees every payment', { total: 5000_00, isLocked: true }, 4, 0],
  ])('%s', (_name, allowance, clones, reserved) => {
    expect(reservedFor(allowance, clones)).toBe(reserved);
  });
});
