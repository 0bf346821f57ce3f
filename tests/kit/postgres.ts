/** Starts one PostgreSQL for all tests of the server: each file making its own takes three seconds of CPU, sixty times. */
import { SHARED_POSTGRES, startShared } from '#tests/kit/databases.ts';

export async function setup(): Promise<() => Promise<void>> {
  const server = await startShared();
  process.env[SHARED_POSTGRES] = server.folder;
  return () => server.stop();
}
