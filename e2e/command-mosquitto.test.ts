import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { isomq, startIsomq } from './support/isomq.ts'
import { mosquittoPub, startMosquittoSub } from './support/mosquitto.ts'
import { describeWith, mosquittoClients } from './support/peers.ts'
import { temporaryDirectory } from './support/temporary.ts'
import { unique } from './support/unique.ts'

/** What the two call the versions. */
const versions = [
  ['5', 'mqttv5'],
  ['3.1.1', 'mqttv311'],
  ['3.1', 'mqttv31'],
] as const

describeWith([mosquittoClients], "isomq's clients beside those of mosquitto", () => {
  const broker = sharedBroker()

  test.each(versions)('isomq pub -V %s to mosquitto_sub -V %s', async (ours, theirs) => {
    const topic = unique('to')
    const sub = await startMosquittoSub(broker, ['-V', theirs, '-t', topic, '-q', '2', '-C', '3', '-F', '%q %p'])
    for (const qos of ['0', '1', '2']) {
      const { code } = await isomq([
        'pub',
        '-h',
        '127.0.0.1',
        '-p',
        String(broker.port),
        '-V',
        ours,
        '-t',
        topic,
        '-q',
        qos,
        '-m',
        `hi ${qos}`,
      ])
      expect(code).toBe(0)
    }
    expect((await sub.exit()).stdout).toBe('0 hi 0\n1 hi 1\n2 hi 2\n')
  })

  test.each(versions)('mosquitto_pub to isomq sub -V %s (%s)', async (ours, theirs) => {
    const [topic, id] = [unique('from'), unique('sub')]
    const sub = startIsomq([
      'sub',
      '-h',
      '127.0.0.1',
      '-p',
      String(broker.port),
      '-V',
      ours,
      '-i',
      id,
      '-t',
      topic,
      '-q',
      '2',
      '-C',
      '3',
      '-F',
      '%q %p',
    ])
    await broker.subscribed(id)
    for (const qos of ['0', '1', '2'])
      await mosquittoPub(broker.port, ['-V', theirs, '-t', topic, '-q', qos, '-m', `hi ${qos}`])
    expect((await sub.exit()).stdout).toBe('0 hi 0\n1 hi 1\n2 hi 2\n')
  })

  test('both print the same for the same format, properties and JSON included', async () => {
    const topic = unique('same')
    const format = '%t|%p|%x|%X|%q|%r|%l|%C|%D|%E|%F|%P|%R|%S|%%|\\t|%10t|%-20p|%.3t'
    const flags = ['-t', topic, '-q', '1', '-C', '1', '-D', 'subscribe', 'subscription-identifier', '7']
    const id = unique('sub')
    const theirs = [
      await startMosquittoSub(broker, ['-V', 'mqttv5', ...flags, '-F', format]),
      await startMosquittoSub(broker, ['-V', 'mqttv5', ...flags, '-F', '%j']),
    ]
    const where = ['-h', '127.0.0.1', '-p', String(broker.port)]
    const ours = [format, '%j'].map((each, i) =>
      startIsomq(['sub', ...where, '-i', `${id}-${i}`, ...flags, '-F', each]),
    )
    await Promise.all([broker.subscribed(`${id}-0`), broker.subscribed(`${id}-1`)])
    const properties = [
      ['-D', 'publish', 'content-type', 'text/plain', '-D', 'publish', 'correlation-data', 'cd'],
      ['-D', 'publish', 'message-expiry-interval', '1000', '-D', 'publish', 'payload-format-indicator', '1'],
      ['-D', 'publish', 'response-topic', 'answer', '-D', 'publish', 'user-property', 'a', '1'],
    ].flat()
    await mosquittoPub(broker.port, ['-V', 'mqttv5', '-t', topic, '-q', '1', '-m', 'grüße "x"', ...properties])
    const outputs = await Promise.all([...theirs, ...ours].map(async (each) => (await each.exit()).stdout))
    expect(outputs[2]).toBe(outputs[0])
    // The time, and an identifier that each connection has of its own.
    const facts = (text = ''): object => ({ ...(JSON.parse(text) as object), tst: '', mid: 0 })
    expect(facts(outputs[3])).toEqual(facts(outputs[1]))
  })

  test('large binary payloads both ways', async () => {
    const file = join(temporaryDirectory(), 'payload')
    const payload = randomBytes(700_000)
    writeFileSync(file, payload)
    const [topic, id] = [unique('large'), unique('sub')]
    const theirs = await startMosquittoSub(broker, ['-t', topic, '-q', '1', '-C', '1', '-N'])
    const ours = startIsomq([
      'sub',
      '-h',
      '127.0.0.1',
      '-p',
      String(broker.port),
      '-i',
      id,
      '-t',
      topic,
      '-q',
      '1',
      '-C',
      '2',
      '-N',
    ])
    await broker.subscribed(id)
    await isomq(['pub', '-h', '127.0.0.1', '-p', String(broker.port), '-t', topic, '-q', '1', '-f', file])
    await mosquittoPub(broker.port, ['-t', topic, '-q', '1', '-f', file])
    expect((await theirs.exit()).bytes.equals(payload)).toBe(true)
    expect((await ours.exit()).bytes.equals(Buffer.concat([payload, payload]))).toBe(true)
  })
})
