/** Everything the house is told from outside, read and checked once at its start. */
import { join } from 'node:path';
import { USUAL_ADMISSION } from '#server/platform/admission.ts';
import type { CollectorPlace } from '#server/platform/otlp.ts';

/** How this process is set up; made by {@link readConfig}. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Whether other processes of this house listen at the same port; see server/setup/processes.mjs. */
  readonly portShared: boolean;
  /** Where people reach the house: `https://wallet.example`, never with a slash at its end. */
  readonly origin: string;
  /** The WebAuthn relying party: the origin's host name or a registrable suffix of it. */
  readonly rpId: string;
  readonly dataDir: string;
  /** Folder of the issuers' keys; files of mode 600, never in the database. */
  readonly keysDir: string;
  readonly databaseUrl: string | undefined;
  readonly diskFloorBytes: number;
  readonly sandboxUrl: string;
  /** Hosts inside (`host:port`) that may be called although a stranger named them: none but where it is tried out. */
  readonly insideHosts: readonly string[];
  /** How long it goes on serving after it was told to stop, so that balancers see it in time. */
  readonly drainMs: number;
  /** How long the whole stop may take; what is not answered by then is cut off. */
  readonly stopWithinMs: number;
  /** How many requests it takes on at once; whoever comes beyond is told when to come again. */
  readonly requestsMost: number;
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug';
  /** Where the figures may be read (METRICS_PORT); undefined: nowhere. */
  readonly metrics: { readonly host: string; readonly port: number; readonly token: string | undefined } | undefined;
  /** Whether requests carry a W3C trace in and out, and which collector their steps go to; undefined: no traces at all. */
  readonly tracing: { readonly collector: CollectorPlace | undefined } | undefined;
  /** Addresses of the proxies in front, whose word on the client's address counts. */
  readonly trustProxy: readonly string[];
}

const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;

/** Thrown when a setting makes no sense; names the variable and what is expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads HOST, PORT, PORT_SHARED, ORIGIN, RP_ID, DATA_DIR, DATABASE_URL, DISK_FLOOR_MB, DRAIN_MS, STOP_WITHIN_MS, REQUESTS_MOST,
 * SANDBOX_URL, INSIDE_HOSTS, LOG_LEVEL, METRICS_PORT, METRICS_HOST, METRICS_TOKEN, TRACING, TRUST_PROXY, and of OpenTelemetry OTEL_EXPORTER_OTLP_ENDPOINT,
 * OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME and OTEL_TRACES_SAMPLER_ARG.
 * Throws {@link ConfigError} for a value that cannot be meant.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const port = wholeNumber(env, 'PORT', 4800, 65_535);
  const origin = url(env, 'ORIGIN', `http://localhost:${port}`, ['http:', 'https:']).origin;
  const rpId = env.RP_ID ?? new URL(origin).hostname;
  if (!`.${new URL(origin).hostname}`.endsWith(`.${rpId}`))
    throw new ConfigError('RP_ID is the host of ORIGIN or a part of it');
  const dataDir = env.DATA_DIR ?? 'data';
  const logLevel = LOG_LEVELS.find((level) => level === (env.LOG_LEVEL ?? 'info'));
  if (!logLevel) throw new ConfigError(`LOG_LEVEL is one of ${LOG_LEVELS.join(', ')}`);
  const portShared = env.PORT_SHARED === 'on';
  if (portShared && !env.DATABASE_URL) throw new ConfigError('PORT_SHARED needs a DATABASE_URL');
  return Object.freeze({
    host: env.HOST ?? '127.0.0.1',
    port,
    portShared,
    origin,
    rpId,
    dataDir,
    keysDir: join(dataDir, 'keys'),
    databaseUrl: env.DATABASE_URL ? url(env, 'DATABASE_URL', '', ['postgres:', 'postgresql:']).href : undefined,
    diskFloorBytes: wholeNumber(env, 'DISK_FLOOR_MB', 256, 1_000_000) * 1024 * 1024,
    drainMs: wholeNumber(env, 'DRAIN_MS', 500, 5_000),
    stopWithinMs: wholeNumber(env, 'STOP_WITHIN_MS', 10_000, 300_000),
    requestsMost: wholeNumber(env, 'REQUESTS_MOST', USUAL_ADMISSION.requests, 100_000, 1),
    sandboxUrl: url(env, 'SANDBOX_URL', 'http://127.0.0.1:4801', ['http:', 'https:']).origin,
    insideHosts: listed(env.INSIDE_HOSTS),
    logLevel,
    metrics: readMetrics(env),
    tracing: readTracing(env),
    trustProxy: (env.TRUST_PROXY ?? '').split(',').flatMap((address) => (address.trim() ? [address.trim()] : [])),
  });
}

/** Words between commas. */
function listed(text = ''): string[] {
  return text.split(',').flatMap((word) => (word.trim() ? [word.trim()] : []));
}

