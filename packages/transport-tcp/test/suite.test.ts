import { select, type TransportHarness, transportSuite } from '@isomq/testkit'
import type { Listener } from '@isomq/kernel'
import { describe, it } from 'vitest'
import type { TcpClientTls, TcpServerTls } from '../src/index.ts'
import { selfSigned } from './certificates.ts'
import { dial, listen } from './support.ts'

const { cases } = select(transportSuite)
const pair = selfSigned('localhost')

function harness(server?: TcpServerTls, client?: TcpClientTls): TransportHarness {
  let listener: Listener | undefined
  return {
    async link() {
      const arrivals = await listen({ tls: server })
      listener = arrivals.listener
      return { client: await dial(arrivals.port, { tls: client }), server: await arrivals.next() }
    },
    turn: () => new Promise((resolve) => void setTimeout(resolve, 1)),
    async close() {
      await listener?.close()
    },
  }
}

describe('TCP keeps the contract', () => {
  for (const each of cases) it(each.name, () => each.run(harness()), 20_000)
})

describe('TLS keeps the contract', () => {
  for (const each of cases) it(each.name, () => each.run(harness(pair, { ca: pair.cert })), 20_000)
})
