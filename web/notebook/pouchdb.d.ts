/** What is used of PouchDB, whose packages ship no types. */
declare module 'pouchdb-core' {
  export interface PouchDocument {
    readonly _id: string;
    readonly _rev?: string;
    readonly _deleted?: boolean;
    readonly _conflicts?: readonly string[];
    readonly [name: string]: unknown;
  }
  export interface PouchChange {
    readonly id: string;
    readonly seq: number | string;
    readonly deleted?: boolean;
    readonly changes: readonly { readonly rev: string }[];
    readonly doc?: PouchDocument;
  }
  export interface ReplicationTold {
    readonly ok: boolean;
    readonly docs_read: number;
    readonly docs_written: number;
    readonly doc_write_failures: number;
    readonly errors: readonly unknown[];
  }
  /** A replication or a feed that goes on until it is cancelled. */
  export interface Going<Result> extends Promise<Result> {
    cancel(): void;
    on(event: string, listener: (told: never) => void): this;
  }
  export interface ReplicationOptions {
    readonly live?: boolean;
    readonly retry?: boolean;
    readonly batch_size?: number;
    readonly batches_limit?: number;
    readonly heartbeat?: number | false;
    readonly timeout?: number | false;
    readonly back_off_function?: (delay: number) => number;
  }
  export interface PouchOptions {
    readonly adapter?: string;
    readonly auto_compaction?: boolean;
    readonly revs_limit?: number;
    readonly skip_setup?: boolean;
    readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  }
  export default class PouchDB {
    static plugin(plugin: unknown): typeof PouchDB;
    constructor(name: string, options?: PouchOptions);
    readonly name: string;
    readonly replicate: {
      to(target: PouchDB, options?: ReplicationOptions): Going<ReplicationTold>;
      from(source: PouchDB, options?: ReplicationOptions): Going<ReplicationTold>;
    };
    get(
      id: string,
      options?: { readonly rev?: string; readonly conflicts?: boolean; readonly open_revs?: 'all' },
    ): Promise<PouchDocument>;
    put(document: object): Promise<{ readonly id: string; readonly rev: string }>;
    remove(document: { readonly _id: string; readonly _rev: string }): Promise<unknown>;
    bulkDocs(
      documents: readonly object[],
      options?: { readonly new_edits?: boolean },
    ): Promise<readonly { readonly id?: string; readonly rev?: string; readonly error?: boolean | string }[]>;
    allDocs(options?: {
      readonly include_docs?: boolean;
      readonly conflicts?: boolean;
      readonly keys?: readonly string[];
    }): Promise<{
      readonly total_rows: number;
      readonly rows: readonly { readonly id: string; readonly key: string; readonly doc?: PouchDocument }[];
    }>;
    changes(options?: {
      readonly live?: boolean;
      readonly since?: number | string;
      readonly include_docs?: boolean;
      readonly conflicts?: boolean;
      readonly limit?: number;
    }): Going<{ readonly results: readonly PouchChange[]; readonly last_seq: number | string }>;
    info(): Promise<{ readonly doc_count: number; readonly update_seq: number | string }>;
    compact(): Promise<unknown>;
    close(): Promise<void>;
    destroy(): Promise<unknown>;
  }
}
declare module 'pouchdb-adapter-idb' {
  const plugin: unknown;
  export default plugin;
}
declare module 'pouchdb-adapter-http' {
  const plugin: unknown;
  export default plugin;
}
declare module 'pouchdb-adapter-memory' {
  const plugin: unknown;
  export default plugin;
}
declare module 'pouchdb-replication' {
  const plugin: unknown;
  export default plugin;
}
