import { expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { mosquittoPub, mosquittoSub, startMosquittoSub } from './support/mosquitto.ts'
import { describeWith, mosquittoClients } from './support/peers.ts'
import { unique } from './support/unique.ts'

const v5 = ['-V', 'mqttv5']

describeWith([mosquittoClients], 'MQTT 5 properties between mosquitto_pub and mosquitto_sub', () => {
  const broker = sharedBroker()

  test('every property of a message arrives, user properties in order and more than once', async () => {
    const topic = unique('properties')
    const sub = await startMosquittoSub(broker, [...v5, '-t', topic, '-q', '1', '-C', '1', '-F', '%C|%D|%F|%R|%P'])
    const property = (...parts: string[]): string[] => ['-D', 'publish', ...parts]
    await mosquittoPub(broker.port, [
      ...v5,
      '-t',
      topic,
      '-q',
      '1',
      '-m',
      'x',
      ...property('content-type', 'text/plain'),
      ...property('correlation-data', 'c0ffee'),
      ...property('payload-format-indicator', '1'),
      ...property('response-topic', 'answers/here'),
      ...property('user-property', 'b', '1'),
      ...property('user-property', 'a', '2'),
      ...property('user-property', 'b', '3'),
    ])
    expect((await sub.exit()).stdout).toBe('text/plain|c0ffee|1|answers/here|b:1 a:2 b:3\n')
  })

  test('properties of a retained message and of a will arrive too', async () => {
    const topic = unique('kept')
    const show = [...v5, '-t', topic, '-q', '1', '-C', '1', '-F', '%r|%C|%P|%p']
    await mosquittoPub(broker.port, [
      ...v5,
      '-t',
      topic,
      '-q',
      '1',
      '-m',
      'x',
      '-r',
      '-D',
      'publish',
      'user-property',
      'k',
      'v',
      '-D',
      'publish',
      'content-type',
      'a/b',
    ])
    expect(await mosquittoSub(broker.port, show)).toBe('1|a/b|k:v|x\n')
    const will = unique('will')
    const watcher = await startMosquittoSub(broker, [...v5, '-t', will, '-q', '1', '-C', '1', '-F', '%r|%C|%P|%p'])
    const properties = ['-D', 'will', 'user-property', 'k', 'v', '-D', 'will', 'content-type', 'c/d']
    const flags = ['-t', unique('none'), '--will-topic', will, '--will-payload', 'gone', ...properties]
    const victim = await startMosquittoSub(broker, [...v5, ...flags])
    victim.kill('SIGKILL')
    expect((await watcher.exit()).stdout).toBe('0|c/d|k:v|gone\n')
  })

  test('a message that waited too long is not delivered; one that did not tells what is left of its time', async () => {
    const topic = unique('expiry')
    const session = [...v5, '-c', '-x', '3600', '-i', unique('sub'), '-t', topic, '-q', '1']
    await mosquittoSub(broker.port, [...session, '-E'])
    const send = (text: string, seconds: string): Promise<void> =>
      mosquittoPub(broker.port, [
        ...v5,
        '-t',
        topic,
        '-q',
        '1',
        '-m',
        text,
        '-D',
        'publish',
        'message-expiry-interval',
        seconds,
      ])
    await send('short', '1')
    await send('long', '1000')
    // Its second must be over.
    await new Promise((resolve) => setTimeout(resolve, 1200))
    const [text, left] = (await mosquittoSub(broker.port, [...session, '-C', '1', '-F', '%p %E'])).trim().split(' ')
    expect(text).toBe('long')
    expect(Number(left)).toBeLessThan(1000)
    expect(Number(left)).toBeGreaterThan(900)
  })

  test('a subscription identifier comes with what it matched', async () => {
    const topic = unique('identifier')
    const sub = await startMosquittoSub(broker, [
      ...v5,
      '-t',
      topic,
      '-q',
      '1',
      '-C',
      '1',
      '-F',
      '%S %p',
      '-D',
      'subscribe',
      'subscription-identifier',
      '4711',
    ])
    await mosquittoPub(broker.port, [...v5, '-t', topic, '-q', '1', '-m', 'x'])
    expect((await sub.exit()).stdout).toBe('4711 x\n')
  })

  test('retain as published', async () => {
    const topic = unique('rap')
    const plain = await startMosquittoSub(broker, [...v5, '-t', topic, '-q', '1', '-C', '1', '-F', '%r'])
    const kept = await startMosquittoSub(broker, [
      ...v5,
      '-t',
      topic,
      '-q',
      '1',
      '-C',
      '1',
      '-F',
      '%r',
      '--retain-as-published',
    ])
    await mosquittoPub(broker.port, [...v5, '-t', topic, '-q', '1', '-m', 'x', '-r'])
    expect([(await plain.exit()).stdout, (await kept.exit()).stdout]).toEqual(['0\n', '1\n'])
  })

  test('a client is not sent a packet larger than it takes', async () => {
    const topic = unique('maximum')
    const sub = await startMosquittoSub(broker, [
      ...v5,
      '-t',
      topic,
      '-q',
      '1',
      '-C',
      '1',
      '-D',
      'connect',
      'maximum-packet-size',
      '200',
    ])
    await mosquittoPub(broker.port, [...v5, '-t', topic, '-q', '1', '-m', 'x'.repeat(300)])
    await mosquittoPub(broker.port, [...v5, '-t', topic, '-q', '1', '-m', 'small'])
    expect((await sub.exit()).stdout).toBe('small\n')
  })

  test('versions understand one another', async () => {
    const topic = unique('mixed')
    const subs = []
    for (const version of ['mqttv31', 'mqttv311', 'mqttv5'])
      subs.push(await startMosquittoSub(broker, ['-V', version, '-t', topic, '-q', '2', '-C', '3', '-F', '%q %p']))
    for (const version of ['mqttv31', 'mqttv311', 'mqttv5'])
      await mosquittoPub(broker.port, ['-V', version, '-t', topic, '-q', '2', '-m', version])
    for (const sub of subs) expect((await sub.exit()).stdout).toBe('2 mqttv31\n2 mqttv311\n2 mqttv5\n')
  })
})
