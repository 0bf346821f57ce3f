/**
 * A notebook of ten thousand notes: how long a phone takes to bring them, another one to fetch them, and how soon a word
 * of one phone is on the other afterwards; real PouchDB on both sides of a real door, in one process.
 */
import { performance } from 'node:perf_hooks';
import type PouchDB from 'pouchdb-core';
import { notebookSchema } from '#server/notebook/notebook.ts';
import { openDatabase } from '#server/platform/database.ts';
import { migrate } from '#server/platform/migrate.ts';
import { newId } from '#shared/base/id.ts';
import { openNotebookHouse, phone } from '#tests/kit/notebook.ts';

const DOCUMENTS = 10_000;
/** Documents a request, as the app asks and as PouchDB would unless told. */
const BATCH = 200;
const ROUNDS = 30;

/** The benchmarks of this file, by the names they print. */
export const benches = { 'notebook.bring, notebook.fetch, notebook.steady': replication };

async function replication(): Promise<void> {
  const database = await openDatabase({ dataDir: 'memory' });
  await migrate(database, [notebookSchema]);
  const house = await openNotebookHouse(database);
  try {
    const wallet = newId(0 as never);
    const remote = house.remote(wallet);
    const [first, second] = [phone(), phone()];
    await first.bulkDocs(Array.from({ length: DOCUMENTS }, (_, at) => note(at, `第 ${at} 笔，和老王喝茶`)));
    const brought = await timed(() => first.replicate.to(remote, { batch_size: BATCH }));
    const fetched = await timed(() => second.replicate.from(remote, { batch_size: BATCH }));
    const { doc_count: documents } = await second.info();
    report('notebook.bring', Math.round(brought), 'ms', { documents, each: round(brought / DOCUMENTS) });
    report('notebook.fetch', Math.round(fetched), 'ms', { documents, each: round(fetched / DOCUMENTS) });
    const waits = await steady(first, second, remote);
    report('notebook.steady', round(waits[Math.floor(waits.length / 2)] ?? 0), 'ms', {
      worst: round(waits.at(-1) ?? 0),
    });
  } finally {
    await house.close();
    await database.close();
  }
}

/** From a word on one phone to the same word on the other, both listening; sorted, the soonest first. */
async function steady(first: PouchDB, second: PouchDB, remote: PouchDB): Promise<number[]> {
  const roads = [
    first.replicate.to(remote, { live: true, batch_size: BATCH }),
    second.replicate.from(remote, { live: true, batch_size: BATCH }),
  ];
  const waits: number[] = [];
  for (let at = 0; at < ROUNDS; at += 1) {
    const text = `再喝一次 ${at}`;
    const arrived = arrival(second, text);
    const began = performance.now();
    await first.put({ ...(await first.get(`note:b${at}`)), text });
    await arrived;
    waits.push(performance.now() - began);
  }
  for (const road of roads) road.cancel();
  await Promise.allSettled(roads);
  return waits.sort((left, right) => left - right);
}

function arrival(book: PouchDB, text: string): Promise<void> {
  return new Promise((resolve) => {
    const seen = book.changes({ live: true, since: 'now', include_docs: true });
    seen.on('change', ((change: { doc: { text: string } }) => {
      if (change.doc.text !== text) return;
      seen.cancel();
      resolve();
    }) as (told: never) => void);
  });
}

function note(at: number, text: string): object {
  return { _id: `note:b${at}`, type: 'note', bill: `b${at}`, text, at: 1 };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

const round = (value: number): number => Math.round(value * 100) / 100;

function report(name: string, value: number, unit: string, more: Readonly<Record<string, number>>): void {
  console.log(JSON.stringify({ name, value, unit, ...more }));
}
