/** SHA-256 by the engine, into memory that is shared: a buffer of its own for each 32 bytes costs more than the hash. */
import { hash } from 'node:crypto';

/** The 32 bytes of SHA-256 over `content`, a text as its UTF-8. */
export function sha256(content: string | Uint8Array): Buffer {
  // Out of a text of one byte a letter, Buffer takes short runs from its pool; asked for bytes, hash allocates each time.
  return Buffer.from(hash('sha256', content, 'latin1'), 'latin1');
}
