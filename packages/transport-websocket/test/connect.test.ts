import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFileSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer } from 'node:tls'
import { pattern, probe } from '@isomq/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { connectWebSocket, connectWs } from '../src/index.ts'
import { selfSigned } from './certificates.ts'
import { dial, ending, listen, upgraded } from './support.ts'

const own: unknown = Reflect.get(globalThis, 'WebSocket')
afterEach(() => void Reflect.set(globalThis, 'WebSocket', own))

describe('connectWs', () => {
  it('rejects with the system error when nobody listens', async () => {
    const { listener, port } = await listen()
    await listener.close()
    await expect(dial(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('rejects with the status of a refusal', async () => {
    const { listener, port } = await listen()
    await expect(connectWs({ url: `ws://127.0.0.1:${port}/other` })).rejects.toThrow('404')
    await expect(dial(port, { protocols: ['chat'] })).rejects.toThrow('400')
    await listener.close()
  })

  it('rejects when the server is silent for too long', async () => {
    const server = createServer()
    const taken = new Set<Duplex>()
    // Read on, so that the end of a connection is seen even when it comes after the list below was gone through.
    server.on('upgrade', (_, socket) => void taken.add(socket.on('error', () => undefined).resume()))
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    await expect(dial((server.address() as AddressInfo).port, { timeout: 30 })).rejects.toMatchObject({
      code: 'ETIMEDOUT',
    })
    for (const socket of taken) socket.destroy()
    await new Promise((resolve) => void server.close(resolve))
  })

  it('trusts the authority it is given and no other', async () => {
    const pair = selfSigned('localhost')
    const { listener, port, next } = await listen({ tls: pair })
    expect(listener.address).toBe(`wss://127.0.0.1:${port}/mqtt`)
    await expect(dial(port, { tls: {} })).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    const client = await dial(port, { tls: { ca: pair.cert } })
    expect(client.peer).toMatchObject({ transport: 'wss', secure: true })
    expect((await next()).peer).toMatchObject({ transport: 'wss', secure: true, address: '127.0.0.1' })
    client.close(new Error('done'))
    await listener.close()
  })

  it.skipIf(process.platform !== 'linux')(
    'dials from the address it is told (only Linux has all of 127.0.0.0/8)',
    async () => {
      const { listener, port, next } = await listen()
      const client = await dial(port, { localAddress: '127.0.0.2' })
      expect((await next()).peer.address).toBe('127.0.0.2')
      client.close(new Error('done'))
      await listener.close()
    },
  )

  it('dials with the ciphers and from the version on that it is told', async () => {
    const pair = selfSigned('localhost')
    const { listener, port, next } = await listen({ tls: pair })
    const tls = { ca: pair.cert, minVersion: 'TLSv1.3' } as const
    const client = await dial(port, { tls })
    client.close(new Error('done'))
    ;(await next()).close(new Error('done'))
    await expect(dial(port, { tls: { ...tls, ciphers: 'nonsense' } })).rejects.toThrow(/cipher/)
    await listener.close()
    const old = createTlsServer({ ...pair, maxVersion: 'TLSv1.2' }).listen(0, '127.0.0.1')
    old.on('tlsClientError', () => undefined)
    await new Promise((resolve) => old.once('listening', resolve))
    await expect(dial((old.address() as AddressInfo).port, { tls })).rejects.toThrow(/version/)
    await new Promise((resolve) => old.close(resolve))
  })

  it('ends with an error when a hostile server sends more than it takes', async () => {
    const { listener, port, next } = await listen()
    const client = await dial(port, { maxPayload: 1_000, linger: 30 })
    const gone = ending(client)
    const server = await next()
    server.send(pattern(2_000))
    expect(await gone).toBeInstanceOf(Error)
    server.close(new Error('done'))
    await listener.close()
  })

  it('never sends a frame that a peer of a megabyte would refuse', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', maxPayload: 512 * 1024 })
    const all = new Promise<number>((resolve) => {
      let bytes = 0
      server.on('connection', (ws) =>
        ws.on('message', (data: Buffer) => {
          bytes += data.length
          if (bytes >= 3_000_000) resolve(bytes)
        }),
      )
    })
    await new Promise((resolve) => void server.once('listening', resolve))
    const client = await dial((server.address() as AddressInfo).port)
    client.start(probe())
    client.send(pattern(3_000_000))
    expect(await all).toBe(3_000_000)
    client.close(new Error('done'))
    await new Promise((resolve) => void server.close(resolve))
  })
})

describe('a WebSocket peer', () => {
  it('that never closes does not keep a closing connection', async () => {
    const { listener, port, next } = await listen({ linger: 30 })
    const client = await upgraded(port)
    const connection = await next()
    const gone = ending(connection)
    connection.close()
    expect(await gone).toBe(undefined)
    await client.closed
    await listener.close()
  })

  it('that never reads does not keep a closing connection', async () => {
    const { listener, port, next } = await listen({ linger: 30 })
    const client = await upgraded(port)
    client.socket.pause()
    const connection = await next()
    const gone = ending(connection)
    while (connection.send(pattern(1_000_000))) await new Promise(setImmediate)
    connection.close()
    expect(await gone).toMatchObject({ message: 'the peer did not read what was left to send' })
    client.socket.destroy()
    await listener.close()
  })

  it('that resets ends the connection with one error', async () => {
    const { listener, port, next } = await listen()
    const client = await upgraded(port)
    const seen = probe()
    const connection = await next()
    connection.start(seen)
    client.socket.resetAndDestroy()
    while (seen.closes.length === 0) await new Promise(setImmediate)
    expect(seen.closes[0]).toBeInstanceOf(Error)
    await new Promise(setImmediate)
    expect(seen.closes.length).toBe(1)
    await listener.close()
  })

  it('cannot crash the process through a reader that throws', async () => {
    const { listener, port, next } = await listen()
    const client = await dial(port)
    const error = new Error('bug')
    const seen = probe({
      data() {
        throw error
      },
    })
    const connection = await next()
    connection.start(seen)
    client.send(pattern(10))
    await ending(client)
    expect(seen.closes).toEqual([error])
    await listener.close()
  })
})

describe('connectWebSocket', () => {
  it('says so where the platform has no WebSocket', async () => {
    Reflect.set(globalThis, 'WebSocket', undefined)
    await expect(connectWebSocket({ url: 'ws://127.0.0.1:1/mqtt' })).rejects.toThrow('no WebSocket')
  })

  it('rejects when the WebSocket does not open', async () => {
    Reflect.set(globalThis, 'WebSocket', WebSocket)
    const { listener, port } = await listen()
    await expect(connectWebSocket({ url: `ws://127.0.0.1:${port}/other` })).rejects.toThrow('1006')
    await expect(connectWebSocket({ url: 'no url' })).rejects.toThrow()
    await listener.close()
  })

  it('ends with an error rather than hold more than it may during a pause', async () => {
    Reflect.set(globalThis, 'WebSocket', WebSocket)
    const { listener, port, next } = await listen()
    const client = await connectWebSocket({ url: `ws://127.0.0.1:${port}/mqtt`, maxHeld: 1_000 })
    client.pause()
    const gone = ending(client)
    const server = await next()
    server.send(pattern(1_001))
    expect((await gone)?.message).toContain('during a pause')
    await ending(server)
    await listener.close()
  })

  it('ends with an error on a text frame', async () => {
    Reflect.set(globalThis, 'WebSocket', WebSocket)
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    server.on('connection', (ws) => ws.send('text'))
    await new Promise((resolve) => void server.once('listening', resolve))
    const client = await connectWebSocket({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` })
    expect((await ending(client))?.message).toContain('text')
    await new Promise((resolve) => void server.close(resolve))
  })
})

describe('the browser entry', () => {
  it('reaches no module of Node and no ws', () => {
    const seen = new Set<string>()
    const visit = (file: string): void => {
      if (seen.has(file)) return
      seen.add(file)
      const source = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8')
      for (const [, kind, from = ''] of source.matchAll(/^(?:import|export) (type )?.*? from '([^']+)'/gms)) {
        if (kind !== undefined) continue
        expect(from).toMatch(/^\.\//)
        visit(from.slice(2))
      }
    }
    visit('browser.ts')
    expect(seen).toEqual(new Set(['browser.ts', 'connect.ts', 'native-connection.ts', 'frames.ts']))
  })
})
