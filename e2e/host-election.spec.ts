import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, expect, type Page } from 'playwright/test'
import { needsChromium, test } from './support/browser.ts'
import { bundle } from './support/bundle.ts'
import { joinTab, publishOnAndOn, serveTabs, stopPublishing, type Tab } from './support/many-tabs.ts'
import type { Site } from './support/site.ts'

// One broker for all tabs: where it is hosted, and what becomes of it when its host dies or hangs.

needsChromium()

let folder: string
let site: Site
test.beforeAll(async () => {
  test.setTimeout(120_000)
  folder = mkdtempSync(join(tmpdir(), 'isomq-tabs-'))
  site = await serveTabs(folder)
})
test.afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Pages that know no SharedWorker, as Chrome's on Android. */
async function withoutSharedWorkers(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => Reflect.deleteProperty(globalThis, 'SharedWorker'))
}

const heard = (page: Page): Promise<string[]> => page.evaluate(() => (globalThis as unknown as Tab).heard)
const host = (page: Page): Promise<unknown> => page.evaluate(() => (globalThis as unknown as Tab).link.host)
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `t ${i + 1}`)

/** Ends the worker that hosts, in the way that is said. */
async function strike(page: Page, how: 'die' | 'hang'): Promise<void> {
  await page.evaluate((word) => {
    const channel = new BroadcastChannel('test')
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    channel.postMessage(word)
    channel.close()
  }, how)
}

/** Two tabs beside the one that is struck: one publishes QoS 2 on and on, one hears. Each must arrive once, in order. */
async function writeThrough(
  context: BrowserContext,
  blow: (first: Page, writer: Page) => Promise<void>,
): Promise<Page> {
  const first = await context.newPage()
  await joinTab(first, site.origin, 'first', 'nothing')
  const [writer, reader] = [await context.newPage(), await context.newPage()]
  await joinTab(reader, site.origin, 'reader', 't')
  await joinTab(writer, site.origin, 'writer', 'nothing')
  await publishOnAndOn(writer, 't')
  await expect.poll(async () => (await heard(reader)).length).toBeGreaterThan(20)
  const before = (await heard(reader)).length
  const at = Date.now()
  await blow(first, writer)
  await expect.poll(async () => (await heard(reader)).length, { timeout: 40_000 }).toBeGreaterThan(before + 50)
  process.stdout.write(`    taken over, and 50 messages further, ${Date.now() - at} ms after that\n`)
  const count = await stopPublishing(writer)
  await expect.poll(async () => (await heard(reader)).length).toBe(count)
  expect(await heard(reader)).toEqual(numbers(count))
  return reader
}

test('without SharedWorkers one tab hosts for all, and they hear each other', async ({ context }) => {
  await withoutSharedWorkers(context)
  const pages = await Promise.all([1, 2, 3].map(() => context.newPage()))
  for (const [i, page] of pages.entries()) await joinTab(page, site.origin, `tab${i}`, 'all/#')
  for (const [i, page] of pages.entries())
    await page.evaluate((n) => (globalThis as unknown as Tab).client.publishAsync(`all/${n}`, 'x', { qos: 2 }), i)
  for (const page of pages) await expect.poll(() => heard(page)).toEqual(['all/0 x', 'all/1 x', 'all/2 x'])
  expect(await Promise.all(pages.map(host))).toEqual([
    { kind: 'tab', here: true },
    { kind: 'tab', here: false },
    { kind: 'tab', here: false },
  ])
})

test('the tab that hosts is closed in the middle of QoS 2: another takes over, nothing is lost and nothing comes twice', async ({
  context,
}) => {
  await withoutSharedWorkers(context)
  const reader = await writeThrough(context, (first) => first.close())
  expect(await host(reader)).toMatchObject({ kind: 'tab' })
})

test('the worker of the tab that hosts hangs: the lock is taken away, and another tab hosts', async ({ context }) => {
  await withoutSharedWorkers(context)
  await writeThrough(context, async (_, writer) => strike(writer, 'hang'))
})

test('a SharedWorker that has died is started anew', async ({ context }) => {
  const reader = await writeThrough(context, async (_, writer) => strike(writer, 'die'))
  expect(await host(reader)).toEqual({ kind: 'shared-worker', here: false })
})

test('a SharedWorker that hangs is left behind: another one takes over, for tabs that come later too', async ({
  context,
}) => {
  const reader = await writeThrough(context, async (_, writer) => strike(writer, 'hang'))
  // The other still hangs.
  const late = await context.newPage()
  await joinTab(late, site.origin, 'late', 'late')
  await reader.evaluate(() => (globalThis as unknown as Tab).client.publishAsync('late', 'welcome', { qos: 2 }))
  await expect.poll(() => heard(late)).toEqual(['late welcome'])
})

test('a BroadcastChannel between two ends keeps the contract of a transport', async ({ page }) => {
  test.setTimeout(120_000)
  await bundle(
    folder,
    'suite',
    `import { select, transportSuite } from '@isomq/testkit'
     import { connectBroadcast, listenBroadcast } from '@isomq/transport-messageport'
     const link = async () => {
       const name = crypto.randomUUID()
       let server
       const listener = await listenBroadcast({ name }, (connection) => (server = connection))
       const client = await connectBroadcast({ name })
       await listener.close()
       return { client, server }
     }
     const turn = () => new Promise((resolve) => setTimeout(resolve, 1))
     globalThis.runSuite = async () => {
       const failures = []
       const { cases } = select(transportSuite)
       for (const { name, run } of cases)
         await run({ link, turn, close: () => Promise.resolve() }).catch((error) => failures.push(name + ': ' + error.message))
       return { count: cases.length, failures }
     }`,
  )
  await page.goto(site.origin)
  await page.addScriptTag({ url: '/suite.js', type: 'module' })
  await page.waitForFunction(() => 'runSuite' in globalThis)
  const { count, failures } = await page.evaluate(() =>
    (globalThis as unknown as { runSuite(): Promise<{ count: number; failures: string[] }> }).runSuite(),
  )
  expect(failures).toEqual([])
  expect(count).toBeGreaterThan(30)
})
