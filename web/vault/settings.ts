/** Small facts this phone keeps about itself, each under one name. */
import type { FreezeView } from '#shared/api/freeze.ts';
import type { Card, ChannelTerms, WithdrawalTerms } from '#shared/api/funding.ts';
import type { AlarmList, SecurityEventList } from '#shared/api/security.ts';
import type { AppealRequest, DeskRecovery, Standing } from '#shared/api/support.ts';
import type { PayeeTermsView } from '#shared/api/sync.ts';
import type { AskRequest, SplitRequest, TransferFeed, TransferNews } from '#shared/api/transfer.ts';
import type { Id } from '#shared/base/id.ts';
import type { Vault } from '#web/vault/vault.ts';

/** Whose wallet this phone holds. */
export interface WalletSetting {
  readonly id: Id;
  readonly region: string;
  readonly name: string;
}

/** How the wallet's security stood when the house was last asked, at `at`: counts of what opens it, and the newest events. */
export interface SecuritySetting extends SecurityEventList {
  readonly at: number;
  readonly passkeys: number;
  readonly devices: number;
  readonly sessions: number;
  readonly freeze: FreezeView;
  readonly alarms: AlarmList;
  readonly standing: Standing;
}

/** Every setting and its type. Times are milliseconds unless the name says seconds. */
export interface Settings {
  wallet: WalletSetting;
  /** When the server took this phone's device key. */
  enrolledAt: number;
  /** What the owner calls this phone, as the house last heard it: opinions of the notebook bear it. */
  phoneName: string;
  /** Base64url of the network's root public key (33 bytes), pinned at enrolment and never changed by a sync. */
  networkRoot: string;
  /**
   * The network as this browser has seen it while it holds no wallet, to check receipts by: the root (as above) of the
   * first visit, never changed by a later one, and the newest key set that root has signed, both base64url.
   */
  networkSeen: { readonly root: string; readonly keySet: string };
  /** Key sets of before (base64url), asked for when a receipt was older than the newest one; verified whenever used. */
  networkPast: readonly string[];
  /** The newest server-signed time ever seen, in whole seconds: the phone never believes it is earlier. */
  timeFloorSeconds: number;
  /** How far the server's clock is ahead of the phone's, as the server last said. */
  clockAhead: number;
  /** How far the feed of bills has been read. */
  cursor: number;
  /** Set while the house has told of bills that are not here yet. */
  pastMissing: true;
  /** Set once every bill here stands in the sums and words (see bills.ts). */
  counted: true;
  /** Another one at each change of the words bills are searched by (see words.ts). */
  wordsChanged: string;
  /** Set while the person does not want to see what they brought in from other wallets. */
  broughtHidden: true;
  /** When the wallet's devices were last heard of. */
  devicesAt: number;
  /** When a sync last succeeded. */
  syncedAt: number;
  /** What the person chose to keep ready for offline payments, in minor units and payments; absent means the tier's. */
  offlineTotal: number;
  offlineCount: number;
  /** Set while the person has given the offline money back and not loaded any since: nothing is asked for. */
  offlineRests: true;
  /** What the browser answered to `navigator.storage.persist()`. */
  persisted: boolean;
  /** Why the server gave no allowance at the last sync; absent when it did. */
  allowanceRefused: string;
  /** The id of a closing that was asked for and not answered yet. */
  closing: Id;
  /** Set when the house said that the wallet of this phone is closed and everything else was wiped. */
  closed: true;
  language: 'zh' | 'en';
  theme: 'light' | 'dark' | 'auto';
  /** Size of the main text in px, for whoever wants everything larger; absent means the usual drawing. */
  elderText: 20 | 24 | 30;
  /** What each way to top up cost and allowed when the server last said so. */
  topUpTerms: readonly ChannelTerms[];
  /** What withdrawals cost and allowed when the server last said so. */
  withdrawalTerms: readonly WithdrawalTerms[];
  /** The bank cards as the server last told. */
  cards: readonly Card[];
  /** A card that is being bound from here; kept before it is sent, dropped when the bank has decided. */
  cardBinding: Id;
  /** A signup that was begun here and is not finished; kept before it is sent, dropped when the wallet is here. */
  signup: { readonly id: Id; readonly region: string; readonly name: string; readonly phone: string };
  /** What the region lets its payees do, as the server last said. */
  payeeTerms: PayeeTermsView;
  /** What waits for this person's word, and what codes on paper may be sent in a day, as the last sync said. */
  transferNews: TransferNews;
  /** Requests, shared bills and claims, as the server last told them at `at`. */
  transferFeed: TransferFeed & { readonly at: number };
  /** What was written to be asked of others and is not known to have arrived: kept before it is sent. */
  transferDrafts: readonly (AskRequest | SplitRequest)[];
  /** Where money for this person may be sent at any time: base64url of a certificate. */
  ownAddress: string;
  /** What the person wants to be told while the app is closed; absent: nothing. */
  notices: { readonly details: boolean };
  /** Offers the person has put away: of the home screen, and of notices. */
  installLater: true;
  noticesLater: true;
  /** How far the copy of the notebook has been renewed, and from which one; one without revisions is made anew. */
  notebookRead: { readonly book: string; readonly sequence: number; readonly withRevisions?: true };
  /** The budgets of which this phone has told in `month`, and how far each was. */
  budgetsTold: { readonly month: string; readonly states: Readonly<Record<string, string>> };
  /** What the security centre shows with no network. */
  security: SecuritySetting;
  /** An appeal that was written and is not known to have arrived: kept before it is sent. */
  appeal: AppealRequest;
  /** The same of a recovery an agent opens. */
  deskRecovery: DeskRecovery;
  /** How many things out of the ordinary wait for this person's word, as the last sync said. */
  alarms: number;
  /** When the cases were last read from the server. */
  casesAt: number;
  /** Set while a sync has brought something that can be part of a case and the cases were not read since. */
  caseHint: number;
  /** The passkey whose public key stands in the allowances; `prf` says whether it can also lock keys (see lock.ts). */
  passkey: { readonly credential: string; readonly prf: boolean };
}

/** The setting called `name`, or undefined when it was never kept. */
export async function readSetting<Name extends keyof Settings>(
  vault: Vault,
  name: Name,
): Promise<Settings[Name] | undefined> {
  return (await vault.settings.get(name))?.value as Settings[Name] | undefined;
}

/** Keeps `value` under `name`. */
export async function keepSetting<Name extends keyof Settings>(
  vault: Vault,
  name: Name,
  value: Settings[Name],
): Promise<void> {
  await vault.settings.put({ name, value });
}

/** Forgets the setting called `name`. */
export async function dropSetting(vault: Vault, name: keyof Settings): Promise<void> {
  await vault.settings.delete(name);
}
