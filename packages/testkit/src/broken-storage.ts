import {
  type Batch,
  BrokerError,
  type Log,
  type Message,
  type Storage,
  type StoredMessage,
  type Table,
} from '@isomq/kernel'
import { sorted } from './sorted.ts'

interface Overrides {
  readonly log?: (inner: Log, name: string) => Partial<Log>
  readonly table?: (inner: Table, name: string) => Partial<Table>
  readonly storage?: (inner: Storage) => Partial<Storage>
}

/** A storage that breaks its contract in this one way (of `storageFaults`) and keeps it otherwise. The suite must reject each. */
export function brokenStorage(storage: Storage, fault: string): Storage {
  const overrides = faults[fault]
  if (overrides === undefined) throw new Error(`no such fault: ${fault}`)
  const { log, table, storage: whole } = overrides
  return {
    log(name) {
      const inner = storage.log(name)
      return { ...passLog(inner), ...log?.(inner, name) }
    },
    table(name) {
      const inner = storage.table(name)
      return { ...passTable(inner), ...table?.(inner, name) }
    },
    commit: (batch) => storage.commit(batch),
    close: () => storage.close(),
    ...whole?.(storage),
  }
}

function passLog(inner: Log): Log {
  return {
    append: (records) => inner.append(records),
    read: (from, options) => inner.read(from, options),
    get: (offsets) => inner.get(offsets),
    range: () => inner.range(),
    trim: (before) => inner.trim(before),
  }
}

function passTable(inner: Table): Table {
  return {
    get: (key) => inner.get(key),
    write: (changes) => inner.write(changes),
    scan: (prefix) => inner.scan(prefix),
  }
}

/** Messages are changed on their way in, whichever way they take. */
function mangles(change: (message: Message) => Message): Overrides {
  return {
    log: (inner) => ({ append: (records) => inner.append(records.map(change)) }),
    storage: (inner) => ({
      commit: (batch) =>
        inner.commit({
          ...batch,
          appends: batch.appends.map(({ log, records }) => ({ log, records: records.map(change) })),
        }),
    }),
  }
}

function shift(record: StoredMessage | undefined, by: number): StoredMessage | undefined {
  return record && { offset: record.offset + by, message: record.message }
}

async function entries(inner: Table, prefix: string): Promise<(readonly [string, Uint8Array])[]> {
  const all: (readonly [string, Uint8Array])[] = []
  for await (const entry of inner.scan(prefix)) all.push(entry)
  return all
}

