/**
 * What design documents say in JavaScript: which changes are told, and which writes are taken. Only an open notebook, on
 * this machine alone, runs them, each in a context of its own that knows nothing and for a moment only; the house never does.
 */
import { createContext, Script } from 'node:vm';
import type { Document } from '#server/notebook/document.ts';
import { Fault } from '#server/notebook/fault.ts';

const PATIENCE_MS = 1_000;

/** A function of a design document as it can be called: everything goes in and comes out as JSON. */
type Called = (...values: readonly unknown[]) => unknown;

function compile(source: string, wrap: (name: string) => string): Called {
  const context = createContext({ given: '[]' });
  new Script(`const told = (${source});`).runInContext(context, { timeout: PATIENCE_MS });
  const call = new Script(wrap('told'));
  return (...values) => {
    context.given = JSON.stringify(values);
    const answer: unknown = call.runInContext(context, { timeout: PATIENCE_MS });
    return typeof answer === 'string' ? (JSON.parse(answer) as unknown) : undefined;
  };
}

/** A filter of changes by its source. Throws when the source is none. */
export function compileFilter(
  source: string,
  query: Readonly<Record<string, string>>,
): (document: Document) => boolean {
  const call = compile(source, (name) => `JSON.stringify(!!${name}.apply(null, JSON.parse(given)))`);
  return (document) => call(document, { query }) === true;
}

/** What a map function says of a document. */
export interface Emitted {
  readonly key: unknown;
  readonly value: unknown;
}

/** What a map function says, by its source. Throws when the source is none. */
export function compileMap(source: string): (document: Document) => readonly Emitted[] {
  const call = compile(
    `(function () { let said = []; const emit = (key = null, value = null) => said.push({ key, value });
      const map = (${source}); return (document) => { said = []; map(document); return said; }; })()`,
    (name) => `JSON.stringify(${name}.apply(null, JSON.parse(given)))`,
  );
  return (document) => call(document) as readonly Emitted[];
}

/** A judge of writes by its source. */
export function compileJudge(source: string): (document: Document, old: Document | undefined) => Fault | undefined {
  const call = compile(
    source,
    (name) => `(() => {
      try { ${name}.apply(null, JSON.parse(given)); return 'null'; }
      catch (no) { return JSON.stringify({ forbidden: no.forbidden, unauthorized: no.unauthorized, other: String(no) }); }
    })()`,
  );
  return (document, old) => {
    const no = call(document, old ?? null, { db: null, name: null, roles: ['_admin'] }, {}) as {
      forbidden?: string;
      unauthorized?: string;
      other?: string;
    } | null;
    if (no === null) return undefined;
    if (no.unauthorized !== undefined) return new Fault(401, 'unauthorized', no.unauthorized);
    return new Fault(403, 'forbidden', no.forbidden ?? no.other ?? '');
  };
}

/** The judge that all design documents of a notebook make together; undefined when none of them judges. */
export function judgeByDesigns(
  designs: readonly Document[],
): ((document: Document, old: Document | undefined) => Fault | undefined) | undefined {
  const sources = designs.map((one) => one.validate_doc_update).filter((one) => typeof one === 'string');
  if (sources.length === 0) return undefined;
  const judges = sources.map(compileJudge);
  return (document, old) => {
    if (String(document._id).startsWith('_design/')) return undefined;
    for (const judge of judges) {
      const fault = judge(document, old);
      if (fault) return fault;
    }
    return undefined;
  };
}
