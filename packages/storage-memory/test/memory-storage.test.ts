import { BrokerError } from '@isomq/kernel'
import {
  brokenStorage,
  type Case,
  delayOn,
  failingStorage,
  fakeClock,
  message,
  messages,
  select,
  slowStorage,
  storageFaults,
  type StorageHarness,
  storageSuite,
} from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { memoryStorage } from '../src/index.ts'

const forgetful = { reopen: 'memory forgets with its process' }
const { cases, skipped } = select(storageSuite, { ...forgetful, failing: 'memory does not fail' })
const withFailures = select(storageSuite, forgetful)

describe('memoryStorage keeps the contract', () => {
  for (const each of cases) {
    it(each.name, async () => {
      const storage = memoryStorage()
      await each.run({ storage, close: () => storage.close() })
    })
  }
  for (const each of skipped) it.skip(`${each.name} (${each.reason})`)
})

describe('failingStorage keeps the contract', () => {
  for (const each of withFailures.cases) it(each.name, () => each.run(failingHarness()))
})

describe('slowStorage keeps the contract', () => {
  for (const each of cases) {
    it(each.name, async () => {
      const storage = slowStorage(memoryStorage(), () => Promise.resolve().then(() => undefined))
      await each.run({ storage, close: () => storage.close().catch(() => undefined) })
    })
  }
})

describe('the suite rejects a storage with the fault:', () => {
  for (const fault of storageFaults) {
    it(fault, async () => {
      const failed = await failures(withFailures.cases, fault)
      expect(failed).not.toEqual([])
    })
  }
})

describe('failingStorage', () => {
  it('fails the calls it is told to fail, with the code it is told', async () => {
    const asked: number[] = []
    const storage = failingStorage(memoryStorage(), {
      failCommit: (n) => (n === 2 ? 'quota-exceeded' : undefined),
      failRead: (n) => (asked.push(n) === 2 ? 'storage-failed' : undefined),
    })
    const log = storage.log('a')
    expect(await log.append(messages(1))).toBe(0)
    await expect(log.append(messages(1))).rejects.toMatchObject({ code: 'quota-exceeded' })
    expect(await log.append(messages(1))).toBe(1)
    expect(await log.range()).toEqual({ start: 0, end: 2 })
    await expect(log.range()).rejects.toBeInstanceOf(BrokerError)
    expect(asked).toEqual([1, 2])
  })
})

describe('slowStorage', () => {
  it('lets commits wait side by side and take effect after the delay', async () => {
    const clock = fakeClock()
    const inner = memoryStorage()
    const storage = slowStorage(inner, delayOn(clock, 10))
    const resolved: number[] = []
    const commits = [0, 1, 2].map(async (n) => {
      await storage.commit({ appends: [{ log: 'a', records: [message({ text: `${n}` })] }], writes: [] })
      resolved.push(n)
    })
    clock.advance(9)
    await Promise.resolve()
    expect(resolved).toEqual([])
    expect(await inner.log('a').range()).toEqual({ start: 0, end: 0 })
    clock.advance(1)
    await Promise.all(commits)
    expect(resolved).toEqual([0, 1, 2])
  })
})

describe('memoryStorage', () => {
  it('resolves every commit with one promise that is already resolved', async () => {
    const storage = memoryStorage()
    const first = storage.commit({ appends: [{ log: 'a', records: messages(1) }], writes: [] })
    const second = storage.commit({ appends: [{ log: 'a', records: messages(1) }], writes: [] })
    expect(first).toBe(second)
    await first
  })

  it('lets go of trimmed messages', async () => {
    const storage = memoryStorage()
    const log = storage.log('a')
    await log.append(messages(3000))
    await log.trim(2500)
    expect((await log.get([2499, 2500])).map((record) => record?.offset)).toEqual([undefined, 2500])
    expect(await log.range()).toEqual({ start: 2500, end: 3000 })
  })

  it('passes on what a filter throws', async () => {
    const log = memoryStorage().log('a')
    await log.append(messages(1))
    const failing = log.read(0, {
      limit: 1,
      where: () => {
        throw new TypeError('filter')
      },
    })
    await expect(failing).rejects.toThrow('filter')
  })

  it('leaves out of a running scan what is deleted meanwhile', async () => {
    const table = memoryStorage().table('a')
    await table.write(['a', 'b', 'c'].map((key) => ({ key, value: new Uint8Array(1) })))
    const seen: string[] = []
    for await (const [key] of table.scan('')) {
      seen.push(key)
      await table.write([{ key: 'b', value: undefined }])
    }
    expect(seen).toEqual(['a', 'c'])
  })
})

function failingHarness(fault?: string): StorageHarness {
  let failing = false
  const memory = memoryStorage()
  const broken = fault === undefined ? memory : brokenStorage(memory, fault)
  const failer = failingStorage(broken, {
    failCommit: () => {
      const code = failing ? 'storage-failed' : undefined
      failing = false
      return code
    },
  })
  return {
    // Faults in how a failure is passed on lie outside of what fails.
    storage: fault === 'rejects with any error' ? brokenStorage(failer, fault) : failer,
    failNextCommit: () => {
      failing = true
    },
    close: () => memory.close(),
  }
}

async function failures(suite: readonly Case<StorageHarness>[], fault: string): Promise<string[]> {
  const failed: string[] = []
  for (const each of suite) {
    await each.run(failingHarness(fault)).catch(() => failed.push(each.name))
  }
  return failed
}
