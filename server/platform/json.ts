/**
 * Reads JSON that has one reading only. Parsers disagree on a key said twice, on bytes that are no UTF-8 and on halves
 * of characters (RFC 8259 sections 4, 8.1 and 8.2), and databases keep no NUL: whoever sends such a thing means ill or is broken.
 */

/** No contract of the house nests deeper than ten. */
const MOST_DEPTH = 32;
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g;

/** The text of `bytes`, or undefined when it is not UTF-8 or, being JSON, could be read in two ways. */
export function plainJson(bytes: Uint8Array): string | undefined {
  try {
    const json = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return hasOneReading(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** Throws SyntaxError when a text in `json` is none; everything else that is no JSON is left to the parser. */
function hasOneReading(json: string): boolean {
  const open: Set<string>[] = [];
  for (const [token, colon] of json.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      if (open.push(new Set()) > MOST_DEPTH) return false;
    } else if (token === '}' || token === ']') {
      open.pop();
    } else {
      const quoted = token.slice(0, token.length - (colon?.length ?? 0));
      // Only an escape can bring in what UTF-8 and JSON keep out by themselves.
      const text = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
      if (text.includes('\0') || !text.isWellFormed()) return false;
      if (colon === undefined) continue;
      const keys = open.at(-1);
      if (keys?.has(text)) return false;
      keys?.add(text);
    }
  }
  return true;
}
