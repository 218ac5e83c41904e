import type { IPublishPacket } from 'mqtt-packet'
import { expect, test } from 'vitest'
import { printer, type PrintFlags } from '../src/commands/sub-printer.ts'

function run(
  flags: PrintFlags,
  messages: Partial<IPublishPacket>[],
  random: number[] = [],
): { out: string; done: number[]; removed: string[]; taken: boolean[] } {
  const out: Buffer[] = []
  const done: number[] = []
  const removed: string[] = []
  const take = printer(flags, {
    print: (bytes) => out.push(bytes),
    done: (code) => done.push(code),
    remove: (topic) => removed.push(topic),
    random: () => random.shift() ?? 0,
  })
  const taken = messages.map((change) =>
    take({ cmd: 'publish', topic: 'a/b', payload: Buffer.from('x'), qos: 0, retain: false, dup: false, ...change }),
  )
  return { out: Buffer.concat(out).toString(), done, removed, taken }
}
const empty = Buffer.alloc(0)

test.each([
  ['payload', {}, 'x\n'],
  ['-v', { verbose: true }, 'a/b x\n'],
  ['-N', { N: true }, 'x'],
  ['-F', { F: '%q|%t' }, '0|a/b\n'],
])('%s', (_, flags, out) => expect(run(flags, [{}]).out).toBe(out))

test('an empty payload is (null) with -v', () => {
  expect(run({ verbose: true }, [{ payload: empty }]).out).toBe('a/b (null)\n')
  expect(run({}, [{ payload: empty }]).out).toBe('\n')
})

test('-C counts what is printed', () => {
  const result = run({ C: 2, filterOut: ['no/#'], R: true }, [
    {},
    { topic: 'no/1' },
    { retain: true },
    { payload: Buffer.from('y') },
  ])
  expect(result).toMatchObject({ out: 'x\ny\n', done: [0] })
})

test('--retained-only ends at the first other message, which stays unacknowledged', () => {
  expect(run({ retainedOnly: true }, [{ retain: true }, {}])).toMatchObject({
    out: 'x\n',
    done: [0],
    taken: [true, false],
  })
})

test('--remove-retained clears what is not filtered out', () => {
  const messages = [{ retain: true, topic: 'a' }, { retain: true, topic: 'keep/b' }, { topic: 'c' }]
  expect(run({ removeRetained: true, filterOut: ['keep/+'] }, messages).removed).toEqual(['a'])
})

test('--random-filter prints its part by chance; -C counts the others too', () => {
  const payloads = ['a', 'b', 'c', 'd'].map((text) => ({ payload: Buffer.from(text) }))
  const result = run({ randomFilter: 50, C: 4 }, payloads, [0.49, 0.5, 0.99, 0])
  expect(result).toMatchObject({ out: 'a\nd\n', done: [0] })
  expect(run({ randomFilter: 100 }, payloads, [0.999999, 0, 0, 0]).out).toBe('a\nb\nc\nd\n')
})

test('--pretty spreads JSON over lines', () => {
  expect(run({ F: '%J', pretty: true }, [{ payload: Buffer.from('[1]') }]).out).toMatch(
    /^\{\n\t"tst":\t"[^"]+",\n\t"topic":\t"a\/b",\n[^]*\t"payload":\t\[1\]\n\}\n$/,
  )
})
