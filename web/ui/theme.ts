/** Day or lamp: the person's choice over what the phone prefers. */

/** What the person chose; `auto` follows the phone. */
export type Theme = 'light' | 'dark' | 'auto';

/** Draws the app in `theme`; undefined is `auto`. */
export function wearTheme(theme: Theme | undefined): void {
  const root = document.documentElement;
  if (theme === undefined || theme === 'auto') delete root.dataset.theme;
  else root.dataset.theme = theme;
}
