import { type Broker, createBroker, encodeMessage, type Host, type Message } from '@isomq/kernel'
import { fakeClock } from '@isomq/testkit'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { lmdbStorage } from '../src/index.ts'

const directory = mkdtempSync(join(tmpdir(), 'isomq-amplification-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const host: Host = {
  clock: fakeClock(),
  defer: (task) => void setImmediate().then(task),
  randomId: () => 'id',
  report: (error) => expect.unreachable(String(error)),
}

/** Sessions that have subscribed and gone. */
function sleep(broker: Broker, count: number): void {
  const consumer = { load: 0, credit: 1, deliver: () => true, confirm: () => {}, end: () => {} } as const
  for (let i = 0; i < count; i++) {
    const base = { id: `s${i}`, principal: { clientId: `s${i}` }, peer: { transport: 'test', secure: false }, consumer }
    const { session } = broker.sessions.open({ ...base, clean: false, expiry: Infinity })
    session.subscribe('t', { qos: 1 })
    broker.sessions.leave(session, consumer, { forgetWill: true, reason: 'closed' })
  }
}

/** Bytes by which the file grows for so many messages that so many sessions sleep through. */
async function growth(sessions: number, messages: readonly Message[]): Promise<number> {
  const path = join(directory, String(sessions))
  const storage = lmdbStorage({ path, durability: 'os' })
  const broker = await createBroker({ storage, host, limits: { maxQueued: 100 } })
  sleep(broker, sessions)
  const fileBytes = (): number => statSync(join(path, 'data.mdb')).size
  // A batch of its own makes sure that all of the above is written.
  await broker.publish(messages[0]!)
  const before = fileBytes()
  for (let i = 0; i < messages.length; i += 50)
    await Promise.all(messages.slice(i, i + 50).map((each) => broker.publish(each)))
  const after = fileBytes()
  await broker.close()
  await storage.close()
  return after - before
}

it('a thousand sleepers cost the disk what one does: each message once', async () => {
  const message: Message = {
    topic: 't',
    payload: new Uint8Array(1000),
    qos: 1,
    retain: false,
    publisher: 'p',
    timestamp: 0,
  }
  const messages = Array.from({ length: 2000 }, () => message)
  const [one, thousand] = [await growth(1, messages), await growth(1000, messages)]
  const bytes = messages.length * encodeMessage(message).length
  expect(one).toBeGreaterThan(bytes)
  // Pages are not quite full, and those a batch replaces are free only later.
  expect(thousand).toBeLessThan(2 * bytes)
  expect(thousand).toBeLessThan(1.25 * one)
})
