// The tests, for a page, which has `runSuite`, and for a SharedWorker, which is told the name of a suite.
import { protocolTests } from './protocol-tests.ts'
import { type Report, runTests } from './run-tests.ts'
import { storageTests } from './storage-tests.ts'

/** What can be run. */
export type SuiteName = 'storage' | 'protocol'

export async function runSuite(name: SuiteName): Promise<Report> {
  return await runTests(name === 'storage' ? storageTests() : await protocolTests())
}

if ('onconnect' in globalThis)
  Object.assign(globalThis, {
    onconnect({ ports: [port] }: MessageEvent<unknown>) {
      port!.addEventListener('message', async ({ data }: MessageEvent<SuiteName>) => {
        port!.postMessage(await runSuite(data).catch(String), [])
      })
      port!.start()
    },
  })
