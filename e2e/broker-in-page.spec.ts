import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { createBroker } from 'isomq'
import type { idb } from 'isomq/storage/idb'
import type { connect as connectMqtt } from 'mqtt'
import { expect, type Page } from 'playwright/test'
import { needsChromium, test } from './support/browser.ts'
import { bundle } from './support/bundle.ts'
import { examplesOf } from './support/examples.ts'
import { serveFolder, type Site } from './support/site.ts'

needsChromium()

/** What the page has: the broker, and MQTT.js as it is published for browsers. */
declare const isomq: { readonly createBroker: typeof createBroker; readonly idb: typeof idb }
declare const mqtt: { readonly connectAsync: (url: string, options: object) => Promise<ReturnType<typeof connectMqtt>> }

const guide = readFileSync(new URL('../docs/guide/embedding.md', import.meta.url), 'utf8')
const codeFor = (place: string): string => examplesOf(guide).find((each) => each.place === place)?.code ?? ''
const example = examplesOf(guide).find(({ place }) => place === 'page')

let folder: string
let site: Site

test.beforeAll(async () => {
  test.setTimeout(120_000)
  folder = mkdtempSync(join(tmpdir(), 'isomq-site-'))
  const api = `import { createBroker } from 'isomq'; import { idb } from 'isomq/storage/idb'`
  await bundle(folder, 'api', `${api}; Object.assign(globalThis, { isomq: { createBroker, idb } })`)
  await bundle(folder, 'example', codeFor('page'))
  // The test ends the worker, as a browser may.
  const dying = `addEventListener('connect', ({ ports: [port] }) => port.addEventListener('message', ({ data }) => data === 'die' && close()))`
  await bundle(folder, 'worker', `${codeFor('worker')};${dying}`)
  await bundle(folder, 'tab', codeFor('tab'))
  writeFileSync(join(folder, 'mqtt.js'), readFileSync(new URL(import.meta.resolve('mqtt/dist/mqtt.min'))))
  const scripts = '<script src="/mqtt.js"></script><script type="module" src="/api.js"></script>'
  writeFileSync(join(folder, 'index.html'), `<!doctype html>${scripts}`)
  writeFileSync(join(folder, 'example.html'), '<!doctype html><script type="module" src="/example.js"></script>')
  writeFileSync(join(folder, 'tab.html'), '<!doctype html><script type="module" src="/tab.js"></script>')
  site = await serveFolder(folder)
})

test.afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

async function open(page: Page): Promise<void> {
  await page.goto(site.origin)
  await page.waitForFunction(() => 'isomq' in globalThis)
}

test('the example of the guide prints what it says', async ({ page }) => {
  const lines: string[] = []
  page.on('console', (message) => void (message.type() === 'log' && lines.push(message.text())))
  page.on('pageerror', (error) => lines.push(String(error)))
  await page.goto(`${site.origin}/example.html`)
  await expect.poll(() => lines.join('\n')).toBe(example!.output.trimEnd())
})

test('MQTT.js and a client of MQTT 3.1 meet at a broker of the page; other hosts are reached over the network', async ({
  page,
  serve,
}) => {
  const server = await serve()
  await open(page)
  const outcome = await page.evaluate(async (serverUrl) => {
    const broker = await isomq.createBroker()
    broker.installWebSocket({ hosts: ['broker.localhost'] })
    const inPage = await mqtt.connectAsync('ws://broker.localhost/mqtt', { protocolVersion: 5 })
    const outside = await mqtt.connectAsync(serverUrl, { protocolVersion: 5 })
    const heard: string[] = []
    inPage.on('message', (topic, payload) => heard.push(`page ${topic} ${payload.toString()}`))
    outside.on('message', (topic, payload) => heard.push(`server ${topic} ${payload.toString()}`))
    for (const client of [inPage, outside]) await client.subscribeAsync('t/#', { qos: 2 })

    // As early Paho does: "MQIsdp", version 3, and a subprotocol that nobody has registered.
    const old = new WebSocket('ws://broker.localhost:9001/mqtt', ['mqttv3.1'])
    old.binaryType = 'arraybuffer'
    const answers: number[] = []
    const until = async (count: number): Promise<void> => {
      while (answers.length < count) await new Promise((resolve) => void setTimeout(resolve, 5))
    }
    old.addEventListener('message', ({ data }) => answers.push(...new Uint8Array(data as ArrayBuffer)))
    await new Promise((resolve) => old.addEventListener('open', resolve))
    const utf8 = (text: string): number[] => [0, text.length, ...new TextEncoder().encode(text)]
    old.send(new Uint8Array([0x10, 17, ...utf8('MQIsdp'), 3, 2, 0, 60, ...utf8('old')]))
    await until(4)
    old.send(new Uint8Array([0x32, 10, ...utf8('t/old'), 0, 7, 0x78]))
    await until(8)
    await outside.publishAsync('t/outside', 'y', { qos: 1 })
    while (heard.length < 2) await new Promise((resolve) => void setTimeout(resolve, 5))
    const said = { answers, heard: heard.toSorted(), protocol: old.protocol, isWebSocket: old instanceof WebSocket }
    const closed = new Promise<number>((resolve) => old.addEventListener('close', ({ code }) => resolve(code)))
    await broker.close()
    const code = await closed
    await outside.endAsync()
    return { ...said, code }
  }, server.urls['ws'] ?? '')
  expect(outcome).toEqual({
    answers: [0x20, 2, 0, 0, 0x40, 2, 0, 7],
    heard: ['page t/old x', 'server t/outside y'],
    protocol: 'mqttv3.1',
    isWebSocket: true,
    code: 1000,
  })
})

