/**
 * Says why a Citus cluster would refuse a statement of the house, or answer it otherwise than one PostgreSQL does.
 * Invariant: what is not known to be planned with the same answer is refused.
 */
import type { Place } from '#server/platform/distribute.ts';
import {
  type Branch,
  branchOrNone,
  type Level,
  type Levels,
  levelsOf,
  listIn,
  type Source,
  sourcesOf,
  termOf,
  textIn,
  under,
  unwrap,
  valueAt,
  walk,
} from '#tests/kit/sql-levels.ts';

/** What can be wrong: in the words of the cluster or of its sources, or what it would do in silence; and what to do instead. */
// biome-ignore format: a table to be read in lines
export const RULES = {
  'lock-of-several': ['could not run distributed query with FOR UPDATE/SHARE commands', 'name the region: a statement a region, in the order of regions'],
  'lock-of-copies': ["Router planner doesn't support SELECT FOR UPDATE in common table expressions involving reference tables.", 'lock what lies everywhere by a statement of its own'],
  'change-of-several': ['subqueries are not supported in modifications across multiple shards', 'hold every level to one region, or change one table by its own columns'],
  'change-of-copies': ['only reference tables may be queried when targeting a reference table', 'read first, then write'],
  'moving-row': ['modifying the partition value of rows is not allowed', 'leave a row in its region'],
  'row-of-no-region': ['cannot perform an INSERT without a partition column value', 'hand the region in, or select it'],
  'question-in-values': ['subqueries are not supported within INSERT queries', 'insert what a select answers'],
  'changing-function': ['non-IMMUTABLE functions are not allowed in the RETURNING clause (nor STABLE ones of columns in what changes rows)', 'hand its answer in, or work it out by a statement of its own'],
  'one-snapshot': ['in silence: each part of a `with` that writes runs by itself, and sees what those before it wrote', 'let no part read or update what another writes, unless it is read first and kept'],
  'parts-of-several': ["Router planner doesn't support non-select common table expressions with multi shard queries.", 'hold every part to one region'],
  'join-apart': ['complex joins are only supported when all distributed tables are co-located and joined on their distribution columns', 'join by region too'],
  'question-apart': ['correlated subqueries are not supported unless they are joined on the distribution column', 'ask in the region of the row it is asked for, as a condition; or ask by itself'],
  'kept-before-spread': ['There exist a reference table in the outer part of the outer join', 'begin an outer join with what is spread, or hold it to one region'],
  'several-lists': ['in silence: beside a spread table each column of unnest(a, b) is taken for one of the type of a', 'hold it to one region, or take lists apart in a select list'],
  'numbered-list': ['We wrap all the functions that are used in joins except the ones that are laterally joined or have WITH ORDINALITY clauses.', 'hold it to one region'],
  'merge-of-several': ['could not run distributed query with GROUPING SETS, CUBE, or ROLLUP (nor with windows or DISTINCT ON)', 'hold it to one region'],
  recursive: ['recursive CTEs are only supported when they contain a filter on the distribution column', 'ask step by step'],
  'beside-coordinator': ['relation is not distributed', "ask the coordinator's tables by statements of their own"],
  'other-verb': ['MERGE, COPY, TRUNCATE, LOCK and the like are planned by rules of their own', 'select, insert, update or delete'],
  'place-of-row': ['Recursively planned distributed modifications with ctid on where clause are not supported.', 'find a row by its key'],
} as const satisfies Record<string, readonly [says: string, instead: string]>;

/** The name of a rule. */
export type Rule = keyof typeof RULES;

/** Where a table lies; undefined for what is none of ours, such as the catalogue. */
type Where = (table: string | undefined) => 'region' | 'everywhere' | 'coordinator' | undefined;

/** The rule that `statement` breaks on a cluster placed by `placement`; undefined when it is taken and answered the same. */
export function brokenRule(statement: string, placement: readonly Place[]): Rule | undefined {
  const places = new Map(placement.map((place) => [place.table, 'on' in place ? place.on : ('region' as const)]));
  const where: Where = (table) => (table === undefined ? undefined : places.get(table));
  const isPlaced = (name: string) => ['region', 'everywhere'].includes(where(name) ?? '');
  const levels = levelsOf(statement);
  if (levels.top.kind === 'other') return namesIn(levels.top.tree).some(isPlaced) ? 'other-verb' : undefined;
  const lying = new Set(levels.all.flatMap((level) => sourcesOf(level).map(({ table }) => where(table))));
  if (!lying.has('region') && !lying.has('everywhere')) return undefined;
  if (lying.has('coordinator')) return 'beside-coordinator';
  if (levels.recursive) return 'recursive';
  const house = { levels, where, isOfOne: isOfOneRegion(levels, where) };
  for (const rule of [placesOfRows, partsThatWrite]) {
    const broken = rule(house);
    if (broken) return broken;
  }
  for (const level of levels.all) {
    const broken = level.target ? brokenByChange(level, house) : undefined;
    const found = broken ?? brokenByLock(level, house) ?? (house.isOfOne ? undefined : brokenBySpread(level, house));
    if (found) return found;
  }
  return undefined;
}

