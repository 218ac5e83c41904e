import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pattern, probe } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { listenWebSocket } from '../src/index.ts'
import { closeCode, dial, ending, frame, listen, raw, refused, upgraded, upgradeHead } from './support.ts'

const binary = 2
const text = 1

describe('the upgrade', () => {
  it('is granted on /mqtt and /, with a query or without, and nowhere else', async () => {
    const { listener, port } = await listen()
    for (const path of ['/mqtt', '/', '/mqtt?token=1', '/?x']) {
      const client = await upgraded(port, path)
      expect(client.heard()).toMatch(/^HTTP\/1.1 101 /)
      client.socket.destroy()
    }
    for (const path of ['/mqtt/', '/MQTT', '/other', '//mqtt', '/mqtt%2f', '*']) {
      expect(await refused(port, path)).toMatch(/^HTTP\/1.1 404 /)
    }
    await listener.close()
  })

  it('is granted on the paths configured', async () => {
    const { listener, port } = await listen({ paths: ['/broker'] })
    expect(listener.address).toBe(`ws://127.0.0.1:${port}/broker`)
    expect(await refused(port, '/mqtt')).toMatch(/^HTTP\/1.1 404 /)
    const client = await upgraded(port, '/broker')
    expect(client.heard()).toMatch(/^HTTP\/1.1 101 /)
    client.socket.destroy()
    await listener.close()
  })

  it('[MQTT-6.0.0-3] [MQTT-6.0.0-4] [MQTT-6.0.0-3 of 3.1.1] [MQTT-6.0.0-4 of 3.1.1] picks mqtt, else mqttv3.1, and refuses an offer of neither', async () => {
    const { listener, port } = await listen()
    const offers = [
      ['mqtt', 'mqtt'],
      ['mqttv3.1', 'mqttv3.1'],
      ['mqttv3.1, mqtt', 'mqtt'],
      ['chat,mqttv3.1', 'mqttv3.1'],
    ] as const
    for (const [offer, chosen] of offers) {
      const client = await upgraded(port, '/mqtt', { 'Sec-WebSocket-Protocol': offer })
      expect(client.heard()).toContain(`\r\nSec-WebSocket-Protocol: ${chosen}\r\n`)
      client.socket.destroy()
    }
    for (const offer of [undefined, 'chat', 'MQTT', '', 'constructor', '__proto__']) {
      expect(await refused(port, '/mqtt', { 'Sec-WebSocket-Protocol': offer })).toMatch(/^HTTP\/1.1 400 /)
    }
    await listener.close()
  })

  it('is refused to foreign origins where origins are listed; no origin is no browser', async () => {
    const { listener, port, next } = await listen({ origins: ['https://app.example'] })
    for (const origin of [
      'https://evil.example',
      'null',
      'https://app.example.evil.example',
      'http://app.example',
      '',
    ]) {
      expect(await refused(port, '/mqtt', { Origin: origin })).toMatch(/^HTTP\/1.1 403 /)
    }
    const browser = await upgraded(port, '/mqtt', { Origin: 'https://APP.example' })
    expect((await next()).peer.origin).toBe('https://APP.example')
    const device = await upgraded(port)
    expect((await next()).peer.origin).toBe(undefined)
    browser.socket.destroy()
    device.socket.destroy()
    await listener.close()
  })

  it('is refused when null is listed as an origin all the same', async () => {
    const { listener, port } = await listen({ origins: ['null'] })
    expect(await refused(port, '/mqtt', { Origin: 'null' })).toMatch(/^HTTP\/1.1 403 /)
    await listener.close()
  })

  it('is refused without version 13, key or method', async () => {
    const { listener, port } = await listen()
    const old = await refused(port, '/mqtt', { 'Sec-WebSocket-Version': '8' })
    expect(old).toMatch(/^HTTP\/1.1 426 /)
    expect(old).toContain('Sec-WebSocket-Version: 13')
    expect(await refused(port, '/mqtt', { 'Sec-WebSocket-Key': 'short' })).toMatch(/^HTTP\/1.1 400 /)
    expect(await refused(port, '/mqtt', { Upgrade: 'h2c' })).toMatch(/^HTTP\/1.1 400 /)
    const post = await raw(port)
    post.socket.write(upgradeHead('/mqtt').replace('GET', 'POST'))
    await post.closed
    expect(post.heard()).toMatch(/^HTTP\/1.1 405 /)
    await listener.close()
  })

  it('takes no compression, whatever is offered', async () => {
    const { listener, port } = await listen()
    const client = await upgraded(port, '/mqtt', { 'Sec-WebSocket-Extensions': 'permessage-deflate; constructor' })
    expect(client.heard()).not.toMatch(/extensions/i)
    client.socket.destroy()
    await listener.close()
  })

  it('must be complete in time, dripping or not', async () => {
    const { listener, port } = await listen({ upgradeTimeout: 40 })
    const silent = await raw(port)
    const dripping = await raw(port)
    dripping.socket.write('GET /mqtt HTTP/1.1\r\nX: ')
    const drip = setInterval(() => dripping.socket.write('x'), 5)
    await Promise.all([silent.closed, dripping.closed])
    clearInterval(drip)
    await listener.close()
  })

  it('lifts the time limit of a connection that made it', async () => {
    const { listener, port, next } = await listen({ upgradeTimeout: 40 })
    const client = await dial(port)
    const server = await next()
    const silent = await raw(port)
    const seen = probe({ data: () => client.close() })
    client.start(seen)
    // Accepted after the client: when its time is over the client's would have been, too.
    await silent.closed
    server.send(pattern(3))
    await ending(server)
    expect(seen.length).toBe(3)
    await listener.close()
  })

  it('refuses a head that is too large', async () => {
    const { listener, port } = await listen({ maxHeaderSize: 2_000 })
    expect(await refused(port, '/mqtt', { 'X-Long': 'x'.repeat(3_000) })).toMatch(/^HTTP\/1.1 431 /)
    await listener.close()
  })
})

