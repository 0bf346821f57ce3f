/** One person with one phone: an own browser profile, passkey authenticator, camera and road to the network. */
import { cpSync, mkdtempSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright';
import { openRoad, type Road, type RoadState } from '#tests/kit/road.ts';

export interface PersonOptions {
  readonly origin: string;
  readonly locale?: 'zh-CN' | 'en-US';
  readonly colorScheme?: 'light' | 'dark';
  /**
   * Whether the authenticator has the PRF extension; true unless told. The secret of the virtual one is lost with its
   * browser: somebody whose phone is killed or cloned and shall pay afterwards has none, or one that is `lasting`: the
   * authenticator's own answers, with a PRF made from a secret of the phone.
   */
  readonly prf?: boolean | 'lasting';
}

export interface Person {
  readonly name: string;
  /** The language the app speaks to this person. */
  readonly language: 'zh' | 'en';
  readonly page: Page;
  readonly context: BrowserContext;
  readonly road: Road;
  /** Where the browser keeps what this phone holds; another program may open it when the phone was killed. */
  readonly profile: string;
  /** Errors the page reported: uncaught ones and violations of the content policy. */
  readonly complaints: readonly string[];
  /** Switches the network: the browser's own idea of it and the road itself. */
  network(state: RoadState, delayMs?: number): Promise<void>;
  /** Whether a finger answers when the passkey asks, and whether it is the owner's; both are so unless told. */
  finger(answers: boolean, owner?: boolean): Promise<void>;
  /** How often the passkey was asked for since the app was opened; only with a `lasting` PRF. */
  fingersAsked(): Promise<number>;
  /** One more tab of the same browser. */
  tab(): Promise<Page>;
  /** Holds this person's camera in front of the other's screen; the next camera that opens sees it. */
  lookAt(other: Person): Promise<void>;
  /** Holds this person's camera in front of a picture (JPEG). */
  lookAtPicture(jpeg: Buffer): void;
  /** Ends the browser at once, as a phone that is switched off; the profile stays. */
  kill(): Promise<void>;
  /** The same phone switched on again: same profile, same passkeys. */
  reopen(): Promise<Person>;
  /** A copy of this phone's profile and passkeys, as a thief would make it. */
  clone(name: string): Promise<Person>;
  /** A new, empty phone to which the keychain has brought the passkeys of this one. */
  successor(name: string): Promise<Person>;
  close(): Promise<void>;
}

const PHONE = { width: 390, height: 844 };
/** How a browser of the tests is started. */
export const BROWSER_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
];

type Credential = Record<string, unknown>;

interface Phone {
  readonly name: string;
  readonly options: PersonOptions;
  readonly folder: string;
  readonly credentials: readonly Credential[];
}

/** A new person with an empty phone. */
export function openPerson(name: string, options: PersonOptions): Promise<Person> {
  return switchOn({ name, options, folder: mkdtempSync(join(tmpdir(), `piaohao-${name}-`)), credentials: [] });
}

async function switchOn(phone: Phone): Promise<Person> {
  const { name, options, folder } = phone;
  const road = await openRoad();
  const camera = join(folder, 'camera.mjpeg');
  const profile = join(folder, 'profile');
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: [...BROWSER_FLAGS, `--use-file-for-fake-video-capture=${camera}`],
    proxy: { server: road.address, bypass: '<-loopback>' },
    viewport: PHONE,
    deviceScaleFactor: 2,
    hasTouch: true,
    locale: options.locale ?? 'en-US',
    colorScheme: options.colorScheme ?? 'light',
    permissions: ['camera'],
  });
  if (options.prf === 'lasting') await context.addInitScript(lastPrf, `secret of ${folder}`);
  const page = context.pages()[0] ?? (await context.newPage());
  const complaints: string[] = [];
  listen(page, complaints);
  const devtools = await context.newCDPSession(page);
  let authenticatorId = await giveAuthenticator(devtools, options.prf !== false, phone.credentials);
  let isOwner = true;
  await devtools
    .send('Browser.grantPermissions', { permissions: ['durableStorage', 'backgroundSync'], origin: options.origin })
    .catch(() => undefined);
  pointCamera(camera, await page.screenshot({ type: 'jpeg' }));

  const credentials = async () =>
    (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials as unknown as Credential[];
  let kept: readonly Credential[] = phone.credentials;
  let isOn = true;

  return {
    name,
    language: options.locale === 'zh-CN' ? 'zh' : 'en',
    page,
    context,
    road,
    profile,
    complaints,
    async network(state, delayMs) {
      road.become(state, delayMs);
      await context.setOffline(state === 'cut');
    },
    async finger(answers, owner = true) {
      if (owner && !isOwner) {
        // Wrong fingers lock the virtual authenticator for good; the owner's unlocks a real one.
        const unlocked = await credentials();
        await devtools.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
        authenticatorId = await giveAuthenticator(devtools, options.prf !== false, unlocked);
      }
      isOwner = owner;
      await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: owner });
      await devtools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled: answers });
    },
    fingersAsked: () => page.evaluate(() => performance.getEntriesByName('passkey-asked').length),
    async tab() {
      const another = await context.newPage();
      listen(another, complaints);
      return another;
    },
    async lookAt(other) {
      pointCamera(camera, await photograph(context, other.page));
    },
    lookAtPicture: (jpeg) => pointCamera(camera, jpeg),
    async kill() {
      kept = await credentials();
      isOn = false;
      const gone = new Promise<void>((resolve) => context.once('close', () => resolve()));
      // The whole group: a child that outlives its browser would go on writing to the profile.
      process.kill(-browserOf(profile), 'SIGKILL');
      await gone;
      await road.close();
    },
    reopen: () => switchOn({ ...phone, credentials: kept }),
    async clone(copyName) {
      const copyFolder = mkdtempSync(join(tmpdir(), `piaohao-${copyName}-`));
      cpSync(folder, copyFolder, { recursive: true, filter: (path) => !NOT_THE_PHONE.test(path) });
      return switchOn({ name: copyName, options, folder: copyFolder, credentials: kept });
    },
    successor: async (newName) =>
      await switchOn({
        name: newName,
        options,
        folder: mkdtempSync(join(tmpdir(), `piaohao-${newName}-`)),
        // The keychain keeps two phones alike while both are on.
        credentials: isOn ? await credentials() : kept,
      }),
    async close() {
      if (isOn) await context.close();
      isOn = false;
      await road.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The locks of a running browser, and files it was just writing under a passing name. */
const NOT_THE_PHONE = /\/Singleton\w+$|\/\.org\.chromium\.[^/]+$/;

/** Notes what a person must never meet: uncaught errors, and anything the content policy had to stop. */
function listen(page: Page, complaints: string[]): void {
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy|TrustedTypes|Trusted Type/i.test(message.text())) {
      complaints.push(message.text());
    }
  });
}

