/** Under Trusted Types a worker's address must be vouched for: each policy here knows the one address it is for. */

interface PolicyFactory {
  readonly createPolicy: (
    name: string,
    rules: { readonly createScriptURL: (url: string) => string },
  ) => { readonly createScriptURL: (url: string) => unknown };
}

/** What was vouched for, by its address: a second policy of the same name is refused. */
const vouched = new Map<string, string>();

/**
 * `url` as a script may be made of it, however often, vouched for by the policy `name`, which the house's content policy
 * lists. Each name is for one address. Where there are no Trusted Types it is the address itself.
 */
export function vouchedUrl(name: 'piaohao-worker' | 'piaohao-decoder' | 'piaohao-feed', url: string): string {
  const given = vouched.get(url) ?? vouch(name, url);
  vouched.set(url, given);
  return given;
}

function vouch(name: string, url: string): string {
  const factory = (globalThis as { readonly trustedTypes?: PolicyFactory }).trustedTypes;
  const policy = factory?.createPolicy(name, {
    createScriptURL(asked) {
      if (asked !== url) throw new TypeError(`not what ${name} is for: ${asked}`);
      return asked;
    },
  });
  return policy ? (policy.createScriptURL(url) as string) : url;
}
