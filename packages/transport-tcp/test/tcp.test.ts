import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pattern, probe } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { listenTcp } from '../src/index.ts'
import { dialAddress, plainAddress } from '../src/peer-info.ts'
import { closed, dial, ending, listen, localPort, raw } from './support.ts'

describe('addresses', () => {
  it('IPv4-mapped IPv6 addresses become IPv4 addresses and no others change', () => {
    expect(plainAddress('::ffff:203.0.113.7')).toBe('203.0.113.7')
    expect(plainAddress('::FFFF:203.0.113.7')).toBe('203.0.113.7')
    expect(plainAddress('203.0.113.7')).toBe('203.0.113.7')
    expect(plainAddress('::ffff:1:2')).toBe('::ffff:1:2')
    expect(plainAddress('2001:db8::1')).toBe('2001:db8::1')
    expect(plainAddress(undefined)).toBe(undefined)
  })

  it('a listener is shown as users dial it', () => {
    expect(dialAddress('mqtt', '127.0.0.1', 1883)).toBe('mqtt://127.0.0.1:1883')
    expect(dialAddress('mqtts', '::1', 8883)).toBe('mqtts://[::1]:8883')
    expect(dialAddress('mqtt', '0.0.0.0', 1883)).toBe('mqtt://127.0.0.1:1883')
    expect(dialAddress('mqtt', '::', 1883)).toBe('mqtt://127.0.0.1:1883')
  })

  it('a listener knows its port and scheme', async () => {
    const { listener, port } = await listen()
    expect(port).toBeGreaterThan(0)
    expect(listener.address).toBe(`mqtt://127.0.0.1:${port}`)
    const other = await listen({ scheme: 'x' })
    expect(other.listener.address).toBe(`x://127.0.0.1:${other.port}`)
    await listener.close()
    await other.listener.close()
  })

  it('a peer is known by address, port and the time of its arrival', async () => {
    const { listener, port, next } = await listen()
    const before = Date.now()
    const socket = await raw(port)
    const connection = await next()
    expect(connection.peer).toMatchObject({
      transport: 'tcp',
      secure: false,
      address: '127.0.0.1',
      port: localPort(socket),
    })
    expect(connection.peer.acceptedAt).toBeGreaterThanOrEqual(before)
    expect(connection.peer.acceptedAt).toBeLessThanOrEqual(Date.now())
    connection.close(new Error('done'))
    await closed(socket)
    await listener.close()
  })
})

