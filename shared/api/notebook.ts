/**
 * The notebook: what people think of their bills. Opinions, not facts: each is a small document that every phone of the
 * wallet may change with no signal, and that replicates both ways by the CouchDB protocol.
 * Each opinion is a document of its own, so that two phones only ever disagree when they changed the very same thing.
 */
import Type, { type Static } from 'typebox';

/** Bytes of one document as JSON, its revisions not counted: the longest note is a twentieth of it. */
export const DOCUMENT_BYTES = 64 * 1024;
/** Bytes of all documents of one wallet: about twenty thousand notes. */
export const NOTEBOOK_BYTES = 5 * 1024 * 1024;
/** Revisions told of one document; what is older is forgotten. */
export const REVISIONS_MOST = 1_000;
/** Characters of a note: a page, and three of them in Chinese still fit a packet of sync. */
export const NOTE_LENGTH = 1_000;
/** Tags on one bill. */
export const TAGS_MOST = 20;
/** Characters of one tag. */
export const TAG_LENGTH = 30;
/** Characters of a category's name. */
export const CATEGORY_LENGTH = 30;
/** Characters of what a rule looks for. */
export const WANTED_LENGTH = 60;

const BillId = Type.String({ pattern: '^[\\w.:-]{1,100}$' });
const CategoryId = Type.String({ pattern: '^[\\w-]{1,40}$' });
const OwnId = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const Sum = Type.Integer({ minimum: 0, maximum: 100_000_000_000 });
const Code = Type.String({ pattern: '^[A-Z]{3}$' });
/** When it was last changed, by the clock of the phone that did it: to be shown, never to decide by. */
const at = Type.Integer({ minimum: 0, maximum: 8_640_000_000_000_000 });
/** Name of the phone that changed it last. */
const by = Type.Optional(Type.String({ maxLength: 60 }));
const closed = { additionalProperties: false } as const;

/** What a person writes on a bill. An empty text is a note taken back. */
export const Note = Type.Object(
  {
    _id: Type.String({ pattern: '^note:[\\w.:-]{1,100}$' }),
    type: Type.Literal('note'),
    bill: BillId,
    text: Type.String({ maxLength: NOTE_LENGTH }),
    at,
    by,
  },
  closed,
);
/** What a person writes on a bill. */
export type Note = Static<typeof Note>;

/** The tags on a bill, in the order they were put. */
export const Tags = Type.Object(
  {
    _id: Type.String({ pattern: '^tags:[\\w.:-]{1,100}$' }),
    type: Type.Literal('tags'),
    bill: BillId,
    tags: Type.Array(Type.String({ minLength: 1, maxLength: TAG_LENGTH }), { maxItems: TAGS_MOST }),
    at,
    by,
  },
  closed,
);
/** The tags on a bill. */
export type Tags = Static<typeof Tags>;

/** Where a person has put a bill by hand; it stands above every rule. */
export const Filing = Type.Object(
  {
    _id: Type.String({ pattern: '^filing:[\\w.:-]{1,100}$' }),
    type: Type.Literal('filing'),
    bill: BillId,
    category: CategoryId,
    at,
    by,
  },
  closed,
);
/** Where a person has put a bill by hand. */
export type Filing = Static<typeof Filing>;

/** A category of the person's own. Bills name it by `category`. */
export const Category = Type.Object(
  {
    _id: Type.String({ pattern: `^category:${OwnId}$` }),
    type: Type.Literal('category'),
    category: Type.String({ pattern: `^${OwnId}$` }),
    name: Type.String({ minLength: 1, maxLength: CATEGORY_LENGTH }),
    at,
    by,
  },
  closed,
);
/** A category of the person's own. */
export type Category = Static<typeof Category>;

/** What a rule asks of a bill: all of what it says must hold. Texts are found anywhere, whatever the case. */
export const RuleWhen = Type.Object(
  {
    peer: Type.Optional(Type.String({ minLength: 1, maxLength: WANTED_LENGTH })),
    memo: Type.Optional(Type.String({ minLength: 1, maxLength: WANTED_LENGTH })),
    kind: Type.Optional(
      Type.Union([
        Type.Literal('payment'),
        Type.Literal('top-up'),
        Type.Literal('withdrawal'),
        Type.Literal('refund'),
        Type.Literal('debt'),
      ]),
    ),
    direction: Type.Optional(Type.Union([Type.Literal('in'), Type.Literal('out')])),
    currency: Type.Optional(Code),
    least: Type.Optional(Sum),
    most: Type.Optional(Sum),
  },
  closed,
);
/** What a rule asks of a bill. */
export type RuleWhen = Static<typeof RuleWhen>;

/** Files every bill, old ones too, that fits and that nobody has filed by hand. Of several the oldest counts. */
export const Rule = Type.Object(
  {
    _id: Type.String({ pattern: `^rule:${OwnId}$` }),
    type: Type.Literal('rule'),
    when: RuleWhen,
    category: CategoryId,
    at,
    by,
  },
  closed,
);
/** Files bills by what they say. */
export type Rule = Static<typeof Rule>;

