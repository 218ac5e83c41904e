import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { crc32, slowCrc32 } from '../src/crc32.ts'

it('is the one everybody knows', () => {
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
})

it('is the same with and without the help of the runtime, in one go and in two', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      expect(slowCrc32(b, slowCrc32(a))).toBe(crc32(b, crc32(a)))
      expect(slowCrc32(Buffer.concat([a, b]))).toBe(slowCrc32(b, slowCrc32(a)))
    }),
  )
})
