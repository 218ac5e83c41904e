import { rmSync } from 'node:fs'
import { type CDPSession, expect, type Page } from 'playwright/test'
import { buildStoragePage } from './browser-suites/build.ts'
import type { StoragePage } from './browser-suites/storage-page.ts'
import { needsChromium, test } from './support/browser.ts'
import { startChromium } from './support/own-chromium.ts'
import { Scope } from './support/scope.ts'
import { serveFolder, type Site } from './support/site.ts'
import { temporaryDirectory } from './support/temporary.ts'
import { unique } from './support/unique.ts'

// What the storage promises where only a real browser can break it.

needsChromium()

/** What each page has, and keeps. */
declare const indexedDbStorage: StoragePage['indexedDbStorage']
declare const message: StoragePage['message']
declare let storage: ReturnType<typeof indexedDbStorage>
declare let acknowledged: number
declare let failure: { readonly code: string; readonly message: string } | undefined

let folder: string
let site: Site
test.beforeAll(async () => {
  folder = await buildStoragePage()
  site = await serveFolder(folder)
})
test.afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Opens the database in a page that was loaded anew. Resolves with how it was found. */
async function open(page: Page, name: string): Promise<{ readonly epoch: number; readonly fresh: boolean }> {
  await page.goto(site.origin)
  await page.waitForFunction(() => 'indexedDbStorage' in globalThis)
  return await page.evaluate(async (database) => {
    Object.assign(globalThis, { storage: indexedDbStorage({ name: database }), acknowledged: 0, failure: undefined })
    return await storage.opened
  }, name)
}

/** Commits without end, from a number on: record, row and a row that is always the last number belong together. Five wait at a time. */
async function writeOnAndOn(page: Page, first: number = 0): Promise<void> {
  await page.evaluate((from) => {
    const bytes = (n: number): Uint8Array => new TextEncoder().encode(String(n))
    const commit = async (n: number): Promise<void> => {
      await storage.commit({
        appends: [
          { log: 'a', records: [message(`a${n}`), message(`b${n}`)] },
          { log: 'other', records: [message(`o${n}`)] },
        ],
        writes: [{ table: 't', changes: [`row${n}`, 'last'].map((key) => ({ key, value: bytes(n) })) }],
      })
      acknowledged = Math.max(acknowledged, n + 1)
    }
    void (async () => {
      for (let n = from; ; n += 5) await Promise.all([0, 1, 2, 3, 4].map((i) => commit(n + i)))
    })().catch((error: unknown) => {
      const { code, message: text } = error as { code: string; message: string }
      failure = { code, message: text }
    })
  }, first)
}

/** How many commits there are in the page's storage. Throws when one is there in parts. */
async function commitsIn(page: Page): Promise<number> {
  return await page.evaluate(async () => {
    const text = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes)
    const { end } = await storage.log('other').range()
    const { records } = await storage.log('a').read(0, { limit: 1_000_000 })
    const { records: others } = await storage.log('other').read(0, { limit: 1_000_000 })
    const expected = Array.from({ length: end }, (_, n) => [`a${n}`, `b${n}`])
    if (records.map((each) => text(each.message.payload)).join() !== expected.flat().join()) throw new Error('log a')
    if (others.map((each) => text(each.message.payload)).join() !== expected.map((_, n) => `o${n}`).join())
      throw new Error('the other log')
    if (end > 0 && text(await storage.table('t').get('last')) !== String(end - 1)) throw new Error('the last row')
    let rows = 0
    for await (const [key, value] of storage.table('t').scan('row')) {
      if (key !== `row${text(value)}`) throw new Error(`row ${key}`)
      rows++
    }
    if (rows !== end) throw new Error(`${rows} rows, ${end} commits`)
    return end
  })
}

function acknowledgedIn(page: Page): Promise<number> {
  return page.evaluate(() => acknowledged)
}

async function quota(session: CDPSession, quotaSize?: number): Promise<void> {
  await session.send('Storage.overrideQuotaForOrigin', { origin: site.origin, ...(quotaSize && { quotaSize }) })
}

