/**
 * The e-mail address of an account: a second road to its owner, beside the phone.
 * Invariant: an address counts only after the code that was sent there came back; until then the one before it does.
 */
import { type CodeFor, forgetCodes, proveCode, resendAt, sendCode } from '#server/identity/code.ts';
import { noteEvent } from '#server/identity/event.ts';
import { tellOwner } from '#server/identity/notice.ts';
import { type IdentityParts, no } from '#server/identity/parts.ts';
import type { Session } from '#server/identity/session.ts';
import * as store from '#server/identity/store.ts';
import type { EmailRequest, EmailView } from '#shared/api/recovery.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { type Id, readId } from '#shared/base/id.ts';
import { ok, type Result } from '#shared/base/result.ts';
import { maskEmail, readEmail } from '#shared/rules/email.ts';

type Owner = Pick<Session, 'region' | 'wallet'>;

/** Adding and reading the address. */
export interface Emails {
  readonly view: (owner: Owner) => Promise<EmailView>;
  /** Sends a code to a new address. Refusals: `email.address` and those of sending a code. */
  readonly add: (owner: Owner, asked: EmailRequest) => Promise<Result<EmailView, Refusal>>;
  /** Refusals: those of a code. */
  readonly prove: (owner: Owner, id: Id, code: string) => Promise<Result<EmailView, Refusal>>;
}

/** Opens e-mail addresses over the database of `parts`. */
export function openEmails(parts: IdentityParts): Emails {
  return {
    view: (owner) => viewOf(parts, owner),
    add: async (owner, asked) => {
      const id = readId(asked.id);
      const address = readEmail(asked.address);
      if (!id) return no('request.malformed');
      if (!address) return no('email.address');
      const masked = maskEmail(address);
      const sent = await sendCode(parts, codeFor(owner, id), { address, masked });
      return sent.ok ? ok(await viewOf(parts, owner, id)) : sent;
    },
    prove: (owner, id, code) => prove(parts, owner, id, code),
  };
}

async function prove(parts: IdentityParts, owner: Owner, id: Id, code: string): Promise<Result<EmailView, Refusal>> {
  const about = codeFor(owner, id);
  const proved = await proveCode(parts, about, code);
  if (!proved.ok) return proved;
  const address = parts.secrets.open(proved.value.sealed);
  // Whoever reads the post box of before hears of it there too.
  const before = await store.readEmail(parts.database, owner.region, owner.wallet);
  const at = parts.clock();
  await parts.database.transaction(async (tx) => {
    await store.lockWallet(tx, owner.region, owner.wallet);
    const { masked, sealed } = proved.value;
    const hash = parts.secrets.hash('email', address);
    const { region, wallet } = owner;
    await store.writeEmail(tx, { region, wallet, hash, masked, sealed, proved_at: at });
    await forgetCodes(tx, about);
    await noteEvent(tx, owner, { code: 'email-set', at, about: { address: masked } });
  });
  await tellOwner(parts, owner, 'email', before && parts.secrets.open(before.sealed));
  return ok(await viewOf(parts, owner));
}

function codeFor({ region, wallet }: Owner, subject: Id): CodeFor {
  return { region, wallet, purpose: 'address', subject, way: 'email' };
}

async function viewOf(parts: IdentityParts, owner: Owner, pending?: Id): Promise<EmailView> {
  const row = await store.readEmail(parts.database, owner.region, owner.wallet);
  const code = pending && (await store.readCode(parts.database, codeFor(owner, pending)));
  const again = resendAt(code);
  return {
    ...(row ? { masked: row.masked, provedAt: row.proved_at } : {}),
    ...(pending && code && again ? { pending: { id: pending, masked: code.masked, resendAt: again } } : {}),
  };
}
