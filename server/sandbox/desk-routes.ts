/** How people reach the pages of the outside world: they choose, and are led back to the house by a link, never by a redirect of a form. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { FormFault } from '#server/sandbox/binding.ts';
import { CARD_FORM_SCRIPT, cardRuleScript } from '#server/sandbox/card-form.ts';
import { bindPage, counterPage, deskWords, payPage, sayPage } from '#server/sandbox/desk-page.ts';
import type { Language } from '#server/sandbox/page.ts';
import type { Parts } from '#server/sandbox/routes.ts';
import type { Binding } from '#server/sandbox/store.ts';

interface Visit {
  Params: { id: string };
  Querystring: { lang?: string; code?: string; refused?: string };
  Body: Record<string, string> | undefined;
}

/** Mounts the pay page, the counter and the page for binding a card. */
export function deskRoutes(app: FastifyInstance, parts: Parts): void {
  const { bank, clock } = parts;
  app.get<Visit>('/pay/:id', (request, reply) => {
    const language = languageOf(request);
    const found = bank.report('pay', request.params.id);
    const words = deskWords(language);
    if (!found) return html(reply.code(404), sayPage(language, words.pay, words.gone));
    return html(reply, payPage(found.order, clock(), language));
  });
  app.post<Visit>('/pay/:id/choose', async (request, reply) => {
    const { id } = request.params;
    if (bank.report('pay', id)) await bank.choose(id, request.body?.choice === 'pay' ? 'pay' : 'cancel');
    return reply.redirect(`/pay/${encodeURIComponent(id)}?lang=${languageOf(request)}`, 303);
  });
  app.get<Visit>('/counter', (request, reply) => {
    const code = (request.query.code ?? '').replaceAll(/\D/g, '').slice(0, 12);
    const found = { code, order: bank.byCode(code), now: clock(), refused: request.query.refused === '1' };
    return html(reply, counterPage(languageOf(request), found));
  });
  app.post<Visit>('/counter/:id/choose', async (request, reply) => {
    const found = bank.report('counter', request.params.id);
    if (!found?.order.code) return reply.redirect('/counter', 303);
    const { id, code } = found.order;
    const choice = request.body?.choice;
    const refused = choice === 'take-back' ? !(await bank.takeBack(id)) : false;
    if (choice === 'pay' || choice === 'cancel') await bank.choose(id, choice);
    return reply.redirect(`/counter?code=${code}&lang=${languageOf(request)}${refused ? '&refused=1' : ''}`, 303);
  });
  bindRoutes(app, parts);
}

function bindRoutes(app: FastifyInstance, { bindings }: Parts): void {
  const show = (
    request: FastifyRequest<Visit>,
    reply: FastifyReply,
    typed?: Readonly<Record<string, string>>,
    fault?: FormFault,
  ): FastifyReply => {
    const language = languageOf(request);
    const binding: Binding | undefined = bindings.find(request.params.id);
    const words = deskWords(language);
    if (!binding) return html(reply.code(404), sayPage(language, words.bind, words.gone));
    // The one page of the outside world with a script: its own, and nothing else.
    const policy = String(reply.getHeader('content-security-policy'));
    reply.header('content-security-policy', `${policy}; script-src 'self'; require-trusted-types-for 'script'`);
    return html(reply, bindPage(binding, language, typed, fault));
  };
  const again = (request: FastifyRequest<Visit>, reply: FastifyReply): FastifyReply =>
    reply.redirect(`/card/bind/${encodeURIComponent(request.params.id)}?lang=${languageOf(request)}`, 303);

  const script = (reply: FastifyReply, text: string) => reply.type('text/javascript; charset=utf-8').send(text);
  app.get('/card-form.js', (_request, reply) => script(reply, CARD_FORM_SCRIPT));
  app.get('/card-number.js', (_request, reply) => script(reply, cardRuleScript()));
  app.get<Visit>('/card/bind/:id', (request, reply) => show(request, reply));
  app.post<Visit>('/card/bind/:id/fill', (request, reply) => {
    const { name = '', number = '', identity = '', phone = '' } = request.body ?? {};
    const outcome = bindings.fill(request.params.id, { name, number, identity, phone });
    if (outcome === 'sent' || outcome === 'gone') return again(request, reply);
    return show(request, reply, { name, identity, phone }, outcome);
  });
  app.post<Visit>('/card/bind/:id/confirm', (request, reply) => {
    const outcome = bindings.confirm(request.params.id, request.body?.code ?? '');
    if (outcome === 'bound' || outcome === 'gone') return again(request, reply);
    return show(request, reply, {}, outcome);
  });
  app.post<Visit>('/card/bind/:id/cancel', (request, reply) => {
    bindings.cancel(request.params.id);
    return again(request, reply);
  });
}

function languageOf(request: FastifyRequest<Visit>): Language {
  const wanted = request.query.lang ?? request.headers['accept-language'] ?? 'zh';
  return wanted.startsWith('en') ? 'en' : 'zh';
}

function html(reply: FastifyReply, page: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(page);
}
