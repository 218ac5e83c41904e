import { assert, equal, equalBytes } from './assert.ts'
import type { Case } from './case.ts'
import { pattern } from './probe.ts'
import { linkCase, type TransportHarness } from './transport-harness.ts'

/**
 * How connections end. Two points the interface leaves open are fixed here:
 * after its own `close` a reader gets no more data; a paused reader learns of the peer's close at the latest on
 * resume, and after all bytes that were sent before it.
 */
export const transportClose: readonly Case<TransportHarness>[] = [
  linkCase('close flushes all that was sent before', async ({ client, server, start, until }) => {
    start()
    const sent = pattern(2_000_000, 11)
    client.connection.send(sent.slice(0, 1_999_990))
    client.connection.send(sent.slice(1_999_990))
    client.connection.close()
    await until('both closes', () => client.seen.closes.length > 0 && server.seen.closes.length > 0)
    equalBytes(server.seen.bytes(), sent, 'received')
    equal(server.seen.closes[0], undefined, "the peer's close")
    equal(client.seen.closes[0], undefined, 'the own close')
  }),

  linkCase(
    'close flushes to a peer that pauses for a while',
    async ({ client, server, fill, start, until, idle }) => {
      start()
      server.connection.pause()
      const sent = await fill(client)
      client.connection.close()
      await idle()
      server.connection.resume()
      await until("the peer's close", () => server.seen.closes.length > 0)
      equalBytes(server.seen.bytes(), sent, 'received')
      equal(server.seen.closes[0], undefined, "the peer's close")
    },
    'backpressure',
  ),

  linkCase(
    'close with an error ends now and reports it',
    async ({ client, server, fill, start, until }) => {
      start()
      server.connection.pause()
      const sent = await fill(client)
      const error = new Error('cut off')
      client.connection.close(error)
      equal(client.seen.closes.length, 0, 'calls of the reader inside close')
      equal(client.connection.send(pattern(10)), false, 'send after close')
      await until('the own close, though the peer reads nothing', () => client.seen.closes.length > 0)
      equal(client.seen.closes[0], error, 'the error of the own close')
      server.connection.resume()
      await until("the peer's close", () => server.seen.closes.length > 0)
      equalBytes(server.seen.bytes(), sent.slice(0, server.seen.length), 'what arrived')
    },
    'backpressure',
  ),

  linkCase(
    'close with an error drops what was not sent yet',
    async ({ client, server, fill, start, until }) => {
      start()
      server.connection.pause()
      const sent = await fill(client)
      client.connection.close(new Error('cut off'))
      await until('the own close', () => client.seen.closes.length > 0)
      server.connection.resume()
      await until("the peer's close", () => server.seen.closes.length > 0)
      assert(server.seen.length < sent.length, 'everything arrived')
    },
    'backpressure',
    'drop',
  ),

  linkCase(
    'close with an error after close ends a flush that does not end',
    async ({ client, server, fill, start, until }) => {
      start()
      server.connection.pause()
      await fill(client)
      client.connection.close()
      client.connection.close(new Error('enough'))
      await until('the own close, though the peer reads nothing', () => client.seen.closes.length > 0)
      assert(client.seen.closes[0] instanceof Error, 'bytes were dropped and close says nothing of it')
    },
    'backpressure',
  ),

  linkCase('close is idempotent', async ({ client, start, until }) => {
    start()
    client.connection.close()
    client.connection.close()
    await until('the own close', () => client.seen.closes.length > 0)
    client.connection.close()
    client.connection.close(new Error('too late'))
    client.connection.pause()
    client.connection.resume()
  }),

  linkCase('both ends may close at once', async ({ client, server, start, until }) => {
    start()
    client.connection.send(pattern(10))
    server.connection.send(pattern(10))
    client.connection.close()
    server.connection.close()
    await until('both closes', () => client.seen.closes.length > 0 && server.seen.closes.length > 0)
    equal(client.seen.closes[0], undefined, "the client's close")
    equal(server.seen.closes[0], undefined, "the server's close")
  }),

  linkCase('close inside data flushes the farewell and delivers no more', async ({ client, server, until }) => {
    client.start()
    server.start({
      data: () => {
        server.connection.send(pattern(100_000, 12))
        server.connection.close()
        equal(server.connection.send(pattern(10)), false, 'send after close')
      },
    })
    for (let n = 0; n < 100; n++) client.connection.send(pattern(10_000))
    await until('both closes', () => client.seen.closes.length > 0 && server.seen.closes.length > 0)
    equalBytes(client.seen.bytes(), pattern(100_000, 12), 'the farewell')
    equal(server.seen.chunks.length, 1, 'calls of data')
  }),

  linkCase('close with an error inside data delivers no more', async ({ client, server, until }) => {
    const error = new Error('malformed')
    client.start()
    server.start({ data: () => server.connection.close(error) })
    for (let n = 0; n < 100; n++) client.connection.send(pattern(10_000))
    await until('both closes', () => client.seen.closes.length > 0 && server.seen.closes.length > 0)
    equal(server.seen.chunks.length, 1, 'calls of data')
    equal(server.seen.closes[0], error, 'the error of the own close')
  }),

  linkCase('send after close returns false and does nothing', async ({ client, server, start, until }) => {
    start()
    client.connection.send(pattern(100))
    client.connection.close()
    equal(client.connection.send(pattern(100)), false, 'send right after close')
    await until('both closes', () => client.seen.closes.length > 0 && server.seen.closes.length > 0)
    equal(client.connection.send(pattern(100)), false, 'send long after close')
    equal(server.connection.send(pattern(100)), false, "send after the peer's close")
    equal(server.seen.length, 100, 'bytes received')
    equal(client.seen.drains + server.seen.drains, 0, 'drains')
  }),

  linkCase('send inside the close of the reader returns false', async ({ client, server, until }) => {
    const answers: boolean[] = []
    client.start()
    server.start({ close: () => void answers.push(server.connection.send(pattern(10))) })
    client.connection.close()
    await until("the peer's close", () => answers.length > 0)
    equal(answers[0], false, 'send')
  }),

  linkCase(
    'no drain comes after close',
    async ({ client, server, fill, start, until }) => {
      start()
      server.connection.pause()
      await fill(client)
      client.connection.close()
      const before = client.seen.drains
      server.connection.resume()
      await until('both closes', () => client.seen.closes.length > 0 && server.seen.closes.length > 0)
      equal(client.seen.drains, before, 'drains')
    },
    'backpressure',
  ),

  linkCase('a connection closed before start says so after it', async ({ client, server, until, idle }) => {
    server.start()
    client.connection.send(pattern(100))
    client.connection.close()
    await until("the peer's close", () => server.seen.closes.length > 0)
    equalBytes(server.seen.bytes(), pattern(100), 'received')
    await idle()
    client.start()
    equal(client.seen.closes.length, 0, 'calls of the reader inside start')
    await until('the own close', () => client.seen.closes.length > 0)
  }),

  linkCase('a peer that closes before start is heard to the end', async ({ client, server, until, idle }) => {
    client.start()
    client.connection.send(pattern(5000))
    client.connection.close()
    await idle()
    server.start()
    await until("the peer's close", () => server.seen.closes.length > 0)
    equalBytes(server.seen.bytes(), pattern(5000), 'received')
    equal(server.seen.closes[0], undefined, "the peer's close")
  }),

  linkCase('a peer that closes during a pause is heard to the end after resume', async (ends) => {
    const { client, server, start, until, idle } = ends
    start()
    server.connection.pause()
    client.connection.send(pattern(50_000))
    client.connection.close()
    await idle()
    server.connection.resume()
    await until("the peer's close", () => server.seen.closes.length > 0)
    equalBytes(server.seen.bytes(), pattern(50_000), 'received')
    equal(server.seen.closes[0], undefined, "the peer's close")
  }),

  linkCase('a paused reader can close', async ({ client, server, start, until }) => {
    start()
    server.connection.pause()
    client.connection.send(pattern(200_000))
    server.connection.send(pattern(100))
    server.connection.close()
    await until('both closes', () => client.seen.closes.length > 0 && server.seen.closes.length > 0)
    equalBytes(client.seen.bytes(), pattern(100), 'received')
    equal(server.seen.length, 0, 'bytes delivered to the paused reader')
  }),

  linkCase('the close of a peer that stopped reading is seen by one that waits to send', async (ends) => {
    const { client, server, fill, start, until } = ends
    start()
    client.connection.pause()
    await fill(server)
    client.connection.close()
    await until("the peer's close", () => server.seen.closes.length > 0)
    equal(server.connection.send(pattern(10)), false, 'send')
    equal(server.connection.bufferedAmount, 0, 'bufferedAmount')
  }),
]
