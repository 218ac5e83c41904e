// Counterexamples of the model (qos-model.test.ts) that are about sessions.
import { memoryStorage } from '@isomq/storage-memory'
import { fakeHost } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { PacketType } from '../src/codec/packet.ts'
import { bench, connectPacket } from './harness.ts'
import { disk } from './model/disk.ts'
import { lasting, setting } from './setting.ts'

describe('a session its client was never told of', () => {
  it.each(['the connection was lost', 'another took it over', 'the broker was stopped', 'the storage failed'])(
    '[MQTT-3.2.2-3] is not resumed: %s before CONNACK',
    async (how) => {
      let { b, d, ...rest } = await setting()
      d.hold(true)
      const first = b.dial()
      first.write(connectPacket(lasting('c')))
      await b.host.settle()
      if (how === 'the connection was lost') await first.drop()
      if (how === 'the broker was stopped') b = (await rest.restart()).b
      if (how === 'the storage failed') d.failChanges(1)
      const second = how === 'another took it over' ? b.dial() : undefined
      second?.write(connectPacket(lasting('c')))
      d.hold(false)
      await b.host.settle()
      const connack = second?.expect(PacketType.Connack) ?? (await b.connect(lasting('c'))).connack
      expect([connack.reasonCode, connack.sessionPresent]).toEqual([0, false])
    },
  )
})

describe('[MQTT-3.1.2-4] a clean start', () => {
  it('is answered when what was there is gone for good', async () => {
    const { b, d, crash } = await setting()
    const old = await b.connect(lasting('c'))
    await old.subscribe('t', { qos: 1 })
    await old.drop()
    d.hold(true)
    const fresh = b.dial()
    fresh.write(connectPacket({ clientId: 'c', cleanStart: true }))
    await b.host.settle()
    fresh.expectNothing()
    // Nor does it help to ask twice.
    await fresh.drop()
    const again = b.dial()
    again.write(connectPacket({ clientId: 'c', cleanStart: true }))
    await b.host.settle()
    again.expectNothing()
    d.hold(false)
    await b.host.settle()
    expect(again.expect(PacketType.Connack).reasonCode).toBe(0)
    expect((await (await crash()).b.connect(lasting('c'))).connack.sessionPresent).toBe(false)
  })
})

describe('a place', () => {
  it('is not saved before the log has been read to its end, however long that takes', async () => {
    const platter = memoryStorage()
    const first = await setting({}, platter)
    const reader = await first.b.connect(lasting('r'))
    await reader.subscribe('t', { qos: 1 })
    const pub = await first.b.connect(lasting('p'))
    await pub.publish('t', 'x', { qos: 1 })
    first.d.cut(false)
    // The records come late, and then the power goes again.
    const d = disk(platter)
    const host = fakeHost()
    const slow = { ...d.storage, log: (name: string) => lateLog(d.storage.log(name)) }
    let release = (): void => {}
    function lateLog(log: ReturnType<typeof d.storage.log>): typeof log {
      const late = new Promise<void>((resolve) => (release = resolve))
      return { ...log, read: (from, options) => late.then(() => log.read(from, options)) }
    }
    const starting = bench({ storage: slow, host })
    await host.advance(1500)
    release()
    await starting
    d.cut(false)
    const last = await setting({}, platter)
    await (await last.b.connect(lasting('r'))).take('x')
  })
})
