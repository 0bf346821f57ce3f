/** E-mail addresses: read as people type them, and shown so that only their owner knows them again. */

/** One at-sign between a name without blanks and a host with a dot; whether mail arrives only a code can tell. */
const ADDRESS = /^[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}$/;

/** The address in `text` with its host in small letters, or undefined when nothing can be sent there (RFC 5321: 254 letters). */
export function readEmail(text: string): string | undefined {
  const typed = text.trim();
  if (typed.length > 254 || !ADDRESS.test(typed)) return undefined;
  const [name = '', host = ''] = typed.split('@');
  return `${name}@${host.toLowerCase()}`;
}

/** `m***@example.com`. */
export function maskEmail(address: string): string {
  const [name = '', host = ''] = address.split('@');
  return `${name.slice(0, 1)}***@${host}`;
}
