import { BrokerError } from '@isomq/kernel'
import { describe, expect, it } from 'vitest'
import { assert, type Case, deepEqual, equal, equalBytes, rejects, select } from '../src/index.ts'

describe('assertions', () => {
  it('equal compares values as Object.is does and names what differs', () => {
    equal(Number.NaN, Number.NaN, 'x')
    expect(() => equal('a', 'b', 'the name')).toThrow("the name: expected 'b', got 'a'")
    expect(() => equal(0, -0, 'x')).toThrow('x')
  })

  it('deepEqual compares content and names the place', () => {
    deepEqual({ a: [1, { b: new Uint8Array([1]) }] }, { a: [1, { b: Buffer.from([1]) }], c: undefined }, 'x')
    expect(() => deepEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] }, 'x')).toThrow('x.a.1.b: expected 3, got 2')
    expect(() => deepEqual({ a: undefined }, { a: false }, 'x')).toThrow('x.a')
    expect(() => deepEqual([1], [1, 2], 'x')).toThrow('expected 2 elements')
    expect(() => deepEqual([], {}, 'x')).toThrow('x')
    expect(() => deepEqual(null, {}, 'x')).toThrow('x')
    expect(() => deepEqual(new Uint8Array([1]), [1], 'x')).toThrow('x')
    expect(() => deepEqual({ extra: 1 }, {}, 'x')).toThrow('x.extra')
  })

  it('equalBytes names the first byte that differs, or the length', () => {
    equalBytes(new Uint8Array([1, 2]), Buffer.from([1, 2]), 'x')
    expect(() => equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 3]), 'x')).toThrow('byte 1 is 2, expected 3')
    expect(() => equalBytes(new Uint8Array([1]), new Uint8Array([1, 3]), 'x')).toThrow('length')
  })

  it('rejects demands a BrokerError of the code', async () => {
    const error = new BrokerError('storage-failed')
    expect(await rejects(Promise.reject(error), 'storage-failed', 'x')).toBe(error)
    await expect(rejects(Promise.reject(error), 'timeout', 'x')).rejects.toThrow('code')
    await expect(rejects(Promise.reject(new Error('y')), 'timeout', 'x')).rejects.toThrow('no BrokerError')
    await expect(rejects(Promise.resolve(1), 'timeout', 'x')).rejects.toThrow('expected a rejection')
  })

  it('assert throws its message', () => {
    assert(true, 'x')
    expect(() => assert(false, 'the message')).toThrow('the message')
  })
})

const run = (): Promise<void> => Promise.resolve()

describe('select', () => {
  const suite: readonly Case<undefined>[] = [
    { name: 'a', run },
    { name: 'b', needs: ['wings'], run },
    { name: 'c', needs: ['wings', 'fins'], run },
  ]

  it('leaves out what needs a missing feature, with the reason', () => {
    const { cases, skipped } = select(suite, { wings: 'it walks' })
    expect(cases.map(({ name }) => name)).toEqual(['a'])
    expect(skipped).toEqual([
      { name: 'b', reason: 'it walks' },
      { name: 'c', reason: 'it walks' },
    ])
    expect(select(suite).cases.length).toBe(3)
  })

  it('refuses an excuse no case needs', () => {
    expect(() => select(suite, { gills: 'none' })).toThrow('gills')
  })
})
