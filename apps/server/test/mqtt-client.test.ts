import type { IConnackPacket, IPublishPacket, Packet } from 'mqtt-packet'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openClient, type ClientOptions, type MqttClient } from '../src/client/mqtt-client.ts'
import { friendly, ScriptedBroker } from './scripted-broker.ts'

afterEach(() => vi.useRealTimers())

function options(change: Partial<ClientOptions> = {}, version: 3 | 4 | 5 = 5): ClientOptions {
  const connect = {
    cmd: 'connect',
    clientId: 'c',
    protocolVersion: version,
    protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
    clean: true,
    keepalive: 60,
  } as const
  return { connect, connectTimeout: 1000, onMessage: () => true, unreleased: new Set(), ...change }
}

async function open(
  change: Partial<ClientOptions> = {},
  version: 3 | 4 | 5 = 5,
): Promise<{ broker: ScriptedBroker; client: MqttClient }> {
  const broker = new ScriptedBroker(version, friendly)
  return { broker, client: await openClient(broker.connection, options(change, version)) }
}

/** A broker that answers CONNECT with this and is friendly otherwise. */
function announcing(connack: Partial<IConnackPacket>): ScriptedBroker {
  return new ScriptedBroker(5, (packet, broker) => {
    if (packet.cmd === 'connect') broker.send({ cmd: 'connack', sessionPresent: false, reasonCode: 0, ...connack })
    else friendly(packet, broker)
  })
}

const message = (change: Partial<IPublishPacket> = {}): IPublishPacket => ({
  cmd: 'publish',
  topic: 't',
  payload: Buffer.from('p'),
  qos: 0,
  retain: false,
  dup: false,
  ...change,
})
const commands = (broker: ScriptedBroker): string[] => broker.received.map((packet) => packet.cmd)
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('login', () => {
  test.each([3, 4, 5] as const)('works with protocol level %d', async (version) => {
    const { broker, client } = await open({}, version)
    expect(broker.received[0]).toMatchObject({ cmd: 'connect', protocolVersion: version, clientId: 'c' })
    await client.disconnect()
    expect(commands(broker)).toEqual(['connect', 'disconnect'])
    expect(await client.closed).toBeUndefined()
  })

  test('a refusal says why, and closes', async () => {
    const broker = announcing({ reasonCode: 0x87, properties: { reasonString: 'not you' } })
    await expect(openClient(broker.connection, options())).rejects.toThrow(
      'Connection refused: not authorised (0x87): not you',
    )
    expect(broker.closed).toBe(true)
  })

  test('a refusal of MQTT 3.1.1 too', async () => {
    const broker = new ScriptedBroker(4, (_, self) =>
      self.send({ cmd: 'connack', sessionPresent: false, returnCode: 5 }),
    )
    await expect(openClient(broker.connection, options({}, 4))).rejects.toThrow(
      'Connection refused: not authorised (0x05)',
    )
  })

  test('a broker that knows MQTT 3 only is told from one that is broken', async () => {
    const broker = new ScriptedBroker(5, (_, self) => self.bytes(Uint8Array.of(0x20, 2, 0, 1)))
    const refused = openClient(broker.connection, options())
    await expect(refused).rejects.toThrow(
      'Connection refused: unacceptable protocol version; try another one with -V (0x01)',
    )
  })

  test('silence ends in an error', async () => {
    vi.useFakeTimers()
    const broker = new ScriptedBroker()
    const refused = expect(openClient(broker.connection, options())).rejects.toThrow(
      'the broker did not answer in time',
    )
    await vi.advanceTimersByTimeAsync(1000)
    await refused
    expect(broker.closed).toBe(true)
  })

  test('so do a connection that ends and bytes that are not MQTT', async () => {
    const ending = new ScriptedBroker(5, (_, self) => self.end())
    await expect(openClient(ending.connection, options())).rejects.toThrow('the broker closed the connection')
    const garbage = new ScriptedBroker(5, (_, self) => self.bytes(Buffer.from('HTTP/1.1 400 Bad Request\r\n')))
    await expect(openClient(garbage.connection, options())).rejects.toThrow(/the broker sent what is not MQTT|closed/)
    expect(garbage.closed).toBe(true)
  })
})

