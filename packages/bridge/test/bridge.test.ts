import { type Message, type Qos, retainedOf } from './things.ts'
import { describe, expect, it } from 'vitest'
import { forgetBridges } from '../src/bridge.ts'
import { setting } from './harness.ts'

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i + 1))

describe('a bridge', () => {
  it.each([0, 1, 2] satisfies Qos[])('passes messages on at QoS %d, both ways', async (qos) => {
    const s = await setting({ topics: [`out/# out ${qos}`, `in/# in ${qos}`] })
    const [near, far] = [s.listen('near', 'in/#'), s.listen('far')]
    for (const n of numbers(300)) {
      await s.publish('near', 'out/a', n, { qos })
      await s.publish('far', 'in/a', n, { qos })
    }
    await s.settle()
    expect(far.filter((line) => line.startsWith('out'))).toEqual(numbers(300).map((n) => `out/a ${n}`))
    expect(near).toEqual(numbers(300).map((n) => `in/a ${n}`))
    expect(s.bridge.state).toMatchObject({ status: 'connected', lagMessages: 0, lagBytes: 0, inFlight: 0 })
  })

  it('gives topics the names that they have on the other side', async () => {
    const s = await setting({ topics: ['chat/# both 1 home/ rooms/7/'] })
    const [near, far] = [s.listen('near'), s.listen('far')]
    await s.publish('near', 'home/chat/ann', 'hi')
    await s.publish('far', 'rooms/7/chat/bob', 'ho')
    await s.publish('near', 'chat/ann', 'not this')
    await s.settle()
    expect(far).toEqual(['rooms/7/chat/ann hi', 'rooms/7/chat/bob ho'])
    expect(near).toEqual(['home/chat/ann hi', 'home/chat/bob ho', 'chat/ann not this'])
  })

  it('passes on everything that MQTT 5 says of a message', async () => {
    const s = await setting({ topics: ['# both 2'] })
    const seen: Message[] = []
    s.far.tap('#', (message) => seen.push(message))
    const about = {
      qos: 2,
      headers: [
        ['a', '1'],
        ['b', '2'],
        ['a', '3'],
      ],
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Uint8Array.of(1, 2),
      utf8: true,
      expiresAt: s.host.clock.now() + 60_000,
    } as const
    await s.publish('near', 't', 'x', about)
    await s.settle()
    const [message] = seen
    expect(message).toMatchObject({ qos: 2, contentType: 'text/plain', responseTopic: 'answers', utf8: true })
    expect(message?.correlationData).toEqual(Uint8Array.of(1, 2))
    expect(message?.expiresAt).toBe(about.expiresAt)
    expect(message?.headers).toEqual([
      ['a', '1'],
      ['a', '3'],
      ['b', '2'],
      ['isomq-via', expect.stringMatching(/^isomq-/)],
    ])
  })

  it('passes retained messages on as such, also those from before it was', async () => {
    const s = await setting({ topics: ['# both 1'], online: false })
    await s.publish('near', 'new', 'n', { retain: true })
    await s.publish('far', 'old', 'f', { retain: true })
    s.online = true
    s.bridge.wake()
    await s.settle()
    expect(retainedOf(s.far)).toEqual({ new: 'n', old: 'f' })
    expect(retainedOf(s.near)).toEqual({ new: 'n', old: 'f' })
    await s.publish('near', 'old', '', { retain: true })
    await s.settle()
    expect(retainedOf(s.far)).toEqual({ new: 'n' })
  })

  it('keeps what cannot be sent, through a crash too, and sends it in order', async () => {
    const s = await setting({ topics: ['orders/# out 2'], online: false })
    const far = s.listen('far')
    for (const n of numbers(700)) await s.publish('near', 'orders/1', n.padStart(3, '0'), { qos: 2 })
    expect(s.bridge.state).toMatchObject({ status: 'waiting', lagMessages: 700, lagBytes: 2100 })
    await s.crash('near')
    await s.settle()
    expect(s.bridge.state).toMatchObject({ lagMessages: 700, lagBytes: 2100, oldestUnsent: s.host.clock.now() })
    for (const n of ['701', '702']) await s.publish('near', 'orders/1', n, { qos: 2 })
    expect(s.bridge.state).toMatchObject({ lagMessages: 702, lagBytes: 2106 })
    s.online = true
    const flushed = s.bridge.flush()
    await s.settle()
    await flushed
    expect(far).toEqual(numbers(702).map((n) => `orders/1 ${n.padStart(3, '0')}`))
    expect(s.bridge.state).toMatchObject({ lagMessages: 0, lagBytes: 0, oldestUnsent: undefined })
  })

  it('keeps no message of QoS 0 while it cannot be sent', async () => {
    const s = await setting({ topics: ['# out 2'], online: false })
    const far = s.listen('far')
    await s.publish('near', 'a', 'lost', { qos: 0 })
    await s.publish('near', 'a', 'kept', { qos: 1 })
    s.online = true
    s.bridge.wake()
    await s.settle()
    expect(far).toEqual(['a kept'])
  })

  it('is the same client at the other broker after a restart, and one of its own in every store', async () => {
    const [a, b] = [await setting(), await setting()]
    const clients = (s: typeof a): string[] => Array.from(s.far.sessions, ({ id }) => id)
    const [before] = clients(a)
    await a.crash('near')
    await a.settle()
    expect(before).toMatch(/^isomq-.{20}/)
    expect(clients(a)).toEqual([before])
    // The store of the other made up its own; the hosts of these tests count alike.
    expect(clients(b)).toHaveLength(1)
  })

  it('changes its subscriptions with its topics, and keeps what is owed', async () => {
    const s = await setting({ topics: ['a out 1', 'b out 1'], online: false })
    const session = (): string[] => Array.from(s.near.sessions.get('$broker/bridge/cloud')!.subscriptions.keys())
    expect(session()).toEqual(['a', 'b'])
    await s.publish('near', 'b', 'owed')
    await s.bridge.close()
    const { createBridge } = await import('../src/bridge.ts')
    const changed = createBridge(s.near, 'cloud', {
      topics: ['b out 2', 'c out 1'],
      dial: () => Promise.reject(new Error()),
    })
    expect(session()).toEqual(['b', 'c'])
    await s.settle()
    expect(changed.state).toMatchObject({ lagMessages: 1, lagBytes: 4 })
    await changed.close()
  })

  it('forgets what is kept for bridges that are no more', async () => {
    const s = await setting({ online: false })
    await s.publish('near', 'a', 'x')
    forgetBridges(s.near, ['cloud'])
    expect(s.bridge.state.lagMessages).toBe(1)
    forgetBridges(s.near, ['another'])
    expect(Array.from(s.near.sessions)).toEqual([])
    await s.bridge.close({ forget: true })
  })

  it('drops the oldest beyond what may wait', async () => {
    const s = await setting({ topics: ['# out 1'], online: false, outbox: { maxBytes: 10 } })
    const far = s.listen('far')
    for (const n of ['aaa', 'bbb', 'ccc', 'ddd', 'eee']) await s.publish('near', 't', n)
    await s.settle()
    expect(s.bridge.state).toMatchObject({ lagMessages: 3, lagBytes: 9 })
    s.online = true
    s.bridge.wake()
    await s.settle()
    expect(far).toEqual(['t ccc', 't ddd', 't eee'])
  })

  it('takes no notice of what has no place here, and goes on', async () => {
    const s = await setting({ topics: ['in/# in 2'], nearLimits: { topicLevels: 2 } })
    const near = s.listen('near')
    for (const qos of [0, 1, 2] as const) await s.publish('far', 'in/too/deep', 'x', { qos })
    for (const qos of [0, 1, 2] as const) await s.publish('far', 'in/a', String(qos), { qos })
    await s.settle()
    expect(near).toEqual(['in/a 0', 'in/a 1', 'in/a 2'])
    expect(s.bridge.state.status).toBe('connected')
    expect(Array.from(s.far.sessions, ({ outbound }) => outbound.inflight.length)).toEqual([0])
  })

  it('lets no client have its session', async () => {
    const s = await setting()
    const { linkConnections } = await import('@isomq/transport-memory')
    const { mqtt } = await import('@isomq/protocol-mqtt')
    const { generate } = await import('mqtt-packet')
    const [client, server] = linkConnections()
    mqtt().serve(server, s.near)
    const answer: number[] = []
    client.start({ data: (bytes) => answer.push(...bytes), drain() {}, close() {} })
    client.send(generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: '$broker/bridge/cloud' }))
    await s.settle()
    expect(answer).toEqual([0x20, 2, 0, 2])
    expect(s.bridge.state.status).toBe('connected')
  })
})