/** The process of the browser that uses `profile`: Chromium writes it into its lock, `host-pid`. */
function browserOf(profile: string): number {
  const lock = readlinkSync(join(profile, 'SingletonLock'));
  return Number(lock.slice(lock.lastIndexOf('-') + 1));
}

async function giveAuthenticator(
  devtools: CDPSession,
  prf: boolean,
  credentials: readonly Credential[],
): Promise<string> {
  await devtools.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      hasPrf: prf,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  for (const credential of credentials) {
    await devtools.send('WebAuthn.addCredential', { authenticatorId, credential: credential as never });
  }
  return authenticatorId;
}

/** The code on a screen, or the whole screen without one; looked at again when the code is drawn anew meanwhile. */
async function steadyPicture(screen: Page, tries = 5): Promise<Buffer> {
  const code = screen.locator('svg[data-version]').first();
  try {
    const isCode = (await code.count()) > 0;
    // As a person scrolls until the whole code is in sight.
    if (isCode) await code.evaluate((drawn) => drawn.scrollIntoView({ block: 'center' }));
    return await (isCode ? code : screen).screenshot({ type: 'png', timeout: 5_000 });
  } catch (error) {
    if (tries === 1) throw error;
    return await steadyPicture(screen, tries - 1);
  }
}

/** Runs in the page: counts ceremonies, and gives each PRF result as an authenticator does whose `secret` outlives its browser. */
function lastPrf(secret: string): void {
  type Made = Awaited<ReturnType<CredentialsContainer['get']>>;
  const text = new TextEncoder();
  const result = async (id: string, salt: BufferSource) => {
    const raw = text.encode(`${secret} ${id}`);
    const key = await crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    return await crypto.subtle.sign('HMAC', key, salt);
  };
  const answer = async (credential: Made, salt: BufferSource | undefined) => {
    if (!(credential instanceof PublicKeyCredential) || salt === undefined) return credential;
    const results = { ...credential.getClientExtensionResults(), prf: { enabled: true } as object };
    results.prf = { ...results.prf, results: { first: await result(credential.id, salt) } };
    Object.defineProperty(credential, 'getClientExtensionResults', { value: () => results });
    return credential;
  };
  const passkeys = navigator.credentials;
  const create = passkeys.create.bind(passkeys);
  const get = passkeys.get.bind(passkeys);
  passkeys.create = async (options) =>
    await answer(await create(options), options?.publicKey?.extensions?.prf?.eval?.first);
  passkeys.get = async (options) => {
    if (options?.mediation !== 'conditional') performance.mark('passkey-asked');
    return await answer(await get(options), options?.publicKey?.extensions?.prf?.eval?.first);
  };
}

/** What a camera held in the hand sees of a screen: 1280x720, the code a little turned, the room around it. */
async function photograph(context: BrowserContext, screen: Page): Promise<Buffer> {
  const shot = await steadyPicture(screen);
  const scene = await context.newPage();
  try {
    const picture = await scene.evaluate(async (png) => {
      const image = new Image();
      image.src = `data:image/png;base64,${png}`;
      await image.decode();
      const canvas = document.createElement('canvas');
      canvas.width = 1280;
      canvas.height = 720;
      const pen = canvas.getContext('2d');
      if (!pen) throw new Error('no canvas here');
      pen.fillStyle = '#777';
      pen.fillRect(0, 0, 1280, 720);
      pen.translate(640, 360);
      pen.rotate(0.05);
      const scale = Math.min(560 / image.height, 560 / image.width);
      pen.fillStyle = '#fff';
      pen.fillRect(
        (-image.width * scale) / 2 - 30,
        (-image.height * scale) / 2 - 30,
        image.width * scale + 60,
        image.height * scale + 60,
      );
      pen.drawImage(
        image,
        (-image.width * scale) / 2,
        (-image.height * scale) / 2,
        image.width * scale,
        image.height * scale,
      );
      return canvas.toDataURL('image/jpeg', 0.9).slice('data:image/jpeg;base64,'.length);
    }, shot.toString('base64'));
    return Buffer.from(picture, 'base64');
  } finally {
    await scene.close();
  }
}

/** Chromium reads the file when a camera starts; a rename lets it never see half a picture. */
function pointCamera(camera: string, jpeg: Buffer): void {
  writeFileSync(`${camera}.next`, jpeg);
  renameSync(`${camera}.next`, camera);
}
