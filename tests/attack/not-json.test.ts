/** Texts that are almost JSON: each is refused as malformed at once, whatever a lenient reader would make of it. */
import Type from 'typebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttp, type Http } from '#server/platform/http.ts';

let app: Http;
beforeAll(async () => {
  app = await createHttp({ origin: 'http://localhost:4800', logLevel: 'silent', trustProxy: [] });
  app.post('/any', { schema: { body: Type.Unknown() } }, async (request) => ({ read: JSON.stringify(request.body) }));
});
afterAll(() => app.close());

const raw = (...bytes: number[]) => Buffer.from(bytes);

/** By what is wrong; the places are those at which parsers are known to differ (RFC 8259 section by section). */
// biome-ignore format: a table to be read in lines
const WRONG: Readonly<Record<string, readonly (string | Buffer)[]>> = {
  'a list': [
    '[1 true]', '[a]', '["": 1]', '[""],', '[,1]', '[1,,2]', '["x",,]', '["x"]]', '["",]', '["x"', '[x', '[3[4]]',
    '[1:2]', '[,]', '[-]', '[   , ""]', '["a",\n4\n,1,', '[1,]', '[1,,]', '["\x0ba"\\f]', '[*]', '[""', '[1,', '[1,\n1\n,1',
    '[{}', ']', '[', '[[]', '[][]', '[]]', '[1]x',
  ],
  'a word': ['[fals]', '[nul]', '[tru]', '[True]', '[TRUE]', 'nulll', '[nothing]', 'undefined', '[null,]x', 'TRUE'],
  'a number': [
    '[++1234]', '[+1]', '[+Inf]', '[-01]', '[-1.0.]', '[-2.]', '[-NaN]', '[.-1]', '[.2e-3]', '[0.1.2]', '[0.3e+]',
    '[0.3e]', '[0.e1]', '[0E+]', '[0E]', '[0e+]', '[0e]', '[1.0e+]', '[1.0e-]', '[1.0e]', '[1 000.0]', '[1eE2]', '[2.e+3]',
    '[2.e-3]', '[2.e3]', '[9.e+]', '[1+2]', '[0x1]', '[0x42]', '[Infinity]', '[Inf]', '[0e+-1]', '[-123.123foo]',
    '[123\u00e5]', '[-Infinity]', '[-foo]', '[- 1]', '[-012]', '[-.123]', '[-1x]', '[1ea]', '[1.]', '[.123]', '[1.2a-3]',
    '[1.8011670033376514H-308]', '[012]', '[\uff11]', '[NaN]', '[-00]', '[00]', '[0.0.0]', '[1_000]', '[0b1]', '[0o7]', '1n',
  ],
  'an object': [
    '["x", truth]', '{[: "x"}\n', '{"x", null}', '{"x"::"b"}', '{"a":"a" 123}', '{key: \'value\'}', '{"a" b}', '{:"b"}',
    '{"a" "b"}', '{"a":', '{"a"', '{1:1}', '{9999E9999:1}', '{null:null,null:null}', '{"id":0,,,,,}', "{'a':0}",
    '{"id":0,}', '{"a":"b"}/**/', '{"a":"b"}/**//', '{"a":"b"}//', '{"a":"b"}/', '{"a":"b",,"c":"d"}', '{a: "b"}',
    '{"a":"a', '{ "foo" : "bar", "a" }', '{"a":"b"}#', '{"a": true} "x"', '{', '}', '{"":', '{"a":/*x*/1}', '{,}', '{"a"}',
  ],
  'a text': [
    '["\\uD800\\"]', '["\\uD800\\u"]', '["\\uD800\\u1"]', '["\\uD800\\u1x"]', '[\u00e9]', '["\\x00"]', '["\\\\\\"]', '["\\\t"]',
    '["\\\u{1f300}"]', '["\\"]', '["\\u00A"]', '["\\uD834\\uDd"]', '["\\uD800\\uD800\\x"]', '["\\a"]', '["\\uqqqq"]', '[\\n]', '"',
    "['single']", 'abc', '["\\', '["a\x00a"]', '["new\nline"]', '["\t"]', '"\\UA66D"', '""x', '["asd', '["\\u{110000}"]', '[`a`]',
    '["\\uD888\\u1234"]', '["\\uDFAA"]', '["\\0"]', '["\\\'"]', '["a\x1fa"]', '["a\ra"]',
  ],
  'the whole': [
    '<.>', '[<null>]', '[1]x', '[1]]', '["asd]', 'a\u00e5', '[True]', '1]', '{"x": true,', '[][]', ']', '\u2060[]', '\u00ef\u00bb{}',
    '[\u000c]', '[\u2060]', '[\u00a0]', '[\u2028]', '', ' ', '\n', '*', '{"a":"b"}#{}', '[\\u000A""]', '[1', '[ false, nul', '[ true, fals',
    '[ false, tru', '{"asd":"asd"', '[{"', '["a', '{"', '["\\{["\\{["\\{["\\{', '{]', '{,', '{[', '{"a', "{'a'", '[,', '[{', '["a"',
    '["a",', '*', '{"a":"b"}#{}', '\x00', '{}\x00', '1 2', '[1]\n[2]', '\x1e{}',
  ],
  'the bytes': [
    raw(0x5b, 0xff, 0x5d), raw(0xe5), raw(0x22, 0xe5, 0x22), raw(0x5b, 0x22, 0xfc, 0x83, 0xbf, 0xbf, 0xbf, 0xbf, 0x22, 0x5d),
    raw(0x5b, 0x22, 0xc0, 0xaf, 0x22, 0x5d), raw(0x5b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x5d), raw(0x5b, 0x22, 0x81, 0x22, 0x5d),
    raw(0x5b, 0x22, 0xf4, 0xbf, 0xbf, 0xbf, 0x22, 0x5d), raw(0x5b, 0x31, 0xe5, 0x5d), raw(0x5b, 0x2d, 0xe5, 0x5d), raw(0x5b, 0x22, 0xe6, 0x22, 0x5d),
    raw(0xef, 0xbb), raw(0xef, 0xbb, 0x7b, 0x7d), Buffer.from('[1]', 'utf16le'), Buffer.from('\ufeff[1]', 'utf16le'), raw(0x5c, 0x75),
    raw(0x7b, 0xf0, 0x9f, 0x87, 0xa8, 0xf0, 0x9f, 0x87, 0xad, 0x7d), raw(0xfe, 0xff, 0x00, 0x5b, 0x00, 0x5d),
  ],
};

