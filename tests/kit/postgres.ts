/** Starts one PostgreSQL for all tests of the server: making one takes a second of CPU and more, and fifty files would. */
import { SHARED_POSTGRES, startShared } from '#tests/kit/databases.ts';

export async function setup(): Promise<() => Promise<void>> {
  const server = await startShared();
  process.env[SHARED_POSTGRES] = server.folder;
  return () => server.stop();
}
