/** Nobody waits without end: who has no answer in time is told to come again, and what was begun goes on. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/**
 * Answers each request of `app` by `giveUp` when nothing of an answer is on its way `withinMs` after it came. An answer
 * that has begun is let go on: a large one takes the time its road takes.
 * Fastify's own handlerTimeout forgets everybody who sent a body: https://github.com/fastify/fastify/pull/6725
 */
export function answerWithin(
  app: Pick<FastifyInstance, 'addHook'>,
  withinMs: number,
  giveUp: (request: FastifyRequest, reply: FastifyReply) => void,
): void {
  app.addHook('onRequest', async (request, reply) => {
    const timer = setTimeout(() => {
      if (!reply.sent && !reply.raw.headersSent) giveUp(request, reply);
    }, withinMs);
    reply.raw.once('close', () => clearTimeout(timer));
  });
}
