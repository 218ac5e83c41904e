/* oxlint-disable unicorn/prefer-add-event-listener -- these properties are what is tested */
import { linkConnections } from '@isomq/transport-memory'
import type { Connection } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { ConnectionSocket } from '../src/index.ts'

const url = 'ws://broker.localhost/mqtt'

interface Peer {
  readonly connection: Connection
  readonly received: number[]
  readonly ends: (Error | undefined)[]
}

/** A socket, its peer, and what it was told, in order. */
function socketPair(protocols: string | string[] = ['mqtt']) {
  const [near, far] = linkConnections()
  const peer: Peer = { connection: far, received: [], ends: [] }
  far.start({
    data: (bytes) => void peer.received.push(...bytes),
    drain() {},
    close: (error) => void peer.ends.push(error),
  })
  const socket = new ConnectionSocket(url, protocols, () => near)
  socket.binaryType = 'arraybuffer'
  const told: unknown[] = []
  for (const type of ['open', 'message', 'error', 'close'])
    socket.addEventListener(type, (event) => {
      const { code, reason, wasClean, data } = event as CloseEvent & MessageEvent<ArrayBuffer>
      if (type === 'close') told.push([type, code, reason, wasClean, socket.readyState])
      else if (type === 'message') told.push([type, ...new Uint8Array(data)])
      else told.push([type, socket.readyState])
    })
  return { socket, peer, told }
}

const settle = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 5))

async function openPair(protocols?: string | string[]) {
  const pair = socketPair(protocols)
  await settle()
  return pair
}

describe('a WebSocket over a connection', () => {
  it('opens after whoever made it has added listeners, then brings what comes', async () => {
    const { socket, peer, told } = socketPair()
    expect([socket.readyState, socket.protocol, socket.url, socket.extensions]).toEqual([0, '', url, ''])
    peer.connection.send(new Uint8Array([1, 2]))
    await settle()
    expect(told).toEqual([
      ['open', 1],
      ['message', 1, 2],
    ])
    expect(socket.protocol).toBe('mqtt')
  })

  it.each([
    ['mqttv3.1', 'mqttv3.1'],
    [['other', 'mqttv3.1', 'mqtt'], 'mqttv3.1'],
    [[], ''],
  ])('[MQTT-6.0.0-3] asked for %j it speaks %j', async (asked, spoken) => {
    const { socket } = await openPair(asked)
    expect([socket.readyState, socket.protocol]).toEqual([1, spoken])
  })

  it('fails where no subprotocol of MQTT is asked for, or there is no connection', async () => {
    const { told } = await openPair(['soap'])
    expect(told).toEqual([
      ['error', 3],
      ['close', 1006, '', false, 3],
    ])
    const refused = new ConnectionSocket(url, 'mqtt', () => Promise.reject(new Error('nobody there')))
    const close = new Promise<CloseEvent>((resolve) => (refused.onclose = resolve))
    expect(await close).toMatchObject({ code: 1006, wasClean: false })
    expect(() => new ConnectionSocket(url, ['mqtt', 'mqtt'], () => Promise.reject(new Error('no')))).toThrow(
      expect.objectContaining({ name: 'SyntaxError' }),
    )
  })

  it('sends copies of bytes of every kind, in the order of the calls', async () => {
    const { socket, peer } = await openPair()
    const pool = new Uint8Array([9, 1, 2, 9])
    socket.send(pool.subarray(1, 3))
    pool.fill(0)
    socket.send(new Blob([new Uint8Array([3, 4])]))
    socket.send(new Uint8Array([5]).buffer)
    socket.send(new DataView(new Uint8Array([6, 7]).buffer, 1))
    expect(socket.bufferedAmount).toBe(6)
    await settle()
    expect(peer.received).toEqual([1, 2, 3, 4, 5, 7])
    expect(socket.bufferedAmount).toBe(0)
  })

  it('closes in order, with what was sent before', async () => {
    const { socket, peer, told } = await openPair()
    socket.send(new Blob([new Uint8Array([1])]))
    socket.send(new Uint8Array([2]))
    socket.close(3001, 'enough')
    socket.close()
    expect(socket.readyState).toBe(2)
    socket.send(new Uint8Array(5))
    await settle()
    expect([peer.received, peer.ends]).toEqual([[1, 2], [undefined]])
    expect(told.at(-1)).toEqual(['close', 3001, 'enough', true, 3])
    expect(socket.bufferedAmount).toBe(5)
  })

  it.each([
    ['in order', undefined, ['close', 1000, '', true, 3]],
    ['not in order', new Error('cut'), ['close', 1006, '', false, 3]],
  ])('tells of a peer that has closed %s', async (_, error, close) => {
    const { peer, told } = await openPair()
    peer.connection.close(error)
    await settle()
    expect(told).toEqual([['open', 1], ...(error === undefined ? [] : [['error', 3]]), close])
  })

  it('[MQTT-6.0.0-1] that sends text is cut off', async () => {
    const { socket, peer, told } = await openPair()
    socket.send('CONNECT')
    await settle()
    expect(told.at(-1)).toEqual(['close', 1003, 'MQTT is sent in binary messages', true, 3])
    expect([peer.received, peer.ends.length]).toEqual([[], 1])
  })

  it('that is closed before it is open never opens, and its connection ends', async () => {
    const { socket, peer, told } = socketPair()
    socket.close()
    await settle()
    expect(told).toEqual([
      ['error', 3],
      ['close', 1006, '', false, 3],
    ])
    expect(peer.ends).toEqual([undefined])
  })

  it('refuses what the platform refuses', async () => {
    const { socket } = socketPair()
    expect(() => socket.send(new Uint8Array(1))).toThrow(expect.objectContaining({ name: 'InvalidStateError' }))
    for (const code of [0, 999, 1001, 2999, 5000, Number.NaN])
      expect(() => socket.close(code)).toThrow(expect.objectContaining({ name: 'InvalidAccessError' }))
    expect(() => socket.close(1000, 'ü'.repeat(62))).toThrow(expect.objectContaining({ name: 'SyntaxError' }))
    await settle()
    expect(socket.readyState).toBe(1)
  })

  it('brings blobs unless told otherwise, and hands nothing out twice', async () => {
    const { socket, peer } = await openPair()
    socket.binaryType = 'blob'
    const event = new Promise<MessageEvent<Blob>>((resolve) => (socket.onmessage = resolve))
    peer.connection.send(new Uint8Array([1, 2, 3]))
    const { data, origin } = await event
    expect([...new Uint8Array(await data.arrayBuffer())]).toEqual([1, 2, 3])
    expect(origin).toBe('ws://broker.localhost')
  })

  it('has handlers that keep their place, are replaced, and are told where they belong', async () => {
    const { socket } = socketPair()
    const order: unknown[] = []
    expect(socket.onopen).toBe(null)
    socket.onopen = () => order.push('never')
    socket.addEventListener('open', () => order.push('second'))
    socket.onopen = function (this: WebSocket) {
      order.push(this === socket)
    }
    socket.onerror = 'nonsense' as never
    expect(socket.onerror).toBe(null)
    await settle()
    expect(order).toEqual([true, 'second'])
  })
})
