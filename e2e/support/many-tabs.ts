import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { WorkerLink } from 'isomq/worker-client'
import type { connect as connectMqtt } from 'mqtt'
import type { Page } from 'playwright/test'
import { bundle } from './bundle.ts'
import type { OldPahoPage } from './old-paho-page.ts'
import { serveFolder, type Site } from './site.ts'

/** What a page of the site has: a way to the broker that all of them share, MQTT.js, and what it has heard. */
export interface Tab {
  readonly link: WorkerLink
  readonly hosts: { readonly kind: string; readonly here: boolean }[]
  readonly mqtt: { connectAsync(url: string, options: object): Promise<ReturnType<typeof connectMqtt>> }
  readonly heard: string[]
  readonly OldPahoPage: typeof OldPahoPage
  client: ReturnType<typeof connectMqtt>
}

/**
 * A site whose pages share a broker. Its worker does on a BroadcastChannel what a test says: `hang`, and `die`; with the URL
 * of a server in the query of its own, it links the broker to it.
 */
export async function serveTabs(folder: string): Promise<Site> {
  const worker = `
    import { createBroker } from 'isomq'
    import { idb } from 'isomq/storage/idb'
    import { serveWorker } from 'isomq/worker'
    new BroadcastChannel('test').addEventListener('message', ({ data }) => {
      if (data === 'die') close()
      if (data === 'hang') for (const end = Date.now() + 20000; Date.now() < end; );
    })
    const url = new URL(location.href).searchParams.get('server')
    await serveWorker(async () => {
      const broker = await createBroker({ storage: idb('tabs') })
      if (url !== null)
        await broker.bridge('cloud', { url, topics: ['up/# out 2', 'down/# in 2'], backoff: { min: 100, max: 500 } })
      return broker
    })`
  const page = `
    import { connectWorker } from 'isomq/worker-client'
    import { OldPahoPage } from './support/old-paho-page.ts'
    const server = new URL(location.href).searchParams.get('server')
    const link = connectWorker(server === null ? '/worker.js' : '/worker.js?server=' + encodeURIComponent(server))
    const hosts = []
    link.on('host', (place) => hosts.push(place))
    Object.assign(globalThis, { link, hosts, heard: [], OldPahoPage })`
  await bundle(folder, 'worker', worker)
  await bundle(folder, 'page', page)
  writeFileSync(join(folder, 'mqtt.js'), readFileSync(new URL(import.meta.resolve('mqtt/dist/mqtt.min'))))
  const scripts = '<script src="/mqtt.js"></script><script type="module" src="/page.js"></script>'
  writeFileSync(join(folder, 'index.html'), `<!doctype html>${scripts}`)
  return serveFolder(folder)
}

/** Has a page connect MQTT.js to the shared broker, as a session that is kept, and hear what comes on a filter. */
export async function joinTab(page: Page, url: string, clientId: string, filter: string): Promise<void> {
  await page.goto(url)
  await page.waitForFunction(() => 'link' in globalThis)
  await page.evaluate(
    async ([id, wanted]) => {
      const tab = globalThis as unknown as Tab
      tab.client = await tab.mqtt.connectAsync('ws://any/mqtt', {
        createWebsocket: tab.link.createWebSocket,
        protocolVersion: 5,
        clientId: id,
        clean: false,
        properties: { sessionExpiryInterval: 3600 },
        reconnectPeriod: 100,
        connectTimeout: 8000,
      })
      tab.client.on('message', (topic, payload) => tab.heard.push(`${topic} ${payload.toString()}`))
      await tab.client.subscribeAsync(wanted!, { qos: 2 })
    },
    [clientId, filter] as const,
  )
}

/** Has a page publish numbers, one after the other, without end; each once the one before is acknowledged. */
export async function publishOnAndOn(page: Page, topic: string): Promise<void> {
  await page.evaluate((where) => {
    const tab = globalThis as unknown as Tab & { published: number; stop: boolean }
    Object.assign(tab, { published: 0, stop: false })
    void (async () => {
      while (!tab.stop) {
        await tab.client.publishAsync(where, String(tab.published + 1), { qos: 2 })
        tab.published++
      }
    })()
  }, topic)
}

/** Has it stop, and says how many it has published. */
export async function stopPublishing(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const tab = globalThis as unknown as { published: number; stop: boolean }
    tab.stop = true
    let before: number
    do {
      before = tab.published
      await new Promise((resolve) => void setTimeout(resolve, 500))
    } while (tab.published > before)
    return tab.published
  })
}
