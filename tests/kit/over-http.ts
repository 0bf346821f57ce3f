/** A server elsewhere, spoken to by the member kit as if it were an app in this process. */
import type { Http } from '#server/platform/http.ts';

/** The app at `origin`; only `inject` is there, with a method, an address, headers and a body. */
export function overHttp(origin: string): Http {
  const inject = async (options: {
    method: string;
    url: string;
    headers: Record<string, string>;
    payload?: string;
  }) => {
    const { method, headers, payload } = options;
    const answer = await fetch(origin.replace('localhost', '127.0.0.1') + options.url, {
      method,
      headers,
      ...(payload === undefined ? {} : { body: payload }),
    });
    const all = { ...Object.fromEntries(answer.headers), 'set-cookie': answer.headers.getSetCookie() };
    return { statusCode: answer.status, headers: all, body: await answer.text() };
  };
  return { inject } as unknown as Http;
}
