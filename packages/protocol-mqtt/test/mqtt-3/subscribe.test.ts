import { describe, expect, it } from 'vitest'
import { digits, disconnect, pingreq, pingresp, wire } from '../wire.ts'
import { versions, connect, publish, ack, subscribe, suback, unsubscribe, login, text } from './frames.ts'
import { bench, guardOf } from '../harness.ts'

describe.each(versions)('SUBSCRIBE of version %i', (version) => {
  it('[MQTT-3.8.4-1 of 3.1.1] [MQTT-3.8.4-2 of 3.1.1] [MQTT-2.3.1-7 of 3.1.1] [MQTT-3.8.4-5 of 3.1.1] [MQTT-3.9.3-1 of 3.1.1] [MQTT-3.9.3-2 of 3.1.1] is answered by one code per filter, in order', async () => {
    const b = await bench({
      guard: guardOf({ authorize: (_, __, topic) => topic !== 'shut' }),
      limits: { topicLevels: 3 },
    })
    const client = await login(b, version, 'c')
    await client.says(subscribe(0xbeef, ['a', 2], ['shut', 1], ['b', 0], ['a/b/c/d', 1], ['c', 1], ['$share//x', 0]))
    client.hears(suback(0xbeef, 2, 0x80, 0, 0x80, 1, 0x80))
    await client.says(subscribe(1, ['only', 1]))
    client.hears(suback(1, 1))
  })

  it('[MQTT-3.8.3-2 of 3.1.1] filters with wildcards are served', async () => {
    const b = await bench()
    const client = await login(b, version, 'c')
    await client.says(subscribe(1, ['#', 0], ['+', 0], ['a/+/b', 0], ['+/a', 0], ['a/#', 0], ['/+', 0], ['+/+/#', 0]))
    client.hears(suback(1, 0, 0, 0, 0, 0, 0, 0))
  })

  it('[MQTT-3.8.4-4 of 3.1.1] several filters act as several SUBSCRIBEs', async () => {
    const b = await bench()
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x31, 'a', '1'), publish(0x31, 'b', '2'))
    const client = await login(b, version, 'c')
    await client.says(subscribe(1, ['a', 0], ['b', 0], ['a', 1]))
    const [answer, ...kept] = client.takes()
    expect(answer).toBe('90 05 00 01 00 00 01')
    // That of `a` twice: the third filter replaced the first.
    expect(kept.map((frame) => text(frame)).sort()).toEqual(['a 1', 'a 1', 'b 2'])
    await pub.says(publish(0x32, 'a', 'live', 1))
    expect(client.takes().map((frame) => [frame.slice(0, 2), text(frame)])).toEqual([['32', 'a live']])
  })

  it('[MQTT-3.8.4-3 of 3.1.1] [MQTT-3.3.1-6 of 3.1.1] the same filter again replaces the subscription, brings retained messages again and loses nothing', async () => {
    const b = await bench()
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x31, 't', 'kept'))
    const client = await login(b, version, 'c')
    await client.says(subscribe(1, ['t', 0]))
    client.hears(suback(1, 0), publish(0x31, 't', 'kept'))
    await pub.says(publish(0x32, 't', 'before', 1))
    await client.says(subscribe(2, ['t', 1]))
    await pub.says(publish(0x32, 't', 'after', 2))
    client.takes().forEach((frame, i) => {
      expect([frame.slice(0, 2), i === 1 ? frame : text(frame)]).toEqual(
        [
          ['30', 't before'],
          ['90', '90 03 00 02 01'],
          ['31', 't kept'],
          ['32', 't after'],
        ][i],
      )
    })
    expect(b.broker.sessions.get('c')?.subscriptions.size).toBe(1)
  })

  it('[MQTT-3.8.4-6 of 3.1.1] [MQTT-3.3.5-1 of 3.1.1] messages come with the lower QoS, of overlapping subscriptions with the higher', async () => {
    const b = await bench()
    const client = await login(b, version, 'c')
    await client.says(subscribe(1, ['a/#', 0], ['a/+', 2], ['a/b', 1]))
    client.hears(suback(1, 0, 2, 1))
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x34, 'a/b', 'x', 1), publish(0x32, 'a/b', 'y', 2), publish(0x34, 'a/b/c', 'z', 3))
    expect(client.takes().map((frame) => [frame.slice(0, 2), text(frame)])).toEqual([
      ['34', 'a/b x'],
      ['32', 'a/b y'],
      ['30', 'a/b/c z'],
    ])
  })

  it('[MQTT-3.3.2-3 of 3.1.1] [MQTT-4.7.1-2 of 3.1.1] [MQTT-4.7.1-3 of 3.1.1] [MQTT-4.7.2-1 of 3.1.1] [MQTT-4.7.3-4 of 3.1.1] [MQTT-4.7.3-1 of 3.1.1] filters match what they say and nothing else', async () => {
    const topics = ['a', 'A', 'a/', '/a', 'a/b', 'a//b', 'a/b/c', 'ä', 'a\u0308', '/', '$a', '$a/b', 'b', ' a', 'a b/c']
    const reached: readonly (readonly [filter: string, topics: readonly string[]])[] = [
      ['a', ['a']],
      ['A', ['A']],
      ['ä', ['ä']],
      [' a', [' a']],
      ['+', ['a', 'A', 'ä', 'a\u0308', 'b', ' a']],
      ['+/+', ['a/', '/a', 'a/b', '/', 'a b/c']],
      ['/+', ['/a', '/']],
      ['+/', ['a/', '/']],
      ['a/#', ['a', 'a/', 'a/b', 'a//b', 'a/b/c']],
      ['a/+/b', ['a//b']],
      ['+/b/#', ['a/b', 'a/b/c']],
      ['$a', ['$a']],
      ['$a/#', ['$a', '$a/b']],
      ['#', topics.filter((topic) => !topic.startsWith('$'))],
    ]
    const b = await bench()
    const pub = await login(b, version, 'p')
    for (const [filter, expected] of reached) {
      const sub = await login(b, version, 's')
      await sub.says(subscribe(1, [filter, 0]))
      sub.hears(suback(1, 0))
      await pub.says(...topics.map((topic) => publish(0x30, topic, '')))
      expect([filter, sub.takes()]).toEqual([filter, expected.map((topic) => digits(publish(0x30, topic, '')))])
    }
  })
})

