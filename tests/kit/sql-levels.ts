/** A statement taken apart into its levels: what each reads and writes, and which of its columns are said to be the same. */
import { loadModule, parseSync } from 'libpg-query';

await loadModule();

/** A part of the parser's tree, by its own names. */
export type Branch = { readonly [name: string]: unknown };

/** What is said between one `select`, `insert`, `update` or `delete` and its end. */
export interface Level {
  readonly kind: 'select' | 'set' | 'insert' | 'update' | 'delete' | 'other';
  readonly tree: Branch;
  readonly outer: Level | undefined;
  /** Which part of a `with` it stands in, by their order; undefined behind the `with`, and where there is none. */
  readonly part: number | undefined;
  /** How the level around it asks: for rows it reads on, as a condition of its rows, or for a value. */
  readonly asked: 'rows' | 'condition' | 'value';
  readonly target: Source | undefined;
  readonly sources: Source[];
  readonly joins: Join[];
  /** Columns and values of which each row says the same. */
  readonly same: Sameness;
  /** The same with what outer joins say, which is true of rows that found their match alone. */
  readonly matched: Sameness;
}

/** Something a level reads: a table, a list, the answer of another level. */
export interface Source {
  readonly alias: string;
  readonly table?: string;
  readonly level?: Level;
  readonly part?: number;
  /** `unnest(a, b)`, `with ordinality`, `lateral`. */
  readonly list?: { readonly several: boolean; readonly numbered: boolean; readonly lateral: boolean };
  /** The value of each column known to be one and the same in all rows. */
  readonly values: ReadonlyMap<string, string>;
}

/** An outer join, by the names of its two sides. */
export interface Join {
  readonly type: 'left' | 'right' | 'full';
  readonly left: readonly string[];
  readonly right: readonly string[];
}

/** One part of a `with`. */
export interface Part {
  readonly name: string;
  readonly kept: boolean;
  readonly level: Level;
}

/** The levels of a statement, each after those it reads from, and the parts of its outermost `with`. */
export interface Levels {
  readonly all: readonly Level[];
  readonly top: Level;
  readonly parts: readonly Part[];
  readonly recursive: boolean;
}

/** Takes the one statement in `text` apart. Throws the parser's error. */
export function levelsOf(text: string): Levels {
  const [statement] = listIn(parseSync(text), 'stmts');
  const said = branchIn(statement, 'stmt');
  const reading: Reading = { all: [], parts: [], recursive: false };
  // A cursor asks what its query asks.
  const asked = branchOrNone(branchIn(said, 'DeclareCursorStmt'), 'query') ?? said;
  const top = readLevel(asked, { reading, named: new Map(), asked: 'rows' });
  return { ...reading, top };
}

interface Reading {
  readonly all: Level[];
  readonly parts: Part[];
  recursive: boolean;
}

interface Around {
  readonly reading: Reading;
  readonly named: ReadonlyMap<string, { readonly level: Level; readonly part: number | undefined }>;
  readonly asked: Level['asked'];
  readonly outer?: Level;
  readonly part?: number;
}

const KINDS: Readonly<Record<string, Level['kind']>> = {
  SelectStmt: 'select',
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
};

function readLevel(node: Branch, given: Around): Level {
  const [name, tree] = unwrap(node);
  const around = readParts(tree, given);
  const kind = name === 'SelectStmt' && textIn(tree, 'op') !== 'SETOP_NONE' ? 'set' : (KINDS[name] ?? 'other');
  const relation = kind === 'select' || kind === 'other' ? undefined : branchOrNone(tree, 'relation');
  const target = relation && textIn(relation, 'relname') ? tableSource(relation, new Map()) : undefined;
  const { outer, part, asked } = around;
  const level: Level = {
    ...{ kind, tree, outer, part, asked, target },
    ...{ sources: [], joins: [], same: openSameness(), matched: openSameness() },
  };
  const below: Around = { ...around, outer: level, asked: 'rows' };
  if (kind === 'set') {
    for (const arm of ['larg', 'rarg']) {
      const inner = readLevel({ SelectStmt: branchIn(tree, arm) }, below);
      level.sources.push({ alias: arm, level: inner, values: valuesOf(inner) });
    }
  }
  const select = branchOrNone(tree, 'selectStmt');
  if (select) {
    const inner = readLevel(select, below);
    level.sources.push({ alias: 'select', level: inner, values: valuesOf(inner) });
  }
  for (const one of [...listIn(tree, 'fromClause'), ...listIn(tree, 'usingClause')]) readSource(one, level, below);
  const where = branchOrNone(tree, 'whereClause');
  if (where) for (const both of equalitiesIn(where, level)) join(both, level.same, level.matched);
  readQuestions(level, below);
  given.reading.all.push(level);
  return level;
}

