import { encodeUtf8 } from '@isomq/kernel'
import { message, messages } from '@isomq/testkit'
import { expect, it, vi } from 'vitest'
import { crc32 } from '../src/crc32.ts'
import { contents, freshName, meddle, opened, texts } from './fresh.ts'

it('is the CRC-32 that everybody has', () => {
  expect(crc32(encodeUtf8('123456789'))).toBe(0xcbf43926)
  expect(crc32(encodeUtf8('6789'), crc32(encodeUtf8('12345')))).toBe(0xcbf43926)
})

it('a bit that flips costs one value, is told once, and never yields another payload or row', async () => {
  const name = freshName()
  const first = await opened({ name })
  await first.log('a').append(messages(3))
  await first.log('a').append([message({ text: 'whole' })])
  await first.table('t').write(['a', 'b'].map((key) => ({ key, value: encodeUtf8(key) })))
  await first.close()
  const kept = await contents(name)
  const segment = kept.find(([[kind]]) => kind === 'log')
  const row = kept.find(([[kind]]) => kind === 'row')
  const places = { log: (segment![1] as Uint8Array).length, row: (row![1] as Uint8Array).length }
  for (const [what, [key, value]] of [['log', segment!] as const, ['row', row!] as const])
    for (let place = 0; place < places[what]; place++) {
      const spoilt = (value as Uint8Array).slice()
      spoilt[place]! ^= 1 << (place % 8)
      await meddle(name, key as IDBValidKey, spoilt)
      const damaged = vi.fn()
      const storage = await opened({ name, damaged })
      for (let looks = 0; looks < 2; looks++) {
        expect(await texts(storage)).toEqual(what === 'log' ? ['whole'] : ['m0', 'm1', 'm2', 'whole'])
        expect(await storage.table('t').get('a')).toEqual(what === 'row' ? undefined : encodeUtf8('a'))
        const keys: string[] = []
        for await (const [each] of storage.table('t').scan('')) keys.push(each)
        expect(keys).toEqual(what === 'row' ? ['b'] : ['a', 'b'])
      }
      expect(damaged).toHaveBeenCalledOnce()
      expect((damaged.mock.calls[0]![0] as Error).message).toBe(
        what === 'log'
          ? 'records 0 to 2 of log a are passed over as damaged; damaged values so far: 1'
          : 'row "a" of table t is passed over as damaged; damaged values so far: 1',
      )
      await storage.close()
      await meddle(name, key as IDBValidKey, value)
    }
})

it('a value under the key of another is damaged', async () => {
  const name = freshName()
  const first = await opened({ name })
  await first.log('a').append(messages(1))
  await first.log('a').append(messages(1))
  await first.close()
  const [one, other] = (await contents(name)).filter(([[kind]]) => kind === 'log')
  await meddle(name, other![0] as IDBValidKey, one![1])
  const storage = await opened({ name })
  expect(await texts(storage)).toEqual(['m0'])
  await storage.close()
})
