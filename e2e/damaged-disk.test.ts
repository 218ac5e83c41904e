import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Ack, ack, connect, parsePublish, ping, publish, subscribe } from './crash/wire.ts'
import { type Broker, startBroker } from './support/broker.ts'
import { RawClient, Type } from './support/raw.ts'
import { temporaryDirectory } from './support/temporary.ts'

/** Flips one bit of the data file in every copy of this text; pages that were replaced may still hold one. */
function flip(data: string, where: string): void {
  const file = join(data, 'data.mdb')
  const bytes = readFileSync(file)
  let found = 0
  for (let at = bytes.indexOf(where); at >= 0; at = bytes.indexOf(where, at + 1), found++) bytes[at]! ^= 4
  expect(found).toBeGreaterThan(0)
  writeFileSync(file, bytes)
}

/** The first so many messages that a client gets, and what came until it was answered once more. */
async function payloads(
  broker: Broker,
  { id, filter, count }: { id: string; filter?: string; count: number },
): Promise<string[]> {
  const client = new RawClient(broker.port)
  await client.ask(Type.connack, connect(id, 5, filter !== undefined))
  if (filter !== undefined) client.send(subscribe(5, 1, [filter], 0))
  const came: string[] = []
  for (let answered = false; !answered;) {
    const { type, flags, body } = await client.inbox.next()
    answered = type === Type.pingresp
    if (type !== Type.publish) continue
    const { payload, id: packetId, qos } = parsePublish(5, flags, body)
    if (qos > 0) client.send(ack(Ack.puback, packetId))
    if (came.push(payload) === count) client.send(ping)
  }
  return came
}

test('a flipped bit costs the message it hit, which is logged, and nobody gets a wrong one', async () => {
  const data = join(temporaryDirectory(), 'data')
  const broker = await startBroker(['--data', data])
  const sleeper = new RawClient(broker.port)
  await sleeper.ask(Type.connack, connect('sleeper', 5, false))
  await sleeper.ask(Type.suback, subscribe(5, 1, ['t'], 1))
  sleeper.socket.destroy()
  const writer = new RawClient(broker.port)
  await writer.ask(Type.connack, connect('writer', 5, true))
  const send = (topic: string, payload: string, retain: boolean): Promise<unknown> =>
    writer.ask(Type.puback, publish(5, { topic, payload, qos: 1, id: 1, retain, dup: false }))
  for (const word of ['first', 'second', 'third', 'fourth']) await send('t', `the ${word} message`, false)
  for (const word of ['whole', 'broken']) await send(`kept/${word}`, `retained and ${word}`, true)
  broker.process.kill('SIGKILL')
  await broker.process.exit()
  flip(data, 'the third message')
  flip(data, 'retained and broken')

  const again = await startBroker(['--data', data])
  expect(await payloads(again, { id: 'sleeper', count: 3 })).toEqual([
    'the first message',
    'the second message',
    'the fourth message',
  ])
  expect(await payloads(again, { id: 'reader', filter: 'kept/#', count: 1 })).toEqual(['retained and whole'])
  const { code, stderr } = await again.stop()
  const told = stderr.split('\n').filter((line) => / ERROR /.test(line))
  expect(told.map((line) => /(record|row) .*is damaged/.exec(line)?.[0].replaceAll('\\', ''))).toEqual([
    'row "kept/broken" of table retained is damaged',
    'record 2 of log $sessions is damaged',
  ])
  expect(code).toBe(0)
})
