import { createBroker } from 'isomq'
import { idb } from 'isomq/storage/idb'
import { serveWorker } from 'isomq/worker'

const isKept = new URL(location.href).searchParams.has('kept')
await serveWorker(() => createBroker(isKept ? { storage: idb('bench') } : {}))
