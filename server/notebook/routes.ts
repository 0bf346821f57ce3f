/**
 * How phones replicate their notebooks: the part of the CouchDB protocol that PouchDB speaks when it replicates, asked by
 * a session or signed by a phone. There are no databases to make or drop, no design documents, no users, no attachments.
 */
import type { FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { Identity } from '#server/identity/identity.ts';
import type { Document } from '#server/notebook/document.ts';
import type { Notebooks, Owner } from '#server/notebook/notebook.ts';
import { type Http, Nothing, refused } from '#server/platform/http.ts';
import {
  BulkGetAnswer,
  BulkGetQuery,
  BulkGetRequest,
  ChangesAnswer,
  ChangesQuery,
  DocumentsAnswer,
  DocumentsRequest,
  LocalDocument,
  LocalKept,
  LocalParams,
  LocalQuery,
  NOTEBOOK_PATH,
  NotebookInfo,
  NotebookParams,
  RevisionsAnswer,
  RevisionsRequest,
} from '#shared/api/notebook.ts';
import type { Refusal } from '#shared/api/refusal.ts';
import { ok, type Result, refuse } from '#shared/base/result.ts';

interface Named {
  readonly Params: Static<typeof NotebookParams>;
}

type Whose = (request: FastifyRequest<Named>) => Promise<Result<Owner, Refusal>>;

/** Mounts /notebook/:wallet and what stands under it. */
export function notebookRoutes(
  app: Http,
  notebooks: Notebooks,
  identity: Pick<Identity, 'requireSession' | 'deviceOf'>,
): void {
  // As with every sync, a phone speaks by its own key whenever there is a scrap of signal, signed in or not.
  const whose: Whose = async (request) => {
    const isSigned = request.headers.authorization?.startsWith('Device ') === true;
    const asker = isSigned ? await identity.deviceOf(request) : await identity.requireSession(request);
    if (!asker.ok) return asker;
    const { region, wallet } = asker.value;
    // The name is told so that no phone ever mixes two notebooks; it opens nobody else's.
    return request.params.wallet === wallet ? ok({ region, wallet }) : refuse({ code: 'notebook.not-found' });
  };
  // While the house drains, whoever waits is answered.
  app.server.once('draining', notebooks.close);
  readingRoutes(app, notebooks, whose);
  writingRoutes(app, notebooks, whose);
}

function readingRoutes(app: Http, notebooks: Notebooks, whose: Whose): void {
  app.get<Named>(
    `${NOTEBOOK_PATH}/:wallet`,
    { schema: { params: NotebookParams, response: { 200: NotebookInfo } } },
    async (request, reply) => {
      const owner = await whose(request);
      if (!owner.ok) return refused(reply, owner.error);
      const { living, deleted, sequence } = await notebooks.info(owner.value);
      return {
        db_name: owner.value.wallet,
        doc_count: living,
        doc_del_count: deleted,
        update_seq: sequence,
        instance_start_time: '0',
      };
    },
  );
  app.get<Named & { Querystring: ChangesQuery }>(
    `${NOTEBOOK_PATH}/:wallet/_changes`,
    { schema: { params: NotebookParams, querystring: ChangesQuery, response: { 200: ChangesAnswer } } },
    async (request, reply) => {
      const owner = await whose(request);
      if (!owner.ok) return refused(reply, owner.error);
      const left = new AbortController();
      reply.raw.once('close', () => left.abort());
      return await notebooks.changes(owner.value, request.query, left.signal);
    },
  );
  app.post<Named & { Body: Static<typeof BulkGetRequest>; Querystring: Static<typeof BulkGetQuery> }>(
    `${NOTEBOOK_PATH}/:wallet/_bulk_get`,
    {
      schema: {
        params: NotebookParams,
        querystring: BulkGetQuery,
        body: BulkGetRequest,
        response: { 200: BulkGetAnswer },
      },
    },
    async (request, reply) => {
      const owner = await whose(request);
      if (!owner.ok) return refused(reply, owner.error);
      const { revs = false, latest = false } = request.query;
      return { results: await notebooks.read(owner.value, request.body.docs, { revs, latest }) };
    },
  );
  app.post<Named & { Body: Static<typeof RevisionsRequest> }>(
    `${NOTEBOOK_PATH}/:wallet/_revs_diff`,
    { schema: { params: NotebookParams, body: RevisionsRequest, response: { 200: RevisionsAnswer } } },
    async (request, reply) => {
      const owner = await whose(request);
      return owner.ok ? await notebooks.lacks(owner.value, request.body) : refused(reply, owner.error);
    },
  );
}

function writingRoutes(app: Http, notebooks: Notebooks, whose: Whose): void {
  app.post<Named & { Body: Static<typeof DocumentsRequest> }>(
    `${NOTEBOOK_PATH}/:wallet/_bulk_docs`,
    { schema: { params: NotebookParams, body: DocumentsRequest, response: { 201: DocumentsAnswer } } },
    async (request, reply) => {
      const owner = await whose(request);
      if (!owner.ok) return refused(reply, owner.error);
      const brought = await notebooks.bring(owner.value, request.body.docs);
      return brought.ok ? reply.code(201).send(brought.value) : refused(reply, brought.error);
    },
  );
  interface Local {
    readonly Params: Static<typeof LocalParams>;
  }
  app.get<Local & { Querystring: Static<typeof LocalQuery> }>(
    `${NOTEBOOK_PATH}/:wallet/_local/:id`,
    { schema: { params: LocalParams, querystring: LocalQuery, response: { 200: LocalDocument, 204: Nothing } } },
    async (request, reply) => {
      const owner = await whose(request);
      if (!owner.ok) return refused(reply, owner.error);
      const found = await notebooks.readLocal(owner.value, request.params.id);
      if (!found.ok && request.query.none === '204') return reply.code(204).send();
      return found.ok ? (found.value as Static<typeof LocalDocument>) : refused(reply, found.error);
    },
  );
  app.put<Local & { Body: Static<typeof LocalDocument> }>(
    `${NOTEBOOK_PATH}/:wallet/_local/:id`,
    { schema: { params: LocalParams, body: LocalDocument, response: { 201: LocalKept } } },
    async (request, reply) => {
      const owner = await whose(request);
      if (!owner.ok) return refused(reply, owner.error);
      const { id } = request.params;
      const kept = await notebooks.keepLocal(owner.value, id, request.body as Document);
      if (!kept.ok) return refused(reply, kept.error);
      return reply.code(201).send({ ok: true, id: `_local/${id}`, rev: kept.value });
    },
  );
}
