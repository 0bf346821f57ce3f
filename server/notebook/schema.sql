-- step 1: notebooks: documents with trees of revisions, numbered by their last change; the ids stand in the order of their bytes
create table notebook (
  region text not null,
  book text not null,
  sequence bigint not null default 0,
  bytes bigint not null default 0,
  revisions_most integer not null,
  primary key (region, book)
) with (fillfactor = 70);
create table notebook_document (
  region text not null,
  book text not null,
  id text collate "C" not null,
  sequence bigint not null,
  revision text not null,
  deleted boolean not null,
  -- JSON as it is told, not as the database would order it.
  tree text not null,
  bytes bigint not null,
  primary key (region, book, id)
);
create unique index notebook_document_sequence on notebook_document (region, book, sequence);
create table notebook_revision (
  region text not null,
  book text not null,
  id text collate "C" not null,
  revision text not null,
  body text not null,
  attachments text,
  primary key (region, book, id, revision)
);
create table notebook_attachment (
  region text not null,
  book text not null,
  digest text not null,
  data bytea not null,
  primary key (region, book, digest)
);
create table notebook_local (
  region text not null,
  book text not null,
  id text not null,
  version bigint not null,
  body text not null,
  primary key (region, book, id)
);
