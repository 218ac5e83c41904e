import { describe, expect, test, vi } from 'vitest'
import { createLog } from '../src/log.ts'
import { throttle } from '../src/throttle.ts'
import { nodeHost } from '../src/node-host.ts'

function lines(format: 'text' | 'json', level: 'info' | 'debug' = 'info') {
  const written: string[] = []
  return { written, log: createLog({ format, level }, (line) => written.push(line)) }
}

describe('text', () => {
  test('is one line with readable fields', () => {
    const { log, written } = lines('text')
    log.info({ url: 'mqtt://127.0.0.1:1883', port: 1883, user: undefined, name: 'a b' }, 'listening')
    expect(written).toHaveLength(1)
    expect(written[0]).toMatch(/^\d{4}-\S+Z INFO  listening url=mqtt:\/\/127\.0\.0\.1:1883 port=1883 name="a b"\n$/)
  })

  test('what a client sends cannot begin a line or steer a terminal', () => {
    const { log, written } = lines('text')
    const evil = 'x\n2026-01-01 INFO  forged\r\u001b[2J\u009b31m\u202e\u2028"'
    log.warn({ client: evil, detail: [evil] }, 'refused')
    expect(written[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u)
    expect(written[0]).toContain(String.raw`x\n2026`)
    expect(written[0]).toContain(String.raw`\u{9b}31m\u{202e}`)
  })

  test('long texts are cut', () => {
    const { log, written } = lines('text')
    log.info({ client: 'a'.repeat(65_535) }, 'x')
    expect(written[0]?.length).toBeLessThan(600)
  })

  test('an error shows its stack in indented lines, one that a client caused cannot forge more', () => {
    const { log, written } = lines('text')
    log.error({ err: new Error('bad\nforged line') }, 'fault')
    const [first, ...rest] = (written[0] ?? '').trimEnd().split('\n')
    expect(first).toContain(String.raw`ERROR fault error="bad\nforged line"`)
    expect(rest.length).toBeGreaterThan(1)
    for (const line of rest) expect(line).toMatch(/^ {4}\S/)
  })
})

test('JSON is one object a line, controls escaped', () => {
  const { log, written } = lines('json')
  log.info({ client: 'a\n\u009b\u2028' }, 'connected')
  expect(written[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\p{Zl}]/u)
  expect(JSON.parse(written[0] ?? '')).toMatchObject({ level: 30, msg: 'connected', client: 'a\n\u009b\u2028' })
})

test('a lower level is not written', () => {
  const { log, written } = lines('text')
  log.debug('x')
  expect(written).toEqual([])
})

test('a throttle lets the first calls of each span pass and tells how many did not', () => {
  vi.useFakeTimers()
  const suppressed = vi.fn()
  const { clock } = nodeHost(() => undefined)
  const passes = throttle({ clock, count: 2, span: 1000, suppressed })
  expect([passes(), passes(), passes(), passes()]).toEqual([true, true, false, false])
  vi.advanceTimersByTime(1000)
  expect(suppressed.mock.calls).toEqual([[2]])
  expect(passes()).toBe(true)
  vi.advanceTimersByTime(5000)
  expect(suppressed).toHaveBeenCalledTimes(1)
  vi.useRealTimers()
})
