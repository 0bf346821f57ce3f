/** What a reader of PDF finds on a printed page: its text without any space, for lines break where they will. */
import { execFileSync } from 'node:child_process';

/** The text of a PDF, read by poppler. */
export function pdfText(bytes: Uint8Array): string {
  return plain(execFileSync('pdftotext', ['-', '-'], { input: bytes, encoding: 'utf8' }));
}

/** A text without its spaces. */
export function plain(text: string): string {
  return text.replaceAll(/\s+/g, '');
}