const faults: Readonly<Record<string, Overrides>> = {
  'offsets from one': {
    log: (inner) => ({
      append: async (records) => (await inner.append(records)) + 1,
      get: async (offsets) => (await inner.get(offsets.map((n) => n - 1))).map((record) => shift(record, 1)),
    }),
  },
  'limit ignored': {
    log: (inner) => ({ read: (from, options) => inner.read(from, { ...options, limit: 1e9 }) }),
  },
  'maxBytes ignored': {
    log: (inner) => ({ read: (from, options) => inner.read(from, { ...options, maxBytes: undefined }) }),
  },
  'maxBytes may return nothing': {
    log: (inner) => ({
      read: async (from, options) => (options.maxBytes === 0 ? { records: [], next: from } : inner.read(from, options)),
    }),
  },
  'next stands still when nothing matches': {
    log: (inner) => ({
      async read(from, options) {
        const page = await inner.read(from, options)
        return page.records.length === 0 ? { records: [], next: from } : page
      },
    }),
  },
  'next skips a record': {
    log: (inner) => ({
      async read(from, options) {
        const page = await inner.read(from, options)
        const { end } = await inner.range()
        return { records: page.records, next: Math.min(page.next + 1, end) }
      },
    }),
  },
  'get leaves out what is missing': {
    log: (inner) => ({ get: async (offsets) => (await inner.get(offsets)).filter((record) => record !== undefined) }),
  },
  'get sorts': {
    log: (inner) => ({ get: (offsets) => inner.get(sorted(offsets, (a, b) => a - b)) }),
  },
  'trim does nothing': { log: () => ({ trim: () => Promise.resolve() }) },
  'trim forgets what comes': {
    log: (inner) => {
      let floor = 0
      return {
        trim: (before) => {
          floor = Math.max(floor, before)
          return inner.trim(before)
        },
        get: async (offsets) =>
          (await inner.get(offsets)).map((record) => (record && record.offset < floor ? undefined : record)),
      }
    },
  },
  'commit loses its second log': {
    storage: (inner) => ({ commit: (batch) => inner.commit({ ...batch, appends: batch.appends.slice(0, 1) }) }),
  },
  'commit loses its tables': { storage: (inner) => ({ commit: (batch) => inner.commit({ ...batch, writes: [] }) }) },
  'commit loses deletions': {
    storage: (inner) => ({ commit: (batch) => inner.commit(keepOnly(batch, (value) => value !== undefined)) }),
    table: (inner) => ({ write: (changes) => inner.write(changes.filter(({ value }) => value !== undefined)) }),
  },
  'commits overtake each other': {
    storage: (inner) => {
      let n = 0
      return {
        commit: async (batch) => {
          if (n++ % 2 === 0) await Promise.resolve()
          return inner.commit(batch)
        },
      }
    },
  },
  'commit in two halves': {
    storage: (inner) => ({
      commit: async (batch) => {
        const [first, ...rest] = batch.appends
        await inner.commit({ appends: rest, writes: batch.writes })
        await inner.commit({ appends: first === undefined ? [] : [first], writes: [] })
      },
    }),
  },
  'commit resolves before it is there': {
    storage: (inner) => ({
      commit: (batch) => {
        void Promise.resolve()
          .then(() => undefined)
          .then(() => undefined)
          .then(() => inner.commit(batch))
          // Nobody is left to hear that it failed: that is the fault.
          .catch(() => undefined)
        return Promise.resolve()
      },
    }),
  },
  'undefined becomes false': mangles((message) => ({ ...message, utf8: message.utf8 ?? false })),
  'empty becomes undefined': mangles((message) => ({ ...message, key: message.key || undefined })),
  'headers of one name are merged': mangles((message) => ({
    ...message,
    headers: message.headers && Array.from(new Map(message.headers)),
  })),
  'correlation data is lost': mangles((message) => ({ ...message, correlationData: undefined })),
  'recipient is lost': mangles((message) => ({ ...message, recipient: undefined })),
  'payload is text': mangles((message) => ({ ...message, payload: message.payload.map((byte) => byte & 0x7f) })),
  'payload is the whole buffer': mangles((message) => ({
    ...message,
    payload: new Uint8Array(message.payload.buffer),
  })),
  'scan in UTF-16 order': {
    table: (inner) => ({
      async *scan(prefix) {
        yield* sorted(await entries(inner, prefix), ([a], [b]) => (a < b ? -1 : 1))
      },
    }),
  },
  'scan ignores its prefix': { table: (inner) => ({ scan: () => inner.scan('') }) },
  'scan stops at the prefix itself': {
    table: (inner) => ({
      async *scan(prefix) {
        for (const entry of await entries(inner, prefix)) if (prefix === '' || entry[0] !== prefix) yield entry
      },
    }),
  },
  'inherited keys exist': {
    table: (inner) => ({
      get: async (key) => (await inner.get(key)) ?? (key in {} ? new Uint8Array(0) : undefined),
    }),
  },
  'an empty value is no value': {
    table: (inner) => ({
      get: async (key) => {
        const value = await inner.get(key)
        return value?.length === 0 ? undefined : value
      },
    }),
  },
  'all tables are one': { storage: (inner) => ({ table: () => inner.table('one') }) },
  'open after close': { storage: () => ({ close: () => Promise.resolve() }) },
  'rejects with any error': {
    storage: (inner) => ({
      commit: (batch) =>
        inner.commit(batch).catch((error: unknown) => {
          throw error instanceof BrokerError ? new TypeError(error.message) : error
        }),
    }),
  },
}

function keepOnly(batch: Batch, keep: (value: Uint8Array | undefined) => boolean): Batch {
  return {
    appends: batch.appends,
    writes: batch.writes.map(({ table, changes }) => ({ table, changes: changes.filter(({ value }) => keep(value)) })),
  }
}

/** The names of all faults, for `brokenStorage`. */
export const storageFaults: readonly string[] = Object.keys(faults)
