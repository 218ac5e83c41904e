import { fakeClock } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { type Burdened, Pressure, relieve } from '../src/pressure.ts'
import { rig } from './rig.ts'

function scene() {
  const clock = fakeClock()
  const pressure = new Pressure(clock, 50)
  const reader: Burdened = { relief: undefined, shedding: false }
  let resumed = 0
  return { clock, pressure, reader, resume: () => void resumed++, resumed: () => resumed }
}

describe('pressure', () => {
  it('holds nobody while no reader is behind', () => {
    const { pressure, reader, resume } = scene()
    expect(pressure.hold(resume)).toBe(false)
    pressure.mark(reader)
    pressure.reset()
    expect(pressure.hold(resume)).toBe(false)
  })

  it('holds a publisher until its reader has caught up', () => {
    const { clock, pressure, reader, resume, resumed } = scene()
    pressure.mark(reader)
    expect([pressure.hold(resume), pressure.hold(resume)]).toEqual([true, false])
    relieve(reader)
    relieve(reader)
    expect([resumed(), clock.pending, reader.shedding]).toEqual([1, 0, false])
  })

  it('not longer than the grace: then the reader holds nobody until it has caught up', () => {
    const { clock, pressure, reader, resume, resumed } = scene()
    pressure.mark(reader)
    pressure.hold(resume)
    clock.advance(49)
    expect(resumed()).toBe(0)
    clock.advance(1)
    expect([resumed(), reader.shedding]).toEqual([1, true])
    pressure.mark(reader)
    expect(pressure.hold(resume)).toBe(false)
    relieve(reader)
    pressure.mark(reader)
    expect([pressure.hold(resume), resumed()]).toEqual([true, 1])
  })

  it('a session is behind while its peer is loaded, and relieves when it is pumped, or gone', async () => {
    const r = await rig()
    const { pressure } = r.broker
    const a = await r.open('a')
    await a.subscribe('t')
    for (const end of ['pumped', 'gone']) {
      let resumed = false
      a.peer.load = 1
      await r.publish('t', '', { qos: 0 })
      expect(pressure.hold(() => (resumed = true))).toBe(true)
      a.peer.load = 0
      if (end === 'pumped') a.session.outbound.pump()
      else await a.leave()
      expect(resumed).toBe(true)
    }
  })

  it('a session is behind when much waits for it', async () => {
    const r = await rig({ limits: { maxQueued: 4 } })
    const a = await r.open('a', { credit: 1 })
    await a.subscribe('t')
    for (const text of ['1', '2', '3']) await r.publish('t', text)
    expect(r.broker.pressure.hold(() => {})).toBe(false)
    await r.publish('t', '4')
    let resumed = false
    expect(r.broker.pressure.hold(() => (resumed = true))).toBe(true)
    a.session.outbound.ack(1)
    expect(resumed).toBe(true)
  })
})
