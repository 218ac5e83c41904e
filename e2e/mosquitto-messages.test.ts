import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sharedBroker } from './support/broker.ts'
import { mosquittoPub, mosquittoSub, startMosquittoSub, versions } from './support/mosquitto.ts'
import { describeWith, mosquittoClients } from './support/peers.ts'
import type { Process } from './support/process.ts'
import { temporaryDirectory } from './support/temporary.ts'
import { unique } from './support/unique.ts'
import { eventually } from './support/within.ts'

describeWith([mosquittoClients], 'messages between mosquitto_pub and mosquitto_sub', () => {
  const broker = sharedBroker()

  describe.each(versions)('%s', (version) => {
    const v = ['-V', version]

    test.each([0, 1, 2])('QoS %d arrives as QoS %d', async (qos) => {
      const topic = unique('qos')
      const sub = await startMosquittoSub(broker, [
        ...v,
        '-t',
        topic,
        '-q',
        String(qos),
        '-C',
        '1',
        '-F',
        '%t %q %r %p',
      ])
      await mosquittoPub(broker.port, [...v, '-t', topic, '-q', String(qos), '-m', 'hello'])
      expect((await sub.exit()).stdout).toBe(`${topic} ${qos} 0 hello\n`)
    })

    test('the lower QoS of publication and subscription counts', async () => {
      const topic = unique('low')
      const sub = await startMosquittoSub(broker, [...v, '-t', topic, '-q', '1', '-C', '3', '-F', '%q %p'])
      for (const qos of ['2', '1', '0']) await mosquittoPub(broker.port, [...v, '-t', topic, '-q', qos, '-m', qos])
      expect((await sub.exit()).stdout).toBe('1 2\n1 1\n0 0\n')
    })

    test('a retained message is set, received by who comes later, replaced and cleared', async () => {
      const topic = unique('retained')
      const show = [...v, '-t', topic, '-q', '1', '-C', '1', '-F', '%r %p']
      const live = await startMosquittoSub(broker, show)
      await mosquittoPub(broker.port, [...v, '-t', topic, '-m', 'first', '-r', '-q', '1'])
      expect((await live.exit()).stdout).toBe('0 first\n')
      expect(await mosquittoSub(broker.port, show)).toBe('1 first\n')
      await mosquittoPub(broker.port, [...v, '-t', topic, '-m', 'second', '-r', '-q', '2'])
      expect(await mosquittoSub(broker.port, show)).toBe('1 second\n')
      await mosquittoPub(broker.port, [...v, '-t', topic, '-n', '-r', '-q', '1'])
      const after = await startMosquittoSub(broker, show)
      await mosquittoPub(broker.port, [...v, '-t', topic, '-m', 'not retained', '-q', '1'])
      expect((await after.exit()).stdout).toBe('0 not retained\n')
    })

    test('retained messages of many topics come through a wildcard', async () => {
      const root = unique('many')
      for (const name of ['a', 'b/c', 'b/d'])
        await mosquittoPub(broker.port, [...v, '-t', `${root}/${name}`, '-m', name, '-r', '-q', '1'])
      const out = await mosquittoSub(broker.port, [...v, '-t', `${root}/#`, '-C', '3', '-F', '%t %r %p'])
      expect(out.trim().split('\n').toSorted()).toEqual([`${root}/a 1 a`, `${root}/b/c 1 b/c`, `${root}/b/d 1 b/d`])
    })

    test('wildcards match what they must, and not topics that begin with $', async () => {
      const root = unique('wild')
      const one = await startMosquittoSub(broker, [...v, '-v', '-q', '1', '-C', '2', '-t', `${root}/+/x`])
      const all = await startMosquittoSub(broker, [...v, '-v', '-q', '1', '-C', '4', '-t', '#', '-R'])
      const dollar = await startMosquittoSub(broker, [...v, '-v', '-q', '1', '-C', '1', '-t', `$${root}/#`])
      for (const topic of [`$${root}/a`, `${root}/a/x`, `${root}/a/y`, `${root}/a/b/x`, `${root}//x`]) {
        await mosquittoPub(broker.port, [...v, '-q', '1', '-t', topic, '-m', 'm'])
      }
      expect((await one.exit()).stdout).toBe(`${root}/a/x m\n${root}//x m\n`)
      const seen = [`${root}/a/x`, `${root}/a/y`, `${root}/a/b/x`, `${root}//x`]
      expect((await all.exit()).stdout).toBe(seen.map((topic) => `${topic} m\n`).join(''))
      expect((await dollar.exit()).stdout).toBe(`$${root}/a m\n`)
    })

    test.each([1024, 65_536, 900 * 1024])('a binary payload of %d bytes arrives byte for byte', async (size) => {
      const topic = unique('large')
      const payload = randomBytes(size)
      const file = join(temporaryDirectory(), 'payload')
      writeFileSync(file, payload)
      for (const qos of ['0', '1', '2']) {
        const sub = await startMosquittoSub(broker, [...v, '-t', topic, '-q', qos, '-C', '1', '-N'])
        await mosquittoPub(broker.port, [...v, '-t', topic, '-q', qos, '-f', file])
        const { bytes } = await sub.exit()
        expect(bytes.equals(payload), `QoS ${qos}: ${bytes.length} bytes`).toBe(true)
      }
    })

    test('an empty payload arrives', async () => {
      const topic = unique('empty')
      const sub = await startMosquittoSub(broker, [...v, '-t', topic, '-q', '1', '-C', '1', '-F', '%l[%p]'])
      await mosquittoPub(broker.port, [...v, '-t', topic, '-q', '1', '-n'])
      expect((await sub.exit()).stdout).toBe('0[]\n')
    })

    test('a thousand lines of stdin arrive in order', async () => {
      const topic = unique('lines')
      const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join('')
      const sub = await startMosquittoSub(broker, [...v, '-t', topic, '-q', '2', '-C', '1000'])
      await mosquittoPub(broker.port, [...v, '-t', topic, '-q', '2', '-l'], { stdin: lines })
      expect((await sub.exit()).stdout).toBe(lines)
    })

    test('a shared subscription gives each message to one of its members', async () => {
      const topic = unique('shared')
      const filter = `$share/group/${topic}`
      const members = [
        await startMosquittoSub(broker, [...v, '-t', filter, '-q', '1']),
        await startMosquittoSub(broker, [...v, '-t', filter, '-q', '1']),
      ]
      const all = await startMosquittoSub(broker, [...v, '-t', topic, '-q', '1', '-C', '100'])
      const lines = Array.from({ length: 100 }, (_, i) => `${i}\n`).join('')
      await mosquittoPub(broker.port, [...v, '-t', topic, '-q', '1', '-l'], { stdin: lines })
      expect((await all.exit()).stdout).toBe(lines)
      const linesOf = (member: Process): number[] =>
        member.stdout
          .split('\n')
          .filter((line) => line !== '')
          .map(Number)
      const got = (): number[][] => members.map(linesOf)
      await eventually(
        () => got().flat().length >= 100,
        () => `100 lines: ${JSON.stringify(got())}`,
      )
      const ascending = (numbers: number[]): number[] => numbers.toSorted((a, b) => a - b)
      expect(ascending(got().flat())).toEqual(Array.from({ length: 100 }, (_, i) => i))
      for (const each of got()) {
        expect(each.length).toBeGreaterThan(0)
        expect(each).toEqual(ascending(each))
      }
    })
  })
})
