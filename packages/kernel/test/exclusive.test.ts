import { describe, expect, it } from 'vitest'
import { BrokerError } from '../src/index.ts'
import { type Client, rig } from './rig.ts'

const exclusive = { exclusive: true }

/** How a subscription is refused, or undefined. */
function refusal(client: Client, filter: string, options: object = exclusive): string | undefined {
  try {
    client.session.subscribe(filter, { qos: 1, ...options })
    return undefined
  } catch (error) {
    return error instanceof BrokerError ? error.code : String(error)
  }
}

describe('an exclusive subscription', () => {
  it('belongs to one session; ordinary and shared ones of the topic are not restricted', async () => {
    const r = await rig()
    const [a, b] = [await r.open('a'), await r.open('b')]
    expect([refusal(a, 't'), refusal(b, 't'), refusal(b, 'u')]).toEqual([undefined, 'quota-exceeded', undefined])
    expect([refusal(b, 't', {}), refusal(b, 't', { group: 'g' }), refusal(b, '#', {})]).toEqual(
      Array(3).fill(undefined),
    )
    await r.host.settle()
    await r.publish('t')
    expect([a.peer.texts, b.peer.texts]).toEqual([['t'], ['t', 't']])
  })

  it('is of a topic, and not of a group', async () => {
    const r = await rig()
    const a = await r.open('a')
    for (const filter of ['+', 't/#', '']) expect(refusal(a, filter)).toBe('invalid-filter')
    expect(refusal(a, 't', { exclusive: true, group: 'g' })).toBe('invalid-filter')
    expect(a.session.subscriptions.size).toBe(0)
  })

  it('again by the same session replaces its options', async () => {
    const r = await rig()
    const a = await r.open('a')
    expect([
      a.session.subscribe('t', { qos: 1, ...exclusive }),
      a.session.subscribe('t', { qos: 0, ...exclusive }),
    ]).toEqual([true, false])
    await r.publish('t', 'x', { qos: 1 })
    expect(a.peer.received.map((d) => d.qos)).toEqual([0])
  })

  it('stands beside an ordinary one of its session, which has its own options; a message comes once', async () => {
    const r = await rig()
    const [a, b] = [await r.open('a'), await r.open('b')]
    await a.subscribe('t', { qos: 0, identifier: 1 })
    await a.subscribe('t', { qos: 2, identifier: 2, ...exclusive })
    await r.publish('t', '1', { qos: 2 })
    expect(a.peer.received.map(({ text, qos, grant }) => [text, qos, grant.identifiers])).toEqual([['1', 2, [1, 2]]])
    expect([a.session.unsubscribe('t'), a.session.unsubscribe('t')]).toEqual([true, false])
    expect(refusal(b, 't')).toBe('quota-exceeded')
    await r.publish('t', '2')
    expect(a.peer.texts).toEqual(['1', '2'])
    await a.subscribe('t', { qos: 0 })
    expect([a.session.unsubscribe('t', undefined, true), refusal(b, 't')]).toEqual([true, undefined])
    await r.publish('t', '3')
    expect(a.peer.texts).toEqual(['1', '2', '3'])
  })

  it('is free again when its session ends, one way or another', async () => {
    const r = await rig()
    const b = await r.open('b')
    const a = await r.open('a', { expiry: 0 })
    await a.subscribe('t', exclusive)
    await a.leave()
    expect(refusal(b, 't')).toBeUndefined()
    r.broker.sessions.end(b.session, 'unavailable')
    const c = await r.open('c', { expiry: 1000 })
    expect(refusal(c, 't')).toBeUndefined()
    await c.leave()
    const d = await r.open('d')
    expect(refusal(d, 't')).toBe('quota-exceeded')
    await r.host.advance(1001)
    expect(refusal(d, 't')).toBeUndefined()
    const clean = await r.open('d', { clean: true })
    expect([refusal(await r.open('e'), 't'), refusal(clean, 't')]).toEqual([undefined, 'quota-exceeded'])
  })

  it('is kept by a durable session while that is away, over a restart too', async () => {
    const r = await rig()
    const a = await r.open('a')
    await a.subscribe('t', exclusive)
    await a.subscribe('t', { qos: 0 })
    await a.leave()
    const again = await r.restart()
    const b = await again.open('b')
    expect(refusal(b, 't')).toBe('quota-exceeded')
    await again.publish('t', 'x')
    const back = await again.open('a')
    expect(back.peer.received.map((d) => [d.text, d.qos])).toEqual([['x', 1]])
    expect([back.session.unsubscribe('t', undefined, true), refusal(b, 't')]).toEqual([true, undefined])
    await again.host.settle()
    expect(await again.keys('subscriptions')).toEqual(['a  t', 'b  t exclusive'])
    const third = await again.restart()
    expect(refusal(await third.open('a'), 't')).toBe('quota-exceeded')
  })

  it('one that was refused leaves nothing behind', async () => {
    const r = await rig({ limits: { subscriptions: 1 } })
    const [a, b, c] = [await r.open('a'), await r.open('b'), await r.open('c')]
    await a.subscribe('u')
    expect(refusal(a, 't')).toBe('quota-exceeded')
    expect([refusal(b, 't'), refusal(c, 't')]).toEqual([undefined, 'quota-exceeded'])
    await r.host.settle()
    expect(await r.keys('subscriptions')).toEqual(['a  u', 'b  t exclusive'])
  })

  it('brings the retained message of its topic', async () => {
    const r = await rig()
    await r.publish('t', 'kept', { retain: true })
    const a = await r.open('a')
    await a.subscribe('t', exclusive)
    expect(a.peer.received.map((d) => [d.text, d.retained])).toEqual([['kept', true]])
  })
})
