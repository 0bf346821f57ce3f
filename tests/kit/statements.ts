/** Every statement the house sends to its database, read off its sources: each text a call of `query` can have. */
import ts from 'typescript';
import { sourcesIn } from '#tests/kit/sources.ts';

/** One place that sends a statement. `texts`: all it can say; none when that cannot be read off the source. */
export interface SendingPlace {
  /** Such as `server/bill/store.ts: appendBills`. */
  readonly where: string;
  readonly texts: readonly string[];
}

/** Where the outside world and the setup live, which have no database of the house. */
const OUTSIDE = /^server\/(?:sandbox|setup)\//;

/** The places of the server that send statements, in the order of their files. */
export function sendingPlaces(): SendingPlace[] {
  return sourcesIn('server', /\.ts$/)
    .filter(({ path }) => !OUTSIDE.test(path))
    .sort((left, right) => left.path.localeCompare(right.path))
    .flatMap(({ path, text }) => placesIn(path, ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)));
}

function placesIn(path: string, file: ts.SourceFile): SendingPlace[] {
  const places: SendingPlace[] = [];
  const visit = (node: ts.Node): void => {
    const text = ts.isCallExpression(node) ? sentBy(node) : undefined;
    if (text !== undefined)
      places.push({ where: `${path}: ${functionAround(node)}`, texts: [...new Set(textsOf(text))] });
    ts.forEachChild(node, visit);
  };
  visit(file);
  return places;
}

/** What a call hands to whatever is asked by `query`. */
function sentBy(call: ts.CallExpression): ts.Expression | undefined {
  const asks = ts.isPropertyAccessExpression(call.expression) && call.expression.name.text === 'query';
  return asks ? call.arguments[0] : undefined;
}

function functionAround(node: ts.Node): string {
  for (let at: ts.Node | undefined = node; at; at = at.parent) {
    if ((ts.isFunctionDeclaration(at) || ts.isMethodDeclaration(at)) && at.name) return at.name.getText();
    if (ts.isVariableDeclaration(at) && at.initializer && ts.isArrowFunction(at.initializer)) return at.name.getText();
  }
  return 'the file';
}

/** What a parameter stands for inside a function that was called with it. */
type Bound = ReadonlyMap<string, readonly string[]>;

/** Every value `expression` can have, of those that are written down; none when one of its parts is not. */
function textsOf(expression: ts.Expression, bound: Bound = new Map()): readonly string[] {
  if (ts.isStringLiteralLike(expression)) return [expression.text];
  if (ts.isParenthesizedExpression(expression) || ts.isAsExpression(expression))
    return textsOf(expression.expression, bound);
  if (ts.isConditionalExpression(expression)) {
    const ways = [expression.whenTrue, expression.whenFalse].map((way) => textsOf(way, bound));
    return ways.some((way) => way.length === 0) ? [] : ways.flat();
  }
  if (ts.isTemplateExpression(expression)) {
    return expression.templateSpans.reduce<readonly string[]>(
      (heads, { expression: hole, literal }) => {
        const inside = textsOf(hole, bound);
        return heads.flatMap((head) => inside.map((text) => `${head}${text}${literal.text}`));
      },
      [expression.head.text],
    );
  }
  if (ts.isIdentifier(expression)) return bound.get(expression.text) ?? named(expression, expression.text);
  if (ts.isCallExpression(expression) && ts.isIdentifier(expression.expression)) return called(expression, bound);
  return [];
}

/** What the constant `name` holds, or the parameter whose type lists its values. */
function named(from: ts.Node, name: string): readonly string[] {
  const declared = declarationOf(from, name);
  if (!declared) return [];
  if (ts.isParameter(declared))
    return declared.type && listed(declared.type).length > 0 ? listed(declared.type) : handedIn(declared);
  if (ts.isBindingElement(declared)) return unpacked(declared);
  return declared.initializer ? textsOf(declared.initializer) : [];
}

/** `'this' | 'that'` */
function listed(type: ts.TypeNode): readonly string[] {
  const kinds = ts.isUnionTypeNode(type) ? type.types : [type];
  const texts = kinds.flatMap((one) =>
    ts.isLiteralTypeNode(one) && ts.isStringLiteral(one.literal) ? [one.literal.text] : [],
  );
  return texts.length === kinds.length ? texts : [];
}

/** What the calls of its function in the same file hand in for a parameter. */
function handedIn(parameter: ts.ParameterDeclaration): readonly string[] {
  const function_ = parameter.parent;
  const name = ts.isFunctionDeclaration(function_) ? function_.name?.text : undefined;
  const place = function_.parameters.indexOf(parameter);
  const given: (readonly string[])[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText() === name) {
      const text = node.arguments[place];
      given.push(text ? textsOf(text) : []);
    }
    ts.forEachChild(node, visit);
  };
  if (name !== undefined) visit(parameter.getSourceFile());
  return given.some((texts) => texts.length === 0) ? [] : given.flat();
}

/** `const [first, second] = which ? [a, b] : [c, d]` */
function unpacked(element: ts.BindingElement): readonly string[] {
  const place = element.parent.elements.indexOf(element);
  const source = ts.isVariableDeclaration(element.parent.parent) ? element.parent.parent.initializer : undefined;
  const ways = source && ts.isConditionalExpression(source) ? [source.whenTrue, source.whenFalse] : [source];
  const texts = ways.map((way) => {
    const value = way && ts.isArrayLiteralExpression(way) ? way.elements[place] : undefined;
    return value ? textsOf(value) : [];
  });
  return texts.some((one) => one.length === 0) ? [] : texts.flat();
}

function called(call: ts.CallExpression, bound: Bound): readonly string[] {
  const declared = declarationOf(call, call.expression.getText());
  const made = declared && ts.isVariableDeclaration(declared) ? declared.initializer : undefined;
  if (!made || !ts.isArrowFunction(made) || ts.isBlock(made.body)) return [];
  const inside = made.parameters.map(({ name }, at): [string, readonly string[]] => {
    const given = call.arguments[at];
    return [name.getText(), given ? textsOf(given, bound) : []];
  });
  return textsOf(made.body, new Map(inside));
}

type Declared = ts.VariableDeclaration | ts.ParameterDeclaration | ts.BindingElement;

/** The declaration of `name` nearest around `from`. */
function declarationOf(from: ts.Node, name: string): Declared | undefined {
  for (let scope: ts.Node | undefined = from; scope; scope = scope.parent) {
    const found = declaredIn(scope).find((one) => one.name.getText() === name);
    if (found) return found;
  }
  return undefined;
}

function declaredIn(scope: ts.Node): Declared[] {
  const own = ts.isFunctionLike(scope) ? [...scope.parameters] : [];
  if (!ts.isBlock(scope) && !ts.isSourceFile(scope)) return own;
  const lists = scope.statements.flatMap((one) =>
    ts.isVariableStatement(one) ? one.declarationList.declarations : [],
  );
  return lists.flatMap((one): readonly Declared[] =>
    ts.isArrayBindingPattern(one.name) ? one.name.elements.filter(ts.isBindingElement) : [one],
  );
}