describe('publish', () => {
  test('QoS 0, 1 and 2 go their ways', async () => {
    const { broker, client } = await open()
    await client.publish(message())
    await client.publish(message({ qos: 1 }))
    await client.publish(message({ qos: 2 }))
    expect(commands(broker)).toEqual(['connect', 'publish', 'publish', 'publish', 'pubrel'])
    expect(broker.received[2]).toMatchObject({ qos: 1, messageId: 1 })
    expect(broker.received[4]).toMatchObject({ messageId: 2 })
  })

  test.each([
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const)('a refusal at QoS %d rejects', async (qos, cmd) => {
    const broker = new ScriptedBroker(5, (packet, self) => {
      if (packet.cmd === 'publish') self.send({ cmd, messageId: packet.messageId ?? 0, reasonCode: 0x87 })
      else friendly(packet, self)
    })
    const client = await openClient(broker.connection, options())
    await expect(client.publish(message({ qos }))).rejects.toThrow('Publish refused: not authorised (0x87)')
    expect(commands(broker)).not.toContain('pubrel')
  })

  test('nobody there to read it is no refusal', async () => {
    const broker = new ScriptedBroker(5, (packet, self) => {
      if (packet.cmd === 'publish') self.send({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0x10 })
      else friendly(packet, self)
    })
    const client = await openClient(broker.connection, options())
    await expect(client.publish(message({ qos: 1 }))).resolves.toBeUndefined()
  })

  test('what the broker announced not to take is not sent', async () => {
    const broker = announcing({ properties: { retainAvailable: false, maximumQoS: 1, maximumPacketSize: 50 } })
    const client = await openClient(broker.connection, options())
    await expect(client.publish(message({ retain: true }))).rejects.toThrow(
      'the broker does not keep retained messages',
    )
    await expect(client.publish(message({ qos: 2 }))).rejects.toThrow('the broker takes no more than QoS 1')
    await expect(client.publish(message({ payload: Buffer.alloc(100) }))).rejects.toThrow(
      'the broker takes no packet larger than 50 bytes',
    )
    expect(commands(broker)).toEqual(['connect'])
  })

  test('waits for room, and for the acknowledgement until the connection ends', async () => {
    const { broker, client } = await open()
    broker.roomy = false
    const done = vi.fn()
    const sent = client.publish(message()).then(done)
    await settled()
    expect(done).not.toHaveBeenCalled()
    broker.drain()
    await sent
    const broken = new ScriptedBroker(5, (packet, self) =>
      packet.cmd === 'publish' ? self.end(new Error('reset')) : friendly(packet, self),
    )
    const other = await openClient(broken.connection, options())
    await expect(other.publish(message({ qos: 1 }))).rejects.toThrow('reset')
    await expect(other.publish(message({ qos: 0 }))).rejects.toThrow()
  })
})

describe('receive', () => {
  test('each QoS is acknowledged in its way, QoS 2 handed on once', async () => {
    const seen: string[] = []
    const { broker } = await open({ onMessage: (each) => seen.push(`${each.topic} ${each.qos}`) > 0 })
    broker.send(message({ topic: 'zero' }))
    broker.send(message({ topic: 'one', qos: 1, messageId: 5 }))
    broker.send(message({ topic: 'two', qos: 2, messageId: 6 }))
    broker.send(message({ topic: 'two', qos: 2, messageId: 6, dup: true }))
    broker.send({ cmd: 'pubrel', messageId: 6 })
    broker.send(message({ topic: 'two again', qos: 2, messageId: 6 }))
    await settled()
    expect(seen).toEqual(['zero 0', 'one 1', 'two 2', 'two again 2'])
    expect(commands(broker).slice(1)).toEqual(['puback', 'pubrec', 'pubrec', 'pubcomp', 'pubrec'])
  })

  test('a message that is not taken is not acknowledged', async () => {
    const { broker } = await open({ onMessage: () => false })
    broker.send(message({ qos: 1, messageId: 1 }))
    broker.send(message({ qos: 2, messageId: 2 }))
    await settled()
    expect(commands(broker)).toEqual(['connect'])
  })

  test('ids of QoS 2 messages outlive the connection when the session does', async () => {
    const unreleased = new Set([6])
    const seen: unknown[] = []
    const onMessage = (each: IPublishPacket): boolean => seen.push(each) > 0
    const broker = announcing({ sessionPresent: true })
    await openClient(broker.connection, options({ unreleased, onMessage }))
    broker.send(message({ qos: 2, messageId: 6, dup: true }))
    await settled()
    expect(seen).toEqual([])
    expect(commands(broker)).toEqual(['connect', 'pubrec'])
    await open({ unreleased })
    expect(unreleased.size).toBe(0)
  })

  test('topic aliases are resolved, one that was not set ends the connection', async () => {
    const topics: string[] = []
    const { broker, client } = await open({ onMessage: (each) => topics.push(each.topic) > 0 })
    broker.send(message({ topic: 'long/topic', properties: { topicAlias: 1 } }))
    broker.send(message({ topic: '', properties: { topicAlias: 1 } }))
    expect(topics).toEqual(['long/topic', 'long/topic'])
    broker.send(message({ topic: '', properties: { topicAlias: 2 } }))
    broker.send(message({ topic: 'too late' }))
    expect(topics).toHaveLength(2)
    expect((await client.closed)?.message).toBe('the broker used a topic alias that it had not set')
  })

  test('a DISCONNECT of the broker says why', async () => {
    const { broker, client } = await open()
    broker.send({ cmd: 'disconnect', reasonCode: 0x8b })
    expect((await client.closed)?.message).toBe('Disconnected by the broker: server shutting down (0x8b)')
  })
})

test('subscriptions are granted or refused one by one', async () => {
  const broker = new ScriptedBroker(5, (packet, self) => {
    if (packet.cmd === 'subscribe') self.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [1, 0x87] })
    else friendly(packet, self)
  })
  const client = await openClient(broker.connection, options())
  expect(
    await client.subscribe(
      [
        { topic: 'a', qos: 1 },
        { topic: 'b', qos: 1 },
      ],
      { subscriptionIdentifier: 4 },
    ),
  ).toEqual([1, 0x87])
  expect(broker.received[1]).toMatchObject({ properties: { subscriptionIdentifier: 4 } })
  expect(await client.unsubscribe(['a'])).toEqual([0])
})