/** What a person means to spend in a month, of one category or (`all`) altogether; a notice comes at `noticeAt` percent. */
export const Budget = Type.Object(
  {
    _id: Type.String({ pattern: `^budget:${OwnId}$` }),
    type: Type.Literal('budget'),
    category: CategoryId,
    currency: Code,
    amount: Type.Integer({ minimum: 1, maximum: 100_000_000_000 }),
    noticeAt: Type.Integer({ minimum: 1, maximum: 100 }),
    at,
    by,
  },
  closed,
);
/** What a person means to spend in a month. */
export type Budget = Static<typeof Budget>;

/** Every kind of opinion and its schema. */
export const OPINIONS = {
  note: Note,
  tags: Tags,
  filing: Filing,
  category: Category,
  rule: Rule,
  budget: Budget,
} as const;
/** The name of a kind of opinion. */
export type OpinionType = keyof typeof OPINIONS;
/** One opinion. */
export type Opinion = Note | Tags | Filing | Category | Rule | Budget;

/** Where the notebooks stand; the one of a wallet is named by its id. */
export const NOTEBOOK_PATH = '/notebook';
/** Documents in one request at most. */
export const DOCUMENTS_AT_ONCE = 1_000;

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Flag = Type.Optional(Type.Boolean());
const DocumentId = Type.String({ minLength: 1, maxLength: 200 });
const Revision = Type.String({ pattern: '^[1-9]\\d{0,9}-[\\w-]{1,64}$' });
const AnyDocument = Type.Object({}, { additionalProperties: true });

/** Which notebook. */
export const NotebookParams = Type.Object({ wallet: Type.String({ maxLength: 60 }) });
/** Which of the documents a phone keeps for itself: how far it has come. */
export const LocalParams = Type.Object({
  wallet: Type.String({ maxLength: 60 }),
  id: Type.String({ pattern: '^[\\w.=-]{1,120}$' }),
});
/** Whether that there is none is told by an empty answer: PouchDB asks before there is one, and browsers print a 404 as an error. */
export const LocalQuery = Type.Object({ none: Type.Optional(Type.Literal('204')) });
/** What a notebook says of itself. */
export const NotebookInfo = Type.Object({
  db_name: Type.String(),
  doc_count: Count,
  doc_del_count: Count,
  update_seq: Count,
  instance_start_time: Type.String(),
});

/** Asks for what has changed after `since`; a `longpoll` waits until something has. */
export const ChangesQuery = Type.Object({
  since: Type.Optional(Count),
  limit: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
  style: Type.Optional(Type.Union([Type.Literal('main_only'), Type.Literal('all_docs')])),
  feed: Type.Optional(Type.Union([Type.Literal('normal'), Type.Literal('longpoll')])),
  timeout: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000 })),
  heartbeat: Type.Optional(Type.Integer({ minimum: 0, maximum: 3_600_000 })),
  seq_interval: Type.Optional(Count),
});
/** Asks for what has changed. */
export type ChangesQuery = Static<typeof ChangesQuery>;
/** What has changed, each document once under the number of its last change. */
export const ChangesAnswer = Type.Object({
  results: Type.Array(
    Type.Object({
      seq: Count,
      id: Type.String(),
      changes: Type.Array(Type.Object({ rev: Type.String() })),
      deleted: Type.Optional(Type.Literal(true)),
    }),
  ),
  last_seq: Count,
  pending: Count,
});

/** Asks which of these revisions the house lacks. */
export const RevisionsRequest = Type.Record(DocumentId, Type.Array(Revision, { maxItems: 1_000 }), {
  maxProperties: DOCUMENTS_AT_ONCE,
});
/** Which revisions the house lacks. */
export const RevisionsAnswer = Type.Record(
  Type.String(),
  Type.Object({
    missing: Type.Array(Type.String()),
    possible_ancestors: Type.Optional(Type.Array(Type.String())),
  }),
);

/** Brings documents with their history. */
export const DocumentsRequest = Type.Object({
  docs: Type.Array(AnyDocument, { maxItems: DOCUMENTS_AT_ONCE }),
  new_edits: Type.Literal(false),
});
/** The documents that were not taken, and why. */
export const DocumentsAnswer = Type.Array(
  Type.Object({ id: Type.String(), error: Type.String(), reason: Type.String() }),
);

/** Asks for documents with their history. */
export const BulkGetRequest = Type.Object({
  docs: Type.Array(Type.Object({ id: DocumentId, rev: Type.Optional(Revision) }), { maxItems: DOCUMENTS_AT_ONCE }),
});
/** What shall come with them. */
export const BulkGetQuery = Type.Object({ revs: Flag, latest: Flag, attachments: Flag });
/** The documents, or the word that one is missing. */
export const BulkGetAnswer = Type.Object({
  results: Type.Array(
    Type.Object({
      id: Type.String(),
      docs: Type.Array(Type.Union([Type.Object({ ok: AnyDocument }), Type.Object({ error: AnyDocument })])),
    }),
  ),
});

/** How far a phone has come, as it keeps it here. */
export const LocalDocument = Type.Object(
  { _id: Type.String(), _rev: Type.Optional(Type.String()) },
  { additionalProperties: true },
);
/** That it was kept. */
export const LocalKept = Type.Object({ ok: Type.Boolean(), id: Type.String(), rev: Type.String() });