test('two tabs that take the same database from each other never both write to it', async ({ context }) => {
  const name = unique('race')
  let [current, next] = [await context.newPage(), await context.newPage()]
  await open(current, name)
  await writeOnAndOn(current)
  for (let epoch = 2; epoch < 12; epoch++) {
    await current.waitForFunction(() => acknowledged > 20)
    expect(await open(next, name)).toEqual({ epoch, fresh: false })
    const { end } = await next.evaluate(() => storage.log('other').range())
    await writeOnAndOn(next, end)
    await current.waitForFunction(() => failure !== undefined)
    expect(await current.evaluate(() => failure)).toEqual({
      code: 'storage-failed',
      message: `another host has taken over the database ${name}`,
    })
    // What the earlier one has acknowledged was there when the later one came.
    expect(await acknowledgedIn(current)).toBeLessThanOrEqual(end)
    ;[current, next] = [next, current]
  }
  expect(await open(next, name)).toMatchObject({ epoch: 12 })
  expect(await commitsIn(next)).toBeGreaterThanOrEqual(await acknowledgedIn(current))
})

test('a tab that is killed in the middle of commits loses none that was acknowledged, and leaves none in parts', async ({
  context,
}) => {
  const name = unique('killed')
  let count = 0
  for (let round = 0; round < 8; round++) {
    const page = await context.newPage()
    expect(await open(page, name)).toEqual({ epoch: round + 1, fresh: round === 0 })
    const before = await commitsIn(page)
    expect(before).toBeGreaterThanOrEqual(count)
    await writeOnAndOn(page, before)
    await page.waitForFunction((least) => acknowledged > least, before + 20 + round * 7)
    count = await acknowledgedIn(page)
    if (round % 2 === 0) await page.close()
    else {
      const session = await context.newCDPSession(page)
      const crashed = page.waitForEvent('crash')
      // It does not live to answer.
      void session.send('Page.crash').catch(() => {})
      await crashed
      await page.close()
    }
  }
  const page = await context.newPage()
  await open(page, name)
  expect(await commitsIn(page)).toBeGreaterThanOrEqual(count)
})

test('a browser that is killed in the middle of commits loses none that was acknowledged, and leaves none in parts', async () => {
  const [name, scope] = [unique('killed'), new Scope()]
  try {
    const profile = temporaryDirectory(scope)
    let count = 0
    for (let round = 0; round < 4; round++) {
      const { page, kill } = await startChromium(profile, scope)
      expect(await open(page, name)).toEqual({ epoch: round + 1, fresh: round === 0 })
      const before = await commitsIn(page)
      expect(before).toBeGreaterThanOrEqual(count)
      await writeOnAndOn(page, before)
      await page.waitForFunction((least) => acknowledged > least, before + 50 + round * 7)
      count = await acknowledgedIn(page)
      await kill()
    }
    const { page } = await startChromium(profile, scope)
    await open(page, name)
    expect(await commitsIn(page)).toBeGreaterThanOrEqual(count)
  } finally {
    await scope.end()
  }
})