/** The parts of its `with` come first, and each knows those before it. */
function readParts(tree: Branch, given: Around): Around {
  const clause = branchOrNone(tree, 'withClause');
  if (!clause) return given;
  const { reading } = given;
  if (isTrue(clause, 'recursive')) reading.recursive = true;
  const named = new Map(given.named);
  const isOutermost = given.outer === undefined && given.part === undefined;
  for (const [at, one] of listIn(clause, 'ctes').entries()) {
    const [, cte] = unwrap(one);
    const part = isOutermost ? at : given.part;
    const level = readLevel(branchIn(cte, 'ctequery'), {
      reading,
      named,
      asked: 'rows',
      ...(part === undefined ? {} : { part }),
    });
    const name = textIn(cte, 'ctename');
    named.set(name, { level, part });
    const kept = textIn(cte, 'ctematerialized') === 'CTEMaterializeAlways';
    if (isOutermost) reading.parts.push({ name, kept, level });
  }
  return { ...given, named };
}

function readSource(node: Branch, level: Level, around: Around): string[] {
  const [name, tree] = unwrap(node);
  if (name === 'JoinExpr') return readJoin(tree, level, around);
  const source = sourceOf(name, tree, around);
  level.sources.push(source);
  for (const [column, value] of source.values) join([`${source.alias}.${column}`, value], level.same, level.matched);
  return [source.alias];
}

function sourceOf(name: string, tree: Branch, around: Around): Source {
  if (name === 'RangeVar') return tableSource(tree, around.named);
  const alias = textIn(branchOrNone(tree, 'alias') ?? {}, 'aliasname');
  if (name === 'RangeSubselect') {
    const lateral = isTrue(tree, 'lateral');
    const inner = readLevel(branchIn(tree, 'subquery'), { ...around, asked: 'rows' });
    const list = lateral ? { several: false, numbered: false, lateral } : undefined;
    return { alias, level: inner, values: valuesOf(inner), ...(list ? { list } : {}) };
  }
  const functions = listIn(tree, 'functions').flatMap((one) => listIn(unwrap(one)[1], 'items'));
  const lists = functions.flatMap((one) => listIn(branchIn(one, 'FuncCall'), 'args'));
  return {
    ...{ alias, values: new Map() },
    list: { several: lists.length > 1, numbered: isTrue(tree, 'ordinality'), lateral: isTrue(tree, 'lateral') },
  };
}

function tableSource(tree: Branch, named: Around['named']): Source {
  const table = textIn(tree, 'relname');
  const alias = textIn(branchOrNone(tree, 'alias') ?? {}, 'aliasname') || table;
  const part = named.get(table);
  if (!part) return { alias, table, values: new Map() };
  return {
    alias,
    values: valuesOf(part.level),
    level: part.level,
    ...(part.part === undefined ? {} : { part: part.part }),
  };
}

function readJoin(tree: Branch, level: Level, around: Around): string[] {
  const left = readSource(branchIn(tree, 'larg'), level, around);
  const right = readSource(branchIn(tree, 'rarg'), level, around);
  const type = { JOIN_LEFT: 'left', JOIN_RIGHT: 'right', JOIN_FULL: 'full' }[textIn(tree, 'jointype')] as
    | Join['type']
    | undefined;
  if (type) level.joins.push({ type, left, right });
  const says = branchOrNone(tree, 'quals');
  const pairs = says ? equalitiesIn(says, level) : [];
  for (const one of listIn(tree, 'usingClause')) {
    const column = textIn(unwrap(one)[1], 'sval');
    pairs.push(...left.map((alias): Pair => [`${alias}.${column}`, `${right[0]}.${column}`]));
  }
  for (const pair of pairs) {
    if (type) join(pair, level.matched);
    else join(pair, level.same, level.matched);
  }
  return [...left, ...right];
}

