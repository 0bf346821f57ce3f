/** What the welcome screen is about: which step, what is under way, what was refused; the steps themselves are in person.ts. */
import type { SessionView, SignupView } from '#shared/api/identity.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import type { Result } from '#shared/base/result.ts';
import { canAutofill, stopWaiting } from '#web/identity/passkey.ts';
import * as person from '#web/identity/person.ts';
import { phoneName } from '#web/identity/phone-name.ts';
import { syncNow } from '#web/sync/sync.ts';
import { readSetting } from '#web/vault/settings.ts';
import { askToKeepStorage, lostVault, type Mark } from '#web/vault/storage.ts';

/**
 * reading: looking at what this phone holds. door: new here, or signing in. name, code, passkey: opening a wallet.
 * phone: signed in, and this phone is not a device yet. done: everything is here.
 */
export type Step = 'reading' | 'door' | 'name' | 'code' | 'passkey' | 'phone' | 'done';

/** The state of the welcome screen and what can be done on it. */
export class Welcome {
  step = $state<Step>('reading');
  busy = $state(false);
  refusal = $state.raw<Refusal>();
  /** What is known of a wallet that was on this phone until the browser cleared it. */
  lost = $state.raw<Mark>();
  /** Whose wallet this phone holds already. */
  known = $state<string>();
  phone = $state('');
  name = $state('');
  region = $state('CN-SX');
  code = $state('');
  signup = $state.raw<SignupView>();
  #session: SessionView | undefined;
  readonly #needs: person.IdentityNeeds;
  readonly #language: 'zh' | 'en';

  constructor(language: 'zh' | 'en', needs: person.IdentityNeeds = person.HERE) {
    this.#needs = needs;
    this.#language = language;
  }

  /** Finds out where the person left off: a session without a device, a half-made signup, or the door. */
  async open(): Promise<void> {
    const { vault } = this.#needs;
    const [wallet, enrolledAt, draft] = await Promise.all([
      readSetting(vault, 'wallet'),
      readSetting(vault, 'enrolledAt'),
      person.unfinishedSignup(this.#needs),
    ]);
    this.known = wallet?.name;
    this.lost = await lostVault(vault);
    if (draft) ({ name: this.name, phone: this.phone, region: this.region } = draft);
    if (draft && enrolledAt === undefined) {
      const session = await person.currentSession(this.#needs);
      if (session.ok) return await this.#arrived(session);
      this.step = 'door';
      return;
    }
    this.step = 'door';
  }

  /** Offers passkeys inside the phone field, quietly, until the person does something else. */
  async waitForAutofill(): Promise<void> {
    if (this.known !== undefined || !(await canAutofill())) return;
    const session = await person.signIn(this.#needs, { autofill: true });
    if (session.ok) await this.#arrived(session);
    else if (session.error.code === 'passkey.unknown') this.refusal = session.error;
  }

  signIn(): Promise<void> {
    return this.#work(async () => this.#arrived(await person.signIn(this.#needs)));
  }

  toName(): void {
    this.refusal = undefined;
    this.step = 'name';
  }

  /** Sends name and phone; the house answers by a text. */
  begin(): Promise<void> {
    return this.#work(async () => {
      const { region, name, phone } = this;
      this.#signedUp(await person.beginSignup(this.#needs, { region, name, phone }, this.#language));
    });
  }

  resend(): Promise<void> {
    return this.#work(async () => this.#signedUp(await person.sendCodeAgain(this.#needs, this.signup?.id ?? '')));
  }

  prove(): Promise<void> {
    return this.#work(async () => {
      const proved = await person.proveCode(this.#needs, this.signup?.id ?? '', this.code);
      if (!proved.ok) this.code = '';
      this.#signedUp(proved);
    });
  }

  makePasskey(): Promise<void> {
    return this.#work(async () => {
      const name = phoneName(navigator.userAgent);
      await this.#arrived(await person.finishSignup(this.#needs, this.signup?.id ?? '', name));
    });
  }

  /** Makes this phone a device, again after a lost network. */
  enrol(): Promise<void> {
    return this.#work(() => this.#enrol());
  }

  /** One step back, or undefined when there is none. */
  get back(): (() => void) | undefined {
    const before: Partial<Record<Step, Step>> = { name: 'door', code: 'name' };
    const to = before[this.step];
    return (
      to &&
      (() => {
        this.refusal = undefined;
        this.step = to;
      })
    );
  }

  #signedUp(answer: Result<SignupView, Refusal>): void {
    if (!answer.ok) {
      this.refusal = answer.error;
      if (['signup.unknown', 'signup.phone-unproved'].includes(answer.error.code)) this.step = 'name';
      return;
    }
    this.signup = answer.value;
    this.step = answer.value.step;
  }

  async #arrived(session: Result<SessionView, Refusal>): Promise<void> {
    if (!session.ok) {
      this.refusal = session.error;
      return;
    }
    this.#session = session.value;
    this.step = 'phone';
    await this.#enrol();
  }

  async #enrol(): Promise<void> {
    if (!this.#session) return;
    const enrolled = await person.enrolPhone(this.#needs, this.#session, phoneName(navigator.userAgent));
    if (!enrolled.ok) {
      this.refusal = enrolled.error;
      if (enrolled.error.code === 'device.other-wallet') this.step = 'door';
      return;
    }
    this.refusal = undefined;
    this.step = 'done';
    void askToKeepStorage(this.#needs.vault);
    void syncNow();
  }

  async #work(act: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.refusal = undefined;
    await stopWaiting();
    try {
      await act();
    } finally {
      this.busy = false;
    }
  }
}
