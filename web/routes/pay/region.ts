/** The names of regions as the screens of paying say them. */
import { languageTag } from '#web/ui/format.ts';

const NAMES: Readonly<Record<string, readonly [zh: string, en: string]>> = {
  'CN-SX': ['山西', 'Shanxi'],
  'CN-BJ': ['北京', 'Beijing'],
};

/** The name of a region in the language of the app; its code when the app has no name for it. */
export function regionName(code: string): string {
  const names = NAMES[code];
  return names ? names[languageTag() === 'zh-CN' ? 0 : 1] : code;
}
