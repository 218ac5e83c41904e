import { message, messages } from '@isomq/testkit'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { contents, freshName, meddle, opened, texts, textOf } from './fresh.ts'

afterEach(() => void vi.restoreAllMocks())

/** The keys of the values of a log: first offset, count and length of each. */
async function segments(name: string, log: string = 'a'): Promise<readonly (readonly number[])[]> {
  const keys = (await contents(name)).map(([key]) => key)
  return keys.filter(([kind, of]) => kind === 'log' && of === log).map((key) => key.slice(2) as number[])
}

describe('a log', () => {
  it('gets one value from all commits that wait together', async () => {
    const name = freshName()
    const storage = await opened({ name })
    const put = vi.spyOn(IDBObjectStore.prototype, 'put')
    await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        storage.commit({
          appends: [
            { log: 'a', records: messages(2, 'a', i * 2) },
            { log: 'b', records: messages(1, 'b', i) },
          ],
          writes: [],
        }),
      ),
    )
    // A value for each log, and what the database says of itself.
    expect(put).toHaveBeenCalledTimes(3)
    expect((await segments(name)).map(([first, count]) => [first, count])).toEqual([[0, 200]])
    expect((await segments(name, 'b')).map(([first, count]) => [first, count])).toEqual([[0, 100]])
    expect(await texts(storage, 'b')).toEqual(Array.from({ length: 100 }, (_, i) => `b${i}`))
    await storage.close()
  })

  it('keeps a value below 60,000 bytes, and a record that is larger in a value of its own', async () => {
    const name = freshName()
    const storage = await opened({ name })
    const sizes = [10, 70_000, 20, ...Array.from({ length: 30 }, () => 5000), 200_000]
    await storage.log('a').append(sizes.map((size) => message({ payload: new Uint8Array(size).fill(size) })))
    const kept = await segments(name)
    expect(kept.map(([, count]) => count)).toEqual([1, 1, 12, 11, 8, 1])
    for (const [, count, size] of kept) expect(count === 1 || size! <= 60_000).toBe(true)
    const { records } = await storage.log('a').read(0, { limit: 100 })
    expect(records.map((each) => each.message.payload.length)).toEqual(sizes)
    await storage.close()
  })

  it('that gets records one by one has few values in the end, and none was written often', async () => {
    const name = freshName()
    let storage = await opened({ name })
    const put = vi.spyOn(IDBObjectStore.prototype, 'put')
    const count = 3000
    for (let i = 0; i < count; i++) {
      expect(await storage.log('a').append([message({ text: `m${i}`.padEnd(150) })])).toBe(i)
      if (i % 700 !== 699) continue
      await storage.close()
      storage = await opened({ name })
    }
    const written = put.mock.calls.reduce((sum, [value]) => sum + (value instanceof Uint8Array ? value.length : 0), 0)
    const kept = await segments(name)
    const bytes = kept.reduce((sum, [, , size]) => sum + size!, 0)
    expect(kept.length).toBeLessThan(bytes / 30_000 + 32)
    expect(written / bytes).toBeLessThan(4)
    expect((await texts(storage)).map((text) => text?.trimEnd())).toEqual(
      Array.from({ length: count }, (_, i) => `m${i}`),
    )
    await storage.close()
  })

  it('can be read while its values are merged and trimmed', async () => {
    const storage = await opened()
    const log = storage.log('a')
    const written = { end: 0 }
    const writing = (async () => {
      for (; written.end < 600; written.end++) {
        await log.append([message({ text: `m${written.end}` })])
        if (written.end % 50 === 49) await log.trim(written.end - 120)
      }
    })()
    for (let looks = 0; written.end < 600; looks++) {
      const known = written.end
      const from = Math.max(0, known - 60)
      const [{ records }, got] = await Promise.all([
        log.read(from, { limit: 50 }),
        log.get(Array.from({ length: 10 }, (_, i) => from + i)),
      ])
      expect(records.map(textOf)).toEqual(records.map(({ offset }) => `m${offset}`))
      expect(records.length).toBe(Math.min(50, Math.max(known, records.length)))
      for (const [i, record] of got.entries()) if (from + i < known) expect(textOf(record)).toBe(`m${from + i}`)
      expect(looks).toBeLessThan(100_000)
      await new Promise((resolve) => void setImmediate(resolve))
    }
    await writing
    await storage.close()
  })

  it('forgets whole values when it is trimmed, and what is below within one that stays', async () => {
    const name = freshName()
    const storage = await opened({ name })
    for (let i = 0; i < 3; i++) await storage.log('a').append(messages(10, 'm', i * 10))
    await storage.log('a').trim(14)
    expect((await segments(name)).map(([first]) => first)).toEqual([10, 20])
    expect(await storage.log('a').range()).toEqual({ start: 14, end: 30 })
    expect((await storage.log('a').get([13, 14])).map(textOf)).toEqual([undefined, 'm14'])
    await storage.log('a').trim(30)
    expect(await segments(name)).toEqual([])
    await storage.close()
  })

  it('passes over what is missing or no such value, tells of it once, and takes what comes', async () => {
    const name = freshName()
    const damaged = vi.fn()
    const first = await opened({ name })
    for (let i = 0; i < 4; i++) await first.log('a').append(messages(10, 'm', i * 10))
    await first.close()
    const keys = (await contents(name)).map(([key]) => key).filter(([kind]) => kind === 'log')
    const storage = await opened({ name, damaged })
    await meddle(name, keys[1] as IDBValidKey)
    await meddle(name, keys[2] as IDBValidKey, new Uint8Array(keys[2]![4] as number).fill(255))
    for (let i = 0; i < 2; i++) {
      expect((await texts(storage)).map((text) => Number(text?.slice(1)))).toEqual(
        Array.from({ length: 20 }, (_, i) => (i < 10 ? i : i + 20)),
      )
      expect(await storage.log('a').get([15, 25, 30])).toMatchObject([undefined, undefined, { offset: 30 }])
    }
    expect(damaged.mock.calls.map(([error]) => (error as Error).message)).toEqual([
      'records 10 to 19 of log a are passed over as damaged; damaged values so far: 1',
      'records 20 to 29 of log a are passed over as damaged; damaged values so far: 2',
    ])
    expect(await storage.log('a').append(messages(1, 'm', 40))).toBe(40)
    await storage.close()
    // Once it is known from the beginning that it is missing it is a gap.
    const again = await opened({ name, damaged })
    expect((await texts(again)).length).toBe(21)
    expect(await again.log('a').range()).toEqual({ start: 0, end: 41 })
    await again.close()
  })
})

