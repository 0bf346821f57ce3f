/** How Actual reads a statement: its own importers, run from its published source. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';
import { ensureActual } from '#server/setup/actual.mjs';

/** Actual's importers of three formats. */
export interface Actual {
  readonly ofx2json: (text: string) => Promise<{
    readonly transactions: readonly {
      readonly amount: string;
      readonly fitId: string;
      readonly date: string;
      readonly name?: string;
      readonly memo?: string;
    }[];
  }>;
  readonly qif2json: (text: string) => {
    readonly transactions: readonly {
      readonly date?: string;
      readonly amount?: string;
      readonly payee?: string;
      readonly memo?: string;
    }[];
  };
  readonly xmlCAMT2json: (
    text: string,
  ) => Promise<readonly { readonly amount: number; readonly date: string; readonly payee_name?: string }[]>;
}

const ENTRY = 'virtual:actual';
/** Of its calendar (a whole library) the importers ask one thing: the day of a moment by the clock of the place. */
const MONTHS = `export const dayFromDate = (date) => [date.getFullYear(), date.getMonth() + 1, date.getDate()]
  .map((part) => String(part).padStart(2, '0')).join('-');`;

/** Makes the importers one script and loads it. */
export async function loadActual(): Promise<Actual> {
  const importers = join(ensureActual(), 'src/server/transactions/import');
  const parts = ['ofx2json', 'qif2json', 'xmlcamt2json'].map((name) => `export * from '${importers}/${name}.ts';`);
  const sources: Readonly<Record<string, string>> = { [ENTRY]: parts.join('\n'), '#shared/months': MONTHS };
  const made = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'actual',
        enforce: 'pre',
        resolveId: (id) => (id in sources ? `\0${id}` : undefined),
        load: (id) => sources[id.slice(1)],
      },
    ],
    ssr: { noExternal: true },
    build: { write: false, ssr: true, rollupOptions: { input: ENTRY } },
  });
  const [output] = Array.isArray(made) ? made : [made];
  const chunk = output && 'output' in output ? output.output[0] : undefined;
  if (chunk === undefined || !('code' in chunk)) throw new Error('no importer was made');
  const file = join(mkdtempSync(join(tmpdir(), 'piaohao-actual-')), 'actual.mjs');
  writeFileSync(file, chunk.code);
  return (await import(file)) as Actual;
}
