import { describe, expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { mosquittoPub, mosquittoSub, startMosquittoSub, versions } from './support/mosquitto.ts'
import { describeWith, mosquittoClients } from './support/peers.ts'
import { start } from './support/process.ts'
import { unique } from './support/unique.ts'

describeWith([mosquittoClients], 'wills and sessions of mosquitto_pub and mosquitto_sub', () => {
  const broker = sharedBroker()

  describe.each(versions)('%s', (version) => {
    const v = ['-V', version]
    /** How a session is kept until the next connection. */
    const keep = version === 'mqttv5' ? ['-c', '-x', '3600'] : ['-c']

    test.each(['0', '1', '2'])('a client that is killed leaves its will, QoS %s', async (qos) => {
      const topic = unique('will')
      const watcher = await startMosquittoSub(broker, [...v, '-t', topic, '-q', '2', '-C', '1', '-F', '%q %r %p'])
      const will = ['--will-topic', topic, '--will-payload', 'gone', '--will-qos', qos, '--will-retain']
      const victim = await startMosquittoSub(broker, [...v, '-t', unique('none'), ...will])
      victim.kill('SIGKILL')
      expect((await watcher.exit()).stdout).toBe(`${qos} 0 gone\n`)
      expect(await mosquittoSub(broker.port, [...v, '-t', topic, '-q', '2', '-C', '1', '-F', '%q %r %p'])).toBe(
        `${qos} 1 gone\n`,
      )
    })

    test('a client that takes leave leaves no will', async () => {
      const topic = unique('farewell')
      const watcher = await startMosquittoSub(broker, [...v, '-t', topic, '-q', '1', '-C', '1'])
      const id = unique('leaver')
      await mosquittoPub(broker.port, [
        ...v,
        '-i',
        id,
        '-t',
        unique('x'),
        '-m',
        'm',
        '--will-topic',
        topic,
        '--will-payload',
        'gone',
      ])
      await broker.gone(id)
      await mosquittoPub(broker.port, [...v, '-t', topic, '-q', '1', '-m', 'nothing before this'])
      expect((await watcher.exit()).stdout).toBe('nothing before this\n')
    })

    test('a kept session receives in order what was published meanwhile, once', async () => {
      const topic = unique('kept')
      const session = [...v, ...keep, '-i', unique('sub'), '-t', `${topic}/#`]
      await mosquittoSub(broker.port, [...session, '-q', '2', '-E'])
      for (const qos of ['1', '2']) {
        const stdin = Array.from({ length: 50 }, (_, i) => `${qos}:${i}\n`).join('')
        await mosquittoPub(broker.port, [...v, '-t', `${topic}/${qos}`, '-q', qos, '-l'], { stdin })
      }
      const expected = ['1', '2'].flatMap((qos) => Array.from({ length: 50 }, (_, i) => `${qos} ${qos}:${i}`))
      const out = await mosquittoSub(broker.port, [...session, '-q', '2', '-C', '100', '-F', '%q %p'])
      expect(out.trim().split('\n')).toEqual(expected)
      // Nothing is left: the next message is the first that comes.
      const again = start('mosquitto_sub', [
        '-h',
        '127.0.0.1',
        '-p',
        String(broker.port),
        ...session,
        '-q',
        '2',
        '-C',
        '1',
      ])
      await mosquittoPub(broker.port, [...v, '-t', `${topic}/1`, '-q', '1', '-m', 'new'])
      expect((await again.exit()).stdout).toBe('new\n')
    })

    test('a killed subscriber misses nothing of QoS 2', async () => {
      const topic = unique('killed')
      const id = unique('sub')
      const session = [...v, ...keep, '-t', topic, '-q', '2']
      const victim = await startMosquittoSub(broker, session, id)
      victim.kill('SIGKILL')
      await broker.gone(id)
      await mosquittoPub(broker.port, [...v, '-t', topic, '-q', '2', '-m', 'kept'])
      expect(await mosquittoSub(broker.port, [...session, '-i', id, '-C', '1', '-F', '%q %p'])).toBe('2 kept\n')
    })

    test('a clean session forgets', async () => {
      const topic = unique('clean')
      const id = unique('sub')
      await mosquittoSub(broker.port, [...v, ...keep, '-i', id, '-t', topic, '-q', '1', '-E'])
      await mosquittoPub(broker.port, [...v, '-t', topic, '-q', '1', '-m', 'old'])
      await mosquittoSub(broker.port, [...v, '-i', id, '-t', unique('other'), '-E'])
      const sub = start('mosquitto_sub', [
        '-h',
        '127.0.0.1',
        '-p',
        String(broker.port),
        ...v,
        ...keep,
        '-i',
        id,
        '-t',
        topic,
        '-q',
        '1',
        '-C',
        '1',
      ])
      await mosquittoPub(broker.port, [...v, '-t', topic, '-q', '1', '-m', 'new', '-r'])
      expect((await sub.exit()).stdout).toBe('new\n')
    })

    test('whoever comes with the same client id takes over', async () => {
      const id = unique('same')
      const first = await startMosquittoSub(broker, [...v, '-t', unique('t'), '-k', '60'], id)
      const topic = unique('t')
      const second = start('mosquitto_sub', [
        '-h',
        '127.0.0.1',
        '-p',
        String(broker.port),
        ...v,
        '-i',
        id,
        '-t',
        topic,
        '-q',
        '1',
        '-C',
        '1',
      ])
      await broker.gone(id)
      first.kill('SIGKILL')
      await mosquittoPub(broker.port, [...v, '-t', topic, '-q', '1', '-m', 'for the second', '-r'])
      expect((await second.exit()).stdout).toBe('for the second\n')
    })

    test('mosquitto_rr gets its answer', async () => {
      const topic = unique('rr')
      const rr = ['-h', '127.0.0.1', '-p', String(broker.port), ...v, '-i', unique('asker')]
      const answer = `${topic}/answer`
      // %R and %D are empty before MQTT 5.
      const responder = await startMosquittoSub(broker, [...v, '-t', topic, '-q', '1', '-C', '1', '-F', '%p|%R|%D'])
      const asker = start('mosquitto_rr', [
        ...rr,
        '-t',
        topic,
        '-e',
        answer,
        '-q',
        '1',
        '-m',
        'question',
        ...(version === 'mqttv5' ? ['-D', 'publish', 'correlation-data', 'c-1'] : []),
      ])
      const [question, to, correlation] = (await responder.exit()).stdout.trim().split('|')
      expect(question).toBe('question')
      if (version === 'mqttv5') expect([to, correlation]).toEqual([answer, 'c-1'])
      await mosquittoPub(broker.port, [...v, '-t', answer, '-q', '1', '-m', 'answer'])
      expect((await asker.exit()).stdout).toBe('answer\n')
    })
  })

  test('a session without expiry ends with its connection in MQTT 5', async () => {
    const topic = unique('short')
    const id = unique('sub')
    const session = ['-V', 'mqttv5', '-c', '-x', '0', '-i', id, '-t', topic, '-q', '1']
    await mosquittoSub(broker.port, [...session, '-E'])
    await broker.gone(id)
    await mosquittoPub(broker.port, ['-t', topic, '-q', '1', '-m', 'lost'])
    await mosquittoPub(broker.port, ['-t', topic, '-q', '1', '-m', 'first that comes', '-r'])
    expect(await mosquittoSub(broker.port, [...session, '-C', '1'])).toBe('first that comes\n')
  })
})
