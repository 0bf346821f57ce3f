/**
 * The door of a full house: what it can do soon is taken, everybody else is told at once when to come again.
 * Invariant: requests under way, bytes of their bodies and work that waits in batches never pass their limits by more
 * than one request brings; so nothing that waits here grows without end, and who is taken is answered soon.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { waitingItems } from '#server/platform/batch.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered however full the house is: who looks after it must be able to ask. */
    readonly always?: boolean;
  }
}

/** How much the house takes on at once. */
export interface AdmissionLimits {
  /** Requests under way. */
  readonly requests: number;
  /** Bytes of the bodies of those. */
  readonly bodyBytes: number;
  /** Pieces of work (payments, postings) that wait for their batch. */
  readonly waiting: number;
}

/** One or two seconds of work on two cores; a stop with a thousand requests in flight still answers all of them. */
export const USUAL_ADMISSION: AdmissionLimits = { requests: 2_000, bodyBytes: 16 * 1024 * 1024, waiting: 10_000 };

/** Those who were turned away come back spread over so many seconds. */
const SPREAD_SECONDS = 5;

/** What is under way now. */
export interface Admission {
  readonly requests: () => number;
}

/**
 * Asks of each request of `app` whether the house has room for it and calls `turnAway` when not, with the seconds after
 * which to come again. A body without a length counts as `bodyLimit`. `waiting` tells how much work waits.
 */
export function admitWithin(
  app: Pick<FastifyInstance, 'addHook'>,
  limits: AdmissionLimits & { readonly bodyLimit: number },
  turnAway: (reply: FastifyReply, seconds: number) => FastifyReply,
  waiting: () => number = waitingItems,
): Admission {
  let requests = 0;
  let bytes = 0;
  let turnedAway = 0;
  app.addHook('onRequest', async (request, reply) => {
    const weight = bodyBytes(request, limits.bodyLimit);
    const isFull =
      requests >= limits.requests || (requests > 0 && bytes + weight > limits.bodyBytes) || waiting() >= limits.waiting;
    if (isFull && request.routeOptions.config.always !== true) {
      turnedAway += 1;
      return turnAway(reply, 1 + (turnedAway % SPREAD_SECONDS));
    }
    requests += 1;
    bytes += weight;
    reply.raw.once('close', () => {
      requests -= 1;
      bytes -= weight;
    });
  });
  return { requests: () => requests };
}

function bodyBytes({ headers }: FastifyRequest, limit: number): number {
  const length = headers['content-length'];
  if (length !== undefined) return Math.min(Number(length) || 0, limit);
  return headers['transfer-encoding'] === undefined ? 0 : limit;
}
