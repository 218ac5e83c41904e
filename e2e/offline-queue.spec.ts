import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'playwright/test'
import { type Broker, startBroker } from './support/broker.ts'
import { needsChromium, test } from './support/browser.ts'
import { joinTab, serveTabs, type Tab } from './support/many-tabs.ts'
import { freePorts } from './support/mosquitto.ts'
import { connectJs } from './support/mqtt-js.ts'
import { Scope } from './support/scope.ts'
import type { Site } from './support/site.ts'

// Pages that are offline, and the server they are linked to.

needsChromium()

let folder: string
let site: Site
test.beforeAll(async () => {
  test.setTimeout(120_000)
  folder = mkdtempSync(join(tmpdir(), 'isomq-offline-'))
  site = await serveTabs(folder)
})
test.afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Everything that reached the broker from somebody, as it has logged it. */
const logins = (server: Broker): string[] =>
  Array.from(server.process.stderr.matchAll(/client connected client=(\S+)/g), ([, client]) => client!)

test('ten tabs hold one connection to the server, and all hear what comes from there', async ({ context, serve }) => {
  const server = await serve()
  const url = `${site.origin}/?server=${encodeURIComponent(server.urls['ws']!)}`
  const pages = []
  for (let n = 0; n < 10; n++) {
    const page = await context.newPage()
    await joinTab(page, url, `tab${n}`, '#')
    pages.push(page)
  }
  await expect.poll(() => logins(server)).toHaveLength(1)
  const outside = await connectJs(server.urls['mqtt'])
  await outside.client.subscribeAsync('up/#', { qos: 2 })
  await pages[9]!.evaluate(() => (globalThis as unknown as Tab).client.publishAsync('up/a', 'from a tab', { qos: 2 }))
  expect((await outside.inbox.next()).text).toBe('from a tab')
  await outside.client.publishAsync('down/a', 'to all tabs', { qos: 2 })
  for (const page of pages)
    await expect
      .poll(() => page.evaluate(() => (globalThis as unknown as Tab).heard))
      .toEqual(['up/a from a tab', 'down/a to all tabs'])
  expect(logins(server).filter((client) => client.startsWith('isomq-'))).toHaveLength(1)
  await outside.client.endAsync()
})

test('1,000 messages that were queued offline reach the server once and in order, through a reload of the only tab and kills of the server', async ({
  page,
}) => {
  test.setTimeout(120_000)
  const scope = new Scope()
  try {
    const [port = 0] = await freePorts(1)
    const flags = ['--data', join(folder, `data-${port}`), '--ws', `127.0.0.1:${port}`]
    let server = await startBroker(flags, scope)
    const kept = { clean: false, properties: { sessionExpiryInterval: 3600 }, clientId: 'reader' }
    const reader = await connectJs(server.urls['mqtt'], kept, scope)
    await reader.client.subscribeAsync('up/#', { qos: 2 })
    await reader.client.endAsync()
    await server.stop()

    const url = `${site.origin}/?server=${encodeURIComponent(`ws://127.0.0.1:${port}/mqtt`)}`
    await joinTab(page, url, 'writer', 'nothing')
    await page.evaluate(async () => {
      const { client } = globalThis as unknown as Tab
      const done = []
      for (let n = 0; n < 1000; n++) {
        done.push(client.publishAsync(`up/${1 + (n % 2)}`, String(n), { qos: (1 + (n % 2)) as 1 | 2 }))
        if (n % 50 === 49) await Promise.all(done.splice(0))
      }
    })
    await page.reload()
    await page.waitForFunction(() => 'link' in globalThis)
    server = await startBroker(flags, scope)
    for (const some of [200, 500]) {
      await expect
        .poll(() => server.process.stderr.includes('client connected client=isomq-'), { timeout: 30_000 })
        .toBe(true)
      // Somewhere in the middle of it.
      await new Promise((resolve) => void setTimeout(resolve, some / 10))
      server.process.kill('SIGKILL')
      await server.process.exit()
      server = await startBroker(flags, scope)
    }
    const again = await connectJs(server.urls['mqtt'], kept, scope)
    const isThere = (topic: string): number =>
      new Set(again.inbox.all.filter((m) => m.topic === topic).map((m) => m.text)).size
    await expect.poll(() => isThere('up/1') + isThere('up/2'), { timeout: 60_000 }).toBe(1000)
    const texts = (topic: string): number[] =>
      again.inbox.all.filter((message) => message.topic === topic).map(({ text }) => Number(text))
    const expected = Array.from({ length: 500 }, (_, n) => n * 2)
    expect(texts('up/2')).toEqual(expected.map((n) => n + 1))
    // At least once; and the first of each in order.
    expect(Array.from(new Set(texts('up/1')))).toEqual(expected)
    await again.client.endAsync()
    await server.stop()
  } finally {
    await scope.end()
  }
})
