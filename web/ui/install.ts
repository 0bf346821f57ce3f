/** Puts the app on the home screen, where the browser lets a page ask for it. */

interface InstallQuestion extends Event {
  readonly prompt: () => Promise<{ readonly outcome: 'accepted' | 'dismissed' }>;
}

let question: InstallQuestion | undefined;
const listeners = new Set<() => void>();

/** Keeps the browser's question until the person wants it. Called once, before the first screen. */
export function keepInstallQuestion(): void {
  addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault();
    question = event as InstallQuestion;
    for (const listener of listeners) listener();
  });
  addEventListener('appinstalled', () => {
    question = undefined;
    for (const listener of listeners) listener();
  });
}

/** Whether the browser lets us ask; follows the store contract of Svelte. */
export const canInstall = {
  subscribe(listener: (can: boolean) => void): () => void {
    const tell = () => listener(question !== undefined);
    tell();
    listeners.add(tell);
    return () => listeners.delete(tell);
  },
};

/** Asks. Answers whether the person said yes. */
export async function install(): Promise<boolean> {
  const asked = question;
  question = undefined;
  for (const listener of listeners) listener();
  return (await asked?.prompt())?.outcome === 'accepted';
}

/** Whether the app already runs from the home screen. */
export function isInstalled(): boolean {
  const onApple = (navigator as { readonly standalone?: boolean }).standalone === true;
  return onApple || matchMedia('(display-mode: standalone)').matches;
}

/** Whether this is an iPhone or iPad, where only the person can install, from the share menu. */
export function isApple(): boolean {
  const agent = navigator.userAgent;
  return /iPhone|iPad|iPod/.test(agent) || (agent.includes('Macintosh') && navigator.maxTouchPoints > 1);
}
