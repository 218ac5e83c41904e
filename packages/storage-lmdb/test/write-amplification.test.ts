import { type Broker, createBroker, encodeMessage, type Host, type Message } from '@isomq/kernel'
import { fakeClock } from '@isomq/testkit'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
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
    session.outbound.start(consumer)
    broker.sessions.leave(session, consumer, { forgetWill: true, reason: 'closed' })
  }
}

/** Bytes that this process has handed to the system so far. */
function written(): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])
}

/** Bytes by which the file grows, and bytes that are written to it, for so many messages that so many sessions sleep through. */
async function cost(sessions: number, messages: readonly Message[]): Promise<{ growth: number; writes: number }> {
  const path = join(directory, String(sessions))
  const storage = lmdbStorage({ path, durability: 'os' })
  const broker = await createBroker({ storage, host, limits: { maxQueued: 100 } })
  sleep(broker, sessions)
  const fileBytes = (): number => statSync(join(path, 'data.mdb')).size
  // When it is durable, all of the above is.
  await broker.publish(messages[0]!)
  const before = { growth: fileBytes(), writes: written() }
  for (let i = 0; i < messages.length; i += 50)
    await Promise.all(messages.slice(i, i + 50).map((each) => broker.publish(each)))
  const after = { growth: fileBytes(), writes: written() }
  await broker.close()
  await storage.close()
  return { growth: after.growth - before.growth, writes: after.writes - before.writes }
}

const hasProc = existsSync('/proc/self/io')

it.skipIf(!hasProc)(
  `a thousand sleepers cost the disk what one does: each message once${hasProc ? '' : ' (skipped: no /proc/self/io here)'}`,
  async () => {
    const base = { topic: 't', qos: 1, retain: false, publisher: 'p', timestamp: 0 } as const
    const messages = Array.from({ length: 2000 }, (): Message => ({ ...base, payload: new Uint8Array(1000) }))
    const [one, thousand] = [await cost(1, messages), await cost(1000, messages)]
    const bytes = messages.length * encodeMessage(messages[0]!).length
    expect(one.growth).toBeGreaterThan(bytes)
    // Pages are not quite full, and those a batch replaces are free only later.
    expect(thousand.growth).toBeLessThan(2 * bytes)
    expect(thousand.writes).toBeLessThan(1.25 * one.writes)
  },
)
