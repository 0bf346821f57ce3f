/**
 * How the house stops without leaving anybody without an answer.
 * Invariant: a request whose connection was taken is answered in full, unless it takes longer than the whole stop may.
 */
import { Server } from 'node:net';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { steadyMs } from '#server/platform/clock.ts';

/** How long a taken connection may still be silent before it counts as one that asks nothing. */
const SILENCE_MS = 500;
/** A turn of the event loop as short as this had nothing to do, so nobody stands at the door. */
const QUIET_TURN_MS = 0.2;
/** So long nobody may have come: whoever got the last answer and asks at once stands at the door by then. */
const QUIET_FOR_MS = 25;
const QUIET_WITHIN_MS = 2_000;
const LOOK_EVERY_MS = 20;

/**
 * Makes `app.close()` drain first. For `graceMs` it goes on serving everybody while each answer ends its connection and
 * balancers read from `/readyz` that they should go elsewhere. Then the door is shut in a moment in which nobody waits at
 * it, for the kernel resets every connection that is still in its queue. That moment comes under any load, because from
 * then on questions are taken and only answered behind the shut door: who waits for an answer does not knock again. What
 * was taken is answered; connections on which nothing is asked are ended. Answers whether draining has begun.
 */
export function drainBeforeClose(app: Pick<FastifyInstance, 'addHook' | 'server'>, graceMs: number): () => boolean {
  let draining = false;
  let underWay = 0;
  let taken = 0;
  let shut: Promise<void> | undefined;
  app.server.on('connection', () => {
    taken += 1;
  });
  app.addHook('onRequest', async (_request, reply) => {
    underWay += 1;
    reply.raw.once('close', () => {
      underWay -= 1;
    });
    await shut;
  });
  app.addHook('onSend', async (_request, reply) => {
    if (draining) reply.header('connection', 'close');
  });
  app.addHook('preClose', async () => {
    draining = true;
    // Who only waits for news is let go (see server/notebook).
    app.server.emit('draining');
    if (!app.server.listening) return;
    await pause(graceMs);
    const door = Promise.withResolvers<void>();
    shut = door.promise;
    await quietTurn(() => taken);
    // Not the HTTP server's own close: that one ends kept connections on which the next question may be on its way.
    Server.prototype.close.call(app.server);
    door.resolve();
    for (let silent = 0; silent < SILENCE_MS && !(await isEmpty(app.server)); silent += LOOK_EVERY_MS) {
      if (underWay > 0) silent = 0;
      await pause(LOOK_EVERY_MS);
    }
    app.server.closeAllConnections();
  });
  return () => draining;
}

/** Resolves in a turn of the event loop that was short, a while after the last one came in; after two seconds in any. */
async function quietTurn(taken: () => number): Promise<void> {
  const began = steadyMs();
  for (let before = taken(), last = began, at = began; at < began + QUIET_WITHIN_MS; ) {
    await nextTurn();
    const now = steadyMs();
    if (taken() !== before) last = now;
    else if (now - last > QUIET_FOR_MS && now - at < QUIET_TURN_MS) return;
    before = taken();
    at = now;
  }
}

function isEmpty(server: Server): Promise<boolean> {
  return new Promise((resolve) => server.getConnections((error, count) => resolve(error === null && count === 0)));
}

/**
 * Ends the process on SIGTERM or SIGINT: the app closes, then `after` (close the database), at most `withinMs` in all.
 * A signal said twice is one signal: a terminal tells every process of its group, and npm tells them again.
 */
export function closeOnSignal(app: Pick<FastifyInstance, 'close'>, after: () => Promise<void>, withinMs: number): void {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      setTimeout(() => {
        console.error(`The stop took longer than ${withinMs} ms: what is left is cut off.`);
        process.exit(1);
      }, withinMs).unref();
      app
        .close()
        .then(after)
        .then(
          () => process.exit(0),
          (error: unknown) => {
            console.error('The stop has failed:', error);
            process.exit(1);
          },
        );
    });
  }
}
