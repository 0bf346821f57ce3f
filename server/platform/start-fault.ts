/** Says in one line, without a stack, what whoever starts a process can mend; every other fault keeps its stack. */
import { ConfigError } from '#server/platform/config.ts';
import { FolderInUse } from '#server/platform/folder-lock.ts';
import { sqlState, Unavailable } from '#server/platform/sql.ts';
import { FolderDamaged } from '#server/platform/whole.ts';

/** Ends the process with code 2 and one line when `error` is of the kind a person mends, or throws it again. */
export function endWith(error: unknown): never {
  const line = startFault(error);
  if (line === undefined) throw error;
  console.error(line);
  process.exit(2);
}

/** What to tell whoever starts this, or undefined when `error` is our own fault. */
export function startFault(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ([ConfigError, FolderInUse, FolderDamaged].some((kind) => error instanceof kind)) return error.message;
  if (error instanceof Unavailable) return `Cannot start now: ${error.message}`;
  // Who comes may not come in (class 28), or asks for a database that is not there.
  if (/^28|^3D000$/.test(sqlState(error) ?? '')) return `The database of DATABASE_URL refuses: ${error.message}`;
  const { code, port, path, syscall } = error as NodeJS.ErrnoException & { readonly port?: number };
  if (code === 'ENOENT' && syscall !== 'mkdir') return undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} is taken by another program. Stop that one, or choose other ports: PORT=4810 SANDBOX_PORT=4811 npm start`;
    case 'EADDRNOTAVAIL':
      return 'HOST is no address of this machine';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOENT':
    case 'ENOTDIR':
      return port === undefined
        ? `No leave to write ${path ?? 'the data folder'}: see DATA_DIR`
        : `No leave to open port ${port}: take one above 1023`;
    default:
      return undefined;
  }
}
