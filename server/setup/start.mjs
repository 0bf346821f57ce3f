/** `npm start`: from a fresh clone to a running wallet; installs and builds what is missing, then runs server and sandbox. */
import { liveWith, startSandbox, startServer } from './launch.mjs';
import { ensureBuilt, ensureInstalled } from './ready.mjs';

ensureInstalled();
ensureBuilt();
liveWith([startServer(process.env), startSandbox(process.env)]);
