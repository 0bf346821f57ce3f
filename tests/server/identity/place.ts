/** A server with identity alone, over an empty database and a clock in the test's hand. */
import { type IdentityLimits, identitySchema, openIdentity } from '#server/identity/identity.ts';
import { sandboxRegister } from '#server/identity/register.ts';
import { identityRoutes } from '#server/identity/routes.ts';
import { logbookSchema } from '#server/logbook/logbook.ts';
import { openDatabase } from '#server/platform/database.ts';
import { createHttp } from '#server/platform/http.ts';
import { migrate } from '#server/platform/migrate.ts';
import { type Duration, instant } from '#shared/base/time.ts';
import { openMemory } from '#tests/kit/embedded.ts';
import { openTexts } from '#tests/kit/member.ts';
import { openEar } from '#tests/kit/overheard.ts';

export const ORIGIN = 'http://localhost:4800';

/** Opens it; `pass` moves the clock. */
export async function openPlace(limits: Partial<IdentityLimits> = {}, databaseUrl?: string) {
  let now = 1_764_000_000_000;
  const clock = () => instant(now);
  const texts = await openTexts(clock);
  const database = databaseUrl ? await openDatabase({ dataDir: 'memory', databaseUrl }) : await openMemory();
  await migrate(database, [logbookSchema, identitySchema]);
  const loose = {
    ceremoniesPerMinute: 1000,
    registrationsPerHour: 1000,
    textsPerCallerHour: 1000,
    textsPerPhoneHour: 5,
  };
  const identity = openIdentity({
    database,
    clock,
    askRegister: sandboxRegister(texts.url, 500),
    config: {
      origin: ORIGIN,
      rpId: 'localhost',
      sandboxUrl: texts.url,
      keysDir: 'memory',
      regions: ['CN-SX', 'CN-BJ'],
      limits: { ...loose, ...limits },
    },
  });
  const logTo = openEar('the house of this test');
  const app = await createHttp({ origin: ORIGIN, logLevel: 'debug', trustProxy: [] }, { database, logTo });
  identityRoutes(app, identity);
  app.post('/who', async (request) => {
    const device = await identity.deviceOf(request);
    return device.ok ? { device: device.value.id, wallet: device.value.wallet } : { refused: device.error };
  });
  await app.ready();
  return {
    app,
    identity,
    database,
    clock,
    origin: ORIGIN,
    texts,
    codeFor: texts.codeFor,
    pass: (length: Duration) => {
      now += length;
    },
    close: async () => {
      await app.close();
      await database.close();
      await texts.close();
      logTo.close();
    },
  };
}
