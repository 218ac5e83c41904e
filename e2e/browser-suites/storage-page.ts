// What a page is given that tries the storage out.
import { encodeUtf8, type Message } from '@isomq/kernel'
import { indexedDbStorage } from '@isomq/storage-indexeddb'

/** The page's own. */
export interface StoragePage {
  readonly indexedDbStorage: typeof indexedDbStorage
  /** A message with this text, or so many bytes. */
  readonly message: (content: string | number) => Message
}

const page: StoragePage = {
  indexedDbStorage,
  message: (content) => ({
    topic: 'sensors/kitchen/temperature',
    payload: typeof content === 'string' ? encodeUtf8(content) : crypto.getRandomValues(new Uint8Array(content)),
    qos: 1,
    retain: false,
    publisher: 'page',
    timestamp: Date.now(),
  }),
}

Object.assign(globalThis, page)
