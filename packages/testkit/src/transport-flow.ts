import { assert, equal, equalBytes } from './assert.ts'
import type { Case } from './case.ts'
import { pattern } from './probe.ts'
import { linkCase, type TransportHarness } from './transport-harness.ts'

// What may still arrive after pause: calls already under way. More than this is no pause.
const underWay = 256 * 1024

/** Backpressure: what `send` answers, `drain`, `bufferedAmount`, `pause` and `resume`. */
export const transportFlow: readonly Case<TransportHarness>[] = [
  linkCase(
    'send returns false when the peer does not read, drain follows, every byte arrives',
    async (ends) => {
      const { client, server, fill, start, until, idle } = ends
      start()
      server.connection.pause()
      const sent = await fill(client)
      assert(client.connection.bufferedAmount > 0, 'bufferedAmount is 0 though send returned false')
      const before = client.seen.drains
      server.connection.resume()
      await until('drain', () => client.seen.drains > before)
      await until('the bytes', () => server.seen.length >= sent.length)
      await idle()
      equalBytes(server.seen.bytes(), sent, 'received')
      equal(client.seen.drains, before + 1, 'drains after one more send that returned false')
    },
    'backpressure',
  ),

  linkCase('sending on at every drain moves any amount', async ({ client, server, until }) => {
    const chunk = pattern(50_000, 3)
    let left = 200
    const pump = (): void => {
      while (left > 0) {
        left--
        if (!client.connection.send(chunk.slice())) return
      }
    }
    client.start({ drain: pump })
    server.start()
    pump()
    await until('10 MB', () => server.seen.length >= 200 * chunk.length)
    const received = server.seen.bytes()
    for (let n = 0; n < 200; n++) {
      equalBytes(received.subarray(n * chunk.length, (n + 1) * chunk.length), chunk, `send ${n}`)
    }
  }),

  linkCase(
    'bufferedAmount rises with what waits and falls to 0',
    async ({ client, server, fill, start, until }) => {
      start()
      equal(client.connection.bufferedAmount, 0, 'bufferedAmount before any send')
      server.connection.pause()
      const sent = await fill(client)
      const before = client.connection.bufferedAmount
      client.connection.send(pattern(100_000))
      assert(client.connection.bufferedAmount > before, 'bufferedAmount did not rise with another send')
      assert(client.connection.bufferedAmount <= sent.length + 200_000, 'bufferedAmount exceeds all that was sent')
      server.connection.resume()
      await until('bufferedAmount 0', () => client.connection.bufferedAmount === 0)
    },
    'backpressure',
  ),

  linkCase('no drain comes unless send returned false', async ({ client, server, start, until, idle }) => {
    start()
    let sent = 0
    let refused = 0
    // The larger ones pass the marks of most runtimes' own buffers, though not ours.
    for (const size of [100, 100, 20_000, 40_000, 60_000, 100]) {
      if (!client.connection.send(pattern(size))) refused++
      sent += size
      await until('the bytes', () => server.seen.length >= sent)
      await idle()
    }
    equal(client.connection.send(pattern(1)), true, 'a send when nothing waits')
    equal(client.seen.drains, refused, 'drains')
  }),

  linkCase(
    'a connection that is not started holds its peer back',
    async ({ client, server, fill, until }) => {
      client.start()
      const sent = await fill(client)
      server.start()
      await until('the bytes', () => server.seen.length >= sent.length)
      equalBytes(server.seen.bytes(), sent, 'received')
    },
    'backpressure',
  ),

  linkCase(
    'pause stops data and resume goes on without loss',
    async ({ client, server, fill, start, until, idle }) => {
      start()
      client.connection.send(pattern(1000))
      await until('the first bytes', () => server.seen.length >= 1000)
      server.connection.pause()
      const sent = await fill(client)
      await idle()
      const during = server.seen.length - 1000
      assert(during <= underWay, `${during} bytes were delivered after pause`)
      client.connection.send(pattern(500_000))
      await idle()
      equal(server.seen.length - 1000, during, 'bytes delivered long after pause')
      server.connection.resume()
      const total = 1000 + sent.length + 500_000
      await until('the rest', () => server.seen.length >= total)
      equalBytes(server.seen.bytes().subarray(1000, 1000 + sent.length), sent, 'received')
    },
    'backpressure',
  ),

  linkCase('pause inside data takes effect and nothing is lost', async ({ client, server, until, idle }) => {
    client.start()
    server.start({ data: () => server.connection.pause() })
    const sent = pattern(3_000_000, 9)
    for (let at = 0; at < sent.length; at += 50_000) client.connection.send(sent.slice(at, at + 50_000))
    await until('the first bytes', () => server.seen.length > 0)
    await idle()
    assert(server.seen.length <= underWay, `${server.seen.length} bytes were delivered after pause`)
    await until('the rest', () => {
      server.connection.resume()
      return server.seen.length >= sent.length
    })
    equalBytes(server.seen.bytes(), sent, 'received')
  }),

  linkCase('a pause before start holds after it', async ({ client, server, until, idle }) => {
    client.start()
    client.connection.send(pattern(1000))
    server.connection.pause()
    server.start()
    await idle()
    equal(server.seen.length, 0, 'bytes while paused')
    server.connection.resume()
    await until('the bytes', () => server.seen.length >= 1000)
    equalBytes(server.seen.bytes(), pattern(1000), 'received')
  }),

  linkCase('pausing and resuming many times changes nothing', async ({ client, server, start, until }) => {
    start()
    const sent = pattern(1_000_000, 10)
    client.connection.send(sent.slice())
    let turns = 0
    await until('the bytes', () => {
      if (turns++ % 2 === 0) {
        server.connection.pause()
        server.connection.pause()
      } else {
        server.connection.resume()
        server.connection.resume()
      }
      return server.seen.length >= sent.length
    })
    equalBytes(server.seen.bytes(), sent, 'received')
  }),

  linkCase('a paused reader can send', async ({ client, server, start, until }) => {
    start()
    client.connection.pause()
    client.connection.send(pattern(1000))
    await until('the bytes', () => server.seen.length >= 1000)
    equalBytes(server.seen.bytes(), pattern(1000), 'received')
  }),
]