/** What a level asks of others inside its expressions. */
function readQuestions(level: Level, around: Around): void {
  const conditions = new Set(conjunctsOf(branchOrNone(level.tree, 'whereClause')).map(questionIn));
  // The arms of a `union` are levels of their own.
  const { larg, rarg, ...own } = level.tree;
  walk(own, (name, tree) => {
    if (name === 'SubLink') {
      readLevel(branchIn(tree, 'subselect'), { ...around, asked: conditions.has(tree) ? 'condition' : 'value' });
      const test = branchOrNone(tree, 'testexpr');
      if (test) readInside(test, around);
      return false;
    }
    return !['RangeSubselect', 'CommonTableExpr', 'SelectStmt'].includes(name);
  });
}

function readInside(node: Branch, around: Around): void {
  walk(node, (name, tree) => {
    if (name !== 'SubLink') return true;
    readLevel(branchIn(tree, 'subselect'), { ...around, asked: 'value' });
    return false;
  });
}

/** `exists (…)`, `not exists (…)` and `… in (…)`: what the planner turns into a join. */
function questionIn(node: Branch): Branch | undefined {
  const [name, tree] = unwrap(node);
  if (name === 'SubLink')
    return ['EXISTS_SUBLINK', 'ANY_SUBLINK'].includes(textIn(tree, 'subLinkType')) ? tree : undefined;
  if (name !== 'BoolExpr' || textIn(tree, 'boolop') !== 'NOT_EXPR') return undefined;
  const inner = questionIn(listIn(tree, 'args')[0] ?? {});
  return inner && textIn(inner, 'subLinkType') === 'EXISTS_SUBLINK' ? inner : undefined;
}

function conjunctsOf(node: Branch | undefined): Branch[] {
  if (!node) return [];
  const [name, tree] = unwrap(node);
  if (name === 'BoolExpr' && textIn(tree, 'boolop') === 'AND_EXPR') return listIn(tree, 'args').flatMap(conjunctsOf);
  return [node];
}

type Pair = readonly [string, string];

function equalitiesIn(node: Branch, level: Level): Pair[] {
  return conjunctsOf(node).flatMap((one) => {
    const [name, tree] = unwrap(one);
    if (name !== 'A_Expr' || textIn(tree, 'kind') !== 'AEXPR_OP' || operatorOf(tree) !== '=') return [];
    const left = termOf(branchOrNone(tree, 'lexpr'), level);
    const right = termOf(branchOrNone(tree, 'rexpr'), level);
    return left !== undefined && right !== undefined ? [[left, right] as const] : [];
  });
}

function operatorOf(tree: Branch): string {
  return textIn(unwrap(listIn(tree, 'name')[0] ?? {})[1], 'sval');
}

/**
 * The name of a column or value at `level`: `t.region`, `$1`, `'CN'`. A column of a level around is the value it is known
 * to have there, or called `^t.region`.
 */
export function termOf(node: Branch | undefined, level: Level): string | undefined {
  if (!node) return undefined;
  const [name, tree] = unwrap(node);
  if (name === 'ParamRef') return `$${String(under(tree, 'number')[0])}`;
  if (name === 'TypeCast') return termOf(branchOrNone(tree, 'arg'), level);
  if (name === 'A_Const') return branchOrNone(tree, 'sval') && `'${textIn(branchIn(tree, 'sval'), 'sval')}'`;
  if (name !== 'ColumnRef') return undefined;
  const fields = listIn(tree, 'fields').map((field) => textIn(unwrap(field)[1], 'sval'));
  const [alias, column] = fields.length > 1 ? fields : [undefined, fields[0]];
  if (!column) return undefined;
  let isJoined = true;
  for (let [at, up]: [Level | undefined, string] = [level, '']; at; at = at.outer, up += '^') {
    const own = sourcesOf(at).filter((one) => (alias ? one.alias === alias : mayHave(one, column)));
    const term = own[0] && `${own[0].alias}.${column}`;
    if (term) return (up !== '' && isJoined && valueAt(at, term)) || `${up}${term}`;
    // Only a condition becomes a join, in which the value of the one is that of the other.
    isJoined &&= at.asked === 'condition';
  }
  return undefined;
}