const THIS_MACHINE = ['127.0.0.1', '::1', 'localhost'];
const TOKEN_LEAST = 32;

/** Figures go out on a port of their own: on this machine freely, anywhere else only for a token. */
function readMetrics(env: Readonly<Record<string, string | undefined>>): Config['metrics'] {
  const port = wholeNumber(env, 'METRICS_PORT', 0, 65_535);
  if (port === 0) return undefined;
  const host = env.METRICS_HOST ?? '127.0.0.1';
  const token = env.METRICS_TOKEN;
  if (token !== undefined && token.length < TOKEN_LEAST)
    throw new ConfigError(`METRICS_TOKEN has at least ${TOKEN_LEAST} characters`);
  if (token === undefined && !THIS_MACHINE.includes(host))
    throw new ConfigError('METRICS_HOST beyond this machine needs a METRICS_TOKEN');
  return { host, port, token };
}

/** A collector alone turns tracing on; the names are OpenTelemetry's own, so that what its users know holds here. */
function readTracing(env: Readonly<Record<string, string | undefined>>): Config['tracing'] {
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT) return env.TRACING === 'on' ? { collector: undefined } : undefined;
  const base = url(env, 'OTEL_EXPORTER_OTLP_ENDPOINT', '', ['http:', 'https:']).href;
  const share = Number(env.OTEL_TRACES_SAMPLER_ARG ?? '1');
  if (!(share >= 0 && share <= 1)) throw new ConfigError('OTEL_TRACES_SAMPLER_ARG is a share from 0 to 1');
  return {
    collector: {
      url: `${base.replace(/\/$/, '')}/v1/traces`,
      headers: readHeaders(env.OTEL_EXPORTER_OTLP_HEADERS ?? ''),
      service: env.OTEL_SERVICE_NAME ?? 'piaohao',
      share,
    },
  };
}

/** `name=value,name=value`, the values percent-encoded where they must be (W3C Baggage). */
function readHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const one of text.split(',')) {
    if (one.trim() === '') continue;
    const [, name, value] = /^\s*([\w-]+)\s*=\s*(.*?)\s*$/.exec(one) ?? [];
    const plain = value === undefined ? undefined : decoded(value);
    if (name === undefined || plain === undefined) {
      throw new ConfigError('OTEL_EXPORTER_OTLP_HEADERS is a list of name=value with commas');
    }
    headers[name] = plain;
  }
  return headers;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function wholeNumber(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  usual: number,
  most: number,
  least = 0,
): number {
  const text = env[name];
  if (text === undefined) return usual;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw new ConfigError(`${name} is a whole number from ${least} to ${most}`);
}

function url(env: Readonly<Record<string, string | undefined>>, name: string, usual: string, schemes: string[]): URL {
  const found = URL.parse(env[name] ?? usual);
  if (found && schemes.includes(found.protocol)) return found;
  throw new ConfigError(
    `${name} is an address that begins with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`,
  );
}
