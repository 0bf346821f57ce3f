/**
 * Whose signatures count, for whoever checks a receipt, with a wallet or without.
 * Invariant: the root comes from where this program came from (the wallet's pin, else the first visit to our own origin)
 * and stays; what a receipt or its bearer brings can never add a key.
 */

import type { Refusal } from '#shared/api/refusal.ts';
import type { NetworkView, PastNetworkView } from '#shared/api/region.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import { type Clock, duration } from '#shared/base/time.ts';
import type { KeySet } from '#shared/protocol/key-set.ts';
import type { Signed } from '#shared/protocol/message.ts';
import { verifyAsync, webVerifier } from '#shared/protocol/signature.ts';
import {
  keySetChecks,
  pastKeySetChecks,
  presentOf,
  type Trust,
  type Verified,
  withPast,
} from '#shared/protocol/trust.ts';
import type { Ask } from '#web/sync/client.ts';
import { keepSetting, readSetting } from '#web/vault/settings.ts';
import { believedTime } from '#web/vault/time-floor.ts';
import { heldLists, keepList } from '#web/vault/trust.ts';
import type { Vault } from '#web/vault/vault.ts';

/** What asking about the network needs. */
export interface NetworkNeeds {
  readonly vault: Vault;
  readonly clock: Clock;
  readonly ask: Ask;
}

/** Somebody stands and waits for the verdict; with no answer the keys that are held decide. */
const PATIENCE = duration(6, 's');

/**
 * What this browser holds of the network, verified again. Refusals: `house.unreachable` when it has never seen one,
 * `key-set.expired` when it was too long ago.
 */
export async function heldNetwork(needs: NetworkNeeds): Promise<Result<Trust, Refusal>> {
  const { root, keySet } = await pinned(needs.vault);
  if (root === undefined || keySet === undefined) return refuse({ code: 'house.unreachable' });
  return await trustIn(needs, keySet, root);
}

/**
 * Asks for the newest key set and keeps it, if the root that is known here has signed it. The first visit of a browser
 * without a wallet learns the root as well. Says nothing of why it asks.
 */
export async function renewNetwork(needs: NetworkNeeds): Promise<Result<Trust, Refusal>> {
  const answer = await needs.ask<NetworkView>({ method: 'GET', path: '/network', timeout: PATIENCE });
  if (!answer.ok) return answer;
  const held = await pinned(needs.vault);
  const root = held.root ?? fromBase64url(answer.value?.root ?? '');
  const keySet = fromBase64url(answer.value?.keySet ?? '');
  if (root?.length !== 33 || keySet === undefined) return refuse({ code: 'message.malformed' });
  const trust = await trustIn(needs, keySet, root);
  if (trust.ok) await keep(needs, held.ofWallet, root, keySet, trust.value.keySet);
  return trust;
}

/**
 * What this browser holds of the network with the issuers of before, for a receipt whose signer the newest keys do not
 * name. The answer is kept, so that the next old receipt needs no network. It does not say which receipt it is about.
 */
export async function olderNetwork(needs: NetworkNeeds): Promise<Result<Trust, Refusal>> {
  const answer = await needs.ask<PastNetworkView>({ method: 'GET', path: '/network/past', timeout: PATIENCE });
  if (!answer.ok) return answer;
  await keepSetting(needs.vault, 'networkPast', answer.value.keySets);
  return await heldNetwork(needs);
}

interface Pinned {
  readonly ofWallet: boolean;
  readonly root: Uint8Array | undefined;
  readonly keySet: Uint8Array | undefined;
}

async function pinned(vault: Vault): Promise<Pinned> {
  const own = await readSetting(vault, 'networkRoot');
  if (own !== undefined) {
    const { keySet } = await heldLists(vault);
    return { ofWallet: true, root: fromBase64url(own), keySet: keySet?.bytes };
  }
  const seen = await readSetting(vault, 'networkSeen');
  const [root, keySet] = [seen?.root, seen?.keySet].map((text) => (text ? fromBase64url(text) : undefined));
  return { ofWallet: false, root, keySet };
}

async function trustIn(needs: NetworkNeeds, keySet: Uint8Array, root: Uint8Array): Promise<Result<Trust, Refusal>> {
  const { now, floor } = await believedTime(needs.vault, needs.clock());
  const checked = await verifyAsync(keySetChecks(keySet, root, { now, floor }), webVerifier());
  if (!checked.ok) return checked;
  const past = await verifiedPast(needs.vault, root);
  return ok({ keySet: withPast(checked.value.message, past, presentOf({ now, floor })), now, floor });
}

/** The key sets of before that the root has signed; what else is kept there counts for nothing. */
async function verifiedPast(vault: Vault, root: Uint8Array): Promise<Verified<KeySet>[]> {
  const kept = (await readSetting(vault, 'networkPast')) ?? [];
  const checked = await Promise.all(
    kept.map((text) => verifyAsync(pastKeySetChecks(fromBase64url(text) ?? new Uint8Array(), root), webVerifier())),
  );
  return checked.flatMap((one) => (one.ok ? [one.value] : []));
}

async function keep(
  { vault, clock }: NetworkNeeds,
  ofWallet: boolean,
  root: Uint8Array,
  keySet: Uint8Array,
  { epoch }: KeySet,
): Promise<void> {
  const older = (held: Signed<KeySet> | undefined) => held === undefined || held.message.epoch < epoch;
  if (!ofWallet) {
    await keepSetting(vault, 'networkSeen', { root: toBase64url(root), keySet: toBase64url(keySet) });
  } else if (older((await heldLists(vault)).keySet)) {
    await keepList(vault, { name: 'keySet', bytes: keySet, version: epoch, keptAt: clock() });
  }
}
