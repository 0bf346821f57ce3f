/**
 * What the sheet that asks for a proof is about: which proof an act of money needs, what was given, and what came of it.
 * The rule is the server's own (shared/rules/password.ts), so the sheet asks for the right thing before anything is sent.
 * Invariant: six digits are handed on and kept nowhere.
 */
import type { MoneyProof, PasswordView } from '#shared/api/password.ts';
import type { Refusal, RefusalCode } from '#shared/api/refusal.ts';
import type { Result } from '#shared/base/result.ts';
import { type MoneyAct, type ProofNeeded, proofNeeded } from '#shared/rules/password.ts';
import { readPassword } from '#web/identity/password.ts';
import { HERE, type IdentityNeeds, signInAsOwner, stepUp } from '#web/identity/person.ts';

/** The act, as far as its proof depends on it; or `setting`: a setting of one's own, which one proof lets pass. */
export type Asked = { readonly act: MoneyAct; readonly amount: number; readonly currency: string } | 'setting';

/** Does the act with its proof. The act keeps its id from one call to the next. */
export type Send<Value> = (proof: MoneyProof | undefined) => Promise<Result<Value, Refusal>>;

/** How a proof stands. */
export interface ProofState {
  readonly view: PasswordView | undefined;
  readonly needed: ProofNeeded | undefined;
  readonly busy: boolean;
  readonly refusal: Refusal | undefined;
}

/** After these no password is looked at for a while. */
const SHUT: readonly (RefusalCode | undefined)[] = ['password.locked', 'password.day-spent', 'password.must-reset'];

/** Whether no password is looked at now, whatever it is. */
export function isShut({ view, refusal }: Pick<ProofState, 'view' | 'refusal'>): boolean {
  return view?.mustReset === true || view?.lockedUntil !== undefined || SHUT.includes(refusal?.code);
}

/** Whether six digits can be given: they are needed, and are looked at. */
export function takesDigits(state: ProofState): boolean {
  return (state.needed === 'either' || state.needed === 'both') && !isShut(state);
}

/** Whether a touch alone can be given. */
export function takesFinger({ needed }: ProofState): boolean {
  return needed === 'either' || needed === 'passkey';
}

/** One proof from its asking to its end; `tell` hears of every change. */
export class Proof<Value> {
  state: ProofState = { view: undefined, needed: undefined, busy: false, refusal: undefined };
  readonly #asked: Asked;
  readonly #send: Send<Value>;
  readonly #tell: (state: ProofState) => void;
  readonly #needs: IdentityNeeds;

  constructor(asked: Asked, send: Send<Value>, tell: (state: ProofState) => void, needs: IdentityNeeds = HERE) {
    this.#asked = asked;
    this.#send = send;
    this.#tell = tell;
    this.#needs = needs;
  }

  /** Asks how the password stands. */
  async open(): Promise<void> {
    this.#change({ busy: true });
    const read = await readPassword(this.#needs);
    if (!read.ok) return this.#change({ busy: false, refusal: read.error });
    this.#change({ busy: false, refusal: undefined, view: read.value, needed: this.#neededBy(read.value) });
  }

  /** The session has ended: begins another, and asks again. */
  async signIn(): Promise<void> {
    this.#change({ busy: true });
    const signed = await signInAsOwner(this.#needs);
    if (signed.ok) await this.open();
    else this.#change({ busy: false, refusal: signed.error });
  }

  /** Nothing is needed: does the act. */
  free(): Promise<Value | undefined> {
    return this.#work(() => this.#send(undefined));
  }

  /** A touch, then the act. */
  finger(): Promise<Value | undefined> {
    return this.#work(() => this.#touchAndSend({ by: 'passkey' }));
  }

  /** The six digits, with a touch before them where both are needed. */
  type(password: string): Promise<Value | undefined> {
    const proof = { by: 'password', password } as const;
    const { needed } = this.state;
    return this.#work(() => (needed === 'both' ? this.#touchAndSend(proof) : this.#send(proof)));
  }

  #change(change: Partial<ProofState>): void {
    this.state = { ...this.state, ...change };
    this.#tell(this.state);
  }

  #neededBy(view: PasswordView): ProofNeeded {
    const { isSet: hasPassword, free, largeFrom, risk, currency: home } = view;
    if (this.#asked === 'setting') return hasPassword ? 'either' : 'passkey';
    return proofNeeded({ ...this.#asked, home, free, largeFrom, risk, hasPassword });
  }

  async #touchAndSend(proof: MoneyProof): Promise<Result<Value, Refusal>> {
    const touched = await stepUp(this.#needs);
    return touched.ok ? await this.#send(proof) : touched;
  }

  async #work(act: () => Promise<Result<Value, Refusal>>): Promise<Value | undefined> {
    if (this.state.busy) return undefined;
    this.#change({ busy: true });
    const done = await act();
    const learnt = done.ok ? {} : await this.#learn(done.error);
    this.#change({ busy: false, refusal: done.ok ? undefined : done.error, ...learnt });
    return done.ok ? done.value : undefined;
  }

  /** The server needs more than this phone knew of, or has shut the password: how it stands is read again. */
  async #learn({ code, detail }: Refusal): Promise<Partial<ProofState>> {
    if (code !== 'money.proof' && !SHUT.includes(code)) return {};
    const told = (['either', 'passkey', 'both'] as const).find((one) => one === detail?.needed);
    const read = await readPassword(this.#needs);
    if (!read.ok) return told ? { needed: told } : {};
    return { view: read.value, needed: told ?? this.#neededBy(read.value) };
  }
}
