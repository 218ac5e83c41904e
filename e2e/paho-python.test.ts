import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { describeWith, pahoPython, python } from './support/peers.ts'
import { succeed } from './support/process.ts'
import { unique } from './support/unique.ts'

describeWith([pahoPython], 'Paho for Python', () => {
  const broker = sharedBroker()
  type Transport = 'tcp' | 'websockets'
  const script = async (name: string, version: string, transport: Transport = 'tcp'): Promise<unknown> => {
    const file = fileURLToPath(new URL(`paho/${name}.py`, import.meta.url))
    const port = transport === 'tcp' ? String(broker.port) : new URL(broker.urls['ws'] ?? '').port
    return JSON.parse(await succeed(python, ['-B', file, port, version, unique('paho'), transport])) as unknown
  }
  const numbered = (qos: number, count: number): string[] => Array.from({ length: count }, (_, i) => `${qos}:${i}`)

  test.each<[version: string, transport: Transport]>([
    ['3.1', 'tcp'],
    ['3.1.1', 'tcp'],
    ['5', 'tcp'],
    ['3.1', 'websockets'],
    ['3.1.1', 'websockets'],
    ['5', 'websockets'],
  ])('MQTT %s over %s: messages of every QoS, retained and large ones', async (version, transport) => {
    expect(await script('messages', version, transport)).toEqual({
      codes: [0, 0],
      granted: [2, 2],
      received: [0, 1, 2].flatMap((qos) => numbered(qos, 100).map((text) => [`/a/${qos}`, qos, text])),
      retained: ['kept', true],
      cleared: ['end', false],
      large: true,
    })
  })

  test.each<[version: string, transport: Transport]>([
    ['3.1', 'tcp'],
    ['3.1.1', 'tcp'],
    ['5', 'tcp'],
    ['5', 'websockets'],
  ])('MQTT %s over %s: a kept session and a will', async (version, transport) => {
    const missed = [1, 2].flatMap((qos) => numbered(qos, 50).map((text) => [qos, text]))
    // In MQTT 3.1 CONNACK does not say.
    const present = version === '3.1' ? [0, 0, 0] : [0, 1, 0]
    expect(await script('sessions', version, transport)).toEqual({ present, missed, will: ['victim', 1] })
  })

  test('MQTT 5: properties', async () => {
    expect(await script('properties', '5')).toEqual({
      granted: [1],
      payload: 'hello',
      retain: true,
      format: 1,
      expiry: 1000,
      type: 'text/plain',
      response: 'answers',
      correlation: '00ff31',
      user: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
      ],
      identifier: [42],
    })
  })

  test('MQTT 5: subscription options, aliases both ways, receive maximum, a delayed will, reason codes', async () => {
    expect(await script('options', '5')).toEqual({
      local: ['foreign'],
      live: ['live', true],
      named: Array.from({ length: 10 }, (_, i) => ['/alias/x', String(i)]),
      aliases: [1],
      narrow: Array.from({ length: 50 }, (_, i) => String(i)),
      codes: [0x8f],
      never: 0x11,
      will: [
        'gone',
        'text/plain',
        [
          ['b', '1'],
          ['a', '2'],
          ['b', '3'],
        ],
      ],
      thrown: 0x82,
    })
  })
})
