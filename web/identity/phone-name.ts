/** What to call this phone until its owner gives it a name: what the browser says it is, nothing finer. */

const KINDS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android/, 'Android'],
  [/HarmonyOS|OpenHarmony/, 'HarmonyOS'],
  [/Macintosh/, 'Mac'],
  [/Windows/, 'Windows'],
  [/CrOS/, 'Chromebook'],
  [/Linux/, 'Linux'],
];

/** A name for the device behind the user agent string `agent`. */
export function phoneName(agent: string): string {
  return KINDS.find(([pattern]) => pattern.test(agent))?.[1] ?? 'Web';
}
