import { decodeMessage, encodeMessage } from '@isomq/kernel'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type Broker,
  BrokerError,
  createBroker,
  type CreateBrokerOptions,
  memory,
  type Received,
  type Storage,
} from '../src/index.ts'

const open: Broker[] = []
afterEach(async () => {
  for (const broker of open.splice(0)) await broker.close()
})

async function start(options?: CreateBrokerOptions): Promise<Broker> {
  const broker = await createBroker(options)
  open.push(broker)
  return broker
}

/** Takes so many messages. */
async function take(messages: AsyncIterable<Received>, count: number): Promise<Received[]> {
  const taken: Received[] = []
  for await (const message of messages) if (taken.push(message) === count) break
  return taken
}

function texts(messages: readonly Received[]): string[] {
  return messages.map((message) => message.text())
}

describe('publish', () => {
  it('reaches a subscriber with everything it says', async () => {
    const broker = await start()
    const messages = broker.subscribe('a/+')
    const before = Date.now()
    await broker.publish('a/b', '{"x":1}', {
      qos: 1,
      headers: { one: '1', two: '2' },
      contentType: 'application/json',
      responseTopic: 'r',
      correlationData: new Uint8Array([7]),
      expiry: 60_000,
    })
    const [message] = await take(messages, 1)
    expect(message).toMatchObject({
      topic: 'a/b',
      qos: 1,
      retain: false,
      headers: [
        ['one', '1'],
        ['two', '2'],
      ],
      contentType: 'application/json',
      responseTopic: 'r',
      publisher: '',
      offset: undefined,
    })
    expect(message!.json()).toEqual({ x: 1 })
    expect(message!.correlationData).toEqual(new Uint8Array([7]))
    expect(message!.timestamp).toBeGreaterThanOrEqual(before)
    expect(message!.expiresAt).toBe(message!.timestamp + 60_000)
  })

  it('takes bytes of every kind, and headers that repeat', async () => {
    const broker = await start()
    const messages = broker.subscribe('t')
    await broker.publish('t', new Uint8Array([1, 2]), {
      headers: [
        ['a', '1'],
        ['a', '2'],
      ],
    })
    await broker.publish('t', new Uint8Array([3]).buffer)
    const [first, second] = await take(messages, 2)
    expect(first!.payload).toEqual(new Uint8Array([1, 2]))
    expect(first!.headers).toEqual([
      ['a', '1'],
      ['a', '2'],
    ])
    expect(second!.payload).toEqual(new Uint8Array([3]))
  })

  it('refuses a topic with wildcards, spans that are none, and a broker that is closed', async () => {
    const broker = await start()
    await expect(broker.publish('a/#', '')).rejects.toMatchObject({ code: 'invalid-topic' })
    await expect(broker.publish('a', '', { expiry: -1 })).rejects.toThrow('expiry must be milliseconds')
    await expect(broker.publish('a', '', { delay: Number.NaN })).rejects.toThrow(RangeError)
    await broker.close()
    await expect(broker.publish('a', '')).rejects.toMatchObject({ code: 'shutting-down' })
  })

  it('later, where a delay is given', async () => {
    const broker = await start()
    const messages = broker.subscribe('t')
    await broker.publish('t', 'later', { delay: 30 })
    await broker.publish('t', 'now')
    expect(texts(await take(messages, 2))).toEqual(['now', 'later'])
  })
})

describe('a live subscription', () => {
  it('begins when it is made, not when it is first read', async () => {
    const broker = await start()
    const messages = broker.subscribe('#')
    await broker.publish('t', 'one')
    await broker.publish('t', 'two')
    expect(texts(await take(messages, 2))).toEqual(['one', 'two'])
  })

  it('begins with what is retained, unless told otherwise', async () => {
    const broker = await start()
    await broker.publish('t/r', 'kept', { retain: true })
    const all = broker.subscribe('t/#')
    const fresh = broker.subscribe('t/#', { retained: false })
    await broker.publish('t/r', 'next')
    expect(texts(await take(all, 2))).toEqual(['kept', 'next'])
    expect(texts(await take(fresh, 1))).toEqual(['next'])
  })

  it('loses the oldest where nobody takes them, and counts', async () => {
    const broker = await start()
    const messages = broker.subscribe('t', { maxQueued: 3 })
    for (let i = 0; i < 10; i++) await broker.publish('t', `${i}`)
    expect(messages.dropped).toBe(7)
    expect(texts(await take(messages, 3))).toEqual(['7', '8', '9'])
  })

  it('hands its bytes over for good', async () => {
    const broker = await start()
    const messages = broker.subscribe('t')
    const payload = new Uint8Array([1, 2, 3])
    await broker.publish('t', payload)
    const [message] = await take(messages, 1)
    payload.fill(9)
    expect(message!.payload).toEqual(new Uint8Array([1, 2, 3]))
  })

  it('ends when it is left, closed, or the broker is', async () => {
    const broker = await start()
    const left = broker.subscribe('t')
    const closed = broker.subscribe('t')
    const orphan = broker.subscribe('t')
    const waiting = orphan.next()
    await broker.publish('t', 'x')
    expect(texts(await take(left, 1))).toEqual(['x'])
    expect(await left.next()).toEqual({ value: undefined, done: true })
    closed.close()
    expect((await closed.next()).value?.text()).toBe('x')
    expect((await closed.next()).done).toBe(true)
    expect((await waiting).done).toBe(false)
    const last = orphan.next()
    await broker.close()
    expect((await last).done).toBe(true)
    expect(broker.kernel.sessions.size).toBe(0)
  })

  it('refuses a filter that is none', async () => {
    const broker = await start()
    expect(() => broker.subscribe('a/#/b')).toThrow(BrokerError)
    expect(() => broker.subscribe('')).toThrow('"" is no topic filter')
  })
})

