/** What a notebook can say no with: the protocol's own words, which every client of it knows. */

/** A no of the protocol. A class, because a document may have the same members. */
export class Fault {
  readonly status: number;
  readonly error: string;
  readonly reason: string;

  constructor(status: number, error: string, reason: string) {
    this.status = status;
    this.error = error;
    this.reason = reason;
  }
}

const fault = (status: number, error: string, reason: string): Fault => new Fault(status, error, reason);

/** Every no that does not quote what was asked. */
export const FAULTS = {
  noBook: fault(404, 'not_found', 'Database does not exist.'),
  bookExists: fault(412, 'file_exists', 'The database could not be created, the file already exists.'),
  missing: fault(404, 'not_found', 'missing'),
  deleted: fault(404, 'not_found', 'deleted'),
  noAttachment: fault(404, 'not_found', 'Document is missing attachment'),
  conflict: fault(409, 'conflict', 'Document update conflict.'),
  noObject: fault(400, 'bad_request', 'Document must be a JSON object'),
  noDocuments: fault(400, 'bad_request', "Missing JSON list of 'docs'"),
  badRevision: fault(400, 'bad_request', 'Invalid rev format'),
  badId: fault(400, 'illegal_docid', 'Document id must not be empty'),
  reservedId: fault(400, 'bad_request', 'Only reserved document ids may start with underscore.'),
  attachmentName: fault(400, 'bad_request', "Attachment name can't start with '_'"),
  localAttachment: fault(400, 'bad_request', '_local documents do not accept attachments.'),
  attachmentData: fault(400, 'bad_request', 'Invalid attachment data'),
  tooLarge: fault(413, 'document_too_large', 'The document is larger than this notebook keeps.'),
  bookFull: fault(413, 'book_full', 'This notebook holds no more.'),
  tooManyRevisions: fault(403, 'forbidden', 'The document has more revisions than this notebook keeps.'),
  noSelector: fault(400, 'bad_request', 'Selector error: expected a JSON object'),
  notAnOpinion: fault(403, 'forbidden', 'This notebook keeps opinions of its own kinds alone.'),
} as const;

/** An attachment was named that nobody has. */
export const missingStub = (id: string, name: string): Fault =>
  fault(412, 'missing_stub', `Invalid attachment stub in ${id} for ${name}`);

/** A member that begins with an underscore means nothing here. */
export const badMember = (name: string): Fault => fault(400, 'doc_validation', `Bad special document member: ${name}`);