describe('frames', () => {
  it('[MQTT-6.0.0-1] [MQTT-6.0.0-1 of 3.1.1] [MQTT-6.0-1 of 3.1.1] a text frame ends the connection with 1003', async () => {
    const { listener, port, next } = await listen({ linger: 30 })
    const client = await upgraded(port)
    const connection = await next()
    const seen = probe()
    connection.start(seen)
    client.socket.write(Buffer.concat([frame(binary, pattern(5)), frame(text, Buffer.from('\xff', 'latin1'))]))
    client.socket.write(frame(binary, pattern(5)))
    await client.closed
    expect(closeCode(client)).toBe(1003)
    while (seen.closes.length === 0) await new Promise(setImmediate)
    expect(seen.bytes()).toEqual(pattern(5))
    expect(seen.closes[0]?.message).toContain('text')
    await listener.close()
  })

  it('[MQTT-6.0.0-2] [MQTT-6.0.0-2 of 3.1.1] bytes may be spread over frames in any way', async () => {
    const { listener, port, next } = await listen()
    const client = await upgraded(port)
    const seen = probe()
    const connection = await next()
    connection.start(seen)
    const sent = pattern(300)
    client.socket.write(
      Buffer.concat([
        frame(binary, sent.subarray(0, 1)),
        frame(binary, sent.subarray(1, 100), { fin: false }),
        frame(9, Buffer.from('ping')),
        frame(0, sent.subarray(100, 101), { fin: false }),
        frame(0, new Uint8Array(0), { fin: false }),
        frame(0, sent.subarray(101, 250)),
        frame(binary, new Uint8Array(0)),
        frame(binary, sent.subarray(250)),
      ]),
    )
    while (seen.length < 300) await new Promise(setImmediate)
    expect(seen.bytes()).toEqual(sent)
    client.socket.destroy()
    await listener.close()
  })

  it('larger than maxPayload end the connection with 1009, before they have come', async () => {
    const { listener, port, next } = await listen({ maxPayload: 1_000, linger: 30 })
    const client = await upgraded(port)
    const gone = ending(await next())
    client.socket.write(frame(binary, pattern(1_001)).subarray(0, 100))
    await client.closed
    expect(closeCode(client)).toBe(1009)
    expect(await gone).toBeInstanceOf(Error)
    const split = await upgraded(port)
    const splitGone = ending(await next())
    split.socket.write(frame(binary, pattern(600), { fin: false }))
    split.socket.write(frame(0, pattern(600)))
    await split.closed
    expect(closeCode(split)).toBe(1009)
    expect(await splitGone).toBeInstanceOf(Error)
    await listener.close()
  })

  it('that break the protocol end that connection alone', async () => {
    const { listener, port, next } = await listen({ linger: 30 })
    const bad = [
      frame(binary, pattern(5), { masked: false }),
      frame(0, pattern(5)),
      frame(3, pattern(5)),
      Buffer.from([0xc2, 0x80, 0, 0, 0, 0]),
      Buffer.concat(Array.from({ length: 5_000 }, (_, i) => frame(i === 0 ? binary : 0, pattern(1), { fin: false }))),
      frame(8, Buffer.from([3])),
      frame(9, pattern(126)),
    ]
    for (const bytes of bad) {
      const client = await upgraded(port)
      const gone = ending(await next())
      client.socket.write(bytes)
      await client.closed
      expect(await gone).toBeInstanceOf(Error)
    }
    const healthy = await dial(port)
    healthy.close()
    expect(await ending(await next())).toBe(undefined)
    await listener.close()
  })

  it('that close end the connection at once, though the peer keeps its socket open', async () => {
    const { listener, port, next } = await listen({ linger: 3_600_000 })
    for (const code of [[], [0x03, 0xe8], [0x03, 0xe9]]) {
      const client = await raw(port, { allowHalfOpen: true })
      client.socket.write(upgradeHead('/mqtt'))
      const gone = ending(await next())
      client.socket.write(frame(8, Buffer.from(code)))
      expect(await gone).toBe(undefined)
      while (!client.heard().includes('\x88')) await new Promise(setImmediate)
      client.socket.destroy()
    }
    await listener.close()
  })

  it('of pings without end from a peer that does not read its pongs end the connection', async () => {
    const { listener, port, next } = await listen({ linger: 30 })
    const client = await upgraded(port)
    client.socket.pause()
    const connection = await next()
    const seen = probe()
    connection.start(seen)
    const pings = Buffer.concat(Array.from({ length: 2_000 }, () => frame(9, pattern(120))))
    while (seen.closes.length === 0) {
      if (!client.socket.writableNeedDrain && !client.socket.destroyed) client.socket.write(pings)
      await new Promise(setImmediate)
    }
    expect(connection.bufferedAmount).toBe(0)
    client.socket.destroy()
    await listener.close()
  })
})

