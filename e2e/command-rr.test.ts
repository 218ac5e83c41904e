import { expect, test } from 'vitest'
import { startBroker } from './support/broker.ts'
import { isomq, startIsomq } from './support/isomq.ts'
import { connectJs } from './support/mqtt-js.ts'
import { describeWith, mosquittoClients } from './support/peers.ts'
import { start } from './support/process.ts'
import { describeTargets, type Target } from './support/targets.ts'
import { unique } from './support/unique.ts'

/** Answers each request on `topic` in capitals, where it says or else on `fallback`; before that with what is another's. */
async function startResponder(target: Target, topic: string, fallback = ''): Promise<void> {
  const { client } = await connectJs(`mqtt://127.0.0.1:${target.port}`)
  client.on('message', (_, payload, { properties }) => {
    const { responseTopic = fallback, correlationData } = properties ?? {}
    const text = payload.toString().toUpperCase()
    if (correlationData !== undefined) {
      const foreign = { properties: { correlationData: Buffer.from('of another') } }
      client.publish(responseTopic, 'not for you', { qos: 1, ...foreign })
    }
    client.publish(responseTopic, text, {
      qos: 2,
      properties: { contentType: 'loud', ...(correlationData && { correlationData }) },
    })
  })
  await client.subscribeAsync(topic, { qos: 2 })
}

describeTargets('isomq rr', (target) => {
  const at = (): string[] => ['-h', '127.0.0.1', '-p', String(target.port)]
  const topics = (): [ask: string, answer: string] => {
    const topic = unique('rr')
    return [`${topic}/ask`, `${topic}/answer`]
  }

  test.each([
    ['5', '0'],
    ['5', '2'],
    ['3.1.1', '1'],
    ['3.1', '2'],
  ])('MQTT %s, QoS %s: a request and its response', async (version, qos) => {
    const [ask, answer] = topics()
    // Before MQTT 5 a request cannot say where the response belongs.
    await startResponder(target, ask, version === '5' ? '' : answer)
    const rr = ['rr', ...at(), '-V', version, '-t', ask, '-e', answer, '-q', qos, '-s']
    expect(await isomq(rr, { stdin: 'grüße' })).toMatchObject({ code: 0, stdout: 'GRÜSSE\n', stderr: '' })
  })

  test('with correlation data the response of another request is passed over', async () => {
    const [ask, answer] = topics()
    await startResponder(target, ask)
    const rr = ['rr', ...at(), '-t', ask, '-e', answer, '-q', '1', '-m', 'mine', '-F', '%t|%q|%D|%C|%p']
    const { code, stdout } = await isomq([...rr, '-D', 'publish', 'correlation-data', 'c-1'])
    expect([code, stdout]).toEqual([0, `${answer}|1|c-1|loud|MINE\n`])
  })

  test('-v, -N; a retained message is a response unless -R is given; -W ends with code 27', async () => {
    const [ask, answer] = topics()
    expect(await isomq(['pub', ...at(), '-t', answer, '-q', '1', '-r', '-m', 'old'])).toMatchObject({ code: 0 })
    const rr = ['rr', ...at(), '-t', ask, '-e', answer, '-n']
    expect(await isomq([...rr, '-v', '-N'])).toMatchObject({ code: 0, stdout: `${answer} old`, stderr: '' })
    expect(await isomq([...rr, '-R', '-W', '0.3'])).toMatchObject({ code: 27, stdout: '', stderr: 'Timed out\n' })
    await startResponder(target, ask)
    const fresh = [...rr.slice(0, -1), '-m', 'new', '-R']
    expect(await isomq(fresh)).toMatchObject({ code: 0, stdout: 'NEW\n', stderr: '' })
  })

  describeWith([mosquittoClients], 'beside mosquitto_rr', () => {
    test.each(['mqttv5', 'mqttv311'])('%s: the same flags, the same output', async (version) => {
      const [ask, answer] = topics()
      await startResponder(target, ask, answer)
      const flags = [...at(), '-V', version, '-t', ask, '-e', answer, '-q', '1', '-m', 'same', '-F', '%t|%q|%r|%C|%p']
      const theirs = await start('mosquitto_rr', flags).exit()
      const ours = await isomq(['rr', ...flags])
      expect([ours.code, ours.stdout]).toEqual([theirs.code, theirs.stdout])
      expect(ours.stdout).toBe(`${answer}|1|0|${version === 'mqttv5' ? 'loud' : ''}|SAME\n`)
    })

    test('nobody answers: the same end', async () => {
      const [ask, answer] = topics()
      const flags = [...at(), '-t', ask, '-e', answer, '-m', 'x', '-W', '1']
      const [late, later] = await Promise.all([start('mosquitto_rr', flags).exit(), isomq(['rr', ...flags])])
      expect([later.code, later.stdout, later.stderr]).toEqual([late.code, late.stdout, late.stderr])
    })
  })

  test('a connection that ends while the response is awaited', async () => {
    const [[ask, answer], id] = [topics(), unique('rr')]
    const rr = startIsomq(['rr', ...at(), '-i', id, '-t', ask, '-e', answer, '-m', 'x'])
    await target.subscribed(id)
    await connectJs(`mqtt://127.0.0.1:${target.port}`, { clientId: id })
    const { code, stdout, stderr } = await rr.exit()
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      expect.stringMatching(/^isomq: .*(session taken over \(0x8e\)|closed the connection)\n$/),
    ])
  })
})

test('a response topic that the broker refuses', async () => {
  const broker = await startBroker()
  const deep = Array.from({ length: 129 }, () => 'a').join('/')
  const rr = await isomq(['rr', '-h', '127.0.0.1', '-p', String(broker.port), '-t', 'a', '-e', deep, '-m', 'x'])
  expect([rr.code, rr.stderr]).toEqual([1, `isomq: Subscription to ${deep} refused: topic filter invalid (0x8f)\n`])
  expect((await broker.stop()).code).toBe(0)
})
