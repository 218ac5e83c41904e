import { memoryStorage } from '@isomq/storage-memory'
import { fakeClock, fakeHost, type FakeHost } from '@isomq/testkit'
import { expect, it } from 'vitest'
import { createBroker, type Broker, type Message, type Qos, type Storage } from '../src/index.ts'
import { type CrashStorage, crashStorage } from './model/crash-storage.ts'
import { message, rig, textOf } from './rig.ts'

/** When the power goes: at the commit of this number, counted from 0, which has taken effect or not. Infinity: never. */
interface Cut {
  readonly at: number
  readonly applied: boolean
}

interface World {
  readonly disk: Storage
  readonly accepted: Set<string>
  /** What those who were connected heard, in all lives. */
  readonly heard: string[]
  now: number
}

interface Life {
  readonly host: FakeHost
  readonly broker: Broker
  /** Lets the broker work; false when the power has gone. */
  work(): Promise<boolean>
  pass(milliseconds: number): Promise<boolean>
}

/** Starts a broker that will lose its power. */
async function live(world: World, cut: Cut): Promise<Life> {
  const host = fakeHost(fakeClock(world.now))
  const storage: CrashStorage = crashStorage(world.disk)
  const broker = await createBroker({ storage, host })
  broker.tap('t/#', (each) => world.heard.push(textOf(each)))
  let commits = 0
  const work = async (): Promise<boolean> => {
    for (await host.settle(); storage.pending > 0; await host.settle()) {
      if (commits++ === cut.at) {
        storage.cut(cut.applied)
        return false
      }
      storage.proceed()
    }
    return commits <= cut.at
  }
  const pass = async (milliseconds: number): Promise<boolean> => {
    const until = host.clock.now() + milliseconds
    for (let due = host.clock.next(); due !== undefined && due <= until; due = host.clock.next()) {
      host.clock.advance(Math.max(0, due - host.clock.now()))
      if (!(await work())) return false
    }
    host.clock.advance(until - host.clock.now())
    return work()
  }
  return { host, broker, work, pass }
}

const texts: readonly (readonly [text: string, qos: Qos])[] = [
  ['one', 1],
  ['two', 2],
  ['none', 0],
]

/** A broker that takes three messages of each kind, publishes what is due, and dies on the way. */
async function firstLife(world: World, cut: Cut): Promise<void> {
  const life = await live(world, cut)
  const { broker, host } = life
  const take = (prefix: string, delay: number): void => {
    for (const [text, qos] of texts) {
      const fields: Partial<Message> = { qos, retain: qos === 2, dueAt: host.clock.now() + delay }
      const key = `${prefix} ${text}`
      const kept = broker.publish(message(`t/${prefix}`, key, fields)) as Promise<void>
      void kept.then(() => world.accepted.add(key))
    }
  }
  take('a', 1000)
  let on = await life.work()
  if (on) take('b', 1000)
  on &&= await life.work()
  if (on) take('c', 500)
  on &&= await life.pass(3000)
  world.now = host.clock.now()
}

async function scene(first: Cut, second: Cut): Promise<{ ended: boolean }> {
  const disk = memoryStorage()
  const start = await rig({ storage: disk })
  const reader = await start.open('reader')
  await reader.subscribe('t/#', { qos: 2 })
  await reader.leave()
  await start.broker.close()
  const world: World = { disk, accepted: new Set(), heard: [], now: start.host.clock.now() }
  await firstLife(world, first)
  // It comes back when everything is overdue, and dies again while it catches up.
  world.now += 10_000
  const again = await live(world, second)
  const ended = await again.pass(3000)
  world.now = again.host.clock.now()
  const last = await rig({ storage: disk, host: fakeHost(fakeClock(world.now)) })
  last.broker.tap('t/#', (each) => world.heard.push(textOf(each)))
  await last.host.advance(3000)
  const { texts: got } = (await last.open('reader', { credit: 100 })).peer
  const label = JSON.stringify([first, second, got, world.heard, Array.from(world.accepted)])
  expect(new Set(got).size, label).toBe(got.length)
  expect(new Set(world.heard).size, label).toBe(world.heard.length)
  // Nobody outlives the broker for QoS 0; the log has the others.
  for (const key of world.accepted) if (!key.endsWith('none')) expect(got, label).toContain(key)
  for (const prefix of ['a', 'b', 'c']) {
    const order = got.filter((key) => key.startsWith(prefix))
    const both = [`${prefix} one`, `${prefix} two`]
    expect([both, both.slice(0, 1), both.slice(1), []], label).toContainEqual(order)
    if (world.accepted.has(`${prefix} two`))
      expect(textOf(last.broker.retained.get(`t/${prefix}`)!), label).toBe(`${prefix} two`)
  }
  expect([last.broker.delayed.size, await last.keys('delayed')], label).toEqual([0, []])
  return { ended }
}

it('wherever the power goes, twice: what was accepted is owed exactly once, and nobody hears anything twice', async () => {
  const never: Cut = { at: Infinity, applied: false }
  let runs = 0
  for (let first = 0, more = true; more; first++) {
    for (const firstApplied of [false, true]) {
      const world: World = { disk: memoryStorage(), accepted: new Set(), heard: [], now: 1_800_000_000_000 }
      await firstLife(world, { at: first, applied: firstApplied })
      more = world.accepted.size < 9 || world.heard.length < 9
      for (let second = 0, ended = false; !ended; second++) {
        for (const applied of [false, true]) {
          ended = (await scene({ at: first, applied: firstApplied }, { at: second, applied })).ended
          runs++
        }
      }
    }
  }
  await scene(never, never)
  // Two batches of acceptance and two that publish at the least, each of which can be cut twice.
  expect(runs).toBeGreaterThan(30)
})
