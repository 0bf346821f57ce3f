/** The notebook on a phone, in the browser's own database: written and read, and two phones' words both kept until one is chosen. */
import { afterEach, expect, test } from 'vitest';
import type { Category, Note, Opinion } from '#shared/api/notebook.ts';
import { newId } from '#shared/base/id.ts';
import { all } from '#web/notebook/apart.ts';
import { type Notebook, openNotebook } from '#web/notebook/notebook.ts';
import { houseBook, localBook } from '#web/notebook/pouch.ts';
import type { NotebookFetch } from '#web/sync/notebook.ts';
import { disputed, noteOf, ownCategories } from '#web/vault/opinions.ts';
import { keepSetting } from '#web/vault/settings.ts';
import { wipe } from '#web/vault/storage.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

const books: Notebook[] = [];

afterEach(async () => {
  for (const { book } of books.splice(0)) await book.destroy();
});

interface Phone {
  readonly vault: Vault;
  readonly notes: Notebook;
}

/** A phone of a wallet. */
async function phone(wallet = newId(Date.now() as never)): Promise<Phone> {
  const vault = openVault(`notebook-${crypto.randomUUID()}`);
  await keepSetting(vault, 'wallet', { id: wallet, region: 'CN-SX', name: '小明' });
  const notes = await openNotebook(vault, localBook);
  if (!notes) throw new Error('no notebook');
  books.push(notes);
  return { vault, notes };
}

function note(text: string): Note {
  return { _id: 'note:b1', type: 'note', bill: 'b1', text, at: 1 };
}

test('a phone without a wallet has no notebook', async () => {
  expect(await openNotebook(openVault(`notebook-${crypto.randomUUID()}`), localBook)).toBeUndefined();
});

/** What the person has before them on one thing. */
async function seen({ vault }: Phone, id: string): Promise<string | undefined> {
  return (await vault.opinions.get(id))?.revision;
}

/** Both ways between two phones, with no house between them. */
async function meet(one: Phone, other: Phone): Promise<void> {
  await one.notes.book.replicate.to(other.notes.book);
  await one.notes.book.replicate.from(other.notes.book);
  await Promise.all([one.notes.mirror(), other.notes.mirror()]);
}

/** What the notes of a phone say on one thing, conflicts too. */
async function said({ notes }: Phone, id: string): Promise<string[]> {
  return (await notes.versions(id))
    .map(({ opinion }) => (opinion.type === 'note' ? opinion.text : opinion.type === 'category' ? opinion.name : ''))
    .sort();
}

test('what is written is read by the screens, written over, and taken back', async () => {
  const ming = await phone();
  await ming.notes.write(note('茶'), undefined);
  expect((await noteOf(ming.vault, 'b1')).text).toBe('茶');
  await ming.notes.write(note('喝茶'), await seen(ming, 'note:b1'));
  await ming.notes.write({ _id: 'tags:b1', type: 'tags', bill: 'b1', tags: ['work'], at: 2 }, undefined);
  expect(await noteOf(ming.vault, 'b1')).toMatchObject({ text: '喝茶', tags: ['work'], disputed: [] });
  await ming.notes.remove('note:b1', await seen(ming, 'note:b1'));
  expect(await noteOf(ming.vault, 'b1')).toMatchObject({ text: '', tags: ['work'] });
});

test('what is written bears the name of the phone that wrote it last', async () => {
  const [ming, other] = [await phone(), await phone()];
  await ming.notes.write(note('茶'), undefined);
  expect((await ming.notes.versions('note:b1'))[0]?.opinion.by).toBeUndefined();
  await keepSetting(ming.vault, 'phoneName', '小明的手机');
  await keepSetting(other.vault, 'phoneName', '旧手机');
  await ming.notes.write(note('喝茶'), await seen(ming, 'note:b1'));
  await meet(ming, other);
  expect((await other.notes.versions('note:b1'))[0]?.opinion).toMatchObject({ text: '喝茶', by: '小明的手机' });
  const [held] = await other.notes.versions('note:b1');
  await other.notes.write({ ...note('红茶'), by: held?.opinion.by ?? '' }, held?.revision);
  expect((await other.notes.versions('note:b1'))[0]?.opinion).toMatchObject({ text: '红茶', by: '旧手机' });
});

