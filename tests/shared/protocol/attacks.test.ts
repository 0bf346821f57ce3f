/** Every attack the specification names that a verifier can decide, and the vector that shows its answer. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { verifySync } from '#shared/protocol/signature.ts';
import { nodeVerifier, replay, type Vector } from '#tests/vectors/replay.ts';

const TABLE = `
a copied profile, back at the same payee            | the same number twice                                            | payment.fork
a copied profile, at another payee                  | the same number twice, uploaded                                  | ok alarm fork
a copied profile, told on by anybody                | two payees, one number                                           | ok
a fork blamed on an honest payer                    | the same number twice, but never signed by the payer             | payment.signature
a fork proof with a forged half                     | one of them forged                                               | payment.signature
a fork whose first half has no signature of its own  | one of them signed for by the next payment                       | ok
the same, with a payment of one's own behind it     | a stranger’s next payment                                        | payment.signature
a large sum hidden behind a small one               | a large sum without the passkey, signed for                      | payment.passkey-missing
restored older storage                              | a second payment that forgets the first                          | payment.inconsistent
restored older storage, uploaded                    | a second payment that forgets the first, uploaded                | ok alarm inconsistent
a total that shrinks                                | a third payment whose total went down                            | payment.inconsistent
crash after signing: the same code shown again      | the same again                                                   | ok repeat
the code shown again long after                     | the same again after the allowance has ended                     | ok repeat
a code that has paid, shown for another sale       | the same again for another invoice                               | payment.wrong-invoice
storage cleared, then closed as if never used       | after none, though one has arrived                               | closing.inconsistent
replay to another payee                             | a payment to somebody else                                       | payment.wrong-payee
replay to another invoice                           | a payment for another invoice                                    | payment.wrong-invoice
a code stuck over another                           | a code stuck over another                                        | invoice.signature
an invoice with a stolen certificate                | an invoice with another payee’s certificate                      | invoice.wrong-payee
a stale or photographed invoice                     | a stale or photographed code                                     | invoice.expired
a stale invoice and a clock turned back             | a stale code and a clock turned back                             | invoice.expired
an old invoice paid late                            | a payment signed when the invoice was stale                      | payment.outside-lifetime
payer's clock turned back                           | a payer whose clock is a day behind                              | payment.outside-validity
payee's clock turned back                           | a clock turned back behind the time floor                        | allowance.expired
payee's clock turned forward                        | a clock turned forward                                           | allowance.expired
an expired allowance                                | six minutes after the end of the allowance                       | allowance.expired
an allowance not yet valid                          | six minutes before its start                                     | allowance.not-yet-valid
uploaded after the claim window                     | uploaded a fortnight late                                        | ok alarm late
a payee that lets too much through                  | more than one payee may get, uploaded                            | ok alarm over-payee
a payee that claims fresher lists for the guarantee | a payment that claims fresher lists for the payee                | payment.wrong-invoice
uploaded twice                                      | uploaded a second time                                           | ok repeat
re-encoded: a longer integer                        | a key written in two bytes instead of one                        | message.not-canonical
re-encoded: a byte behind the end                   | a byte after the end                                             | message.malformed
the twin of the device signature                    | the twin of the device signature                                 | message.twin-signature
the twin of the passkey signature                   | the twin of the passkey signature                                | message.twin-signature
an amount below the invoice                         | a yuan too little                                                | payment.wrong-amount
an amount altered                                   | an amount altered after signing                                  | payment.signature
another currency of the same figure                 | yuan for an invoice in dollars                                   | payment.wrong-currency
a rate of one's own                                 | converted at a better rate than the card gives                   | payment.wrong-amount
issuer key rotated while offline                    | an allowance signed by the next key of its region                | ok
an issuer key used before its time                  | an allowance issued before its key was in force                  | issuer.unknown
one region signing for another                      | an allowance of Shanxi signed by Beijing                         | issuer.unknown
an old key set served again                         | older than the one held                                          | key-set.older
two issuer keys with one name                       | one key twice                                                    | message.malformed
limits lowered by an older format                   | an allowance of an older version with lower demands              | message.version
a preview origin                                    | a passkey of an origin the key set does not list                 | payment.passkey-origin
a preview origin that claims to be the real one     | a passkey asserted on a preview origin                           | payment.passkey-signature
extra members in the client data                    | a large sum with the passkey, extra members in the client data   | ok
members said twice in the client data               | client data with a second challenge                              | payment.passkey-client-data
a passkey used inside a foreign frame               | a passkey asserted inside a foreign frame                        | payment.passkey-client-data
a passkey used for another payment                  | a passkey over another payment                                   | payment.passkey-signature
a passkey unlocked by nobody                        | a passkey that did not verify its owner                          | payment.passkey-flags
a stolen phone, small sums                          | a small sum above the cumulative limit without the passkey       | payment.passkey-missing
a revoked payer, fresh list                         | a revoked payer, to a payee with a new list                      | allowance.revoked
a revoked payer before a payee with an old list     | a revoked payer, to a payee with an old list                     | ok
the same, uploaded                                  | a revoked payer, uploaded by a payee with an old list            | ok alarm revoked
a status list of one's own                          | with another list                                                | epoch.list-differs
a compressed bomb                                   | a bomb of a megabyte                                             | status.malformed
a settlement said of less                           | of less than was asked                                           | finality.wrong-payment
a receipt for another payment                       | for another payment                                              | receipt.wrong-payment
a receipt taken out of the chain                    | that skips the one before                                        | receipt.inconsistent
an old epoch card served again                      | older than the one held                                          | epoch.older
a payee made up                                     | a certificate signed by a stranger                               | issuer.unknown
a payee under another name                          | a name altered after signing                                     | certificate.signature
a payee whose certificate has ended                 | a certificate that has ended                                     | certificate.expired
an allowance drawn by the payer                     | an allowance signed by a stranger                                | issuer.unknown
an allowance with the payer's own limits            | an allowance with a broken signature                             | allowance.signature
another allowance shown than the one spent          | a payment on another allowance than the one shown                | allowance.unknown
money spent before the first payment                | a first payment with money spent before it                       | payment.inconsistent
an allowance overdrawn                              | more than the allowance holds                                    | payment.over-total
a rate card of one's own                            | converted on a rate card the allowance does not name             | payment.rate-unknown
a passkey moved to another authenticator            | a passkey whose backup bit has changed                           | payment.passkey-flags
a passkey somebody else owns                        | a passkey of a stranger                                          | payment.passkey-signature
a signature for one purpose used for another        | a payment signed as a receipt                                    | payment.signature
a closing's signature used to pay                   | a payment signed as a closing                                    | payment.signature
the payee paying itself with the payer's allowance  | a payment signed by its payee                                    | payment.signature
a stolen passkey without the phone                  | a payment signed by the passkey alone                            | payment.signature
a payment that takes instead of giving              | a payment of less than nothing                                   | message.malformed
a payment of nothing, for the receipt               | a payment of nothing                                             | message.malformed
a sum too large to be counted                       | more than any message may move                                   | message.malformed
two amounts, one for each reader                    | an amount said twice                                             | message.not-canonical
a field for those who know it                       | a field nobody knows                                             | message.malformed
a memo that reads backwards                         | a memo that turns the line around                                | message.malformed
a memo that draws a second payee                    | a memo with a line below it                                      | message.malformed
an invoice to be paid for ever                      | an invoice that lives a day                                      | message.malformed
money given back that was spent                     | with a lower total than arrived                                  | closing.inconsistent
somebody else's allowance closed                    | signed by a stranger                                             | closing.signature
a receipt the payer wrote                           | signed by a stranger                                             | receipt.signature
a receipt number used twice                         | with a counter used before                                       | receipt.inconsistent
a settlement made up                                | signed by a stranger                                             | issuer.unknown
a settlement of another sale                        | of another invoice                                               | finality.wrong-payment
a settlement said to one and denied to others       | a payment that was never settled                                 | finality.not-under-card
a settlement shown in another's place               | in the place of another                                          | finality.not-under-card
a card of the thief's own over a tree of his own    | under a card the thief signed                                    | issuer.unknown
an honest payer called a cheat with one payment     | one payment twice                                                | fork.not-a-fork
an honest payer called a cheat with two numbers     | two numbers                                                      | fork.not-a-fork
a voucher of a payment taken back                   | a promise the payee has declared void                            | receipt.wrong-payment
a voucher with somebody else's name                 | the certificate of somebody else                                 | payment.wrong-payee
two codes glued into one                            | three messages                                                   | frame.malformed
a locked allowance spent elsewhere                  | a payment locked to somebody else                                | payment.payee-not-allowed
`;

const folder = new URL('../../vectors/', import.meta.url);
const vectors = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && name !== 'message.json')
  .flatMap((name): Vector[] => JSON.parse(readFileSync(new URL(name, folder), 'utf8')));

const rows = TABLE.trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

describe('an attack is answered', () => {
  test.each(rows)('%s', async (_attack, name, answer) => {
    const vector = vectors.find((one) => one.name === name && one.expect === answer);
    expect(vector?.expect).toBe(answer);
    if (vector === undefined) return;
    expect(await replay(vector, async (checks) => verifySync(checks, nodeVerifier))).toBe(answer);
  });
});
