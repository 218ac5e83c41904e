import type { IPublishPacket } from 'mqtt-packet'
import { expect, test } from 'vitest'
import type { SubFlags } from '../src/commands/sub.ts'
import { printer } from '../src/commands/sub-printer.ts'

function run(
  flags: Partial<SubFlags>,
  messages: Partial<IPublishPacket>[],
): { out: string; done: number[]; removed: string[]; taken: boolean[] } {
  const out: Buffer[] = []
  const done: number[] = []
  const removed: string[] = []
  const take = printer(
    { keepalive: 60, protocolVersion: 5, qos: 0, ...flags },
    { print: (bytes) => out.push(bytes), done: (code) => done.push(code), remove: (topic) => removed.push(topic) },
  )
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
