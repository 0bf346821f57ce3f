/**
 * Starts the house and ends it well: reads the environment, listens, says where, and finishes what is under way on
 * SIGTERM. Beside the platform's variables: CEREMONIES_PER_MINUTE, REGISTRATIONS_PER_HOUR, TEXTS_PER_ADDRESS_HOUR and
 * TEXTS_PER_PHONE_HOUR (see server/identity/parts.ts).
 */
import { buildHouse, type House } from '#server/app.ts';
import { COMMANDS } from '#server/commands.ts';
import { type IdentityLimits, USUAL_LIMITS } from '#server/identity/identity.ts';
import { whyNot } from '#server/platform/command.ts';
import { type Config, ConfigError, readConfig } from '#server/platform/config.ts';
import { listenControl } from '#server/platform/control.ts';
import { figuresOfAll, tellFigures } from '#server/platform/keeper.ts';
import { addUp, type Measured, type MetricsDoor, serveMetrics } from '#server/platform/metrics.ts';
import { endWith } from '#server/platform/start-fault.ts';
import { closeOnSignal } from '#server/platform/stop.ts';

/** On `localhost` every visitor is one address, so counting by address would only count the people trying it out. */
const REHEARSAL_FACTOR = 100;

/** Connections the kernel may hold until they are taken; it takes the smaller of this and its own `somaxconn`. */
const WAITING_MOST = 4_096;

try {
  await open();
} catch (error) {
  endWith(error);
}

async function open(): Promise<void> {
  const config = readConfig(process.env);
  const identityLimits = readLimits(process.env, new URL(config.origin).hostname === 'localhost');
  const house = await buildHouse(config, { identityLimits });
  house.confine();
  const closeControl = config.databaseUrl === undefined ? await openControl(config, house) : undefined;
  const after = async () => {
    await closeControl?.();
    await house.close();
  };
  closeOnSignal(house.app, after, config.stopWithinMs);
  if (config.metrics) await openFigures(config, config.metrics, house);
  const place = { host: config.host, port: config.port, backlog: WAITING_MOST, reusePort: config.portShared };
  await house.app.listen(place);
  console.log(`Piaohao is open: ${config.origin}`);
}

/** Of several processes any one is asked, and answers for all of them where the one that started them can gather them. */
function openFigures({ portShared }: Config, door: MetricsDoor, { metrics }: House): Promise<unknown> {
  if (!portShared || !process.permission) return serveMetrics(door, metrics.text);
  tellFigures(metrics.measured);
  const all = () => figuresOfAll<Measured>().then(addUp);
  return serveMetrics({ ...door, reusePort: true }, () => all().catch(metrics.text));
}

/** Nobody but this process may open the embedded database: operators' commands come to it. */
async function openControl(config: Config, { app, database }: House): Promise<(() => Promise<void>) | undefined> {
  const close = await listenControl(config.dataDir, async (wish, say) => {
    const command = COMMANDS.find(({ name }) => name === wish.command);
    if (!command) throw new Error(`This server knows no command ${wish.command}.`);
    try {
      return await command.run({ database, config, say }, wish.words);
    } catch (error) {
      app.log.warn({ err: error, command: command.name }, 'a command was not done');
      throw new Error(whyNot(command.book, error), { cause: error });
    }
  });
  if (!close) app.log.warn('the name of DATA_DIR is too long for a socket: commands need the server stopped');
  return close;
}

function readLimits(env: NodeJS.ProcessEnv, isRehearsal: boolean): IdentityLimits {
  const factor = isRehearsal ? REHEARSAL_FACTOR : 1;
  return {
    ceremoniesPerMinute: wholeNumber(env, 'CEREMONIES_PER_MINUTE', USUAL_LIMITS.ceremoniesPerMinute * factor),
    registrationsPerHour: wholeNumber(env, 'REGISTRATIONS_PER_HOUR', USUAL_LIMITS.registrationsPerHour * factor),
    textsPerCallerHour: wholeNumber(env, 'TEXTS_PER_ADDRESS_HOUR', USUAL_LIMITS.textsPerCallerHour * factor),
    textsPerPhoneHour: wholeNumber(env, 'TEXTS_PER_PHONE_HOUR', USUAL_LIMITS.textsPerPhoneHour),
  };
}

function wholeNumber(env: NodeJS.ProcessEnv, name: string, usual: number): number {
  const text = env[name];
  if (text === undefined) return usual;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new ConfigError(`${name} is a whole number from 1`);
}
