import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bridge, createBroker } from 'isomq'
import type { Drained } from 'isomq/sw'
import { type BrowserContext, type CDPSession, expect, type Page } from 'playwright/test'
import { type Broker, startBroker } from './support/broker.ts'
import { needsChromium, test } from './support/browser.ts'
import { bundle } from './support/bundle.ts'
import { examplesOf } from './support/examples.ts'
import { freePorts } from './support/mosquitto.ts'
import { connectJs } from './support/mqtt-js.ts'
import { Scope } from './support/scope.ts'
import { serveFolder, type Site } from './support/site.ts'

// A service worker sends what waits for a bridge while no page is open, and only then.

needsChromium()

/** What the page has: a broker, linked to a server under the name that the guide uses. */
interface App {
  readonly start: (url: string) => Promise<void>
  readonly drain: (database: string) => Promise<Drained>
  broker: Awaited<ReturnType<typeof createBroker>>
  cloud: Bridge
}
declare const app: App

let folder: string
let site: Site
test.beforeAll(async () => {
  test.setTimeout(120_000)
  folder = mkdtempSync(join(tmpdir(), 'isomq-drain-'))
  const guide = examplesOf(readFileSync(new URL('../docs/guide/bridge.md', import.meta.url), 'utf8'))
  const codeFor = (place: string): string => guide.find((example) => example.place === place)!.code
  const answer = `addEventListener('message', async ({ data, ports: [port] }) => {
    port.postMessage(await drainOutbox(data, 'cloud').catch((error) => ({ error: String(error) })))
  })`
  await bundle(folder, 'sw', `${codeFor('sw')};${answer}`)
  await bundle(folder, 'ask', codeFor('ask'))
  const page = `
    import { createBroker } from 'isomq'
    import { idb } from 'isomq/storage/idb'
    const app = {
      async start(url) {
        app.broker = await createBroker({ storage: idb('my-app'), limits: { maxQueued: 100000 }, history: ['kept/#'] })
        app.cloud = await app.broker.bridge('cloud', { url, topics: ['up/# out 2'], backoff: { min: 100, max: 300 } })
      },
      async drain(database) {
        const { active } = await navigator.serviceWorker.ready
        const { port1, port2 } = new MessageChannel()
        active.postMessage(database, [port2])
        return new Promise((resolve) => { port1.onmessage = ({ data }) => resolve(data) })
      },
    }
    await navigator.serviceWorker.register('/sw.js', { type: 'module' })
    await navigator.serviceWorker.ready
    Object.assign(globalThis, { app })`
  await bundle(folder, 'page', page)
  writeFileSync(join(folder, 'index.html'), '<!doctype html><script type="module" src="/page.js"></script>')
  writeFileSync(join(folder, 'blank.html'), '<!doctype html>')
  site = await serveFolder(folder)
})
test.afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

async function openApp(context: BrowserContext, url?: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(site.origin)
  await page.waitForFunction(() => 'app' in globalThis)
  if (url !== undefined) await page.evaluate((server) => app.start(server), url)
  return page
}

/** Has the browser say to the service worker that the time has come. */
async function dispatch(session: CDPSession, kind: 'dispatchSyncEvent' | 'dispatchPeriodicSyncEvent'): Promise<void> {
  const registration = new Promise<string>((resolve) => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const ours = registrations.find(({ scopeURL, isDeleted }) => scopeURL.startsWith(site.origin) && !isDeleted)
      if (ours !== undefined) resolve(ours.registrationId)
    })
  })
  await session.send('ServiceWorker.enable')
  const common = { origin: site.origin, registrationId: await registration, tag: 'isomq:cloud' }
  if (kind === 'dispatchSyncEvent') await session.send(`ServiceWorker.${kind}`, { ...common, lastChance: false })
  else await session.send(`ServiceWorker.${kind}`, common)
}

/** A server that is down, at which a session waits for what comes up. */
async function prepareServer(scope: Scope): Promise<{ url: string; up: () => Promise<Broker>; kept: object }> {
  const [port = 0] = await freePorts(1)
  const flags = ['--data', join(folder, `data-${port}`), '--ws', `127.0.0.1:${port}`]
  const kept = { clean: false, properties: { sessionExpiryInterval: 3600 }, clientId: 'reader' }
  const server = await startBroker(flags, scope)
  const reader = await connectJs(server.urls['mqtt'], kept, scope)
  await reader.client.subscribeAsync('up/#', { qos: 2 })
  await reader.client.endAsync()
  await server.stop()
  return { url: `ws://127.0.0.1:${port}/mqtt`, up: () => startBroker(flags, scope), kept }
}