/** The tables that a statement of another verb names. */
function namesIn(tree: Branch): string[] {
  return [...JSON.stringify(tree).matchAll(/"relname":"(\w+)"/g)].map(([, name = '']) => name);
}

interface House {
  readonly levels: Levels;
  readonly where: Where;
  /** Everything it reads and writes that lies with a region lies with one and the same, as the planner can tell. */
  readonly isOfOne: boolean;
}

function isOfOneRegion({ all }: Levels, where: Where): boolean {
  const regions = all.flatMap((level) =>
    sourcesOf(level)
      .filter(({ table }) => where(table) === 'region')
      .map((source) => (level.kind === 'insert' ? regionInserted(level) : regionOf(level, source.alias))),
  );
  return regions.every((one) => one !== undefined && one === regions[0]);
}

/** The region all rows of `alias` are known to be of. */
function regionOf(level: Level, alias: string): string | undefined {
  const term = `${alias}.region`;
  return (
    valueAt(level, term) ?? level.matched.of(term).find((one) => /^[$']/.test(one) && isHeldByMatch(level, alias, one))
  );
}

/** An outer join holds what may be missing to the region of the other side, when that one is held to it by itself. */
function isHeldByMatch(level: Level, alias: string, region: string): boolean {
  const missing = new Set(
    level.joins.flatMap(({ type, left, right }) => (type === 'left' ? right : type === 'right' ? left : [])),
  );
  if (level.joins.some(({ type, left, right }) => type === 'full' && [...left, ...right].includes(alias))) return false;
  if (!missing.has(alias)) return false;
  return level.matched.of(`${alias}.region`).some((one) => valueAt(level, one) === region);
}

/** The region of the rows an `insert` writes, when it is one. */
function regionInserted(level: Level): string | undefined {
  const at = listIn(level.tree, 'cols').findIndex((one) => textIn(unwrap(one)[1], 'name') === 'region');
  const [source] = level.sources;
  const inner = source?.level;
  if (at < 0 || !inner) return undefined;
  const rows = listIn(inner.tree, 'valuesLists').map((row) => listIn(unwrap(row)[1], 'items')[at]);
  const handed = rows.length > 0 ? rows : [branchOrNone(unwrap(listIn(inner.tree, 'targetList')[at] ?? {})[1], 'val')];
  const regions = handed.map((one) => {
    const term = termOf(one, inner);
    return term && valueAt(inner, term);
  });
  return regions.every((one) => one === regions[0]) ? regions[0] : undefined;
}

const PLACES_OF_ROWS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

function placesOfRows({ levels }: House): Rule | undefined {
  let broken: Rule | undefined;
  walk(levels.top.tree, (name, tree) => {
    const fields = name === 'ColumnRef' ? listIn(tree, 'fields') : [];
    const last = fields.length > 0 ? textIn(unwrap(fields.at(-1) ?? {})[1], 'sval') : '';
    if (PLACES_OF_ROWS.has(last)) broken = 'place-of-row';
    return true;
  });
  return broken;
}

/** A `with` that writes is cut into its parts, and each is planned and run by itself. */
function partsThatWrite({ levels, where, isOfOne }: House): Rule | undefined {
  const writers = levels.all.filter((level) => level.target && where(level.target.table));
  if (!writers.some(({ part }) => part !== undefined)) return undefined;
  if (!isOfOne) return 'parts-of-several';
  const placeOf = ({ part }: Level) => part ?? levels.parts.length;
  for (const level of levels.all) {
    if (level.sources.some(({ list }) => list?.several) && level.sources.length > 1) return 'several-lists';
    for (const writer of writers) {
      if (placeOf(writer) === placeOf(level)) continue;
      const touches = sourcesOf(level).filter(({ table }) => table !== undefined && table === writer.target?.table);
      if (touches.length > 0 && !isUntouched(level, writer, levels, placeOf)) return 'one-snapshot';
    }
  }
  return undefined;
}

/** Whether `level` finds the table of `writer` as it was before it, as it does on one snapshot. */
function isUntouched(level: Level, writer: Level, { parts }: Levels, placeOf: (level: Level) => number): boolean {
  const table = writer.target?.table;
  const changes = level.target?.table === table;
  // A new row looks at no other; where it meets one by its key, it fails on one snapshot too.
  if (changes && onlyAdds(level) && level.sources.every((source) => source.table !== table)) return true;
  const part = level.part === undefined ? undefined : parts[level.part];
  const runsInTurn = part !== undefined && (part.kept || part.level.target !== undefined || locks(part.level));
  return runsInTurn && placeOf(level) < placeOf(writer) && (!changes || onlyAdds(writer));
}

function onlyAdds({ kind, tree }: Level): boolean {
  return kind === 'insert' && branchOrNone(tree, 'onConflictClause') === undefined;
}

function locks({ tree }: Level): boolean {
  return listIn(tree, 'lockingClause').length > 0;
}

function brokenByChange(level: Level, { where, isOfOne, levels }: House): Rule | undefined {
  const lies = where(level.target?.table);
  if (lies === undefined) return undefined;
  if (changesRegion(level)) return 'moving-row';
  if (level.kind === 'insert') {
    const below = level.sources[0]?.level;
    const rows = below ? listIn(below.tree, 'valuesLists') : [];
    if (lies === 'region' && !namesRegion(level)) return 'row-of-no-region';
    if (rows.length > 0 && levels.all.some(({ outer }) => outer === below)) return 'question-in-values';
    if (lies === 'everywhere' && below && readsOfRegion(below, levels, where)) return 'change-of-copies';
    return changingIn(under(level.tree, 'onConflictClause', 'returningClause')) ?? questionOnConflict(level, levels);
  }
  const asksOthers = level.sources.length > 0 || levels.all.some((one) => one !== level);
  if (lies === 'everywhere' && levels.all.some((one) => sourcesOf(one).some(({ table }) => where(table) === 'region')))
    return 'change-of-copies';
  if (lies === 'region' && !isOfOne && asksOthers) return 'change-of-several';
  return changingIn(under(level.tree, 'targetList', 'whereClause', 'returningClause'));
}

function namesRegion(level: Level): boolean {
  return listIn(level.tree, 'cols').some((one) => textIn(unwrap(one)[1], 'name') === 'region');
}

function changesRegion(level: Level): boolean {
  const set = level.kind === 'update' ? level.tree : branchOrNone(level.tree, 'onConflictClause');
  return listIn(set ?? {}, 'targetList').some((one) => textIn(unwrap(one)[1], 'name') === 'region');
}

function readsOfRegion(below: Level, { all }: Levels, where: Where): boolean {
  return all.some((one) => {
    for (let at: Level | undefined = one; at; at = at.outer)
      if (at === below) return one.sources.some(({ table }) => where(table) === 'region');
    return false;
  });
}

function questionOnConflict(level: Level, { all }: Levels): Rule | undefined {
  return all.some((one) => one.outer === level && one !== level.sources[0]?.level) ? 'question-in-values' : undefined;
}

/** Functions and operators that answer the same for ever; each other one is taken for one that may change. */
const FOR_EVER = new Set([
  ...['unnest', 'cardinality', 'count', 'sum', 'min', 'max', 'bool_or', 'bool_and', 'array_agg', 'abs', 'floor', 'mod'],
  ...['length', 'octet_length', 'lower', 'upper', 'left', 'right', 'substr', 'substring', 'encode', 'decode', 'sha256'],
  ...['jsonb_set', 'jsonb_array_length', 'jsonb_typeof', 'starts_with', 'string_agg', 'array_remove', 'array_append'],
]);

function changingIn(said: readonly unknown[]): Rule | undefined {
  let broken: Rule | undefined;
  walk(said, (name, tree) => {
    const function_ =
      name === 'FuncCall' ? textIn(unwrap(listIn(tree, 'funcname').at(-1) ?? {})[1], 'sval') : undefined;
    if (function_ !== undefined && !FOR_EVER.has(function_)) broken = 'changing-function';
    // Of text and anything else it looks for that one's way to be written, which may change.
    if (name === 'A_Expr' && textIn(unwrap(listIn(tree, 'name')[0] ?? {})[1], 'sval') === '||')
      broken = 'changing-function';
    if (name === 'SQLValueFunction') broken = 'changing-function';
    return true;
  });
  return broken;
}

function brokenByLock(level: Level, { where, isOfOne, levels }: House): Rule | undefined {
  if (!locks(level)) return undefined;
  const lies = new Set(sourcesOf(level).map(({ table }) => where(table)));
  if (lies.has('everywhere')) return lies.has('region') || levels.all.length > 1 ? 'lock-of-copies' : undefined;
  return isOfOne ? undefined : 'lock-of-several';
}

/** A level that reads several regions: each node answers for its own, and the coordinator puts the answers together. */
function brokenBySpread(level: Level, house: House): Rule | undefined {
  if (mergesBeyondGroups(level)) return 'merge-of-several';
  const isSpread = (source: Source): boolean => isSpreadSource(source, house);
  const apart = questionsApart(level, house);
  const spread = level.sources.filter(isSpread);
  if (apart || spread.length === 0) return apart;
  const lists = level.sources.flatMap(({ list }) => list ?? []);
  if (level.sources.length > 1 && lists.some(({ several }) => several)) return 'several-lists';
  if (lists.some(({ numbered, lateral }) => lateral || (numbered && level.sources.length > 1))) return 'numbered-list';
  const [first] = spread;
  const together = new Set(first ? level.matched.of(`${first.alias}.region`) : []);
  const sharing = (one: Source) => regionOf(level, one.alias) ?? '';
  const isTogether = (one: Source) =>
    together.has(`${one.alias}.region`) ||
    (first !== undefined && sharing(one) !== '' && sharing(one) === sharing(first));
  if (level.kind !== 'set' && !spread.every(isTogether)) return 'join-apart';
  for (const { type, left, right } of level.joins) {
    const [l, r] = [left, right].map((side) => spread.some(({ alias }) => side.includes(alias)));
    if ((type === 'left' && r && !l) || (type === 'right' && l && !r) || (type === 'full' && l !== r))
      return 'kept-before-spread';
  }
  return undefined;
}

/** Whether a source is read where its rows lie; an answer that has to be put together first is sent to all nodes instead. */
function isSpreadSource(source: Source, house: House): boolean {
  if (source.level === undefined) return house.where(source.table) === 'region';
  if (source.part !== undefined) return false;
  return !isPutTogether(source.level) && source.level.sources.some((one) => isSpreadSource(one, house));
}

/** An answer with a limit, or over all regions at once, is no answer of one node. */
function isPutTogether({ tree, kind, sources }: Level): boolean {
  if (kind === 'set') return true;
  if (branchOrNone(tree, 'limitCount') || branchOrNone(tree, 'limitOffset')) return true;
  const groups = listIn(tree, 'groupClause').map((one) => listIn(unwrap(one)[1], 'fields').at(-1) ?? {});
  if (groups.some((one) => textIn(unwrap(one)[1], 'sval') === 'region')) return false;
  const isDistinct = Array.isArray(under(tree, 'distinctClause')[0]);
  return sources.length > 0 && (groups.length > 0 || isDistinct || addsUp(under(tree, 'targetList')));
}

const ADDING_UP = /^(?:count|sum|min|max|avg|bool_or|bool_and|array_agg|string_agg|jsonb_agg|json_agg)$/;

function addsUp(said: unknown): boolean {
  let found = false;
  walk(said, (name, tree) => {
    if (name === 'FuncCall' && ADDING_UP.test(textIn(unwrap(listIn(tree, 'funcname').at(-1) ?? {})[1], 'sval')))
      found = true;
    return name !== 'SubLink';
  });
  return found;
}

function mergesBeyondGroups({ tree }: Level): boolean {
  const [distinct] = under(tree, 'distinctClause');
  let found = Array.isArray(distinct) && distinct.some((one: Branch) => Object.keys(one).length > 0);
  walk(under(tree, 'targetList', 'groupClause', 'windowClause'), (name, branch) => {
    if (name === 'GroupingSet' || name === 'WindowDef' || (name === 'FuncCall' && branchOrNone(branch, 'over')))
      found = true;
    return name !== 'SubLink';
  });
  return found;
}

/** Questions about the same rows stay in their region, and are conditions; others are answered before and sent to all nodes. */
function questionsApart(level: Level, { levels, where }: House): Rule | undefined {
  const questions = levels.all.filter(({ outer, asked }) => outer === level && asked !== 'rows');
  for (const question of questions) {
    const reads = question.sources.filter(({ table }) => where(table) === 'region');
    if (reads.length === 0) continue;
    const terms = reads.flatMap(({ alias }) => question.matched.of(`${alias}.region`));
    const isTogether = terms.some((one) => one.startsWith('^') && one.endsWith('.region'));
    if (question.asked === 'value' ? true : !isTogether && refersOut(question)) return 'question-apart';
  }
  return undefined;
}

function refersOut(level: Level): boolean {
  let found = false;
  walk(under(level.tree, 'whereClause', 'targetList', 'fromClause'), (name, tree) => {
    if (name === 'ColumnRef' && (termOf({ ColumnRef: tree }, level)?.startsWith('^') ?? true)) found = true;
    return true;
  });
  return found;
}
