/** How the app is drawn: day or lamp, and how large; the person's choice over what the phone prefers. */

/** What the person chose; `auto` follows the phone. */
export type Theme = 'light' | 'dark' | 'auto';

/** Size of the main text in px for elders (长辈版); the phone's own size when the person asked for none. */
export type ElderText = 20 | 24 | 30;

/** Draws the app in `theme`; undefined is `auto`. */
export function wearTheme(theme: Theme | undefined): void {
  const root = document.documentElement;
  if (theme === undefined || theme === 'auto') delete root.dataset.theme;
  else root.dataset.theme = theme;
}

/** Draws the app for elders, with targets that fit; undefined is the usual drawing. */
export function wearElder(text: ElderText | undefined): void {
  const root = document.documentElement;
  if (text === undefined) delete root.dataset.elder;
  else root.dataset.elder = String(text);
}
