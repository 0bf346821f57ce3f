/** Where the focus goes when another screen, or another step of one, takes the place of what stood there: to its heading. */
import type { Attachment } from 'svelte/attachments';

let isOpening = true;

/**
 * Takes the focus to a heading (`tabindex="-1"`) that has just come to stand here, and again whenever `step` changes: a
 * screen reader says where one is, and the next Tab begins there. A field that took the focus itself keeps it, and the
 * first screen of all is told by the browser.
 */
export function arrival(_step?: string): Attachment<HTMLElement> {
  return (heading) => {
    const isFirst = isOpening;
    isOpening = false;
    const { activeElement: active } = document;
    if (isFirst || active?.matches('input, textarea, select') || active?.closest('dialog')) return;
    heading.focus({ preventScroll: true });
  };
}
