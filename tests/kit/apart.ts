/** A house that knows two phones' words on one bill, as a screen with no server behind it is answered. */
import type { Page } from 'playwright';
import { NOTEBOOK_PATH } from '#shared/api/notebook.ts';

/** Lets the notebook of this page be brought two notes on `bill`, neither of which knew of the other. */
export async function bringTwoNotes(page: Page, bill: string): Promise<void> {
  const at = Date.UTC(2026, 10, 20, 4, 30);
  const note = (letter: string, text: string, by: string) => {
    const ids = [letter.repeat(32)];
    const said = { _id: `note:${bill}`, type: 'note', bill, text, at, by };
    return { ...said, _rev: `1-${letter.repeat(32)}`, _revisions: { start: 1, ids } };
  };
  const docs = [note('b', '和老王一起，他请下一次', 'Pixel 12'), note('a', '两碗刀削面，加了醋', 'iPad')];
  const changes = docs.map(({ _rev }) => ({ rev: _rev }));
  await page.route(
    (url) => url.pathname.startsWith(`${NOTEBOOK_PATH}/`),
    async (route) => {
      const { pathname, searchParams } = new URL(route.request().url());
      const method = route.request().method();
      // The house has no more news, and lets the phone wait.
      if (searchParams.get('feed') === 'longpoll') return;
      if (pathname.includes('/_local/') && method === 'GET') return await route.fulfill({ status: 404, json: {} });
      if (pathname.includes('/_local/')) return await route.fulfill({ status: 201, json: { ok: true } });
      if (pathname.endsWith('/_revs_diff')) return await route.fulfill({ json: {} });
      if (pathname.endsWith('/_bulk_docs')) return await route.fulfill({ status: 201, json: [] });
      if (pathname.endsWith('/_bulk_get')) {
        const held = docs.map((ok) => ({ ok }));
        return await route.fulfill({ json: { results: [{ id: `note:${bill}`, docs: held }] } });
      }
      if (!pathname.endsWith('/_changes')) return await route.fulfill({ json: { doc_count: 1, update_seq: 1 } });
      const isNew = searchParams.get('since') === '0';
      const results = isNew ? [{ seq: 1, id: `note:${bill}`, changes }] : [];
      await route.fulfill({ json: { results, last_seq: 1, pending: 0 } });
    },
  );
}
