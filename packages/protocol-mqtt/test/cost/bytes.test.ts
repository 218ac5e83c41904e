import { getHeapStatistics } from 'node:v8'
import { describe, expect, it } from 'vitest'
import { publishes, type Wires, wires } from './wires.ts'

const warmUp = 400
const samples = 41

/** Bytes of V8's heap that were taken into use, by the middle of many rounds: in one round a collection may fall, but not in most of them. */
function bytesOf(round: () => number): number {
  for (let i = 0; i < warmUp; i++) round()
  const taken = Array.from({ length: samples }, round).toSorted((a, b) => a - b)
  return taken[samples >> 1]!
}

function measured(work: () => void): number {
  const before = getHeapStatistics().used_heap_size
  work()
  return getHeapStatistics().used_heap_size - before
}

/** Bytes for each message delivered. */
function perDelivery({ host, publisher, subscribers }: Wires, frames: Uint8Array, count: number, qos: 0 | 1): number {
  const bytes = bytesOf(() => {
    let taken = measured(() => {
      publisher.feed(frames)
      host.turn()
    })
    publisher.sent = []
    for (const wire of subscribers) {
      const acks = qos === 0 ? undefined : wire.pubacks()
      wire.sent = []
      if (acks !== undefined)
        taken += measured(() => {
          wire.feed(acks)
          host.turn()
        })
    }
    return taken
  })
  return bytes / count / subscribers.length
}

// Each bound lies less than an object of two fields (40 bytes) above what was measured with Node 20: one more closure,
// promise or array for each message breaks it.
describe('bytes of the heap for a message', () => {
  it('QoS 0 to one', async () => {
    const w = await wires(1, { filter: 't', qos: 0 })
    expect(
      perDelivery(
        w,
        publishes(200, () => 't', 0),
        200,
        0,
      ),
    ).toBeLessThan(430)
  })

  it('QoS 0 to a hundred, for each of them', async () => {
    const w = await wires(100, { filter: 't', qos: 0 })
    expect(
      perDelivery(
        w,
        publishes(50, () => 't', 0),
        50,
        0,
      ),
    ).toBeLessThan(35)
  })

  it('QoS 1 to one, with both PUBACKs', async () => {
    const w = await wires(1, { filter: 't', qos: 1 })
    expect(
      perDelivery(
        w,
        publishes(200, () => 't', 1),
        200,
        1,
      ),
    ).toBeLessThan(865)
  })
})
