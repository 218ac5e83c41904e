import type { Connection, Listener } from '@isomq/kernel'
import { select, type TransportHarness, transportSuite } from '@isomq/testkit'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { WebSocket } from 'ws'
import { connectWebSocket } from '../src/browser.ts'
import type { WebSocketServerTls } from '../src/index.ts'
import { selfSigned } from './certificates.ts'
import { dial, listen } from './support.ts'

const pair = selfSigned('localhost')
const { cases } = select(transportSuite)
const reading = select(transportSuite, { backpressure: 'a platform WebSocket reads on during a pause' })
const native = select(transportSuite, { drop: 'a platform WebSocket sends all it has taken' })

function harness(connect: (port: number) => Promise<Connection>, tls?: WebSocketServerTls): TransportHarness {
  let listener: Listener | undefined
  return {
    async link() {
      const arrivals = await listen({ tls })
      listener = arrivals.listener
      return { client: await connect(arrivals.port), server: await arrivals.next() }
    },
    turn: () => new Promise((resolve) => void setTimeout(resolve, 1)),
    async close() {
      await listener?.close()
    },
  }
}

const connectTls = (port: number): Promise<Connection> => dial(port, { tls: { ca: pair.cert } })

const connectPlatform = (port: number): Promise<Connection> => connectWebSocket({ url: `ws://127.0.0.1:${port}/mqtt` })

// Node 20 has no WebSocket of its own. The class of `ws` has the same shape.
const own: unknown = Reflect.get(globalThis, 'WebSocket')
beforeAll(() => void Reflect.set(globalThis, 'WebSocket', WebSocket))
afterAll(() => void Reflect.set(globalThis, 'WebSocket', own))

const swapped = (link: TransportHarness): TransportHarness => ({
  ...link,
  async link() {
    const { client, server } = await link.link()
    return { client: server, server: client }
  },
})

describe('WebSocket keeps the contract', () => {
  for (const each of cases) it(each.name, () => each.run(harness((port) => dial(port))), 20_000)
})

describe('WebSocket keeps the contract, seen from the server', () => {
  for (const each of cases) it(each.name, () => each.run(swapped(harness((port) => dial(port)))), 20_000)
})

describe('WebSocket over TLS keeps the contract', () => {
  for (const each of cases) it(each.name, () => each.run(harness(connectTls, pair)), 20_000)
})

describe('the platform WebSocket keeps the contract', () => {
  for (const each of native.cases) it(each.name, () => each.run(harness(connectPlatform)), 20_000)
  for (const each of native.skipped) it.skip(`${each.name} (${each.reason})`)
})

describe('the platform WebSocket keeps the contract, seen from the server', () => {
  for (const each of reading.cases) it(each.name, () => each.run(swapped(harness(connectPlatform))), 20_000)
  for (const each of reading.skipped) it.skip(`${each.name} (${each.reason})`)
})
