import { expect, it } from 'vitest'
import { encodeMessage } from '../src/index.ts'
import { countingStorage } from './counting-storage.ts'
import { message, rig, type Rig, type RigOptions } from './rig.ts'

const sessions = 1000
const messages = 50

/** A broker on a storage that counts, with a thousand durable sessions that are away. */
async function asleep(limits: RigOptions['limits'] = {}): Promise<{ r: Rig } & ReturnType<typeof countingStorage>> {
  const counting = countingStorage()
  const r = await rig({ storage: counting.storage, limits })
  for (let i = 0; i < sessions; i++) {
    const a = await r.open(`sleeper ${i}`)
    a.session.subscribe(i % 2 === 0 ? 't/#' : 't/+', { qos: 1 })
    await a.leave()
  }
  await r.host.advance(2000)
  counting.take()
  return { r, ...counting }
}

it.each([1, 2] as const)('QoS %i: a message for a thousand sleepers is one record, and no row', async (qos) => {
  const { r, take, fetched } = await asleep()
  for (let i = 0; i < messages; i++) expect(await r.publish('t/x', `number ${i}`, { qos })).toBe('kept')
  await r.host.advance(2000)
  const bytes = encodeMessage(message('t/x', 'number 0', { qos, timestamp: 0 })).length
  const { commits, records, recordBytes, rows } = take()
  expect([commits, records, rows]).toEqual([messages, messages, 0])
  expect(recordBytes).toBeLessThanOrEqual(messages * (bytes + 1))
  expect(Array.from(r.broker.sessions, ({ outbound }) => outbound.queued)).toEqual(Array(sessions).fill(messages))
  // Nobody holds a body: who comes back has it read from the log.
  expect(fetched).toEqual([])
  const back = await r.open('sleeper 7', { credit: messages })
  expect(back.peer.texts).toHaveLength(messages)
  expect(fetched).toEqual(Array.from({ length: messages }, (_, i) => i))
})

it('a message for sleepers whose lines are full is one record, and no row', async () => {
  const { r, take } = await asleep({ maxQueued: 10 })
  for (let i = 0; i < messages; i++) expect(await r.publish('t/x', String(i))).toBe('kept')
  expect(r.broker.counters.dropped).toBe(sessions * (messages - 10))
  await r.host.advance(2000)
  expect(take()).toMatchObject({ commits: messages, records: messages, rows: 0 })
})

it('a message that a sleeping group keeps is one record, and no row, also when its line is full', async () => {
  const counting = countingStorage()
  const r = await rig({ storage: counting.storage, limits: { maxQueued: 10 } })
  const a = await r.open('a')
  await a.subscribe('t', { group: 'g' })
  await a.leave()
  await r.host.advance(2000)
  counting.take()
  for (let i = 0; i < messages; i++) await r.publish('t', String(i))
  await r.host.advance(2000)
  expect(r.broker.counters.dropped).toBe(messages - 10)
  expect(counting.take()).toMatchObject({ commits: messages, records: messages, rows: 0 })
})

it('a retained message is written once more, as the row of its topic', async () => {
  const { r, take } = await asleep()
  await r.publish('t/x', 'm', { retain: true })
  expect(take()).toMatchObject({ commits: 1, records: 1, rows: 1 })
})