test('what a session is owed is there after the only page was reloaded', async ({ page }) => {
  await open(page)
  const options = { protocolVersion: 5, clientId: 'sleeper', clean: false, properties: { sessionExpiryInterval: 3600 } }
  await page.evaluate(async (how) => {
    const broker = await isomq.createBroker({ storage: isomq.idb('reloaded') })
    const createWebsocket = broker.createWebSocket
    const client = await mqtt.connectAsync('ws://x', { ...how, createWebsocket })
    await client.subscribeAsync('orders/#', { qos: 2 })
    await client.endAsync()
    for (let n = 0; n < 1000; n++) await broker.publish(`orders/${n % 3}`, String(n), { qos: (1 + (n % 2)) as 1 | 2 })
  }, options)
  await page.reload()
  await page.waitForFunction(() => 'isomq' in globalThis)
  const got = await page.evaluate(async (how) => {
    const broker = await isomq.createBroker({ storage: isomq.idb('reloaded') })
    const createWebsocket = broker.createWebSocket
    const numbers: number[] = []
    const client = await mqtt.connectAsync('ws://x', { ...how, createWebsocket, manualConnect: false })
    client.on('message', (_, payload) => numbers.push(Number(payload.toString())))
    while (numbers.length < 1000) await new Promise((resolve) => void setTimeout(resolve, 5))
    await new Promise((resolve) => void setTimeout(resolve, 50))
    await client.endAsync()
    await broker.close()
    return numbers
  }, options)
  // Between QoS 1 and 2 there is no order: MQTT.js tells of the latter when they are released.
  expect(got.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, n) => n))
  for (const parity of [0, 1]) {
    const ofOneQos = got.filter((n) => n % 2 === parity)
    expect(ofOneQos).toEqual(ofOneQos.toSorted((a, b) => a - b))
  }
})

test('one broker in a SharedWorker serves all tabs, as in the guide, and another one after it has died', async ({
  context,
}) => {
  const lines = new Map<string, string[]>()
  const tabs: Page[] = []
  for (const name of ['first', 'second']) {
    const page = await context.newPage()
    const heard: string[] = []
    lines.set(name, heard)
    page.on('console', (message) => void (message.type() === 'log' && heard.push(message.text())))
    page.on('pageerror', (error) => heard.push(String(error)))
    await page.goto(`${site.origin}/tab.html#${name}`)
    tabs.push(page)
    await expect.poll(() => heard).toContain(`tabs/hello from ${name}`)
  }
  await expect.poll(() => lines.get('first')).toEqual(['tabs/hello from first', 'tabs/hello from second'])
  expect(lines.get('second')).toEqual(['tabs/hello from second'])

  // Whoever has this port is told the same as the broker's own pages are.
  await tabs[1]!.evaluate(() => {
    const { port } = new SharedWorker('/worker.js', { type: 'module', extendedLifetime: true } as WorkerOptions)
    port.start()
    port.postMessage('die', [])
  })
  const third = await context.newPage()
  await expect
    .poll(
      async () => {
        await third.goto(`${site.origin}/tab.html#third`)
        await third.reload()
        return lines.get('first')
      },
      { timeout: 30_000, intervals: [2000] },
    )
    .toContain('tabs/hello from third')
})
