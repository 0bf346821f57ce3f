/** The names of regions in the language of the app. */
import { getLocale } from '#web/paraglide/runtime.js';

const NAMES: Readonly<Record<string, Readonly<Record<'zh' | 'en', string>>>> = {
  'CN-SX': { zh: '山西', en: 'Shanxi' },
  'CN-BJ': { zh: '北京', en: 'Beijing' },
};

/** The name of the region `code` (`CN-SX`); the code itself when the app has no name for it. */
export function regionName(code: string): string {
  return NAMES[code]?.[getLocale()] ?? code;
}
