/** Where what scrolls into view comes to rest: clear of the foot of a screen, which stands over the page. */

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
