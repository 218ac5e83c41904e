import {
  brokenConnection,
  connectionFaults,
  pattern,
  probe,
  select,
  type TransportHarness,
  transportSuite,
} from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { linkConnections, type LinkOptions } from '../src/index.ts'

const { cases } = select(transportSuite)
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

function harness(options?: LinkOptions, fault?: string): TransportHarness {
  return {
    link() {
      const [client, server] = linkConnections(options)
      if (fault === undefined) return Promise.resolve({ client, server })
      return Promise.resolve({ client: brokenConnection(client, fault), server: brokenConnection(server, fault) })
    },
    turn,
    close: () => Promise.resolve(),
  }
}

describe('linkConnections keeps the contract', () => {
  for (const each of cases) it(each.name, () => each.run(harness()))
})

describe('linkConnections keeps the contract with chunks cut at 1000 bytes', () => {
  for (const each of cases) it(each.name, () => each.run(harness({ split: 1000 })), 20_000)
})

describe('the suite rejects a connection with the fault:', () => {
  for (const fault of connectionFaults) {
    it(
      fault,
      async () => {
        const failed: string[] = []
        for (const each of cases) {
          // One case that notices is enough.
          if (failed.length === 0) await each.run(harness({}, fault)).catch(() => failed.push(each.name))
        }
        expect(failed).not.toEqual([])
      },
      20_000,
    )
  }
})

describe('linkConnections', () => {
  it('never calls a reader inside a call of its own', async () => {
    const [client, server] = linkConnections()
    let depth = 0
    let echoes = 0
    const echo = (connection: typeof client) => ({
      data(bytes: Uint8Array) {
        expect(depth).toBe(0)
        depth++
        if (++echoes < 1000) connection.send(bytes)
        depth--
      },
      drain: () => undefined,
      close: () => undefined,
    })
    client.start(echo(client))
    server.start(echo(server))
    client.send(pattern(10))
    await turn()
    expect(echoes).toBe(1000)
  })

  it('cuts chunks as a function tells it', async () => {
    const sizes = [3, 1, 4, 100]
    const [client, server] = linkConnections({ split: () => sizes.shift() ?? 1 })
    const seen = probe()
    server.start(seen)
    client.send(pattern(10))
    await turn()
    expect(seen.chunks.map((chunk) => chunk.length)).toEqual([3, 1, 4, 2])
    expect(seen.bytes()).toEqual(pattern(10))
  })

  it('answers false from the high-water mark on and drains at half of it', async () => {
    const [client, server] = linkConnections({ highWaterMark: 100, split: 10 })
    const seen = probe()
    let reads = 0
    client.start(seen)
    server.pause()
    server.start(probe({ data: () => (++reads === 4 ? server.pause() : undefined) }))
    expect(client.send(pattern(99))).toBe(true)
    expect(client.send(pattern(1))).toBe(false)
    expect(client.bufferedAmount).toBe(100)
    server.resume()
    await turn()
    expect(client.bufferedAmount).toBe(60)
    expect(seen.drains).toBe(0)
    server.resume()
    await turn()
    expect(seen.drains).toBe(1)
    expect(client.bufferedAmount).toBe(0)
  })

  it('cuts off a reader that throws, with its own error', async () => {
    const [client, server] = linkConnections()
    const error = new Error('bug')
    const seen = probe()
    const failing = probe({
      data() {
        throw error
      },
    })
    client.start(seen)
    server.start(failing)
    client.send(pattern(10))
    await turn()
    expect(failing.closes).toEqual([error])
    expect(seen.closes[0]).toBeInstanceOf(Error)
  })

  it('describes its peer as it is told', () => {
    const [client, server] = linkConnections({ peer: { address: '203.0.113.7', secure: false } })
    expect(server.peer).toEqual({ transport: 'memory', secure: false, address: '203.0.113.7' })
    expect(client.peer).toEqual(server.peer)
    expect(linkConnections()[0].peer).toEqual({ transport: 'memory', secure: true })
  })
})
