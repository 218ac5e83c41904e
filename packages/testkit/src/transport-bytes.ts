import type { Connection } from '@isomq/kernel'
import { assert, equal, equalBytes } from './assert.ts'
import type { Case } from './case.ts'
import { pattern } from './probe.ts'
import { type End, type Ends, linkCase, type TransportHarness } from './transport-harness.ts'

/** What goes in comes out: order, completeness, chunk boundaries, ownership of arrays. */
export const transportBytes: readonly Case<TransportHarness>[] = [
  linkCase('bytes arrive in order from client to server', (ends) => passes(ends, ends.client, ends.server)),
  linkCase('bytes arrive in order from server to client', (ends) => passes(ends, ends.server, ends.client)),

  linkCase('bytes arrive in order both ways at once', async ({ client, server, start, until }) => {
    start()
    const up = pattern(300_000, 2)
    const down = pattern(200_000, 3)
    for (let at = 0; at < 300_000; at += 1000) {
      client.connection.send(up.slice(at, at + 1000))
      if (at < 200_000) server.connection.send(down.slice(at, at + 1000))
    }
    await until('both streams', () => server.seen.length >= up.length && client.seen.length >= down.length)
    equalBytes(server.seen.bytes(), up, 'up')
    equalBytes(client.seen.bytes(), down, 'down')
  }),

  linkCase('nothing is delivered before start and nothing is lost because of it', async (ends) => {
    const { client, server, until, idle } = ends
    client.start()
    const sent = pattern(100_000)
    sendAll(client.connection, sent, 10_000)
    await idle()
    equal(server.seen.length, 0, 'bytes before start')
    server.start()
    equal(server.seen.length, 0, 'bytes inside the call of start')
    await until('the bytes sent before start', () => server.seen.length >= sent.length)
    equalBytes(server.seen.bytes(), sent, 'received')
  }),

  linkCase('a connection may send before it is started', async ({ client, server, until }) => {
    client.connection.send(pattern(1000))
    server.start()
    await until('the bytes', () => server.seen.length >= 1000)
    equalBytes(server.seen.bytes(), pattern(1000), 'received')
  }),

  linkCase('many small sends arrive whole', async ({ client, server, start, until }) => {
    start()
    const sent = pattern(12_000, 4)
    let at = 0
    for (let n = 0; at < sent.length; n++) {
      client.connection.send(sent.slice(at, at + (n % 7) + 1))
      at += (n % 7) + 1
    }
    await until('all small sends', () => server.seen.length >= sent.length)
    equalBytes(server.seen.bytes(), sent, 'received')
  }),

  linkCase('one send of 5 MB arrives whole', async ({ client, server, start, until }) => {
    start()
    const sent = pattern(5_000_000, 5)
    client.connection.send(sent.slice())
    await until('5 MB', () => server.seen.length >= sent.length)
    equalBytes(server.seen.bytes(), sent, 'received')
  }),

  linkCase('sends of all sizes arrive whole', async ({ client, server, start, until }) => {
    start()
    const sizes = [1, 125, 126, 127, 16_383, 16_384, 65_535, 65_536, 65_537, 262_144, 262_145, 3, 700_000, 2]
    const sent = pattern(
      sizes.reduce((sum, size) => sum + size, 0),
      6,
    )
    let at = 0
    for (const size of sizes) client.connection.send(sent.slice(at, (at += size)))
    await until('all sizes', () => server.seen.length >= sent.length)
    equalBytes(server.seen.bytes(), sent, 'received')
  }),

  linkCase('an empty send says nothing and breaks nothing', async ({ client, server, start, until }) => {
    start()
    equal(client.connection.send(new Uint8Array(0)), true, 'send of nothing')
    client.connection.send(pattern(10))
    client.connection.send(new Uint8Array(0))
    client.connection.send(pattern(10))
    await until('what is around it', () => server.seen.length >= 20)
    equalBytes(server.seen.bytes().subarray(10), pattern(10), 'received')
  }),

  linkCase('only the part an array shows is sent, and the transport does not write to it', async (ends) => {
    const { client, server, start, until } = ends
    start()
    const whole = pattern(5000, 7)
    const shown = whole.subarray(1000, 3000)
    // One array may be on its way to many peers at once: all of them see these same bytes.
    for (const end of [client, server]) for (let n = 0; n < 3; n++) end.connection.send(shown)
    await until('three copies each way', () => server.seen.length >= 6000 && client.seen.length >= 6000)
    for (const end of [client, server]) {
      for (let n = 0; n < 3; n++) equalBytes(end.seen.bytes().subarray(n * 2000, n * 2000 + 2000), shown, `copy ${n}`)
    }
    equalBytes(whole, pattern(5000, 7), 'the array that was sent')
  }),

  linkCase('the reader may keep what it is given', async ({ client, server, until }) => {
    const copies: Uint8Array[] = []
    client.start()
    server.start({ data: (bytes) => void copies.push(bytes.slice()) })
    const sent = pattern(2_000_000, 8)
    sendAll(client.connection, sent, 3001)
    await until('the bytes', () => server.seen.length >= sent.length)
    for (const [index, kept] of server.seen.chunks.entries()) {
      const copy = copies[index]
      assert(copy !== undefined, 'a copy of every chunk')
      equalBytes(kept, copy, `chunk ${index}, kept`)
    }
  }),

  linkCase('a peer is described', async ({ client, server, start }) => {
    start()
    for (const { connection } of [client, server]) {
      assert(connection.peer.transport.length > 0, 'peer.transport is empty')
      equal(typeof connection.peer.secure, 'boolean', 'type of peer.secure')
      assert(!(connection.peer.address ?? '').startsWith('::ffff:'), 'peer.address is an IPv4-mapped IPv6 address')
    }
  }),
]

async function passes(ends: Ends, from: End, to: End): Promise<void> {
  ends.start()
  const sent = pattern(100_000)
  sendAll(from.connection, sent, 777)
  await ends.until('the bytes', () => to.seen.length >= sent.length)
  equalBytes(to.seen.bytes(), sent, 'received')
  equal(from.seen.length, 0, 'bytes that came back')
}

function sendAll(connection: Connection, bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) connection.send(bytes.slice(at, at + size))
}
