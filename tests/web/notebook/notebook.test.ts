/** The notebook on a phone, in the browser's own database: written and read, and two phones' words both kept until one is chosen. */
import { afterEach, expect, test } from 'vitest';
import type { Note } from '#shared/api/notebook.ts';
import { newId } from '#shared/base/id.ts';
import { type Notebook, openNotebook } from '#web/notebook/notebook.ts';
import { localBook } from '#web/notebook/pouch.ts';
import { disputed, noteOf } from '#web/vault/opinions.ts';
import { keepSetting } from '#web/vault/settings.ts';
import { openVault, type Vault } from '#web/vault/vault.ts';

const books: Notebook[] = [];

afterEach(async () => {
  for (const { book } of books.splice(0)) await book.destroy();
});

/** A phone of a wallet. */
async function phone(wallet = newId(Date.now() as never)): Promise<{ vault: Vault; notes: Notebook }> {
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

test('what is written is read by the screens, written over, and taken back', async () => {
  const { vault, notes } = await phone();
  await notes.write(note('茶'));
  expect((await noteOf(vault, 'b1')).text).toBe('茶');
  await notes.write(note('喝茶'));
  await notes.write({ _id: 'tags:b1', type: 'tags', bill: 'b1', tags: ['work'], at: 2 });
  expect(await noteOf(vault, 'b1')).toMatchObject({ text: '喝茶', tags: ['work'] });
  await notes.remove('note:b1');
  expect(await noteOf(vault, 'b1')).toMatchObject({ text: '', tags: ['work'] });
});

test('two phones that write apart have both words until one is chosen, and then both have that', async () => {
  const ming = await phone();
  const other = await phone();
  await ming.notes.write(note('在家写的'));
  await other.notes.write(note('在路上写的'));
  const meet = async () => {
    await ming.notes.book.replicate.to(other.notes.book);
    await ming.notes.book.replicate.from(other.notes.book);
    await Promise.all([ming.notes.mirror(), other.notes.mirror()]);
  };
  await meet();
  expect((await noteOf(ming.vault, 'b1')).disputed).toEqual(['note']);
  expect((await noteOf(ming.vault, 'b1')).text).toBe((await noteOf(other.vault, 'b1')).text);
  const texts = (await ming.notes.versions('note:b1')).map(({ opinion }) => opinion.type === 'note' && opinion.text);
  expect(texts.sort()).toEqual(['在家写的', '在路上写的'].sort());

  await ming.notes.settle(note('两句都在'));
  await meet();
  for (const { vault } of [ming, other]) {
    expect((await noteOf(vault, 'b1')).text).toBe('两句都在');
    expect(await disputed(vault)).toEqual([]);
  }
});
