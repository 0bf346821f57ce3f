/**
 * Notices on this phone while the app is closed: whether it can have them, switching them on and off, and keeping house
 * and browser in step. What the person chose is kept first; a step that was lost is made up for at the next start.
 */
import type { NoticeRequest, NoticeView } from '#shared/api/notice.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { fromBase64url, toBase64url } from '#shared/base/bytes.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';
import type { Ask } from '#web/sync/client.ts';
import { isApple, isInstalled } from '#web/ui/install.ts';
import { dropSetting, keepSetting, readSetting } from '#web/vault/settings.ts';
import type { Vault } from '#web/vault/vault.ts';

/** `install`: only from the home screen; `denied`: the person said no to the browser, and only they can take it back. */
export type Standing = 'none' | 'install' | 'denied' | 'off' | 'on';

/** What it stands on. */
export interface NoticeNeeds {
  readonly vault: Vault;
  readonly ask: Ask;
}

/** How notices stand on this phone. */
export async function standing({ vault }: Pick<NoticeNeeds, 'vault'>): Promise<Standing> {
  if (!('PushManager' in globalThis) || !('Notification' in globalThis) || !('serviceWorker' in navigator)) {
    return isApple() && !isInstalled() ? 'install' : 'none';
  }
  if (Notification.permission === 'denied') return 'denied';
  const chosen = await readSetting(vault, 'notices');
  return chosen !== undefined && Notification.permission === 'granted' ? 'on' : 'off';
}

/** Asks the browser's leave and subscribes; with `details`, sums and names are told. In answer to a tap. */
export async function switchOn(needs: NoticeNeeds, details: boolean): Promise<Result<Standing, Refusal>> {
  const leave = await Notification.requestPermission();
  if (leave !== 'granted') return ok(await standing(needs));
  await keepSetting(needs.vault, 'notices', { details });
  const done = await renew(needs);
  // What could not be done now because of the road is done at the next start; anything else is no choice that holds.
  if (!done.ok && done.error.code !== 'house.unreachable') await dropSetting(needs.vault, 'notices');
  return done.ok ? ok('on') : done;
}

/** Ends it, on the phone at once. What the house is not told now, it hears from the push service. */
export async function switchOff({ vault, ask }: NoticeNeeds): Promise<void> {
  await dropSetting(vault, 'notices');
  const registration = await navigator.serviceWorker.getRegistration();
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
  await ask({ method: 'DELETE', path: '/notices', signed: true });
}

/** Brings house and browser in step with what the person chose: after a change, and at each start of the app. */
export async function renew({ vault, ask }: NoticeNeeds): Promise<Result<void, Refusal>> {
  const chosen = await readSetting(vault, 'notices');
  if (chosen === undefined || Notification.permission !== 'granted') return ok(undefined);
  const view = await ask<NoticeView>({ method: 'GET', path: '/notices', signed: true });
  if (!view.ok) return view;
  const { houseKey } = view.value;
  const subscription = await subscribe(houseKey).catch(() => undefined);
  if (!subscription) return refuse({ code: 'notice.none' });
  const [publicKey, secret] = [subscription.getKey('p256dh'), subscription.getKey('auth')];
  if (!publicKey || !secret) return refuse({ code: 'notice.none' });
  const body: NoticeRequest = {
    endpoint: subscription.endpoint,
    publicKey: toBase64url(new Uint8Array(publicKey)),
    secret: toBase64url(new Uint8Array(secret)),
    ...{ houseKey, details: chosen.details },
  };
  const kept = await ask<NoticeView>({ method: 'PUT', path: '/notices', signed: true, body });
  return kept.ok ? ok(undefined) : kept;
}

/** The browser's subscription under the house's newest key; one under another key is given up. */
async function subscribe(houseKey: string): Promise<PushSubscription> {
  const { pushManager } = await navigator.serviceWorker.ready;
  const held = await pushManager.getSubscription();
  const heldKey = held?.options.applicationServerKey;
  if (held && heldKey && toBase64url(new Uint8Array(heldKey)) === houseKey) return held;
  await held?.unsubscribe();
  return await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: fromBase64url(houseKey) ?? null });
}
