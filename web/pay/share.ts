/** Hands a code's text to another app, for phones whose cameras cannot see each other. */

/** How a text left: by the share sheet, on the clipboard, or not at all (the person changed their mind). */
export type Shared = 'shared' | 'copied' | 'no';

/** Shares `text`, or copies it where there is no share sheet. */
export async function shareText(text: string): Promise<Shared> {
  try {
    if (navigator.share) {
      await navigator.share({ text });
      return 'shared';
    }
    await navigator.clipboard.writeText(text);
    return 'copied';
  } catch {
    return 'no';
  }
}
