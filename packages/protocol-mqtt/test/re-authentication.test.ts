import { BrokerError, type ErrorCode } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { PacketType } from '../src/codec/packet.ts'
import { ann, auth, authFrom, bytes, connectWith, method, parrotBench } from './authentication.ts'
import { gate, guardOf } from './harness.ts'

describe('proving anew who one is', () => {
  it('[MQTT-4.12.1-1] [MQTT-4.12.0-5] begins with AUTH 0x19, goes on by 0x18 and ends in AUTH 0x00, all with the method', async () => {
    const b = await parrotBench()
    const client = await ann(b)
    for (let round = 0; round < 2; round++) {
      await client.send(auth(0x19, 'ask'))
      expect(client.expect(PacketType.Auth)).toEqual(authFrom(0x18, 'well?'))
      await client.send(auth(0x18, 'I am ann'))
      expect(client.expect(PacketType.Auth)).toEqual(authFrom(0, 'bye'))
    }
    await client.send(auth(0x19, 'I am also ann'))
    expect(client.expect(PacketType.Auth)).toEqual(authFrom(0))
    expect([client.closed, b.bird.begun.length]).toEqual([false, 4])
  })

  it('[MQTT-4.12.1-1] the connection is served both ways meanwhile, also while the method thinks', async () => {
    const b = await parrotBench()
    const { wait, open } = gate()
    b.bird.wait = wait
    const client = await ann(b)
    const other = await b.connect()
    await client.subscribe('t')
    for (const text of ['ask', 'wait ask']) {
      await client.send(auth(text === 'ask' ? 0x19 : 0x18, text))
      if (text === 'ask') client.expect(PacketType.Auth)
      await client.publish('u', 'x', { qos: 1 })
      expect(client.expect(PacketType.Puback).reasonCode).toBe(0)
      await other.publish('t', text)
      await client.take(text)
    }
    open()
    await b.host.settle()
    expect(client.expect(PacketType.Auth)).toEqual(authFrom(0x18, 'well?'))
  })

  it.each([
    ['[MQTT-4.12.1-1] with another method', [auth(0x19, 'I am ann', 'OTHER')]],
    ['[MQTT-4.12.0-5] that goes on with another method', [auth(0x19, 'ask'), auth(0x18, 'I am ann', 'OTHER')]],
    ['that goes on without having begun', [auth(0x18, 'I am ann')]],
    ['twice at a time', [auth(0x19, 'ask'), auth(0x19, 'ask')]],
    ['that speaks again before it is answered', [auth(0x19, 'wait ask'), auth(0x18, 'I am ann')]],
    ['that goes on when it is over', [auth(0x19, 'I am ann'), auth(0x18, 'I am ann')]],
  ])('%s is answered by 0x82', async (_, packets) => {
    const b = await parrotBench()
    b.bird.wait = gate().wait
    const client = await ann(b)
    await client.send(...packets)
    expect(client.received.pop()).toMatchObject({ type: PacketType.Disconnect, reasonCode: 0x82 })
    expect([client.closed, b.broker.sessions.size]).toEqual([true, 0])
  })

  const refusals: readonly (readonly [code: ErrorCode, reason: number])[] = [
    ['not-authenticated', 0x87],
    ['banned', 0x98],
    ['unavailable', 0x80],
  ]
  it.each(refusals)(
    '[MQTT-4.12.1-2] refused as %s ends in DISCONNECT, and the will is published',
    async (code, reason) => {
      const b = await parrotBench()
      const heard: string[] = []
      b.broker.tap('#', (message) => heard.push(message.topic))
      const client = await ann(b, { will: { topic: 'w', payload: bytes('x'), qos: 0, retain: false } })
      await client.send(auth(0x19, code))
      expect(client.expect(PacketType.Disconnect).reasonCode).toBe(reason)
      client.expectNothing()
      expect([client.closed, heard]).toEqual([true, ['w']])
    },
  )

  it('as somebody else is refused with 0x87', async () => {
    const b = await parrotBench()
    const client = await ann(b)
    await client.send(auth(0x19, 'I am bob'))
    expect([client.expect(PacketType.Disconnect).reasonCode, client.closed]).toEqual([0x87, true])
  })

  it('as somebody else is refused although the guard takes both for the same', async () => {
    const b = await parrotBench({ guard: guardOf({ authenticate: ({ clientId }) => Promise.resolve({ clientId }) }) })
    const client = await ann(b)
    await client.send(auth(0x19, 'I am bob'))
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x87)
  })

  it.each([
    ['another user', { clientId: 'c', username: 'root' }],
    ['another client', { clientId: 'd', username: 'ann' }],
  ])('is refused with 0x87 when the guard makes %s of the same user', async (_, changed) => {
    let times = 0
    const guard = guardOf({
      authenticate: ({ clientId, username }) => Promise.resolve(times++ === 0 ? { clientId, username } : changed),
    })
    const b = await parrotBench({ guard })
    const client = await ann(b)
    await client.send(auth(0x19, 'I am ann'))
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x87)
  })

  it('is refused when the guard has changed its mind', async () => {
    let shut = false
    const guard = guardOf({
      authenticate: ({ clientId, username, provenBy }) =>
        shut && provenBy === method
          ? Promise.reject(new BrokerError('banned'))
          : Promise.resolve({ clientId, username }),
    })
    const b = await parrotBench({ guard })
    const client = await ann(b)
    await client.send(auth(0x19, 'I am ann'))
    expect(client.expect(PacketType.Auth).reasonCode).toBe(0)
    shut = true
    await client.send(auth(0x19, 'I am ann'))
    expect([client.expect(PacketType.Disconnect).reasonCode, client.closed]).toEqual([0x98, true])
  })

  it('may take ten messages each time, and no more', async () => {
    const b = await parrotBench()
    const client = await ann(b)
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 9; i++) {
        await client.send(auth(i === 0 ? 0x19 : 0x18, 'ask'))
        client.expect(PacketType.Auth)
      }
      await client.send(auth(0x18, 'I am ann'))
      expect(client.expect(PacketType.Auth).reasonCode).toBe(0)
    }
    for (let i = 0; i < 11; i++) await client.send(auth(i === 0 ? 0x19 : 0x18, 'ask'))
    expect(client.received.pop()).toMatchObject({ type: PacketType.Disconnect, reasonCode: 0x87 })
  })

  it('a question that fits no packet costs that connection, and is reported', async () => {
    const b = await parrotBench()
    const client = await ann(b)
    await client.send(auth(0x19, 'huge'))
    expect([client.expect(PacketType.Disconnect).reasonCode, client.closed]).toEqual([0x80, true])
    expect(b.takeReports().length).toBe(1)
  })

  it('a client that goes away meanwhile is answered no more', async () => {
    const b = await parrotBench()
    const { wait, open } = gate()
    b.bird.wait = wait
    const client = await ann(b)
    await client.send(auth(0x19, 'wait I am ann'))
    const fresh = await b.connect(connectWith('I am ann'))
    expect(client.expect(PacketType.Disconnect).reasonCode).toBe(0x8e)
    open()
    await b.host.settle()
    client.expectNothing()
    fresh.expectNothing()
    expect(fresh.closed).toBe(false)
  })
})