/** The other side of the same places: these are JSON, and are read. */
// biome-ignore format: a table to be read in lines
const RIGHT: readonly string[] = [
  '[]', '{}', '[1e1]', '[-0]', '[0e+1]', '[1E-2]', '["\\u0061\\"\\\\\\/\\b\\f\\n\\r\\t"]', ' [1] ', '[\n]', '{"":0}', '"a"', '1', 'null', 'true',
  '["\u2028"]', '["\\ud834\\udd1e"]', '["\u00e9 \u7968"]', '[1,null,{"a":[]}]', '[123e65]', '[-1]', '["\x7f"]',
];

test.each(Object.keys(WRONG))('%s that is almost one is refused', async (kind) => {
  for (const text of WRONG[kind] ?? []) {
    const reply = await app.inject(asking(text));
    expect([text.toString(), reply.statusCode, reply.json().code]).toEqual([text.toString(), 400, 'request.malformed']);
  }
});

test('what is JSON is read', async () => {
  for (const text of RIGHT) {
    const reply = await app.inject(asking(text));
    expect([text, reply.statusCode]).toEqual([text, 200]);
    expect(reply.json().read).toBe(JSON.stringify(JSON.parse(text)));
  }
});

function asking(payload: string | Buffer) {
  const headers = { origin: 'http://localhost:4800', 'content-type': 'application/json' };
  return { method: 'POST' as const, url: '/any', headers, payload };
}