test('a wallet that was closed takes its notebook along, and nobody else’s', async () => {
  const leaver = await phone();
  const other = await phone();
  await leaver.notes.write(note('茶'), undefined);
  await other.notes.write(note('咖啡'), undefined);
  await wipe(leaver.vault);
  const kept = (await indexedDB.databases())
    .map(({ name }) => name ?? '')
    .filter((name) => name.includes('-notebook-'));
  expect(kept.filter((name) => name.includes(leaver.vault.name))).toEqual([]);
  expect(kept.filter((name) => name.includes(other.vault.name))).toHaveLength(1);
  expect((await noteOf(leaver.vault, 'b1')).text).toBe('');
  expect((await noteOf(other.vault, 'b1')).text).toBe('咖啡');
  books.splice(books.indexOf(leaver.notes), 1);
});

test('two phones that write apart have both words until one is chosen, and then both have that', async () => {
  const [ming, other] = [await phone(), await phone()];
  await ming.notes.write(note('在家写的'), undefined);
  await other.notes.write(note('在路上写的'), undefined);
  await meet(ming, other);
  expect((await noteOf(ming.vault, 'b1')).disputed).toEqual(['note']);
  expect((await noteOf(ming.vault, 'b1')).text).toBe((await noteOf(other.vault, 'b1')).text);
  expect(await said(ming, 'note:b1')).toEqual(['在家写的', '在路上写的'].sort());

  await ming.notes.settle(await ming.notes.versions('note:b1'), { keep: note('两句都在'), beside: [] });
  await meet(ming, other);
  for (const one of [ming, other]) {
    expect((await noteOf(one.vault, 'b1')).text).toBe('两句都在');
    expect(await disputed(one.vault)).toEqual([]);
  }
});

test('a word that came while the form was open is not written over, and not taken back', async () => {
  const [ming, other] = [await phone(), await phone()];
  await ming.notes.write(note('茶'), undefined);
  await meet(ming, other);
  const open = await seen(ming, 'note:b1');
  await other.notes.write(note('和老王喝茶'), await seen(other, 'note:b1'));
  await meet(ming, other);
  await ming.notes.write(note('和老李喝茶'), open);
  expect(await said(ming, 'note:b1')).toEqual(['和老李喝茶', '和老王喝茶'].sort());
  // Something new on both sides of an open form is the same story.
  const tags = (tag: string): Opinion => ({ _id: 'tags:b1', type: 'tags', bill: 'b1', tags: [tag], at: 1 });
  await other.notes.write(tags('work'), undefined);
  await meet(ming, other);
  await ming.notes.write(tags('home'), undefined);
  expect((await noteOf(ming.vault, 'b1')).disputed).toEqual(['note', 'tags']);

  const third = await phone();
  await third.notes.write(note('茶'), undefined);
  const before = await seen(third, 'note:b1');
  await third.notes.write(note('新的一句'), before);
  await third.notes.remove('note:b1', before);
  expect(await said(third, 'note:b1')).toEqual(['新的一句']);
});

test('a choice ends the words that were seen, and not one that came while they were looked at', async () => {
  const [ming, other, third] = [await phone(), await phone(), await phone()];
  for (const [one, text] of [
    [ming, '一'],
    [other, '二'],
    [third, '三'],
  ] as const) {
    await one.notes.write(note(text), undefined);
  }
  await meet(ming, other);
  const versions = await ming.notes.versions('note:b1');
  await meet(ming, third);
  await ming.notes.settle(versions, { keep: note('一和二'), beside: [] });
  expect(await said(ming, 'note:b1')).toEqual(['一和二', '三'].sort());
  expect((await noteOf(ming.vault, 'b1')).disputed).toEqual(['note']);
});