/** Whether an unqualified name may be a column of `source`; of an answer only what it hands on is known. */
function mayHave(source: Source, column: string): boolean {
  return source.level ? source.values.has(column) : source.table !== undefined;
}

/** What a level reads from, its own target first. */
export function sourcesOf(level: Level): readonly Source[] {
  return level.target ? [level.target, ...level.sources] : level.sources;
}

/** The value all rows have in `term`, where it is known: `$1` or `'CN'`. */
export function valueAt(level: Level, term: string): string | undefined {
  return /^[$']/.test(term) ? term : level.same.of(term).find((one) => /^[$']/.test(one));
}

/** The columns that a level hands on with one and the same value in all rows. */
function valuesOf(level: Level): Map<string, string> {
  if (level.kind === 'set') {
    const [left, right] = level.sources.map(({ values }) => values);
    return new Map([...(left ?? [])].filter(([column, value]) => right?.get(column) === value));
  }
  const handed =
    level.kind === 'select'
      ? listIn(level.tree, 'targetList')
      : listIn(branchOrNone(level.tree, 'returningClause') ?? {}, 'exprs');
  return new Map(
    handed.flatMap((one): Pair[] => {
      const [, tree] = unwrap(one);
      const value = branchOrNone(tree, 'val');
      const term = termOf(value, level);
      const known = term && valueAt(level, term);
      const name = textIn(tree, 'name') || term?.split('.')[1];
      return known && name ? [[name, known]] : [];
    }),
  );
}

/** Names that were said to be the same. */
export interface Sameness {
  readonly add: (left: string, right: string) => void;
  readonly of: (name: string) => readonly string[];
}

function openSameness(): Sameness {
  const groups = new Map<string, string[]>();
  return {
    add(left, right) {
      const both = [...new Set([...(groups.get(left) ?? [left]), ...(groups.get(right) ?? [right])])];
      for (const name of both) groups.set(name, both);
    },
    of: (name) => groups.get(name) ?? [name],
  };
}

function join([left, right]: Pair, ...samenesses: readonly Sameness[]): void {
  for (const one of samenesses) one.add(left, right);
}

/** Calls `seen` for every named node under `node`; where it answers false, what lies below is left out. */
export function walk(node: unknown, seen: (name: string, tree: Branch) => boolean): void {
  if (Array.isArray(node)) {
    for (const one of node) walk(one, seen);
    return;
  }
  if (!isBranch(node)) return;
  for (const [name, value] of Object.entries(node)) {
    if (/^[A-Z]/.test(name) && isBranch(value) && !seen(name, value)) continue;
    walk(value, seen);
  }
}

function isBranch(value: unknown): value is Branch {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `{ SelectStmt: {…} }` as its name and what is in it. */
export function unwrap(node: Branch): readonly [name: string, tree: Branch] {
  const [name = ''] = Object.keys(node);
  const tree = node[name];
  return [name, isBranch(tree) ? tree : {}];
}

export function listIn(tree: unknown, name: string): Branch[] {
  const value = isBranch(tree) ? tree[name] : undefined;
  return Array.isArray(value) ? value.filter(isBranch) : [];
}

export function branchOrNone(tree: Branch, name: string): Branch | undefined {
  const value = tree[name];
  return isBranch(value) ? value : undefined;
}

function branchIn(tree: unknown, name: string): Branch {
  return (isBranch(tree) && branchOrNone(tree, name)) || {};
}

/** What stands under each of `names`. */
export function under(tree: Branch, ...names: readonly string[]): unknown[] {
  return names.map((name) => tree[name]);
}

export function isTrue(tree: Branch, name: string): boolean {
  return tree[name] === true;
}

export function textIn(tree: Branch, name: string): string {
  const value = tree[name];
  return typeof value === 'string' ? value : '';
}
