// Commits one pair of a record and a row after the other and says what became of each, on a line of its own.
import { writeSync } from 'node:fs'
import { lmdbStorage } from '@isomq/storage-lmdb'

const [path, durability, count] = process.argv.slice(2)
const say = (line) => writeSync(1, `${line}\n`)
const bytes = (text) => new TextEncoder().encode(text)
const storage = lmdbStorage({ path, durability })
const { end } = await storage.log('log').range()
for (let i = 0; i < Number(count); i++) {
  const text = String(end + i)
  const record = { topic: 't', payload: bytes(text), qos: 1, retain: false, publisher: 'p', timestamp: 0 }
  say(`begin ${i}`)
  try {
    await storage.commit({
      appends: [{ log: 'log', records: [record, record] }],
      writes: [{ table: 'table', changes: [{ key: `${process.pid} ${i}`, value: bytes(text) }] }],
    })
    say(`kept ${i}`)
  } catch (error) {
    say(`refused ${i} ${error.code}`)
  }
}
const { records } = await storage.log('log').read(0, { limit: 1_000_000 })
say(`records ${records.map(({ offset }) => offset).join()}`)
const keys = []
for await (const [key] of storage.table('table').scan('')) keys.push(key.split(' ')[1])
say(`rows ${keys.join()}`)
await storage.close()
