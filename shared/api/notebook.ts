/**
 * The notebook: what people think of their bills. Opinions, not facts: each is a small document that every phone of the
 * wallet may change with no signal, and that replicates both ways by the CouchDB protocol.
 * Each opinion is a document of its own, so that two phones only ever disagree when they changed the very same thing.
 */
import Type, { type Static } from 'typebox';

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
