import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Ack, ack, connect, parsePublish, ping, publish, subscribe } from './crash/wire.ts'
import { startBroker } from './support/broker.ts'
import { RawClient, Type } from './support/raw.ts'
import { temporaryDirectory } from './support/temporary.ts'

// As many as a session may have waiting by default.
const count = 100_000
const portion = 2000

test('100,000 messages wait for a session that sleeps, over kill -9, and come once and in order', async () => {
  const flags = ['--data', join(temporaryDirectory(), 'data'), '--log-level', 'info']
  const before = await startBroker(flags)
  const sleeper = new RawClient(before.port)
  await sleeper.ask(Type.connack, connect('sleeper', 5, false))
  await sleeper.ask(Type.suback, subscribe(5, 1, ['much'], 1))
  sleeper.socket.destroy()
  const writer = new RawClient(before.port)
  await writer.ask(Type.connack, connect('writer', 5, true))
  for (let first = 0; first < count; first += portion) {
    const frames = Array.from({ length: portion }, (_, i) =>
      publish(5, { topic: 'much', payload: String(first + i), qos: 1, id: i + 1, retain: false, dup: false }),
    )
    writer.send(...frames)
    for (const { type, body } of await writer.inbox.take(portion))
      expect([type, body[2] ?? 0]).toEqual([Type.puback, 0])
  }
  before.process.kill('SIGKILL')
  await before.process.exit()

  const after = await startBroker(flags)
  const again = new RawClient(after.port)
  expect((await again.ask(Type.connack, connect('sleeper', 5, false))).body[0]).toBe(1)
  // Fewer at a time than are under way, or the last would never come.
  for (let first = 0; first < count; first += 50) {
    const packets = await again.inbox.take(50)
    const came = packets.map(({ type, flags: bits, body }) => ({ type, ...parsePublish(5, bits, body) }))
    const due = packets.map((_, i) => [Type.publish, String(first + i)])
    expect(came.map(({ type, payload }) => [type, payload])).toEqual(due)
    again.send(...came.map(({ id }) => ack(Ack.puback, id)))
  }
  // Nothing is left, now or for the next connection.
  expect((await again.ask(Type.pingresp, ping)).type).toBe(Type.pingresp)
  again.socket.destroy()
  const last = new RawClient(after.port)
  expect((await last.ask(Type.connack, connect('sleeper', 5, false))).body[0]).toBe(1)
  await last.ask(Type.pingresp, ping)
  expect((await after.stop()).code).toBe(0)
}, 180_000)