describe('a subscription from the history', () => {
  const history = ['sensors/#']

  it('reads what was before, and goes on', async () => {
    const broker = await start({ history })
    for (const n of ['0', '1', '2']) await broker.publish('sensors/a', n)
    await broker.publish('other', 'x', { qos: 1 })
    const messages = broker.subscribe('sensors/+', { from: 'earliest' })
    const read = take(messages, 5)
    setTimeout(() => void broker.publish('sensors/b', '3', { qos: 1 }), 5)
    setTimeout(() => void broker.publish('sensors/a', '4'), 10)
    const all = await read
    expect(texts(all)).toEqual(['0', '1', '2', '3', '4'])
    expect(all.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4])
    expect(messages.dropped).toBe(0)
  })

  it('reads from an offset, and from a time', async () => {
    const broker = await start({ history })
    await broker.publish('sensors/a', '0', { qos: 1 })
    await new Promise((resolve) => setTimeout(resolve, 5))
    const noon = new Date()
    await broker.publish('sensors/a', '1', { qos: 1 })
    await broker.publish('sensors/a', '2', { qos: 1 })
    expect(texts(await take(broker.subscribe('sensors/#', { from: noon }), 2))).toEqual(['1', '2'])
    expect(texts(await take(broker.subscribe('sensors/#', { from: 2 }), 1))).toEqual(['2'])
  })

  it('misses nothing, however fast it comes', async () => {
    const broker = await start({ history })
    const messages = broker.subscribe('sensors/#', { from: 'earliest' })
    const read = take(messages, 3000)
    for (let i = 0; i < 3000; i++) {
      const published = broker.publish('sensors/a', `${i}`, { qos: i % 2 === 0 ? 0 : 1 })
      if (i % 100 === 0) await published
    }
    expect(texts(await read)).toEqual(Array.from({ length: 3000 }, (_, i) => `${i}`))
  })

  it('ends while it waits', async () => {
    const broker = await start({ history })
    const closed = broker.subscribe('sensors/#', { from: 'earliest' })
    const waiting = closed.next()
    await new Promise((resolve) => setTimeout(resolve, 5))
    closed.close()
    expect((await waiting).done).toBe(true)
    const orphan = broker.subscribe('sensors/#', { from: 'earliest' }).next()
    await broker.close()
    expect((await orphan).done).toBe(true)
  })

  it('is refused where not all of it is kept', async () => {
    const broker = await start({ history })
    expect(() => broker.subscribe('#', { from: 'earliest' })).toThrow(/no history keeps all of #/)
    expect(() => broker.subscribe('a', { from: 0 })).toThrow(BrokerError)
  })

  it('survives the broker where its storage does', async () => {
    const kept = memory()
    const storage: Storage = {
      log: (name) => kept.log(name),
      table: (name) => kept.table(name),
      commit: (batch) => kept.commit(batch),
      close: async () => undefined,
    }
    const first = await createBroker({ storage, history })
    await first.publish('sensors/a', 'before')
    await first.close()
    const second = await start({ storage, history: { filters: history } })
    expect(texts(await take(second.subscribe('sensors/#', { from: 'earliest' }), 1))).toEqual(['before'])
  })
})

it('a received message is complete', async () => {
  const broker = await start()
  const messages = broker.subscribe('t')
  await broker.publish('t', new Uint8Array([0xff]))
  const [message] = await take(messages, 1)
  expect(() => message!.text()).toThrow('the payload on t is not UTF-8')
  expect(decodeMessage(encodeMessage(message!)).topic).toBe('t')
})