describe('a listener', () => {
  it('answers plain requests with a line of text', async () => {
    const { listener, port } = await listen()
    for (const [path, status] of [
      ['/mqtt', 426],
      ['/', 426],
      ['/other', 404],
    ] as const) {
      const client = await raw(port)
      client.socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      await client.closed
      expect(client.heard()).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      expect(client.heard()).toContain('text/plain')
    }
    await listener.close()
  })

  it('knows its address and its peers', async () => {
    const { listener, port, next } = await listen()
    expect(listener.address).toBe(`ws://127.0.0.1:${port}/mqtt`)
    const before = Date.now()
    const client = await dial(port)
    const { peer } = await next()
    expect(peer).toMatchObject({ transport: 'ws', secure: false, address: '127.0.0.1' })
    expect(peer.acceptedAt).toBeGreaterThanOrEqual(before)
    expect(peer.acceptedAt).toBeLessThanOrEqual(Date.now())
    client.close(new Error('done'))
    await listener.close()
  })

  it('rejects with EADDRINUSE when the port is taken', async () => {
    const { listener, port } = await listen()
    await expect(listenWebSocket({ port }, () => undefined)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await listener.close()
  })

  it('refuses connections above maxConnections and takes new ones when there is room', async () => {
    const { listener, port, next } = await listen({ maxConnections: 1 })
    const first = await dial(port)
    const server = await next()
    expect(await refused(port, '/mqtt')).toMatch(/^HTTP\/1.1 503 /)
    await expect(dial(port)).rejects.toThrow('503')
    first.close()
    await ending(server)
    const second = await dial(port)
    expect((await next()).peer.transport).toBe('ws')
    second.close(new Error('done'))
    await listener.close()
  })

  it('close refuses newcomers, ends what is half-way and leaves the connected alone', async () => {
    const { listener, port, next } = await listen()
    const client = await dial(port)
    const server = await next()
    const halfWay = await raw(port)
    await listener.close()
    await listener.close()
    await halfWay.closed
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
    const options = { port: 0, report: (fault: unknown) => void reports.push(fault) }
    const listener = await listenWebSocket(options, () => {
      throw error
    })
    const client = await upgraded(listener.port ?? 0)
    await client.closed
    expect(reports).toEqual([error])
    await listener.close()
  })

  it('shares a server: others keep their requests and their upgrades', async () => {
    const server = createServer((_, response) => void response.end('console'))
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const { listener, port, next } = await listen({ server })
    expect(port).toBe((server.address() as AddressInfo).port)
    expect(await refused(port, '/other')).toMatch(/^HTTP\/1.1 404 /)
    server.on('upgrade', (request, socket) => {
      if (request.url === '/other') socket.end('HTTP/1.1 418 Mine\r\n\r\n')
    })
    expect(await refused(port, '/other')).toMatch(/^HTTP\/1.1 418 /)
    const agent = new Agent({ keepAlive: true })
    const body = await new Promise((resolve) => {
      get({ port, agent }, (response) => void response.setEncoding('utf8').once('data', resolve).resume())
    })
    expect(body).toBe('console')
    agent.destroy()
    const client = await dial(port)
    const connection = await next()
    await listener.close()
    expect(server.listening).toBe(true)
    client.close()
    expect(await ending(connection)).toBe(undefined)
    await new Promise((resolve) => void server.close(resolve))
  })
})
