// The tests, for a page, which has `runSuite`, and for a SharedWorker, which is told the name of a suite.
import { protocolTests } from './protocol-tests.ts'
import { type Report, runTests } from './run-tests.ts'
import { storageTests } from './storage-tests.ts'

/** What can be run. */
export type SuiteName = 'storage' | 'protocol' | 'protocol, what is kept'

export async function runSuite(name: SuiteName): Promise<Report> {
  if (name === 'storage') return await runTests(storageTests())
  return await runTests(await protocolTests(name === 'protocol' ? 'all' : 'kept'))
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