test('a full origin is a refusal; trimming and opening go on, and so does all when there is room', async ({
  page,
  context,
}) => {
  const name = unique('full')
  const session = await context.newCDPSession(page)
  await quota(session, 3_000_000)
  await open(page, name)
  const fillUp = (): Promise<{ count: number; code: string; end: number; row: number | undefined }> =>
    page.evaluate(async () => {
      for (let count = 0; ; count++) {
        const { end } = await storage.log('a').range()
        const row = (await storage.table('t').get('k'))?.length
        try {
          const changes = [{ key: 'k', value: new Uint8Array(end + 1) }]
          await storage.commit({
            appends: [{ log: 'a', records: [message(50_000)] }],
            writes: [{ table: 't', changes }],
          })
        } catch (error) {
          const { code } = error as { code: string }
          // Nothing of what was refused is there.
          const after = (await storage.log('a').range()).end
          if (after !== end) throw error
          return { count, code, end, row }
        }
      }
    })
  const first = await fillUp()
  expect(first).toMatchObject({ code: 'quota-exceeded', end: first.count, row: first.count })
  expect(first.count).toBeGreaterThan(30)
  // As full as it is it can be taken over, and trimmed.
  expect(await open(page, name)).toEqual({ epoch: 2, fresh: false })
  expect(await page.evaluate(() => storage.log('a').range())).toEqual({ start: 0, end: first.end })
  await page.evaluate(async (before) => {
    // Refused at first for want of room for the new beginning; the room is made all the same.
    for (let tries = 0; ; tries++) {
      try {
        await storage.log('a').trim(before)
        return
      } catch (error) {
        if (tries === 100) throw error
        await new Promise((resolve) => void setTimeout(resolve, 100))
      }
    }
  }, 25)
  const second = await fillUp()
  expect(second).toMatchObject({ code: 'quota-exceeded', end: first.end + second.count, row: second.end })
  expect(second.count).toBeGreaterThan(10)
  await quota(session)
  expect(await page.evaluate(() => storage.log('a').append([message(50_000)]))).toBe(second.end)
  await open(page, name)
  expect(await page.evaluate(() => storage.log('a').range())).toEqual({ start: 25, end: second.end + 1 })
})

test('data that the browser removes are missed, not made up for; whoever comes then begins anew', async ({
  page,
  context,
}) => {
  const name = unique('removed')
  await open(page, name)
  await writeOnAndOn(page)
  await page.waitForFunction(() => acknowledged > 20)
  const session = await context.newCDPSession(page)
  await session.send('Storage.clearDataForOrigin', { origin: site.origin, storageTypes: 'indexeddb' })
  await page.waitForFunction(() => failure !== undefined)
  expect(await page.evaluate(() => failure)).toEqual({
    code: 'storage-failed',
    message: `the database ${name} was removed, by the browser or by hand`,
  })
  const names = await page.evaluate(async () => (await indexedDB.databases()).map((each) => each.name))
  expect(names).not.toContain(name)
  expect(await open(page, name)).toEqual({ epoch: 1, fresh: true })
  await writeOnAndOn(page)
  await page.waitForFunction(() => acknowledged > 20)
})

test('another tab may remove the database or change its version: nothing is in its way, nobody is damaged', async ({
  page,
  context,
}) => {
  const name = unique('changed')
  await open(page, name)
  await writeOnAndOn(page)
  const other = await context.newPage()
  await other.goto(site.origin)
  const ask = (what: 'open' | 'deleteDatabase'): Promise<string> =>
    other.evaluate(
      ([database, call]) =>
        new Promise<string>((resolve) => {
          const request = call === 'open' ? indexedDB.open(database, 7) : indexedDB.deleteDatabase(database)
          request.onsuccess = () => {
            request.result?.close()
            resolve('done')
          }
          request.addEventListener('error', () => resolve(String(request.error)))
        }),
      [name, what] as const,
    )
  await page.waitForFunction(() => acknowledged > 20)
  expect(await ask('open')).toBe('done')
  const before = await acknowledgedIn(page)
  await page.waitForFunction((least) => acknowledged > least + 20, before)
  expect(await page.evaluate(() => failure)).toBe(undefined)
  expect(await ask('deleteDatabase')).toBe('done')
  await page.waitForFunction(() => failure !== undefined)
  expect(await page.evaluate(() => failure?.message)).toBe(
    `the database ${name} was removed, by the browser or by hand`,
  )
})

test('commits that wait together are as fast as packing promises', async ({ page }) => {
  await open(page, unique('fast'))
  const perSecond = await page.evaluate(async () => {
    const one = message(200)
    const begun = performance.now()
    for (let round = 0; round < 10; round++)
      await Promise.all(
        Array.from({ length: 1000 }, () => storage.commit({ appends: [{ log: 'a', records: [one] }], writes: [] })),
      )
    if ((await storage.log('a').range()).end !== 10_000) throw new Error('some are missing')
    return Math.round(10_000_000 / (performance.now() - begun))
  })
  // Told, not demanded: a test demands nothing of the clock.
  console.log(`10,000 commits of 200 bytes, 1,000 at a time, strict: ${perSecond} a second`)
})
