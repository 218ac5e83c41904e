import { describe, expect, it } from 'vitest'
import { digits } from '../wire.ts'
import { publish, subscribe, answer, unsubscribe, login } from './frames.ts'
import { bench } from '../harness.ts'

// What suites made by others check of a broker of 5.0, with every byte written out.

describe('subscriptions', () => {
  it('[MQTT-3.3.4-2] [MQTT-3.3.4-3] [MQTT-3.3.4-4] overlapping ones bring one copy: the highest QoS, all their identifiers', async () => {
    const b = await bench()
    const sub = await login(b, 'sub')
    await sub.says(subscribe(1, '0b 01', ['a/#', 0]), subscribe(2, '0b 8002', ['a/+', 2]), subscribe(3, '', ['a/b', 1]))
    sub.hears(answer(0x90, 1, 0), answer(0x90, 2, 2), answer(0x90, 3, 1))
    const pub = await login(b, 'pub')
    await pub.says(publish(0x32, 'a/b', 'x', { id: 1 }))
    const [got] = sub.takes()
    expect(got?.slice(0, 2)).toBe('32')
    // Five bytes of properties, the identifiers in any order.
    expect(['05 0b 01 0b 80 02 78', '05 0b 80 02 0b 01 78']).toContain(got?.slice(-20))
    sub.hears()
  })

  it('[MQTT-3.3.4-5] a share of its own brings a copy of its own, each with its identifier', async () => {
    const b = await bench()
    const sub = await login(b, 'sub')
    await sub.says(
      subscribe(1, '0b 07', ['t', 0]),
      subscribe(2, '0b 09', ['$share/g/t', 0]),
      subscribe(3, '', ['$share/h/t', 0]),
    )
    sub.hears(answer(0x90, 1, 0), answer(0x90, 2, 0), answer(0x90, 3, 0))
    const pub = await login(b, 'pub')
    await pub.says(publish(0x30, 't', 'x'))
    expect(sub.takes().sort()).toEqual([
      '30 05 00 01 74 00 78',
      '30 07 00 01 74 02 0b 07 78',
      '30 07 00 01 74 02 0b 09 78',
    ])
  })

  it('[MQTT-3.8.4-3] subscribed to again, a filter has the new options and the new identifier, or none', async () => {
    const b = await bench()
    const sub = await login(b, 'sub')
    const pub = await login(b, 'pub')
    for (const [properties, granted, expected] of [
      ['0b 05', 1, '32'],
      ['0b 06', 0, '30'],
      ['', 2, '34'],
    ] as const) {
      await sub.says(subscribe(1, properties, ['t', granted]))
      sub.hears(answer(0x90, 1, granted))
      await pub.says(publish(0x34, 't', 'x', { id: granted + 1 }))
      const [frame] = sub.takes()
      const length = properties === '' ? '00' : `02 ${properties}`
      expect([frame?.slice(0, 2), frame?.endsWith(`${length} 78`)]).toEqual([expected, true])
    }
  })

  it('[MQTT-3.8.4-4] subscribing again with Retain Handling 0 brings the retained message and loses nothing of what passes', async () => {
    const b = await bench()
    const pub = await login(b, 'pub')
    await pub.says(publish(0x31, 't', 'kept'))
    const sub = await login(b, 'sub', { properties: '21 ffff' })
    await sub.says(subscribe(1, '', ['t', 1]))
    sub.hears(answer(0x90, 1, 1), publish(0x31, 't', 'kept'))
    const numbers = Array.from({ length: 30 }, (_, i) => i + 1)
    for (const id of numbers) {
      await pub.says(publish(0x32, 't', `m${id}`, { id }))
      if (id % 10 === 0) await sub.says(subscribe(id, '', ['t', 1]))
    }
    const frames = sub.takes()
    const payloads = frames.filter((frame) => frame.startsWith('32')).map((frame) => frame.slice(-5))
    expect(payloads).toEqual(numbers.map((id) => digits(new TextEncoder().encode(`m${id}`)).slice(-5)))
    expect(frames.filter((frame) => frame === digits(publish(0x31, 't', 'kept'))).length).toBe(3)
  })

  it('[MQTT-4.7.3-4] [MQTT-4.7.1-1] [MQTT-4.7.1-2] characters are compared as they are', async () => {
    const b = await bench()
    const topics = ['a', 'A', 'ä', 'a\u0308', 'ﬁ', 'fi', ' a', 'a/', '/a', 'a//b', 'a/./b', 'a/../b', 'a/b']
    for (const topic of topics) {
      const sub = await login(b, 'sub')
      await sub.says(subscribe(1, '', [topic, 0]))
      sub.hears(answer(0x90, 1, 0))
      const pub = await login(b, 'pub')
      await pub.says(...topics.map((other) => publish(0x30, other, 'x')))
      sub.hears(publish(0x30, topic, 'x'))
    }
  })

  it('[MQTT-3.3.1-9] [MQTT-3.3.1-10] [MQTT-3.3.1-11] Retain Handling 0, 1 and 2, for a new subscription and one that is there', async () => {
    const b = await bench()
    const pub = await login(b, 'pub')
    await pub.says(publish(0x31, 't', 'kept'))
    const kept = publish(0x31, 't', 'kept')
    for (const [handling, fresh, again] of [
      [0x00, true, true],
      [0x10, true, false],
      [0x20, false, false],
    ] as const) {
      const sub = await login(b, 'sub')
      await sub.says(subscribe(1, '', ['t', handling]))
      sub.hears(answer(0x90, 1, 0), ...(fresh ? [kept] : []))
      await sub.says(subscribe(2, '', ['t', handling]))
      sub.hears(answer(0x90, 2, 0), ...(again ? [kept] : []))
      await sub.says(unsubscribe(3, 't'), subscribe(4, '', ['t', handling]))
      sub.hears(answer(0xb0, 3, 0), answer(0x90, 4, 0), ...(fresh ? [kept] : []))
    }
  })

  it('[MQTT-3.8.3-3] [MQTT-3.3.1-12] [MQTT-3.3.1-13] No Local and Retain As Published', async () => {
    const b = await bench()
    const sub = await login(b, 'sub')
    await sub.says(subscribe(1, '', ['local/#', 0x04], ['rap/#', 0x08], ['both/#', 0x0c], ['none/#', 0x00]))
    sub.hears(answer(0x90, 1, 0, 0, 0, 0))
    const names = ['local', 'rap', 'both', 'none']
    const sent = names.flatMap((name) => [publish(0x31, `${name}/r`, ''), publish(0x30, `${name}/l`, '')])
    await sub.says(...sent)
    sub.hears(
      publish(0x31, 'rap/r', ''),
      publish(0x30, 'rap/l', ''),
      publish(0x30, 'none/r', ''),
      publish(0x30, 'none/l', ''),
    )
    const pub = await login(b, 'pub')
    await pub.says(...sent)
    const retained = (name: string): number => (name === 'rap' || name === 'both' ? 0x31 : 0x30)
    sub.hears(...names.flatMap((name) => [publish(retained(name), `${name}/r`, ''), publish(0x30, `${name}/l`, '')]))
  })

  it('[MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.11.3-1] UNSUBACK says of each filter whether it was there', async () => {
    const b = await bench()
    const client = await login(b, 'c')
    await client.says(
      subscribe(1, '', ['a', 0], ['b/#', 1]),
      unsubscribe(0xff01, 'b', 'b/#', 'a', 'a', '$share/g/a', 'a#'),
    )
    client.hears(answer(0x90, 1, 0, 1), answer(0xb0, 0xff01, 0x11, 0, 0, 0x11, 0x11, 0x8f))
  })
})
