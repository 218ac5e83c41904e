import {
  type Batch,
  encodeUtf8,
  type ErrorCode,
  type Log,
  type Message,
  type Storage,
  type StoredMessage,
  type Table,
} from '@isomq/kernel'
import { deepEqual, equal, equalBytes } from './assert.ts'
import type { Case } from './case.ts'

/**
 * How the suite reaches a storage. One harness serves one case.
 * Features a storage may lack: `reopen` (it outlives its process), `failing` (the harness can make a commit fail).
 */
export interface StorageHarness {
  /** Fresh and empty. */
  readonly storage: Storage
  /** Closes the storage and opens what it left behind, as after a restart. */
  reopen?(): Promise<Storage>
  /** Makes the next commit (or append, or write) fail, as a full disk would. */
  failNextCommit?(): void
  /** What a commit that is made to fail rejects with; `storage-failed` unless said. */
  readonly failure?: ErrorCode
  /** Releases everything; the case may have closed the storage already. Called once, last. */
  close(): Promise<void>
}

/** A case over one fresh storage. */
export function storageCase(
  name: string,
  body: (storage: Storage, harness: StorageHarness) => Promise<void>,
  ...needs: readonly ('reopen' | 'failing')[]
): Case<StorageHarness> {
  return {
    name,
    needs,
    async run(harness) {
      try {
        await body(harness.storage, harness)
      } finally {
        await harness.close()
      }
    },
  }
}

/** A message about nothing, with what is given. */
export function message(fields: Partial<Message> & { readonly text?: string } = {}): Message {
  const { text = '', ...rest } = fields
  return {
    topic: 't',
    payload: encodeUtf8(text),
    qos: 1,
    retain: false,
    publisher: 'p',
    timestamp: 1_800_000_000_000,
    ...rest,
  }
}

/** Messages on topic `t/<n>` with payload `<prefix><n>`, n from `first`. */
export function messages(count: number, prefix: string = 'm', first: number = 0): Message[] {
  return Array.from({ length: count }, (_, i) => message({ topic: `t/${first + i}`, text: `${prefix}${first + i}` }))
}

/** The payload of a record as text. */
export function textOf(record: StoredMessage | undefined): string | undefined {
  return record && String.fromCharCode(...record.message.payload)
}

/** Throws unless the log keeps exactly these payloads at these offsets: asked by range, read and get. */
export async function keeps(log: Log, start: number, payloads: readonly string[], what: string): Promise<void> {
  const end = start + payloads.length
  deepEqual(await log.range(), { start, end }, `${what}: range`)
  const { records, next } = await log.read(start, { limit: payloads.length + 10 })
  deepEqual(records.map(textOf), payloads, `${what}: payloads read`)
  deepEqual(
    records.map((record) => record.offset),
    payloads.map((_, i) => start + i),
    `${what}: offsets read`,
  )
  equal(next, end, `${what}: next`)
  const got = await log.get(payloads.map((_, i) => start + i))
  deepEqual(got.map(textOf), payloads, `${what}: payloads got`)
}

/** Throws unless the table's entries below `prefix` are these, in this order. */
export async function holds(
  table: Table,
  prefix: string,
  entries: readonly (readonly [key: string, value: Uint8Array])[],
  what: string,
): Promise<void> {
  const found: (readonly [string, Uint8Array])[] = []
  for await (const entry of table.scan(prefix)) found.push(entry)
  deepEqual(
    found.map(([key]) => key),
    entries.map(([key]) => key),
    `${what}: keys`,
  )
  for (const [index, [key, value]] of entries.entries()) {
    equalBytes(found[index]?.[1] ?? new Uint8Array(0), value, `${what}: value of ${key} scanned`)
    equalBytes((await table.get(key)) ?? new Uint8Array(0), value, `${what}: value of ${key}`)
  }
}

/** A batch that appends one message to a log and sets one key. */
export function pair(log: string, text: string, table: string, key: string): Batch {
  return {
    appends: [{ log, records: [message({ text })] }],
    writes: [{ table, changes: [{ key, value: encodeUtf8(text) }] }],
  }
}