test('pings as often as the broker asks, and gives up when it does not answer', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'setTimeout', 'clearInterval', 'clearTimeout'] })
  let answers = true
  const broker = new ScriptedBroker(5, (packet, self) => {
    if (packet.cmd === 'connect')
      self.send({ cmd: 'connack', sessionPresent: false, reasonCode: 0, properties: { serverKeepAlive: 5 } })
    else if (packet.cmd === 'pingreq' && answers) self.send({ cmd: 'pingresp' })
  })
  const client = await openClient(broker.connection, options())
  await vi.advanceTimersByTimeAsync(10_000)
  expect(commands(broker)).toEqual(['connect', 'pingreq', 'pingreq'])
  answers = false
  await vi.advanceTimersByTimeAsync(10_000)
  expect((await client.closed)?.message).toBe('the broker has not answered for 5 seconds')
})

test('every packet is told to the trace', async () => {
  const traced: string[] = []
  const trace = (direction: string, packet: Packet): number => traced.push(`${direction} ${packet.cmd}`)
  const { client } = await open({ trace })
  await client.publish(message({ qos: 1 }))
  await client.disconnect()
  expect(traced).toEqual(['sent connect', 'received connack', 'sent publish', 'received puback', 'sent disconnect'])
})

test('taking leave does not wait for ever', async () => {
  const { broker, client } = await open()
  vi.useFakeTimers()
  const close = broker.connection.close
  broker.connection.close = (error) => (error === undefined ? undefined : close(error))
  const left = client.disconnect()
  await vi.advanceTimersByTimeAsync(5000)
  await left
  expect(broker.closedWith?.message).toBe('the connection did not close in time')
})
