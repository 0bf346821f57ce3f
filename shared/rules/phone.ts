/** Phone numbers of the mainland numbering plan (mobile, 11 digits): read as people type them, kept as E.164. */

const MOBILE = /^1[3-9]\d{9}$/;

/** `+86` and eleven digits for what a person typed (blanks, hyphens and the prefix are fine), or undefined when it is no mobile number. */
export function readPhone(text: string): string | undefined {
  const digits = text.replaceAll(/[\s()-]/g, '').replace(/^(?:\+|00)86/, '');
  return MOBILE.test(digits) ? `+86${digits}` : undefined;
}

/** `138****5678`: enough for its owner to know it, too little to call it. */
export function maskPhone(phone: string): string {
  const digits = phone.replace(/^\+86/, '');
  return `${digits.slice(0, 3)}****${digits.slice(-4)}`;
}
