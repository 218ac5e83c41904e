import { describe, expect, it } from 'vitest'
import { createBridge } from '../src/bridge.ts'
import { agree, farBroker } from './far-broker.ts'
import { setting } from './harness.ts'
import { mqtt } from '@isomq/protocol-mqtt'
import { linkConnections } from '@isomq/transport-memory'

describe('no loops', () => {
  it('what is passed on both ways comes back neither here nor there', async () => {
    const s = await setting({ topics: ['# both 2'] })
    const [near, far] = [s.listen('near'), s.listen('far')]
    await s.publish('near', 'a', '1', { qos: 2 })
    await s.publish('far', 'a', '2', { qos: 2 })
    await s.host.advance(1000)
    expect(near).toEqual(['a 1', 'a 2'])
    expect(far).toEqual(['a 1', 'a 2'])
  })

  it('a ring of links ends where it began: nothing goes round twice', async () => {
    // near -> far by the setting's own, far -> near by another.
    const s = await setting({ topics: ['# out 1'] })
    const protocol = mqtt()
    const back = createBridge(s.far, 'back', {
      topics: ['# out 1'],
      random: () => 0.5,
      dial: async () => {
        const [left, right] = linkConnections()
        protocol.serve(right, s.near)
        return left
      },
    })
    await s.settle()
    const [near, far] = [s.listen('near'), s.listen('far')]
    await s.publish('near', 'a', '1')
    await s.publish('far', 'a', '2')
    await s.host.advance(1000)
    // Who is passed a message by two of the ring's links sees it twice; and there it stops.
    expect(far).toEqual(['a 1', 'a 2', 'a 2'])
    expect(near).toEqual(['a 1', 'a 2', 'a 1'].toSorted())
    await back.close()
  })

  it('of a broker of MQTT 3.1.1 that sends it back, it is told from what others have sent', async () => {
    const far = farBroker(4)
    far.answer = (packet, say) => {
      if (packet.cmd === 'connect')
        return say({ cmd: 'connack', sessionPresent: false, returnCode: packet.bridgeMode === true ? 1 : 0 })
      agree(packet, say)
      if (packet.cmd === 'publish') say({ ...packet, dup: false, qos: 0 })
    }
    const s = await setting({ topics: ['# both 1'], protocolVersion: 4, serve: far.serve })
    const near = s.listen('near')
    await s.publish('near', 'a', 'ours')
    await s.settle()
    expect(near).toEqual(['a ours'])
    // Another says the same: that is no echo.
    far.say({ cmd: 'publish', topic: 'a', payload: 'ours', qos: 0, dup: false, retain: false })
    await s.settle()
    expect(near).toEqual(['a ours', 'a ours'])
    // It did not come back in time: neither is this one.
    far.answer = agree
    await s.publish('near', 'a', 'late')
    await s.host.advance(10_001)
    far.say({ cmd: 'publish', topic: 'a', payload: 'late', qos: 0, dup: false, retain: false })
    await s.settle()
    expect(near.slice(2)).toEqual(['a late', 'a late'])
  })
})
