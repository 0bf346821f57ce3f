/**
 * One act of the app on a phone that dies at its n-th step: a worker that ends there and then.
 * A step stands behind everything the app can wait for: the disk, the keys, the finger and the lock of tabs.
 * From the step of its death on, the disk and the keys do nothing any more; what is under way dies with it.
 */
import { ok } from '#shared/base/result.ts';
import { instant } from '#shared/base/time.ts';
import { type Assertion, assertedBytes, FLAGS } from '#shared/protocol/assertion.ts';
import { readFrame } from '#shared/protocol/frame.ts';
import { webSigner } from '#shared/protocol/signature.ts';
import { acceptCode, receiptCode } from '#web/pay/payee.ts';
import { type PayerNeeds, pay, paymentCode, planPayment, readOffer } from '#web/pay/payer.ts';
import { createLink } from '#web/sync/state.ts';
import { compressedPoint } from '#web/vault/device-key.ts';
import { openVault } from '#web/vault/vault.ts';

/** What the phone is to do: pay the invoice whose code was scanned, or take the payment for its own invoice. */
export interface Life {
  readonly vault: string;
  readonly time: number;
  /** The text of the code that was scanned. */
  readonly code: string;
  /** The payee's open invoice; absent for a payer. */
  readonly invoice?: string;
  /** The passkey's key, for payments that ask for it. */
  readonly finger?: CryptoKeyPair;
  /** The step at which it dies, from 1; 0 lives on. */
  readonly dieAt: number;
}

/** What a phone tells before it dies, or when it has done everything. */
export type Told =
  | { readonly kind: 'signed' }
  | { readonly kind: 'died'; readonly at: string }
  | { readonly kind: 'shown'; readonly id: string; readonly code: string; readonly steps: number }
  | { readonly kind: 'refused'; readonly code: string };

const tell = (told: Told) => self.postMessage(told);
let steps = 0;
let dieAt = 0;
let isDead = false;

/** The worker ends when it has nothing under way; until then whatever it still tries is the try of a dead one. */
function breathe(): void {
  if (isDead) throw new Error('dead');
}

function step(at: string): void {
  breathe();
  steps += 1;
  if (steps !== dieAt) return;
  tell({ kind: 'died', at });
  isDead = true;
  self.close();
  breathe();
}

for (const kind of ['error', 'unhandledrejection']) {
  self.addEventListener(kind, (event) => {
    if (isDead) event.preventDefault();
  });
}

type Called = (this: unknown, ...given: unknown[]) => unknown;

/** Puts `change` around the methods `names` of `prototype`. */
function around(prototype: object, names: readonly string[], change: (name: string, own: Called) => Called): void {
  const methods = prototype as Record<string, Called>;
  for (const name of names) {
    const own = methods[name];
    if (own) methods[name] = change(name, own);
  }
}

const promised = (name: string, own: Called): Called =>
  async function (this: unknown, ...given) {
    breathe();
    const answer = await own.apply(this, given);
    if (name === 'sign' && !isDead) tell({ kind: 'signed' });
    step(name);
    return answer;
  };

const requested = (name: string, own: Called): Called =>
  function (this: unknown, ...given) {
    breathe();
    const request = own.apply(this, given) as EventTarget;
    const done = name === 'transaction' ? 'complete' : 'success';
    request.addEventListener(done, () => step(name), { once: true });
    return request;
  };

around(SubtleCrypto.prototype, ['sign', 'verify', 'importKey', 'digest'], promised);
around(IDBFactory.prototype, ['open'], requested);
around(IDBDatabase.prototype, ['transaction'], requested);
const READS = ['get', 'getAll', 'getAllKeys', 'openCursor', 'openKeyCursor', 'count'];
around(IDBObjectStore.prototype, [...READS, 'add', 'put', 'delete'], requested);
around(IDBIndex.prototype, READS, requested);
around(LockManager.prototype, ['request'], promised);

self.onmessage = async ({ data }: MessageEvent<Life>) => {
  dieAt = data.dieAt;
  const told = await (data.invoice === undefined ? payOn(data) : acceptOn(data, data.invoice));
  if (!isDead) tell(told);
};

async function payOn(life: Life): Promise<Told> {
  const vault = openVault(life.vault);
  const needs: PayerNeeds = {
    vault,
    clock: () => instant(life.time),
    link: createLink(),
    ask: async () => ({ ok: false, error: { code: 'house.unreachable' } }),
    confirm: async (_vault, challenge, { rpId, origins }) => {
      const assertion = await touch(life.finger, challenge, rpId, origins[0] ?? '');
      step('finger');
      return ok(assertion);
    },
  };
  const offer = await readOffer(needs, frameIn(life.code));
  if (!offer.ok) return { kind: 'refused', code: offer.error.code };
  const plan = await planPayment(needs, offer.value);
  if (!plan.ok) return { kind: 'refused', code: plan.error.code };
  const paid = await pay(needs, offer.value, plan.value);
  if (!paid.ok) return { kind: 'refused', code: paid.error.code };
  const [code = ''] = await paymentCode(vault, paid.value);
  return { kind: 'shown', id: paid.value.id, code, steps };
}

async function touch(
  pair: CryptoKeyPair | undefined,
  challenge: Uint8Array,
  rpId: string,
  origin: string,
): Promise<Assertion> {
  if (!pair) throw new Error('nobody is at the phone');
  const flags = FLAGS.userPresent | FLAGS.userVerified;
  const blank: Assertion = {
    ...{ flags, counter: 0, origin: 0, tail: '' },
    ...{ signature: new Uint8Array(64), extensions: new Uint8Array(0) },
  };
  const signer = webSigner(pair.privateKey, await compressedPoint(pair.publicKey));
  return { ...blank, signature: await signer.sign(assertedBytes(blank, rpId, origin, challenge)) };
}

async function acceptOn(life: Life, id: string): Promise<Told> {
  const vault = openVault(life.vault);
  const invoice = await vault.invoices.get(id);
  if (!invoice) return { kind: 'refused', code: 'invoice.none' };
  const got = await acceptCode({ vault, clock: () => instant(life.time) }, invoice, frameIn(life.code));
  if (!got.ok) return { kind: 'refused', code: got.error.code };
  if (got.value.kind !== 'verified') return { kind: 'refused', code: got.value.kind };
  return { kind: 'shown', id: got.value.row.id, code: receiptCode(got.value.row)[0] ?? '', steps };
}

function frameIn(text: string) {
  const frame = readFrame(text);
  if (!frame.ok || frame.value.kind === 'part') throw new Error('no whole frame');
  return frame.value;
}