function publish(page: Page, from: number, to: number): Promise<void> {
  return page.evaluate(
    async ([first, end]) => {
      for (let n = first!; n < end!; n++) {
        await app.broker.publish(`up/${1 + (n % 2)}`, String(n), { qos: (1 + (n % 2)) as 1 | 2 })
        await app.broker.publish('kept/a', String(n), { qos: 1 })
      }
    },
    [from, to],
  )
}

for (const kind of ['dispatchSyncEvent', 'dispatchPeriodicSyncEvent'] as const)
  test(`what was queued is sent while no page is open (${kind})`, async ({ context }) => {
    const scope = new Scope()
    try {
      const { url, up, kept } = await prepareServer(scope)
      const page = await openApp(context, url)
      await publish(page, 0, 300)
      const session = await context.newCDPSession(await context.newPage().then((blank) => visit(blank, '/blank.html')))
      await page.close()
      const server = await up()
      const reader = await connectJs(server.urls['mqtt'], kept, scope)
      await dispatch(session, kind)
      const heard = (topic: string): number[] =>
        reader.inbox.all.filter((message) => message.topic === topic).map(({ text }) => Number(text))
      await expect.poll(() => heard('up/1').length + heard('up/2').length, { timeout: 30_000 }).toBe(300)
      const even = Array.from({ length: 150 }, (_, n) => n * 2)
      expect([heard('up/1'), heard('up/2')]).toEqual([even, even.map((n) => n + 1)])

      // Nothing is left, nothing comes twice, and what is kept to be read again was kept.
      const again = await openApp(context, url)
      await publish(again, 300, 310)
      await again.evaluate(() => app.cloud.flush({ timeout: 20_000 }))
      await expect.poll(() => heard('up/1').length + heard('up/2').length).toBe(310)
      const first = await again.evaluate(async () => {
        for await (const message of app.broker.subscribe('kept/#', { from: 'earliest' })) return message.text()
        return undefined
      })
      expect(first).toBe('0')
      await reader.client.endAsync()
      await server.stop()
    } finally {
      await scope.end()
    }
  })

test('a broker that a page hosts is left alone, and one that comes is made room for', async ({ context }) => {
  const scope = new Scope()
  try {
    const { url, up } = await prepareServer(scope)
    const page = await openApp(context, url)
    await publish(page, 0, 3)
    expect(await page.evaluate(() => app.drain('my-app'))).toEqual({ status: 'hosted', sent: 0 })
    // It was not taken from the page.
    await publish(page, 3, 4)
    await page.evaluate(() => app.broker.close())

    const begun = page.evaluate(() => app.drain('my-app'))
    // It tries, and cannot reach the server.
    await expect.poll(() => page.evaluate(held, 'isomq:database:my-app')).toBe('exclusive')
    await page.evaluate((server) => app.start(server), url)
    expect(await begun).toEqual({ status: 'hosted', sent: 0 })
    await publish(page, 4, 6)
    expect(await page.evaluate(() => app.cloud.state.lagMessages)).toBe(6)
    await page.evaluate(() => app.broker.close())

    const server = await up()
    expect(await page.evaluate(() => app.drain('my-app'))).toEqual({ status: 'drained', sent: 6 })
    expect(await page.evaluate(() => app.drain('my-app'))).toEqual({ status: 'drained', sent: 0 })
    await server.stop()
  } finally {
    await scope.end()
  }
})

test('a database that is not there is not made, and a bridge that is not known has nothing', async ({ context }) => {
  const page = await openApp(context)
  expect(await page.evaluate(() => app.drain('never-made'))).toEqual({ status: 'nothing', sent: 0 })
  const names = await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name))
  expect(names).not.toContain('never-made')
})

test('a page asks for it as the guide says', async ({ context }) => {
  await context.grantPermissions(['background-sync'])
  await openApp(context)
  const page = await visit(await context.newPage(), '/blank.html')
  const tags = (): Promise<string[]> =>
    page.evaluate(async () => {
      const { sync } = (await navigator.serviceWorker.ready) as unknown as { sync: { getTags(): Promise<string[]> } }
      return sync.getTags()
    })
  // Where the network is there it may have come, and gone, already.
  await context.setOffline(true)
  await page.addScriptTag({ type: 'module', content: readFileSync(join(folder, 'ask.js'), 'utf8') })
  await expect.poll(tags).toEqual(['isomq:cloud'])
})

async function held(name: string): Promise<string | undefined> {
  const { held: locks = [] } = await navigator.locks.query()
  return locks.find((lock) => lock.name === name)?.mode
}

async function visit(page: Page, path: string): Promise<Page> {
  await page.goto(`${site.origin}${path}`)
  return page
}
