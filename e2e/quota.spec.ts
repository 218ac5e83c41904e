import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, type Page } from 'playwright/test'
import { needsChromium, test } from './support/browser.ts'
import { serveTabs, type Tab } from './support/many-tabs.ts'
import type { Site } from './support/site.ts'

// An app whose origin may keep no more: what must be kept is refused, and everything else goes on.

needsChromium()

declare const link: Tab['link']
declare const mqtt: Tab['mqtt']
declare let writer: Tab['client']
declare let reader: Tab['client']
declare let heard: number[]
declare let live: string[]

let folder: string
let site: Site
test.beforeAll(async () => {
  test.setTimeout(120_000)
  folder = mkdtempSync(join(tmpdir(), 'isomq-quota-'))
  site = await serveTabs(folder)
})
test.afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

async function visit(page: Page): Promise<void> {
  await page.goto(site.origin)
  await page.waitForFunction(() => 'link' in globalThis)
  await page.evaluate(async () => {
    const options = { createWebsocket: link.createWebSocket, protocolVersion: 5, reconnectPeriod: 100 }
    writer = await mqtt.connectAsync('ws://any/mqtt', { ...options, clientId: 'writer' })
    const seen: string[] = []
    writer.on('message', (_, payload) => seen.push(payload.toString()))
    Object.assign(globalThis, { writer, live: seen })
    await writer.subscribeAsync('live/#')
  })
}

/** The session that everything is kept for: connects, and has what it was owed in `heard`, by number. */
async function read(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const properties = { sessionExpiryInterval: 3600 }
    const options = { createWebsocket: link.createWebSocket, protocolVersion: 5, clean: false, clientId: 'reader' }
    const numbers: number[] = []
    Object.assign(globalThis, { heard: numbers })
    const client = await mqtt.connectAsync('ws://any/mqtt', { ...options, properties })
    Object.assign(globalThis, { reader: client })
    client.on('message', (_, payload) => numbers.push(Number(payload.subarray(0, 8).toString())))
    await client.subscribeAsync('kept/#', { qos: 1 })
  })
}

/** Publishes 100 KB at a time, from a number on, until one is refused. Returns its number and the reason. */
function fillUp(page: Page, from: number): Promise<{ refused: number; code: number }> {
  return page.evaluate(async (first) => {
    for (let n = first; n < first + 2000; n++) {
      // By chance, or it would be packed together.
      const payload = crypto.getRandomValues(new Uint8Array(50_000))
      const hex = Array.from(payload, (byte) => byte.toString(16).padStart(2, '0')).join('')
      try {
        await writer.publishAsync('kept/a', `${String(n).padStart(8, '0')}${hex}`, { qos: 1 })
      } catch (error) {
        return { refused: n, code: (error as { code: number }).code }
      }
    }
    throw new Error('nothing was refused')
  }, from)
}

test('a full origin refuses what must be kept, loses nothing that was acknowledged, and goes on', async ({
  page,
  context,
}) => {
  test.setTimeout(180_000)
  const session = await context.newCDPSession(page)
  const quota = (quotaSize?: number): Promise<unknown> =>
    session.send('Storage.overrideQuotaForOrigin', { origin: site.origin, ...(quotaSize && { quotaSize }) })
  await quota(8_000_000)
  await visit(page)
  await read(page)
  await page.evaluate(() => reader.endAsync())

  const first = await fillUp(page, 0)
  // [MQTT 5 §3.4.2.1] Quota exceeded.
  expect(first.code).toBe(0x97)
  expect(first.refused).toBeGreaterThan(5)
  // The app goes on with all that need not be kept.
  await page.evaluate(() => writer.publishAsync('live/a', 'on it goes'))
  await expect.poll(() => page.evaluate(() => live)).toEqual(['on it goes'])
  expect((await fillUp(page, first.refused)).code).toBe(0x97)

  // Everything that was acknowledged is there, in order, and nothing that was refused.
  await read(page)
  const acknowledged = Array.from({ length: first.refused }, (_, n) => n)
  await expect.poll(() => page.evaluate(() => heard), { timeout: 30_000 }).toEqual(acknowledged)
  await page.evaluate(() => reader.endAsync())

  // With room again it works again, without a reload.
  await quota(200_000_000)
  const publish = (n: number): Promise<string> =>
    page.evaluate(
      (number) =>
        writer.publishAsync('kept/a', String(number).padStart(8, '0'), { qos: 1 }).then(
          () => 'accepted',
          (error: unknown) => String(error),
        ),
      n,
    )
  await expect.poll(() => publish(5000), { timeout: 30_000 }).toBe('accepted')

  // Full once more, and the tab is opened anew.
  await quota(8_000_000)
  const second = await fillUp(page, 6000)
  expect(second.code).toBe(0x97)
  await page.reload()
  await visit(page)
  await page.evaluate(() => writer.publishAsync('live/a', 'after a reload'))
  await expect.poll(() => page.evaluate(() => live)).toEqual(['after a reload'])
  await read(page)
  const rest = [5000, ...Array.from({ length: second.refused - 6000 }, (_, n) => 6000 + n)]
  await expect.poll(() => page.evaluate(() => heard), { timeout: 30_000 }).toEqual(rest)
})
