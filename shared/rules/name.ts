/**
 * What a person may be called, and how the name is shown to whoever pays them.
 * Nobody has proved the name of a person without real-name certification; what the house did prove is that they hold
 * a phone. So such a name is always shown with the tail of that phone behind two points, `小明 ··5678`, and a name may
 * hold neither digits nor those points: the mark cannot be forged, and two people called alike can be told apart.
 */

import { utf8 } from '#shared/base/bytes.ts';
import { NAME_BYTES } from '#shared/base/limits.ts';
import type { Tier } from '#shared/rules/policy.ts';

/** What a name is marked with while only the phone behind it is proved. */
const MARK = ' ··';

/** Bytes of a name in UTF-8: with the mark and four digits it still fits a certificate. */
const NAME_MOST = NAME_BYTES - utf8(`${MARK}0000`).length;

/** Letters of any script with their accents, joined by single blanks, points, hyphens or apostrophes. */
const NAME = /^\p{L}[\p{L}\p{M}]*(?:[ .·'’-]{1}\p{L}[\p{L}\p{M}]*|\. \p{L}[\p{L}\p{M}]*)*\.?$/u;

/** Words only the house and certified merchants may be called by; a person called so wants to be taken for them. */
const RESERVED =
  /票号|银行|银联|支付|客服|官方|公安|政府|税务|法院|piaohao|official|support|service|bank\b|police|court/iu;

/** The name in `text` in its one normal form (NFC, single blanks), or undefined when nobody may be called so. */
export function readName(text: string): string | undefined {
  const name = text.normalize('NFC').trim().replaceAll(/\s+/g, ' ');
  if (!NAME.test(name) || RESERVED.test(name) || utf8(name).length > NAME_MOST) return undefined;
  return name;
}

/** `name` as payers see it: bare when certified, else with the last four digits of the proved phone. */
export function nameShown(name: string, tier: Tier, phone: string): string {
  return tier === 'unproved' ? `${name}${MARK}${phone.slice(-4)}` : name;
}

/**
 * `name` as somebody may see it who knows no more than a number: whoever knows the person will know them, and nobody can
 * make a directory of it. Of a Chinese name the first character is hidden (`*大有`), of others all but each first letter.
 */
export function nameVeiled(name: string): string {
  if (/^\p{Script=Han}/u.test(name)) return `*${[...name].slice(1).join('')}`;
  return name.replaceAll(/(\p{L})[\p{L}\p{M}'’]*/gu, '$1*');
}
