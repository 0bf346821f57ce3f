/**
 * Who is there: signing up by phone and passkey, signing in, sessions, passkeys and devices.
 * Every id of a signup, wallet or device is made by the client and kept before it is sent; sending again is the same act.
 * Passkey options and answers are the JSON of WebAuthn Level 3 (sections 5.1.8 to 5.1.10), untouched.
 */
import Type, { type Static } from 'typebox';

const IdText = Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
const Bytes = (most: number) => Type.String({ maxLength: Math.ceil((most * 4) / 3), pattern: '^[A-Za-z0-9_-]+$' });
const Label = Type.String({ minLength: 1, maxLength: 40 });
const Moment = Type.Integer({ minimum: 0 });

/** `:id` in a path: a device, signup or wallet. */
export const IdParams = Type.Object({ id: IdText });

/** `:id` in a path: a passkey, by the base64url of its credential id. */
export const PasskeyParams = Type.Object({ id: Bytes(1023) });

/** Starts a signup: `id` becomes the wallet's id. The same id with other content is refused. */
export const SignupRequest = Type.Object({
  id: IdText,
  region: Type.String({ pattern: '^[A-Z]{2}-[A-Z0-9]{2,3}$' }),
  name: Type.String({ minLength: 1, maxLength: 60 }),
  phone: Type.String({ minLength: 5, maxLength: 24 }),
  language: Type.Union([Type.Literal('zh'), Type.Literal('en')]),
});
/** Starts a signup. */
export type SignupRequest = Static<typeof SignupRequest>;

/** Where a signup stands; `step` is what the person does next. Times in milliseconds since the epoch. */
export const SignupView = Type.Object({
  id: Type.String(),
  step: Type.Union([Type.Literal('code'), Type.Literal('passkey')]),
  phone: Type.String(),
  nameShown: Type.String(),
  resendAt: Type.Optional(Moment),
  codeExpiresAt: Type.Optional(Moment),
});
/** Where a signup stands. */
export type SignupView = Static<typeof SignupView>;

/** The six digits of the text message. */
export const CodeRequest = Type.Object({ code: Type.String({ pattern: '^[0-9]{6}$' }) });

/** An answer of `navigator.credentials.create` in JSON form. */
export const RegistrationAnswer = Type.Object({
  id: Bytes(1023),
  rawId: Bytes(1023),
  type: Type.Literal('public-key'),
  response: Type.Object({
    clientDataJSON: Bytes(4096),
    attestationObject: Bytes(16_384),
    transports: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 8 })),
  }),
  clientExtensionResults: Type.Optional(Type.Object({})),
  authenticatorAttachment: Type.Optional(Type.String({ maxLength: 32 })),
});
/** An answer of `navigator.credentials.create`. */
export type RegistrationAnswer = Static<typeof RegistrationAnswer>;

/** An answer of `navigator.credentials.get` in JSON form. */
export const AssertionAnswer = Type.Object({
  id: Bytes(1023),
  rawId: Bytes(1023),
  type: Type.Literal('public-key'),
  response: Type.Object({
    clientDataJSON: Bytes(4096),
    authenticatorData: Bytes(4096),
    signature: Bytes(1024),
    userHandle: Type.Optional(Bytes(64)),
  }),
  clientExtensionResults: Type.Optional(Type.Object({})),
  authenticatorAttachment: Type.Optional(Type.String({ maxLength: 32 })),
});
/** An answer of `navigator.credentials.get`. */
export type AssertionAnswer = Static<typeof AssertionAnswer>;

/** A new passkey and what its owner calls it. */
export const NewPasskey = Type.Object({ name: Label, answer: RegistrationAnswer });

/** A passkey's assertion for signing in or stepping up. */
export const Assertion = Type.Object({ answer: AssertionAnswer });

/** Options for the browser; passed on as they are. */
export const PasskeyOptions = Type.Object({ options: Type.Unknown() });

/** A new name for a passkey or a device. */
export const Renaming = Type.Object({ name: Label });

/** What the house knows of the person, as they may see it. `nameShown` is what payers see. */
export const PersonView = Type.Object({
  wallet: Type.String(),
  region: Type.String(),
  name: Type.String(),
  nameShown: Type.String(),
  tier: Type.Union([Type.Literal('unproved'), Type.Literal('real-name'), Type.Literal('two-factor')]),
  phone: Type.String(),
  createdAt: Moment,
});
/** What the house knows of the person. */
export type PersonView = Static<typeof PersonView>;

/** A session: who, how long it lasts at most, until when sensitive acts need no new passkey touch, and by which passkey. */
export const SessionView = Type.Object({
  person: PersonView,
  endsAt: Moment,
  steppedUpUntil: Moment,
  passkey: Type.String(),
});
/** A session. */
export type SessionView = Static<typeof SessionView>;

/**
 * One passkey. `offline`: its algorithm is ES256, so payees can check it with no network.
 * `synced`: it may leave this device; `backedUp`: it has. `current`: this session was begun with it.
 */
export const PasskeyView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  offline: Type.Boolean(),
  synced: Type.Boolean(),
  backedUp: Type.Boolean(),
  createdAt: Moment,
  usedAt: Type.Optional(Moment),
  current: Type.Boolean(),
});
/** One passkey. */
export type PasskeyView = Static<typeof PasskeyView>;

/** All passkeys; `user` and `rpId` let the browser tell the authenticator which ones still count. */
export const PasskeyList = Type.Object({
  rpId: Type.String(),
  user: Type.String(),
  passkeys: Type.Array(PasskeyView),
});
/** All passkeys. */
export type PasskeyList = Static<typeof PasskeyList>;

/** Enrols this device: `key` is base64url of its 33-byte compressed P-256 point. */
export const DeviceRequest = Type.Object({
  id: IdText,
  key: Type.String({ pattern: '^[A-Za-z0-9_-]{44}$' }),
  name: Label,
});
/** Enrols this device. */
export type DeviceRequest = Static<typeof DeviceRequest>;

/** One device; `seenAt` is its last signed request. */
export const DeviceView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  createdAt: Moment,
  seenAt: Type.Optional(Moment),
  revokedAt: Type.Optional(Moment),
});
/** One device. */
export type DeviceView = Static<typeof DeviceView>;

/** All devices, newest first. */
export const DeviceList = Type.Object({ devices: Type.Array(DeviceView) });
/** All devices. */
export type DeviceList = Static<typeof DeviceList>;
