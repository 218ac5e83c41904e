import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { type Dialler, wires } from './wires.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const rounds = 9
const count = 500

/** Bytes of V8's heap and of arrays outside of it that are in use, garbage not counted. */
function used(): number {
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Bytes that each of many stays for: the middle of several rounds, for in some of them code is compiled, tables double, or something older goes. */
async function bytesOfEach(make: (first: number, count: number) => Promise<void>): Promise<number> {
  const taken: number[] = []
  for (let first = 0; first < rounds * count; first += count) {
    const before = used()
    await make(first, count)
    taken.push((used() - before) / count)
  }
  return taken.toSorted((a, b) => a - b)[rounds >> 1]!
}

async function idlers(dial: Dialler, first: number, count: number): Promise<void> {
  for (let i = first; i < first + count; i++) await dial(`idle-${String(i).padStart(5, '0')}`)
}

// Between 2,500 and 3,100 bytes were measured with Node 20, 6,000 when each client had its own empty collections and a
// closure for whatever it might be told. The bound is for the like of that, not for a single object.
describe('bytes of the heap for', () => {
  it('a client that does nothing', async () => {
    const { dial } = await wires(0, { filter: 't', qos: 0 })
    expect(await bytesOfEach((first, count) => idlers(dial, first, count))).toBeLessThan(3600)
  })
})