describe('listenTcp', () => {
  it('rejects with EADDRINUSE when the port is taken', async () => {
    const { listener, port } = await listen()
    await expect(listenTcp({ port }, () => undefined)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await listener.close()
  })

  it('closes connections above maxConnections and takes new ones when there is room', async () => {
    const { listener, port, next } = await listen({ maxConnections: 1 })
    const first = await raw(port)
    const connection = await next()
    const second = await raw(port)
    await closed(second)
    const gone = ending(connection)
    first.destroy()
    await gone
    const third = await raw(port)
    const again = await next()
    expect(again.peer.port).toBe(localPort(third))
    again.close(new Error('done'))
    await listener.close()
  })

  it('close refuses newcomers and leaves the connected alone', async () => {
    const { listener, port, next } = await listen()
    const client = await dial(port)
    const server = await next()
    await listener.close()
    await listener.close()
    await expect(dial(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    const seen = probe({ data: () => client.close() })
    client.start(seen)
    server.send(pattern(10))
    await ending(server)
    expect(seen.length).toBe(10)
  })

  it('reports an accept that throws and cuts off that connection alone', async () => {
    const reports: unknown[] = []
    const error = new Error('bug')
    let calls = 0
    const options = { port: 0, report: (fault: unknown) => void reports.push(fault) }
    const listener = await listenTcp(options, (connection) => {
      if (calls++ === 0) throw error
      connection.close()
    })
    await closed(await raw(listener.port ?? 0))
    await closed((await raw(listener.port ?? 0)).resume())
    expect(reports).toEqual([error])
    expect(calls).toBe(2)
    await listener.close()
  })
})

describe('connectTcp', () => {
  it.skipIf(process.platform !== 'linux')(
    'dials from the address it is told (only Linux has all of 127.0.0.0/8)',
    async () => {
      const { listener, port, next } = await listen()
      const dialled = await dial(port, { localAddress: '127.0.0.2' })
      expect((await next()).peer.address).toBe('127.0.0.2')
      dialled.close(new Error('done'))
      await expect(dial(port, { localAddress: '192.0.2.1' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
      await listener.close()
    },
  )

  it.skipIf(process.platform === 'win32')(
    'dials a Unix socket instead of host and port (Windows has named pipes)',
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'isomq-tcp-'))
      const path = join(directory, 'socket')
      const server = createServer((socket) => socket.end('hello')).listen(path)
      await new Promise((resolve) => server.once('listening', resolve))
      const dialled = await dial(1, { path })
      expect(dialled.peer).toMatchObject({ transport: 'tcp', address: undefined })
      const text = await new Promise((resolve) => {
        dialled.start({
          data: (bytes) => resolve(Buffer.from(bytes).toString()),
          drain: () => undefined,
          close: () => undefined,
        })
      })
      expect(text).toBe('hello')
      dialled.close(new Error('done'))
      await new Promise((resolve) => server.close(resolve))
      await expect(dial(1, { path })).rejects.toMatchObject({ code: 'ENOENT' })
      rmSync(directory, { recursive: true })
    },
  )

  it('rejects with the system error when nobody listens', async () => {
    const { listener, port } = await listen()
    await listener.close()
    await expect(dial(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('a TCP peer', () => {
  it('that resets the connection ends it with one error', async () => {
    const { listener, port, next } = await listen()
    const socket = await raw(port)
    const connection = await next()
    const seen = probe()
    connection.start(seen)
    const arrived = new Promise<void>((resolve) => socket.once('data', () => resolve()))
    connection.send(pattern(10))
    await arrived
    socket.resetAndDestroy()
    await closed(socket)
    while (seen.closes.length === 0) {
      connection.send(pattern(10))
      await new Promise(setImmediate)
    }
    expect(seen.closes[0]).toMatchObject({ code: expect.stringMatching(/ECONNRESET|EPIPE/) })
    expect(connection.send(pattern(10))).toBe(false)
    await new Promise(setImmediate)
    expect(seen.closes.length).toBe(1)
    expect(seen.breaches).toEqual([])
    await listener.close()
  })

  it('that resets before start is told of at start', async () => {
    const { listener, port, next } = await listen()
    const socket = await raw(port)
    const connection = await next()
    socket.resetAndDestroy()
    await closed(socket)
    expect(await ending(connection)).toMatchObject({ code: 'ECONNRESET' })
    await listener.close()
  })

  it('that half-closes gets the answer that was under way, then the connection ends in order', async () => {
    const { listener, port, next } = await listen()
    const socket = await raw(port, true)
    const connection = await next()
    const sent = pattern(1_000_000)
    const seen = probe({
      data() {
        if (seen.length === 5) connection.send(sent.slice())
      },
    })
    const answer: Uint8Array[] = []
    socket.on('data', (bytes) => answer.push(bytes))
    socket.end('hello')
    const ended = new Promise((resolve) => socket.once('end', resolve))
    connection.start(seen)
    await ended
    await closed(socket)
    expect(Buffer.concat(answer).equals(sent)).toBe(true)
    while (seen.closes.length === 0) await new Promise(setImmediate)
    expect(seen.closes).toEqual([undefined])
    await listener.close()
  })

  it('that never reads does not keep a closing connection', async () => {
    const { listener, port, next } = await listen({ linger: 30 })
    const socket = await raw(port)
    socket.pause()
    const connection = await next()
    const gone = ending(connection)
    while (connection.send(pattern(1_000_000))) await new Promise(setImmediate)
    connection.close()
    expect(await gone).toMatchObject({ message: 'the peer did not read what was left to send' })
    expect(connection.bufferedAmount).toBe(0)
    socket.destroy()
    await listener.close()
  })

  it('that never closes does not keep a closing connection', async () => {
    const { listener, port, next } = await listen({ linger: 30 })
    const socket = await raw(port, true)
    socket.resume()
    const connection = await next()
    const gone = ending(connection)
    connection.send(pattern(10))
    connection.close()
    expect(await gone).toBe(undefined)
    socket.destroy()
    await listener.close()
  })

  it('cannot crash the process through a reader that throws', async () => {
    const { listener, port, next } = await listen()
    const client = await dial(port)
    const connection = await next()
    const error = new Error('bug')
    const seen = probe({
      data() {
        throw error
      },
    })
    connection.start(seen)
    client.send(pattern(10))
    await ending(client)
    expect(seen.closes).toEqual([error])
    await listener.close()
  })
})
