import type { Message, Offset, StoredMessage } from './message.ts'

/** How much `Log.read` may return. At least one record is returned if there is one. */
export interface ReadOptions {
  /** At most this many records. */
  readonly limit: number
  /** Stop once this many payload bytes are gathered. */
  readonly maxBytes?: number | undefined
  /** Skip records for which this is false; `next` still moves past them. */
  readonly where?: ((record: StoredMessage) => boolean) | undefined
}

/** An append-only sequence of messages. */
export interface Log {
  /** Resolves with the offset of the first record, once all are durable: all or none. */
  append(records: readonly Message[]): Promise<Offset>
  /** Records at `from` and after, in order. `next` is where to read on, even when the filter matched nothing. Offsets below `start` are skipped. */
  read(
    from: Offset,
    options: ReadOptions,
  ): Promise<{ readonly records: readonly StoredMessage[]; readonly next: Offset }>
  /** The records at these offsets, in the order asked; undefined where trimmed or never written. */
  get(offsets: readonly Offset[]): Promise<readonly (StoredMessage | undefined)[]>
  /** First kept offset, and the offset the next append will get. Equal when empty. */
  range(): Promise<{ readonly start: Offset; readonly end: Offset }>
  /** Forget all records below this offset. They stay out of reach; offsets are not reused. */
  trim(before: Offset): Promise<void>
}

/** One change to a table: a value to set, or undefined to delete the key. */
export interface TableChange {
  readonly key: string
  readonly value: Uint8Array | undefined
}

/** A map from strings to bytes, ordered by the UTF-8 bytes of its keys. */
export interface Table {
  get(key: string): Promise<Uint8Array | undefined>
  /** All or none; resolves when durable. */
  write(changes: readonly TableChange[]): Promise<void>
  /** Entries whose key starts with `prefix`, in key order. */
  scan(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>
}

/** Appends and table changes that become durable together or not at all. */
export interface Batch {
  readonly appends: readonly { readonly log: string; readonly records: readonly Message[] }[]
  readonly writes: readonly { readonly table: string; readonly changes: readonly TableChange[] }[]
}

/** Where a broker keeps what must outlive a connection: logs and tables, and one atomic commit over both. */
export interface Storage {
  /** The log of this name; created by its first append. Cheap, no I/O. */
  log(name: string): Log
  /** The table of this name; created by its first write. Cheap, no I/O. */
  table(name: string): Table
  /** All or none; resolves when durable. Commits take effect in call order. Rejects with a BrokerError. */
  commit(batch: Batch): Promise<void>
  /** Finishes what was begun, then releases everything. Later calls reject. */
  close(): Promise<void>
}
