// The storage's tests for a service worker, which may load nothing later.
import { runTests } from './run-tests.ts'
import { storageTests } from './storage-tests.ts'

addEventListener('message', (event) => {
  const { ports, waitUntil } = event as MessageEvent<unknown> & { waitUntil(work: Promise<unknown>): void }
  const work = runTests(storageTests()).then(
    (report) => ports[0]?.postMessage(report),
    (error: unknown) => ports[0]?.postMessage(String(error)),
  )
  waitUntil.call(event, work)
})
