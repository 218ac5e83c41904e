import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { describeWith, pahoPython, python } from './support/peers.ts'
import { succeed } from './support/process.ts'
import { unique } from './support/unique.ts'

describeWith([pahoPython], 'Paho for Python', () => {
  const broker = sharedBroker()
  const script = async (name: string, version: string): Promise<unknown> => {
    const file = fileURLToPath(new URL(`paho/${name}.py`, import.meta.url))
    return JSON.parse(await succeed(python, ['-B', file, String(broker.port), version, unique('paho')])) as unknown
  }
  const numbered = (qos: number, count: number): string[] => Array.from({ length: count }, (_, i) => `${qos}:${i}`)

  test.each(['3.1', '3.1.1', '5'])('MQTT %s: messages of every QoS, retained and large ones', async (version) => {
    expect(await script('messages', version)).toEqual({
      codes: [0, 0],
      granted: [2, 2],
      received: [0, 1, 2].flatMap((qos) => numbered(qos, 100).map((text) => [`/a/${qos}`, qos, text])),
      retained: ['kept', true],
      cleared: ['end', false],
      large: true,
    })
  })

  test.each(['3.1.1', '5'])('MQTT %s: a kept session and a will', async (version) => {
    const missed = [1, 2].flatMap((qos) => numbered(qos, 50).map((text) => [qos, text]))
    expect(await script('sessions', version)).toEqual({ present: [0, 1, 0], missed, will: ['victim', 1] })
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
})
