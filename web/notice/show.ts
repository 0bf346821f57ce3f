/** What the service worker does with a notice: shows it in the person's language, with the way to the screen it is about. */
import { Value } from 'typebox/value';
import { NoticeText } from '#shared/api/notice.ts';
import { pathOf, wordsOf } from '#web/notice/words.ts';
import { readSetting } from '#web/vault/settings.ts';
import { vault } from '#web/vault/vault.ts';

/** The parts of a push event that are used. */
export interface PushEvent {
  readonly data: { readonly json: () => unknown } | null;
  readonly waitUntil: (work: Promise<unknown>) => void;
}

/** Shows what came. Browsers take the leave away from an app that is told something and shows nothing: it always shows. */
export function onPush(event: PushEvent, registration: Pick<ServiceWorkerRegistration, 'showNotification'>): void {
  event.waitUntil(
    (async () => {
      const language = (await readSetting(vault, 'language').catch(() => undefined)) ?? preferred();
      const notice = readNotice(event);
      const { title, body } = wordsOf(notice, language);
      await registration.showNotification(title, {
        body,
        lang: language,
        icon: '/icons/icon-192.png',
        badge: '/icons/icon-192.png',
        data: { path: pathOf(notice) },
        // The same thing again takes the place of the first.
        tag: notice?.kind === 'arrival' ? notice.bill : (notice?.code ?? 'notice'),
      });
    })(),
  );
}

function readNotice({ data }: PushEvent): NoticeText | undefined {
  try {
    const said = data?.json();
    return Value.Check(NoticeText, said) ? said : undefined;
  } catch {
    return undefined;
  }
}

function preferred(): 'zh' | 'en' {
  return navigator.language.startsWith('zh') ? 'zh' : 'en';
}
