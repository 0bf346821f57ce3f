/** Lines of a stream, ended by a line feed and by nothing else: people's texts may hold the other ends Unicode knows. */

/** The lines of `stream`, without their ends; what stands after the last end is a line when it is not empty. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest: string[] = [];
  for await (const bytes of stream) {
    const [first = '', ...more] = decoder.decode(bytes, { stream: true }).split('\n');
    rest.push(first);
    for (const part of more) {
      yield rest.join('');
      rest = [part];
    }
  }
  const last = rest.join('') + decoder.decode();
  if (last !== '') yield last;
}
