import { expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { mosquittoPub, mosquittoSub, startMosquittoSub, versions } from './support/mosquitto.ts'
import { describeWith, mosquittoClients } from './support/peers.ts'
import { start, type Exit } from './support/process.ts'
import { unique } from './support/unique.ts'

describeWith([mosquittoClients], 'options of mosquitto_pub and mosquitto_sub', () => {
  const broker = sharedBroker()
  const v5 = ['-V', 'mqttv5']
  const at = (): string[] => ['-h', '127.0.0.1', '-p', String(broker.port)]
  const sub = (args: readonly string[]): Promise<Exit> => start('mosquitto_sub', [...at(), ...args]).exit()
  const property = (packet: string, ...parts: string[]): string[] => ['-D', packet, ...parts]

  test.each(versions)('%s: --retained-only, -R, -T', async (version) => {
    const v = ['-V', version]
    const topic = unique('retained')
    const show = [...v, '-t', `${topic}/#`, '-q', '1', '-F', '%t %r %p']
    const kept = (name: string): Promise<void> =>
      mosquittoPub(broker.port, [...v, '-t', `${topic}/${name}`, '-q', '1', '-m', name, '-r'])
    for (const name of ['a', 'b']) await kept(name)
    const only = await startMosquittoSub(broker, [...show, '--retained-only'])
    const without = await startMosquittoSub(broker, [...show, '-R', '-T', `${topic}/no`, '-C', '1'])
    for (const name of ['no', 'live'])
      await mosquittoPub(broker.port, [...v, '-t', `${topic}/${name}`, '-q', '1', '-m', name])
    const lines = (await only.exit()).stdout.trim().split('\n')
    expect(lines.toSorted()).toEqual([`${topic}/a 1 a`, `${topic}/b 1 b`])
    expect((await without.exit()).stdout).toBe(`${topic}/live 0 live\n`)
  })

  test('--remove-retained clears what -T does not leave out', async () => {
    const topic = unique('removed')
    for (const name of ['a', 'b'])
      await mosquittoPub(broker.port, ['-t', `${topic}/${name}`, '-q', '1', '-m', name, '-r'])
    // mosquitto_sub does not end by itself after this: what it has removed comes back to it, live and empty.
    const show = ['-t', `${topic}/#`, '-q', '1', '-F', '%t %r %p']
    const removing = await sub([...show, '--remove-retained', '-T', `${topic}/b`, '-W', '1'])
    expect([removing.code, removing.stdout]).toEqual([27, `${topic}/a 1 a\n${topic}/a 0 \n`])
    expect((await sub([...show, '-C', '1'])).stdout).toBe(`${topic}/b 1 b\n`)
  })

  test('-W ends with code 27, -C after so many, -U unsubscribes', async () => {
    const topic = unique('ends')
    expect((await sub([...v5, '-t', topic, '-W', '1'])).code).toBe(27)
    const session = [...v5, '-c', '-i', unique('kept'), '-q', '1']
    await mosquittoSub(broker.port, [...session, '-t', `${topic}/a`, '-t', `${topic}/b`, '-E'])
    await mosquittoSub(broker.port, [...session, '-U', `${topic}/a`, '-t', `${topic}/b`, '-E'])
    for (const name of ['a', 'b', 'b'])
      await mosquittoPub(broker.port, ['-t', `${topic}/${name}`, '-q', '1', '-m', name])
    expect(await mosquittoSub(broker.port, [...session, '-t', `${topic}/b`, '-C', '2', '-v'])).toBe(
      `${topic}/b b\n${topic}/b b\n`,
    )
  })

  test('every property of every packet is taken', async () => {
    const topic = unique('all')
    const id = unique('sub')
    const session = [...v5, '-i', id, '-t', topic, '-q', '1']
    const first = [
      ...property('connect', 'receive-maximum', '5'),
      ...property('connect', 'topic-alias-maximum', '5'),
      ...property('connect', 'maximum-packet-size', '1000'),
      ...property('connect', 'request-problem-information', '0'),
      ...property('connect', 'request-response-information', '1'),
      ...property('connect', 'session-expiry-interval', '3600'),
      ...property('connect', 'user-property', 'a', '1'),
      ...property('subscribe', 'subscription-identifier', '9'),
      ...property('subscribe', 'user-property', 'a', '1'),
      ...property('unsubscribe', 'user-property', 'a', '1'),
      ...property('disconnect', 'user-property', 'a', '1'),
      '-U',
      unique('never'),
    ]
    await mosquittoSub(broker.port, [...session, ...first, '-E'])
    await mosquittoPub(broker.port, [...v5, '-t', topic, '-q', '1', '-m', 'kept'])
    const expiry = property('disconnect', 'session-expiry-interval', '0')
    // Not `-C 1`: it would hang up with the SUBACK unread, and its system may then drop the DISCONNECT unsent.
    expect(await mosquittoSub(broker.port, [...session, ...expiry, '-c', '-x', '60', '-E', '-F', '%S %p'])).toBe(
      '9 kept\n',
    )
    // That DISCONNECT ends the session.
    await broker.process.until('stderr', new RegExp(`session ended client=${id}\\b`))
    await mosquittoPub(broker.port, [...v5, '-t', topic, '-q', '1', '-m', 'lost'])
    await mosquittoPub(broker.port, [...v5, '-t', topic, '-q', '1', '-r', '-m', 'first that comes'])
    expect(await mosquittoSub(broker.port, [...session, '-c', '-x', '0', '-C', '1'])).toBe('first that comes\n')
  })

  test('a topic alias stands for the topic of the lines that follow', async () => {
    const topic = unique('alias')
    const all = await startMosquittoSub(broker, [...v5, '-t', topic, '-q', '2', '-C', '100', '-F', '%t %p'])
    const stdin = Array.from({ length: 100 }, (_, i) => `${i}\n`).join('')
    await mosquittoPub(broker.port, [...v5, '-t', topic, '-q', '2', '-l', ...property('publish', 'topic-alias', '7')], {
      stdin,
    })
    const expected = Array.from({ length: 100 }, (_, i) => `${topic} ${i}\n`)
    expect((await all.exit()).stdout).toBe(expected.join(''))
  })

  test('a will waits for its delay, and has every property, user properties in order', async () => {
    const topic = unique('will')
    const format = '%q|%r|%C|%D|%F|%R|%P|%p'
    const watcher = await startMosquittoSub(broker, [...v5, '-t', topic, '-q', '2', '-C', '1', '-F', `${format}|%E`])
    const will = ['--will-topic', topic, '--will-payload', 'gone', '--will-qos', '2', '--will-retain']
    const properties = [
      ...property('will', 'content-type', 'text/plain'),
      ...property('will', 'correlation-data', 'c0ffee'),
      ...property('will', 'message-expiry-interval', '1000'),
      ...property('will', 'payload-format-indicator', '1'),
      ...property('will', 'response-topic', 'an/answer'),
      ...property('will', 'will-delay-interval', '1'),
      ...property('will', 'user-property', 'b', '1'),
      ...property('will', 'user-property', 'a', '2'),
      ...property('will', 'user-property', 'b', '3'),
    ]
    const id = unique('victim')
    const victim = await startMosquittoSub(broker, [...v5, '-x', '60', '-t', unique('x'), ...will, ...properties], id)
    victim.kill('SIGKILL')
    await broker.gone(id)
    expect(watcher.stdout).toBe('')
    const text = 'text/plain|c0ffee|1|an/answer|b:1 a:2 b:3|gone'
    expect((await watcher.exit()).stdout).toBe(`2|0|${text}|1000\n`)
    expect((await sub([...v5, '-t', topic, '-q', '2', '-C', '1', '-F', format])).stdout).toBe(`2|1|${text}\n`)
  })
})
