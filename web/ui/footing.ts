/** Where what scrolls into view comes to rest: clear of the foot of a screen, which stands over the page. */
import type { Attachment } from 'svelte/attachments';
import { afterPicture } from '#web/ui/idle.ts';

let standing: HTMLElement | undefined;

/**
 * Keeps whatever takes the focus in sight: the browser scrolls it above the foot instead of under it, and a foot that
 * grows moves what has the focus out of its way.
 */
export function footing(foot: HTMLElement): () => void {
  const { style } = document.documentElement;
  standing = foot;
  const watch = new ResizeObserver(() => {
    style.scrollPaddingBottom = `${foot.offsetHeight}px`;
    const { activeElement: active } = document;
    if (active?.closest('main')) (active.closest('label') ?? active).scrollIntoView({ block: 'nearest' });
  });
  watch.observe(foot);
  return () => {
    watch.disconnect();
    // The next screen may have come before this one went.
    if (standing !== foot) return;
    standing = undefined;
    style.scrollPaddingBottom = '';
  };
}

/**
 * Brings what has just been said to where it can be read, again whenever `what` changes: a fault that comes while a keypad
 * stands over half of the page would else be heard and not seen.
 */
export function intoSight(_what?: string): Attachment<HTMLElement> {
  // By then a foot that grew with it says how high it is. Where nothing stands over the page, the page stays as it is.
  return (box) => afterPicture(() => standing && box.scrollIntoView({ block: 'nearest' }));
}
