import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, type Page } from 'playwright/test'
import { needsChromium, test } from './support/browser.ts'
import { serveTabs, type Tab } from './support/many-tabs.ts'
import type { OldPahoPage } from './support/old-paho-page.ts'
import type { Site } from './support/site.ts'

// Programs of several tabs, unchanged but for the URL that they dial, meet at the broker that the tabs share.

needsChromium()

declare const link: Tab['link']
declare const mqtt: Tab['mqtt']
declare let client: Tab['client']
declare let old: OldPahoPage
declare let heard: { topic: string; text: string; qos: number; retain: boolean }[]

const url = 'ws://broker.localhost/mqtt'
let folder: string
let site: Site
test.beforeAll(async () => {
  test.setTimeout(120_000)
  folder = mkdtempSync(join(tmpdir(), 'isomq-across-'))
  site = await serveTabs(folder)
})
test.afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

async function visit(page: Page): Promise<void> {
  await page.goto(site.origin)
  await page.waitForFunction(() => 'link' in globalThis)
  await page.evaluate(() => void link.installWebSocket({ hosts: ['broker.localhost'] }))
}

/** MQTT.js as it is published for browsers, at its defaults but for the version. */
function connectJs(page: Page, to: string): Promise<void> {
  return page.evaluate(async (where) => {
    client = await mqtt.connectAsync(where, { protocolVersion: 5 })
    const all: typeof heard = []
    Object.assign(globalThis, { client, heard: all })
    client.on('message', (topic, payload, { qos, retain }) =>
      all.push({ topic, text: payload.toString(), qos, retain: retain === true }),
    )
  }, to)
}

for (const hosting of ['a SharedWorker', 'a tab'] as const)
  test(`MQTT.js and an old Paho exchange messages between tabs, hosted by ${hosting}`, async ({ context, serve }) => {
    if (hosting === 'a tab') await context.addInitScript(() => Reflect.deleteProperty(globalThis, 'SharedWorker'))
    const [first, second, third] = [await context.newPage(), await context.newPage(), await context.newPage()]
    for (const page of [first, second, third]) await visit(page)
    await connectJs(first, url)
    await first.evaluate(() => client.subscribeAsync(['to/js/#', 'will/#'], { qos: 2 }))
    await second.evaluate(async (to) => {
      const { OldPahoPage } = globalThis as unknown as Tab
      old = await OldPahoPage.connect(to, 'old', { topic: 'will/old', payload: 'gone' })
      Object.assign(globalThis, { old })
      if ((await old.subscribe('to/old/#', 2)) !== 2) throw new Error('another QoS was granted')
    }, url)

    // Both directions, every QoS, one of them long enough for two bytes of length.
    for (const qos of [0, 1, 2] as const) {
      await first.evaluate((level) => client.publishAsync(`to/old/${level}`, 'g'.repeat(300), { qos: level }), qos)
      await second.evaluate((level) => old.publish(`to/js/${level}`, `grüße ${level}`, { qos: level }), qos)
    }
    const expected = (to: string, text: (qos: number) => string): object[] =>
      [0, 1, 2].map((qos) => ({ topic: `to/${to}/${qos}`, text: text(qos), qos, retain: false }))
    await expect.poll(() => first.evaluate(() => heard)).toEqual(expected('js', (qos) => `grüße ${qos}`))
    await expect.poll(() => second.evaluate(() => old.heard)).toEqual(expected('old', () => 'g'.repeat(300)))

    // What is retained is there for those who come later, in another tab.
    await second.evaluate(() => old.publish('kept/a', 'from the old one', { qos: 1, retain: true }))
    await first.evaluate(() => client.publishAsync('kept/b', 'from MQTT.js', { qos: 1, retain: true }))
    await connectJs(third, url)
    await third.evaluate(() => client.subscribeAsync('kept/#', { qos: 1 }))
    await expect
      .poll(async () => (await third.evaluate(() => heard)).map(({ text, retain }) => [text, retain]).sort())
      .toEqual([
        ['from MQTT.js', true],
        ['from the old one', true],
      ])

    // A tab that is closed leaves its will.
    await first.evaluate(() => void heard.splice(0))
    await second.close()
    await expect
      .poll(() => first.evaluate(() => heard), { timeout: 15_000 })
      .toEqual([{ topic: 'will/old', text: 'gone', qos: 1, retain: false }])

    // All other hosts are reached over the network as ever.
    const server = await serve()
    await connectJs(third, server.urls['ws']!)
    await third.evaluate(() => client.subscribeAsync('outside', { qos: 1 }))
    await third.evaluate(() => client.publishAsync('outside', 'over the network', { qos: 1 }))
    await expect
      .poll(async () => (await third.evaluate(() => heard)).map(({ text }) => text))
      .toEqual(['over the network'])
    expect(server.process.stderr).toContain('client connected')
    expect(await first.evaluate(() => heard.length)).toBe(1)
    await third.evaluate(() => client.endAsync())
  })
