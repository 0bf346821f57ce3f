/**
 * What the house measures about itself, in Prometheus' text form.
 * Invariant: no label says who anybody is; a route is its pattern, never the address asked for.
 */
import { timingSafeEqual } from 'node:crypto';
import { statfs } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { waitingItems } from '#server/platform/batch.ts';
import { steadyMs } from '#server/platform/clock.ts';
import { sha256 } from '#server/platform/digest.ts';
import type { Http } from '#server/platform/http.ts';

/** One line of a gauge. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A figure that is read when somebody looks; it has a label, for one without would say 0 when it cannot be read. Every process of the house reads the same: of several the largest counts. */
export interface Figure {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** The figures of one process. */
export interface Metrics {
  /** Counts every request of `app` by route and status, and how long it took. */
  readonly watch: (app: Http) => void;
  /** Figures read together by `read`, at most once in {@link READ_AGE_MS} whoever looks; one that cannot be read is left out. */
  readonly figures: (all: readonly Figure[], read: () => Promise<Readonly<Record<string, readonly Sample[]>>>) => void;
  /** A count that only grows; the function adds `by` (1 when not said) under the value of its one label. */
  readonly counter: (name: string, help: string, label: string) => (value: string, by?: number) => void;
  readonly text: () => Promise<string>;
  /** The same as values, for another process to add up. */
  readonly measured: () => Promise<Measured>;
}

/** What one process of several has measured. */
export type Measured = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** The figures of several processes as those of one: counts added up, of what each reads alike the largest. */
export function addUp(all: readonly Measured[]): Promise<string> {
  return AggregatorRegistry.aggregate([...all]).metrics();
}

/** Figures out of the database cost it something: several who look share one reading. */
const READ_AGE_MS = 5_000;
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Opens the figures of this process; free space is that of the disk `dataDir` lies on. */
export function openMetrics(dataDir: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'piaohao_queue_length',
    help: 'Pieces of work waiting for the batch under way (postings, payments, signatures)',
    registers: [registry],
    collect() {
      this.set(waitingItems());
    },
  });
  new Gauge({
    name: 'piaohao_disk_free_bytes',
    help: 'Bytes left on the disk of DATA_DIR',
    registers: [registry],
    aggregator: 'min',
    async collect() {
      const disk = await statfs(dataDir).catch(() => undefined);
      if (disk) this.set(disk.bavail * disk.bsize);
    },
  });
  return {
    watch: (app) => watchRequests(app, registry),
    figures: (all, read) => addFigures(registry, all, read),
    counter(name, help, label) {
      const counter = new Counter({ name, help, labelNames: [label], registers: [registry] });
      return (value, by = 1) => counter.inc({ [label]: value }, by);
    },
    text: () => registry.metrics(),
    measured: () => registry.getMetricsAsJSON(),
  };
}

function watchRequests(app: Http, registry: Registry): void {
  const took = new Histogram({
    name: 'piaohao_request_seconds',
    help: 'Requests by route and status, and how long they took',
    labelNames: ['method', 'route', 'status'],
    buckets: SECONDS,
    registers: [registry],
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? '(none)';
    took.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1000);
  });
}

function addFigures(
  registry: Registry,
  all: readonly Figure[],
  read: () => Promise<Readonly<Record<string, readonly Sample[]>>>,
): void {
  const shared = shareReading(read);
  for (const { name, help, labels } of all) {
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      aggregator: 'max',
      async collect() {
        this.reset();
        const samples = (await shared().catch(() => undefined))?.[name] ?? [];
        for (const sample of samples) this.set({ ...sample.labels }, sample.value);
      },
    });
  }
}

function shareReading<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let held: { readonly at: number; readonly value: Promise<Value> } | undefined;
  return () => {
    if (held === undefined || steadyMs() - held.at >= READ_AGE_MS) held = { at: steadyMs(), value: read() };
    return held.value;
  };
}

/** Where the figures may be read. */
export interface MetricsDoor {
  readonly host: string;
  readonly port: number;
  /** Asked for as `authorization: Bearer …` when set; without one only this machine may listen in. */
  readonly token: string | undefined;
  /** Whether other processes of this house listen there as well. */
  readonly reusePort?: boolean;
}

/** Answers `GET /metrics` at `door`, a port of its own that no visitor reaches; resolves when it listens. */
export async function serveMetrics(door: MetricsDoor, text: () => Promise<string>): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: string) => {
      response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(body);
    };
    if (request.method !== 'GET' || request.url !== '/metrics') return answer(404, 'not found\n');
    if (!mayLook(door.token, request.headers.authorization)) return answer(401, 'a token is asked for\n');
    text().then(
      (body) => answer(200, body),
      () => answer(503, 'the figures cannot be read\n'),
    );
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: door.port, host: door.host, reusePort: door.reusePort === true }, resolve);
  });
  server.unref();
  return server;
}

/** The tokens' hashes are compared: equally long, and in a time that tells nothing. */
function mayLook(token: string | undefined, header: string | undefined): boolean {
  if (token === undefined) return true;
  return timingSafeEqual(sha256(header ?? ''), sha256(`Bearer ${token}`));
}
