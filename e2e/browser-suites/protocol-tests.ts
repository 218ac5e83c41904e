/// <reference types="vite/types/importMeta.d.ts" />
// oxlint-disable-next-line import/no-unassigned-import -- it makes globals, which is all it is for
import './node-globals.ts'
import type { Test } from './run-tests.ts'
import { takeTests } from './vitest.ts'

// The very files that vitest runs elsewhere: those of the protocol, and of what lies below it.
const files = import.meta.glob(
  '../../packages/{kernel,protocol-mqtt,storage-memory,testkit,transport-memory}/test/**/*.test.ts',
)

/** Files that cannot run in a browser, and why. */
const notHere: Readonly<Record<string, string>> = {
  'kernel/test/address.test.ts': 'compares with BlockList of node:net',
  'protocol-mqtt/test/cost/bytes.test.ts': 'measures the heap with node:v8',
  'protocol-mqtt/test/cost/idle.test.ts': 'measures the heap with node:v8',
  'protocol-mqtt/test/cost/operations.test.ts': 'has vitest replace a module',
}

/** Files that cannot run over IndexedDB, and why. */
const notOverIndexedDb: Readonly<Record<string, string>> = {
  'kernel/test/delivery-model.test.ts':
    'gives the storage sixteen microtasks, and IndexedDB needs a turn of the event loop',
}

/** Files whose subject is what is kept. */
const keeping = /restart|recover|retained|session|durab|qos-2|qos2|crash|storage|placement|will|resum|redeliver/

/** All tests of the protocol and the kernel, or only those of what is kept, with those that cannot run here. */
export async function protocolTests(which: 'all' | 'kept' = 'all'): Promise<Test[]> {
  const tests: Test[] = []
  for (const [path, load] of Object.entries(files)) {
    const file = path.slice('../../packages/'.length)
    if (which === 'kept' && !keeping.test(file)) continue
    const reason = notHere[file] ?? (process.env['ISOMQ_KEEPING'] === 'indexeddb' ? notOverIndexedDb[file] : undefined)
    if (reason !== undefined) {
      tests.push({ name: file, reason })
      continue
    }
    await load()
    for (const test of takeTests()) tests.push({ ...test, name: `${file} > ${test.name}` })
  }
  return tests
}
