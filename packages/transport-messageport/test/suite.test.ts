import { MessageChannel } from 'node:worker_threads'
import type { Connection } from '@isomq/kernel'
import { fakeClock, pattern, probe, select, type TransportHarness, transportSuite } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { connectBroadcast, connectMessagePort, listenBroadcast, listenMessagePort, PeerDead } from '../src/index.ts'

const { cases } = select(transportSuite)
const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 1))

/** A control channel: one end to dial on, the other to listen on. */
async function link(options: { owned?: boolean; swapped?: boolean } = {}) {
  const { port1, port2 } = new MessageChannel()
  const far = port2 as unknown as MessagePort
  let accepted: Connection | undefined
  const listener = await listenMessagePort({ on: far }, (connection) => (accepted = connection))
  far.start()
  const near = await connectMessagePort({ to: port1 as unknown as MessagePort, owned: options.owned })
  await listener.close()
  port1.close()
  const server = accepted!
  return options.swapped === true ? { client: server, server: near } : { client: near, server }
}

const harness = (options?: Parameters<typeof link>[0]): TransportHarness => ({
  link: () => link(options),
  turn,
  close: () => Promise.resolve(),
})

describe('a MessagePort keeps the contract', () => {
  for (const each of cases) it(each.name, () => each.run(harness()), 20_000)
})

describe('a MessagePort keeps the contract, seen from who listens', () => {
  for (const each of cases) it(each.name, () => each.run(harness({ swapped: true })), 20_000)
})

// Its suite is run in a browser: in Node the arrays that a BroadcastChannel brings are of another realm under the test runner.
describe('a BroadcastChannel', () => {
  it('waits for whoever listens later', async () => {
    const name = crypto.randomUUID()
    const connecting = connectBroadcast({ name })
    await new Promise((resolve) => void setTimeout(resolve, 50))
    const accepted: Connection[] = []
    const listener = await listenBroadcast({ name }, (connection) => accepted.push(connection))
    const connection = await connecting
    // A call that is repeated is one call.
    expect(accepted.length).toBe(1)
    connection.close()
    await listener.close()
  })

  it('rejects where nobody listens, after 4 seconds', async () => {
    const clock = fakeClock()
    const connecting = connectBroadcast({ name: crypto.randomUUID(), clock })
    clock.advance(4000)
    await expect(connecting).rejects.toBeInstanceOf(PeerDead)
    expect(clock.pending).toBe(0)
  })
})

// One array that goes to many peers is nobody's own.
const owning = cases.filter(({ name }) => !name.startsWith('only the part an array shows'))
describe('a MessagePort that is given its buffers keeps the contract', () => {
  for (const each of owning) it(each.name, () => each.run(harness({ owned: true })), 20_000)
})

describe('what is sent', () => {
  it('is transferred, not copied, when it is owned', async () => {
    const { client, server } = await link({ owned: true })
    const seen = probe()
    server.start(seen)
    const whole = pattern(10_000)
    const part = pattern(1000).subarray(10, 20)
    client.send(whole)
    client.send(part)
    await expect.poll(() => seen.length).toBe(10_010)
    expect(whole.length).toBe(0)
    expect(part).toEqual(pattern(1000).subarray(10, 20))
    client.close()
  })

  it('is left to the caller when it is not', async () => {
    const { client, server } = await link()
    const seen = probe()
    server.start(seen)
    const whole = pattern(1000)
    client.send(whole)
    await expect.poll(() => seen.length).toBe(1000)
    expect(whole).toEqual(pattern(1000))
    client.close()
  })
})

describe('an end that dies', () => {
  /** A connection whose peer is spoken for by the test. */
  async function dialled() {
    const clock = fakeClock()
    const said: unknown[] = []
    let far: MessagePort | undefined
    const to = {
      postMessage({ port }: { port: MessagePort }) {
        far = port
        port.addEventListener('message', ({ data }) => void said.push(data))
        port.start()
        port.postMessage({ isomq: 1 })
      },
    }
    const connection = await connectMessagePort({ to: to as never, clock })
    const seen = probe()
    connection.start(seen)
    return { clock, said, far: far!, seen, connection }
  }

  it('is found out within 5 seconds, though its port is open', async () => {
    const { clock, seen } = await dialled()
    for (let n = 0; n < 4; n++) clock.advance(1000)
    await turn()
    expect(seen.closes).toEqual([new PeerDead('the other end of the port does not answer')])
  })

  it('is given its patience anew by one that slept itself', async () => {
    const { clock, seen, said } = await dialled()
    for (let n = 0; n < 3; n++) clock.advance(1000)
    clock.sleep(3_600_000)
    for (let n = 0; n < 3; n++) clock.advance(1000)
    await turn()
    expect(seen.closes).toEqual([])
    expect(said).toContain('ping')
    clock.advance(1000)
    await turn()
    expect(seen.closes.length).toBe(1)
  })

  it('is no end that answers', async () => {
    const { clock, far, seen, connection } = await dialled()
    for (let n = 0; n < 20; n++) {
      clock.advance(1000)
      far.postMessage('pong')
      await turn()
    }
    expect(seen.closes).toEqual([])
    connection.close()
  })

  it('answers pings, whatever its timers do', async () => {
    const { far, said, connection } = await dialled()
    far.postMessage('ping')
    await expect.poll(() => said).toContain('pong')
    connection.close()
  })

  it.each([['nonsense'], [-1], [1], [{}]])('is cut off when it says %j', async (nonsense) => {
    const { far, seen } = await dialled()
    far.postMessage(nonsense)
    await expect.poll(() => seen.closes.length).toBe(1)
    expect(seen.closes[0]).toBeInstanceOf(Error)
  })

  it('is cut off when it sends more than the window', async () => {
    const { far, seen, connection } = await dialled()
    connection.pause()
    far.postMessage(new ArrayBuffer(262_145))
    await expect.poll(() => seen.closes.length).toBe(1)
  })
})

describe('connectMessagePort', () => {
  it('rejects where nobody listens, after 4 seconds', async () => {
    const clock = fakeClock()
    const connecting = connectMessagePort({ to: { postMessage: () => undefined }, clock })
    clock.advance(4000)
    await expect(connecting).rejects.toThrow('nobody answers')
  })

  it('rejects one of another version', async () => {
    const to = { postMessage: ({ port }: { port: MessagePort }) => port.postMessage({ isomq: 2 }) }
    await expect(connectMessagePort({ to: to as never })).rejects.toThrow('version 1')
  })
})
