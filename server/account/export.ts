/** Everything the house holds about a person, as one zip: a file of lines of JSON for each kind, and a list with their checksums. */
import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { Zip, ZipDeflate } from 'fflate';
import { HOLDINGS, type Holding } from '#server/account/holding.ts';
import * as store from '#server/account/store.ts';
import type { Database } from '#server/platform/database.ts';
import { utf8 } from '#shared/base/bytes.ts';
import type { Instant } from '#shared/base/time.ts';

/** Rows read at once: a page is written before the next is read, so that a long life takes no more memory than a short one. */
const PAGE = 1_000;

/** What stands in a column, as it can be read. */
type Shown = string | number | boolean | null;

/** A row as its person may read it: secrets are named, not shown. */
export function shownRow({ secret }: Holding, row: store.HeldRow): Record<string, Shown> {
  const shown = (column: string, value: unknown): Shown => {
    if (value === null) return null;
    if (secret.includes(column)) return '(secret)';
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    return JSON.stringify(value);
  };
  return Object.fromEntries(Object.entries(row).map(([column, value]) => [column, shown(column, value)]));
}

/** The zip as a stream. Its `manifest.json` stands last and names each file with its rows and its SHA-256. */
export function exportOf(database: Database, owner: store.Owner, now: Instant): Readable {
  return Readable.from(written(database, owner, now), { objectMode: false });
}

async function* written(database: Database, owner: store.Owner, now: Instant): AsyncGenerator<Uint8Array> {
  const ready: Uint8Array[] = [];
  const zip = new Zip((fault, chunk) => {
    if (fault) throw fault;
    ready.push(chunk);
  });
  const files: { name: string; rows: number; sha256: string }[] = [];
  for (const holding of HOLDINGS) {
    const name = `${holding.table}.jsonl`;
    const file = new ZipDeflate(name, { level: 6 });
    zip.add(file);
    const hash = createHash('sha256');
    let rows = 0;
    for await (const page of pages(database, holding, owner)) {
      push(file, hash, page.map((row) => `${JSON.stringify(shownRow(holding, row))}\n`).join(''));
      rows += page.length;
      yield* ready.splice(0);
    }
    file.push(new Uint8Array(), true);
    files.push({ name, rows, sha256: hash.digest('hex') });
  }
  const manifest = new ZipDeflate('manifest.json', { level: 6 });
  zip.add(manifest);
  const about = { wallet: owner.wallet, region: owner.region, madeAt: new Date(now).toISOString(), files };
  manifest.push(utf8(`${JSON.stringify(about, null, 2)}\n`), true);
  zip.end();
  yield* ready.splice(0);
}

function push(file: ZipDeflate, hash: Hash, text: string): void {
  const bytes = utf8(text);
  hash.update(bytes);
  file.push(bytes);
}

async function* pages(database: Database, holding: Holding, owner: store.Owner): AsyncGenerator<store.HeldRow[]> {
  for (let from = 0; ; from += PAGE) {
    const page = await store.pageHeld(database, holding, owner, from, PAGE);
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
  }
}
