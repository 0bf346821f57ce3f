/** A document with its attachments behind it (multipart/related, RFC 2387), as CouchDB takes it. */

/** The parts of such a body: the document's JSON, then the attachments in the order the document names them. */
export interface Related {
  readonly json: string;
  /** By the name the part gives itself; parts without one stand under their place. */
  readonly files: readonly { readonly name: string | undefined; readonly data: Uint8Array }[];
}

/** Takes the body apart; undefined when it is not what its type says. */
export function readRelated(type: string, body: Uint8Array): Related | undefined {
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
  const mark = boundary?.[1] ?? boundary?.[2];
  if (mark === undefined) return undefined;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const parts = partsOf(bytes, `--${mark}`).map(readPart);
  const [first, ...files] = parts;
  return first ? { json: first.data.toString('utf8'), files } : undefined;
}

function partsOf(bytes: Buffer, mark: string): Buffer[] {
  const parts: Buffer[] = [];
  let from = bytes.indexOf(mark);
  while (from >= 0) {
    const start = from + mark.length;
    const next = bytes.indexOf(`\r\n${mark}`, start);
    if (next < 0) break;
    parts.push(bytes.subarray(start, next));
    from = next + 2;
  }
  return parts;
}

function readPart(part: Buffer): { readonly name: string | undefined; readonly data: Buffer } {
  const end = part.indexOf('\r\n\r\n');
  const head = part.subarray(0, Math.max(end, 0)).toString('latin1');
  return { name: /filename="([^"]*)"/i.exec(head)?.[1], data: part.subarray(end < 0 ? part.length : end + 4) };
}