describe.each(versions)('UNSUBSCRIBE of version %i', (version) => {
  it('[MQTT-3.10.4-4 of 3.1.1] [MQTT-3.10.4-5 of 3.1.1] [MQTT-3.10.4-6 of 3.1.1] is answered by its identifier alone, one answer for all its filters and also where nothing was subscribed', async () => {
    const b = await bench()
    const client = await login(b, version, 'c')
    await client.says(subscribe(1, ['a', 0], ['b', 0], ['c', 0]))
    client.hears(suback(1, 0, 0, 0))
    await client.says(unsubscribe(0x8001, 'a', 'never', 'b'))
    client.hears(ack(0xb0, 0x8001))
    await client.says(unsubscribe(2, 'never'))
    client.hears(ack(0xb0, 2))
    await client.says(publish(0x30, 'a', 'x'), publish(0x30, 'b', 'x'), publish(0x30, 'c', 'x'))
    client.hears(publish(0x30, 'c', 'x'))
  })

  it('[MQTT-3.10.4-1 of 3.1.1] only the very same filter is deleted', async () => {
    const b = await bench()
    const client = await login(b, version, 'c')
    await client.says(subscribe(1, ['a/+', 0]))
    client.hears(suback(1, 0))
    await client.says(unsubscribe(2, 'a/b', 'a/#', '+/+', 'A/+', 'a/+/', '#'))
    client.hears(ack(0xb0, 2))
    await client.says(publish(0x30, 'a/b', 'x'))
    client.hears(publish(0x30, 'a/b', 'x'))
    await client.says(unsubscribe(3, 'a/+'))
    client.hears(ack(0xb0, 3))
    await client.says(publish(0x30, 'a/b', 'x'))
    client.hears()
  })

  it('[MQTT-3.10.4-2 of 3.1.1] [MQTT-3.10.4-3 of 3.1.1] nothing new comes, and what has begun is completed, over a new connection too', async () => {
    const b = await bench()
    const first = await login(b, version, 'c', '00')
    await first.says(subscribe(1, ['t', 2]))
    first.hears(suback(1, 2))
    const pub = await login(b, version, 'p')
    await pub.says(publish(0x34, 't', 'begun', 1))
    const [frame] = first.takes()
    expect(text(frame!)).toBe('t begun')
    await first.says(unsubscribe(2, 't'))
    first.hears(ack(0xb0, 2))
    await pub.says(publish(0x34, 't', 'new', 2))
    first.hears()
    await first.says(disconnect)
    const second = wire(b)
    await second.says(connect(version, 'c', '00'))
    const id = Number.parseInt(frame!.slice(15, 20).replace(' ', ''), 16)
    expect(second.takes().slice(1)).toEqual([digits(publish(0x3c, 't', 'begun', id))])
    await second.says(ack(0x50, id))
    second.hears(ack(0x62, id))
    await second.says(ack(0x70, id))
    second.hears()
  })
})

describe.each(versions)('PINGREQ of version %i', (version) => {
  it('[MQTT-3.12.4-1 of 3.1.1] is answered by PINGRESP, each one', async () => {
    const b = await bench()
    const client = await login(b, version, 'c')
    await client.says(pingreq, pingreq)
    client.hears(pingresp, pingresp)
  })
})
