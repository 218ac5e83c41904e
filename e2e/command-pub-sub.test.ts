import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isomq, startIsomq } from './support/isomq.ts'
import type { Exit, Process } from './support/process.ts'
import { describeTargets } from './support/targets.ts'
import { temporaryDirectory } from './support/temporary.ts'
import { unique } from './support/unique.ts'

describeTargets('isomq pub and isomq sub', (target) => {
  const at = (): string[] => ['-h', '127.0.0.1', '-p', String(target.port)]
  const startSub = async (args: readonly string[], where: readonly string[] = at()): Promise<Process> => {
    const id = unique('sub')
    const process = startIsomq(['sub', ...where, ...(args.includes('-i') ? [] : ['-i', id]), ...args])
    await target.subscribed(args.includes('-i') ? (args[args.indexOf('-i') + 1] ?? '') : id)
    return process
  }
  const pub = async (
    args: readonly string[],
    stdin: string | Uint8Array = '',
    where: readonly string[] = at(),
  ): Promise<void> => {
    expect(await isomq(['pub', ...where, ...args], { stdin })).toMatchObject({ code: 0, stdout: '', stderr: '' })
  }
  const output = async (process: Process): Promise<string> => {
    const { code, stdout, stderr } = await process.exit()
    expect([code, stderr]).toEqual([0, ''])
    return stdout
  }

  describe.each(['5', '3.1.1', '3.1'])('MQTT %s', (version) => {
    test('messages of every QoS', async () => {
      const topic = unique('qos')
      const sub = await startSub(['-V', version, '-t', topic, '-q', '2', '-C', '3', '-F', '%t %q %r %l %p'])
      for (const qos of ['0', '1', '2']) await pub(['-V', version, '-t', topic, '-q', qos, '-m', 'grüße'])
      expect(await output(sub)).toBe([0, 1, 2].map((qos) => `${topic} ${qos} 0 7 grüße\n`).join(''))
    })

    test('a kept session has what came meanwhile', async () => {
      const topic = unique('kept')
      const session = [
        '-V',
        version,
        '-c',
        '-i',
        unique('kept'),
        '-q',
        '2',
        '-t',
        topic,
        ...(version === '5' ? ['-x', '3600'] : []),
      ]
      expect(await isomq(['sub', ...at(), ...session, '-E'])).toMatchObject({ code: 0, stdout: '', stderr: '' })
      await pub(['-V', version, '-q', '1', '-t', topic, '-l'], 'one\ntwo\n')
      await pub(['-V', version, '-q', '2', '-t', topic, '-l'], 'three\nfour\n')
      expect(await isomq(['sub', ...at(), ...session, '-C', '4'])).toMatchObject({
        code: 0,
        stdout: 'one\ntwo\nthree\nfour\n',
      })
    })
  })

  test.each(['0', '1', '2'])('-l: a thousand lines at QoS %s, empty ones left out', async (qos) => {
    const topic = unique('lines')
    const sub = await startSub(['-t', topic, '-q', qos, '-C', '1000'])
    const lines = Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join('')
    await pub(['-t', topic, '-q', qos, '-l'], `\n${lines}\n`.replace('line 500\n', 'line 500\n\n'))
    expect(await output(sub)).toBe(lines)
  })

  test('-s, -f, -n: stdin, a file, nothing; large and binary', async () => {
    const topic = unique('bytes')
    const payload = randomBytes(900_000)
    const file = join(temporaryDirectory(), 'payload')
    writeFileSync(file, payload)
    for (const [args, stdin] of [
      [['-s'], payload],
      [['-f', file], ''],
    ] as const) {
      const sub = await startSub(['-t', topic, '-q', '1', '-C', '1', '-N'])
      await pub(['-t', topic, '-q', '1', ...args], stdin)
      const { bytes } = await sub.exit()
      expect(bytes.equals(payload), `${args.join(' ')}: ${bytes.length} bytes`).toBe(true)
    }
    const sub = await startSub(['-t', topic, '-q', '1', '-C', '1', '-v'])
    await pub(['-t', topic, '-q', '1', '-n'])
    expect(await output(sub)).toBe(`${topic} (null)\n`)
  })

  test('--repeat publishes so many times', async () => {
    const topic = unique('repeat')
    const sub = await startSub(['-t', topic, '-q', '1', '-C', '3'])
    await pub(['-t', topic, '-q', '1', '-m', 'again', '--repeat', '3', '--repeat-delay', '0.01'])
    expect(await output(sub)).toBe('again\nagain\nagain\n')
  })

  test('retained messages: -r, -R, --retained-only, --remove-retained', async () => {
    const topic = unique('retained')
    await pub(['-t', `${topic}/a`, '-q', '1', '-m', 'kept', '-r'])
    const show = ['sub', ...at(), '-t', `${topic}/#`, '-q', '1']
    expect((await isomq([...show, '-C', '1', '-F', '%r %p'])).stdout).toBe('1 kept\n')
    const id = unique('no-retained')
    const without = await startSub(['-i', id, '-t', `${topic}/#`, '-q', '1', '-R', '-C', '1'])
    await pub(['-t', `${topic}/b`, '-q', '1', '-m', 'live'])
    expect(await output(without)).toBe('live\n')
    const only = await startSub(['-t', `${topic}/#`, '-q', '1', '--retained-only'])
    await pub(['-t', `${topic}/b`, '-q', '1', '-m', 'live'])
    expect(await output(only)).toBe('kept\n')
    expect((await isomq([...show, '--remove-retained', '-C', '1'])).stdout).toBe('kept\n')
    const after = await startSub(['-t', `${topic}/#`, '-q', '1', '-C', '1'])
    await pub(['-t', `${topic}/b`, '-q', '1', '-m', 'nothing is left'])
    expect(await output(after)).toBe('nothing is left\n')
  })

  test('the will of a sub that is killed, and none of one that ends', async () => {
    const topic = unique('will')
    const watcher = await startSub(['-t', `${topic}/#`, '-q', '2', '-C', '1', '-F', '%t %q %r %p'])
    const will = (name: string): string[] => [
      '--will-topic',
      `${topic}/${name}`,
      '--will-payload',
      name,
      '--will-qos',
      '2',
      '--will-retain',
    ]
    const polite = await startSub(['-t', unique('x'), ...will('polite')])
    polite.kill('SIGTERM')
    expect((await polite.exit()).code).toBe(0)
    const victim = await startSub(['-t', unique('x'), ...will('victim')])
    victim.kill('SIGKILL')
    expect(await output(watcher)).toBe(`${topic}/victim 2 0 victim\n`)
    expect((await isomq(['sub', ...at(), '-t', `${topic}/#`, '-C', '1', '-F', '%r %p'])).stdout).toBe('1 victim\n')
  })

  test('-v, -N, -T, several -t, -F with everything', async () => {
    const topic = unique('format')
    const plain = await startSub([
      '-t',
      `${topic}/a`,
      '-t',
      `${topic}/b/+`,
      '-T',
      `${topic}/b/no`,
      '-q',
      '1',
      '-v',
      '-N',
      '-C',
      '2',
    ])
    const format = await startSub([
      '-t',
      `${topic}/#`,
      '-q',
      '1',
      '-C',
      '1',
      '-F',
      '%t|%p|%x|%X|%q|%r|%l|%%|\\t|%10p|%-4p|%C|%R|%D|%P|%j',
    ])
    const flags = [
      ['-D', 'publish', 'content-type', 'text/plain', '-D', 'publish', 'response-topic', 'answer'],
      ['-D', 'publish', 'correlation-data', 'cd'],
      ['-D', 'publish', 'user-property', 'a', '1', '-D', 'publish', 'user-property', 'a', '2'],
    ].flat()
    await pub(['-t', `${topic}/a`, '-q', '1', '-m', 'hi', ...flags])
    await pub(['-t', `${topic}/b/no`, '-q', '1', '-m', 'no'])
    await pub(['-t', `${topic}/b/c`, '-q', '1', '-m', 'x'])
    expect(await output(plain)).toBe(`${topic}/a hi${topic}/b/c x`)
    const [shown = '', json = ''] = (await output(format)).split(/\|(?=\{)/)
    expect(shown).toBe(`${topic}/a|hi|6869|6869|1|0|2|%|\t|        hi|hi  |text/plain|answer|cd|a:1 a:2`)
    expect(JSON.parse(json)).toMatchObject({
      topic: `${topic}/a`,
      qos: 1,
      retain: 0,
      payloadlen: 2,
      payload: 'hi',
      properties: { 'content-type': 'text/plain', 'user-properties': { a: ['1', '2'] } },
    })
  })

  test('-W ends with code 27, -C with 0; -E when subscribed', async () => {
    const topic = unique('time')
    const late = await isomq(['sub', ...at(), '-t', topic, '-W', '0.2'])
    expect([late.code, late.stdout, late.stderr]).toEqual([27, '', 'Timed out\n'])
    expect(await isomq(['sub', ...at(), '-t', topic, '-E'])).toMatchObject({ code: 0, stdout: '', stderr: '' })
  })

  test('-U unsubscribes a kept session', async () => {
    const topic = unique('unsubscribe')
    const session = ['sub', ...at(), '-c', '-i', unique('kept'), '-q', '1']
    await isomq([...session, '-t', `${topic}/a`, '-t', `${topic}/b`, '-E'])
    await isomq([...session, '-U', `${topic}/a`, '-t', `${topic}/b`, '-E'])
    await pub(['-t', `${topic}/a`, '-q', '1', '-m', 'a'])
    await pub(['-t', `${topic}/b`, '-q', '1', '-m', 'b'])
    expect((await isomq([...session, '-t', `${topic}/b`, '-C', '1', '-v'])).stdout).toBe(`${topic}/b b\n`)
  })

  test('-L: the URL of a TCP listener with a topic, and that of a WebSocket listener', async () => {
    const topic = `${unique('url')}/with space`
    const url = `mqtt://127.0.0.1:${target.port}/${encodeURIComponent(topic)}`
    const tcp = await startSub(['-q', '1', '-C', '2', '-v'], ['-L', url])
    const web = await startSub(['-t', topic, '-q', '1', '-C', '2', '-v'], ['-L', target.webSocketUrl])
    const old = await startSub(['-V', '3.1', '-t', topic, '-q', '1', '-C', '2', '-v'], ['-L', target.webSocketUrl])
    await pub(['-q', '1', '-m', 'over TCP'], '', ['-L', url])
    await pub(['-t', topic, '-q', '2', '-m', 'over WebSocket'], '', ['-L', target.webSocketUrl])
    const expected = `${topic} over TCP\n${topic} over WebSocket\n`
    expect([await output(tcp), await output(web), await output(old)]).toEqual([expected, expected, expected])
  })

  test('-d shows the packets', async () => {
    const { code, stderr }: Exit = await isomq([
      'pub',
      ...at(),
      '-i',
      'shown',
      '-t',
      unique('debug'),
      '-q',
      '2',
      '-m',
      'x',
      '-d',
    ])
    expect(code).toBe(0)
    const packets = [...stderr.matchAll(/^Client shown (sent|received) (\w+)/gm)].map(
      ([, direction, name]) => `${direction} ${name}`,
    )
    expect(packets).toEqual([
      'sent CONNECT',
      'received CONNACK',
      'sent PUBLISH',
      'received PUBREC',
      'sent PUBREL',
      'received PUBCOMP',
      'sent DISCONNECT',
    ])
  })
})