test('two names of one category can both be kept, on both phones, and are two categories then and not four', async () => {
  const [ming, other] = [await phone(), await phone()];
  const own = newId(1_763_000_000_000 as never);
  const category = (name: string): Category => ({
    _id: `category:${own}`,
    type: 'category',
    category: own,
    name,
    at: 1,
  });
  await ming.notes.write(category('喝茶'), undefined);
  await meet(ming, other);
  const id = `category:${own}`;
  await ming.notes.write(category('茶馆'), await seen(ming, id));
  await other.notes.write(category('茶叶'), await seen(other, id));
  await meet(ming, other);
  expect((await disputed(ming.vault)).map((row) => row.id)).toEqual([id]);
  for (const one of [ming, other]) {
    const versions = await one.notes.versions(id);
    const settlement = all(versions, 2 as never);
    if (settlement) await one.notes.settle(versions, settlement);
  }
  await meet(ming, other);
  for (const one of [ming, other]) {
    const names = [...(await ownCategories(one.vault)).values()].map(({ name }) => name);
    expect([names.sort(), await disputed(one.vault)]).toEqual([['茶馆', '茶叶'].sort(), []]);
  }
});

test('a copy that was read earlier is not put over a newer one', async () => {
  const ming = await phone();
  await ming.notes.write(note('茶'), undefined);
  const { book } = ming.notes;
  const read = book.changes.bind(book);
  let hold = true;
  let goOn = () => undefined as unknown;
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  Object.assign(book, {
    changes: async (asked: object) => {
      const page = await read(asked);
      if (!hold) return page;
      hold = false;
      await held;
      return page;
    },
  });
  await book.put({ ...(await book.get('note:b1')), text: '喝茶' });
  const slow = ming.notes.mirror();
  await book.put({ ...(await book.get('note:b1')), text: '喝完了' });
  await ming.notes.mirror();
  goOn();
  await slow;
  expect((await noteOf(ming.vault, 'b1')).text).toBe('喝完了');
});

/** A house that has one note to bring, and is killed when it has brought it. */
function dyingHouse(held: Note): NotebookFetch {
  const rev = '1-0123456789abcdef0123456789abcdef';
  const doc = { ...held, _rev: rev, _revisions: { start: 1, ids: [rev.slice(2)] } };
  let isDead = false;
  return async (url) => {
    if (isDead) throw new TypeError('Failed to fetch');
    const { pathname, searchParams } = new URL(url);
    if (pathname.includes('/_local/')) return Response.json({ error: 'not_found' }, { status: 404 });
    if (pathname.endsWith('/_bulk_get')) {
      isDead = true;
      return Response.json({ results: [{ id: held._id, docs: [{ ok: doc }] }] });
    }
    if (!pathname.endsWith('/_changes')) return Response.json({ db_name: 'book', doc_count: 1, update_seq: 1 });
    const results = searchParams.get('since') === '0' ? [{ seq: 1, id: held._id, changes: [{ rev }] }] : [];
    return Response.json({ results, last_seq: 1, pending: 0 });
  };
}

test('a house killed in the middle of a batch ends the replication, and no fault goes unheard', async () => {
  const { notes } = await phone();
  const unheard: unknown[] = [];
  const hear = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unheard.push(event.reason);
  };
  addEventListener('unhandledrejection', hear);
  const house = await houseBook('ming', dyingHouse(note('茶')));
  await expect(notes.book.replicate.from(house)).rejects.toMatchObject({
    result: { docs_written: 1 },
  });
  await new Promise((done) => setTimeout(done, 200));
  removeEventListener('unhandledrejection', hear);
  expect(unheard).toEqual([]);
  expect(await notes.book.get('note:b1')).toMatchObject({ text: '茶' });
});
