/** `npm start`: from a fresh clone to a running wallet; installs and builds what is missing, then runs server and sandbox. */
import { liveWith, startSandbox } from './launch.mjs';
import { startServers } from './processes.mjs';
import { ensureBuilt, ensureInstalled } from './ready.mjs';

ensureInstalled();
ensureBuilt();
liveWith([startServers(process.env, process.argv.slice(2)), startSandbox(process.env)]);