describe('what is kept and handed out', () => {
  it('pins nothing larger than itself', async () => {
    const name = freshName()
    const storage = await opened({ name })
    const large = new Uint8Array(1_000_000).fill(7)
    await storage.commit({
      appends: [{ log: 'a', records: messages(100) }],
      writes: [{ table: 't', changes: [{ key: 'k', value: large.subarray(10, 12) }] }],
    })
    const [record] = await storage.log('a').get([50])
    expect(record!.message.payload.buffer.byteLength).toBeLessThan(200)
    const row = (await contents(name)).find(([[kind]]) => kind === 'row')![1] as Uint8Array
    expect(row.buffer.byteLength).toBe(2 + 4)
    await storage.close()
  })

  it('more rows than are read at a time come in order, also those that come meanwhile', async () => {
    const storage = await opened()
    const table = storage.table('t')
    const keys = Array.from({ length: 1000 }, (_, i) => String(i).padStart(4, '0'))
    await table.write(keys.map((key) => ({ key, value: new Uint8Array(1) })))
    const seen: string[] = []
    for await (const [key] of table.scan('')) {
      seen.push(key)
      if (seen.length === 1) await table.write([{ key: '9999', value: new Uint8Array(1) }])
    }
    expect(seen).toEqual([...keys, '9999'])
    await storage.close()
  })
})
