import type { connect as connectMqtt, IClientOptions } from 'mqtt'
import { expect, type Page } from 'playwright/test'
import { isomq } from './support/isomq.ts'
import { needsChromium, test } from './support/browser.ts'
import { unique } from './support/unique.ts'

needsChromium()

/** What the page has. */
declare const mqtt: { readonly connect: typeof connectMqtt }

/** A message that came to the page. */
interface Got {
  readonly topic: string
  readonly text: string
  readonly qos: number
  readonly retain: boolean
  readonly properties: Record<string, unknown>
}

/** A client of the page, kept there under its name. */
interface PageClient {
  readonly client: ReturnType<typeof connectMqtt>
  readonly got: Got[]
}

/** Connects MQTT.js in the page and keeps it as `window[name]`; gives whether the session was there, or the error's text. */
function connectIn(page: Page, name: string, url: string, options: IClientOptions): Promise<boolean | string> {
  return page.evaluate(
    async ([key, to, how]) => {
      const client = mqtt.connect(to, { reconnectPeriod: 0, ...how })
      const got: Got[] = []
      client.on('message', (topic, payload, { qos, retain, properties }) => {
        const { userProperties, correlationData, ...rest } = properties ?? {}
        const plain = { ...rest, ...(userProperties && { userProperties: { ...userProperties } }) }
        const correlated = correlationData && { correlationData: [...correlationData] }
        got.push({ topic, text: payload.toString(), qos, retain, properties: { ...plain, ...correlated } })
      })
      Reflect.set(globalThis, key, { client, got })
      return await new Promise<boolean | string>((resolve) => {
        client.once('connect', ({ sessionPresent }) => resolve(sessionPresent))
        client.once('error', ({ message }) => resolve(message))
        client.once('close', () => resolve('closed'))
      })
    },
    [name, url, options] as const,
  )
}

/** Resolves with the first so many messages of a client of the page. */
async function received(page: Page, name: string, count: number): Promise<Got[]> {
  const enough = ([key, least]: readonly [string, number]): boolean =>
    (Reflect.get(globalThis, key) as PageClient).got.length >= least
  await page.waitForFunction(enough, [name, count] as const)
  return await page.evaluate((key) => (Reflect.get(globalThis, key) as PageClient).got, name)
}

for (const protocolVersion of [4, 5] as const) {
  test.describe(`MQTT.js in a page, protocol level ${protocolVersion}`, () => {
    const properties = {
      payloadFormatIndicator: true,
      contentType: 'text/plain',
      responseTopic: 'an/answer',
      userProperties: { a: ['1', '2'], ключ: '値' },
    }

    test('messages of every QoS, properties and a large payload, from page to page', async ({
      page,
      context,
      site,
      serve,
    }) => {
      const broker = await serve()
      const url = broker.urls['ws'] ?? ''
      const topic = unique('page')
      const other = await context.newPage()
      for (const each of [page, other]) {
        await each.goto(site)
        expect(await connectIn(each, 'it', url, { protocolVersion })).toBe(false)
      }
      await page.evaluate(async (filter) => {
        const { client } = Reflect.get(globalThis, 'it') as PageClient
        await client.subscribeAsync(filter, { qos: 2 })
      }, topic)
      const sent = protocolVersion === 5 ? properties : {}
      await other.evaluate(
        async ([to, own]) => {
          const { client } = Reflect.get(globalThis, 'it') as PageClient
          for (const qos of [0, 1, 2] as const)
            for (let i = 0; i < 50; i++) await client.publishAsync(to, `${qos}:${i} grüße`, { qos, properties: own })
          await client.publishAsync(to, 'x'.repeat(900_000), { qos: 2 })
        },
        [topic, sent] as const,
      )
      const got = await received(page, 'it', 151)
      const expected = [0, 1, 2].flatMap((qos) =>
        Array.from({ length: 50 }, (_, i) => ({
          topic,
          text: `${qos}:${i} grüße`,
          qos,
          retain: false,
          properties: sent,
        })),
      )
      expect(got.slice(0, 150)).toEqual(expected)
      expect(got[150]?.text).toBe('x'.repeat(900_000))
    })

    test('a page that is loaded again has its session, and what came meanwhile', async ({ page, site, serve }) => {
      const broker = await serve()
      const url = broker.urls['ws'] ?? ''
      const [topic, clientId] = [unique('page'), unique('js')]
      const kept = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}
      const options = { protocolVersion, clientId, clean: false, ...kept }
      await page.goto(site)
      expect(await connectIn(page, 'it', url, options)).toBe(false)
      await page.evaluate(async (filter) => {
        const { client } = Reflect.get(globalThis, 'it') as PageClient
        await client.subscribeAsync(filter, { qos: 2 })
      }, topic)
      await page.goto('about:blank')
      await broker.gone(clientId)
      const pub = ['pub', '-h', '127.0.0.1', '-p', String(broker.port), '-t', topic, '-l']
      for (const qos of ['1', '2']) {
        const lines = Array.from({ length: 20 }, (_, i) => `${qos}:${i}\n`).join('')
        expect(await isomq([...pub, '-q', qos], { stdin: lines })).toMatchObject({ code: 0, stderr: '' })
      }
      await page.goto(site)
      expect(await connectIn(page, 'it', url, options)).toBe(true)
      const got = await received(page, 'it', 40)
      expect(got.map(({ text }) => text)).toEqual(
        ['1', '2'].flatMap((qos) => Array.from({ length: 20 }, (_, i) => `${qos}:${i}`)),
      )
    })
  })
}

test('pages of named origins may connect, others may not', async ({ page, site, serve }) => {
  const own = await serve(['--set', `listeners.ws.origins=["${site}"]`])
  const foreign = await serve(['--set', 'listeners.ws.origins=["https://example.com"]'])
  await page.goto(site)
  expect(await connectIn(page, 'own', own.urls['ws'] ?? '', {})).toBe(false)
  expect(await connectIn(page, 'foreign', foreign.urls['ws'] ?? '', {})).toBe('closed')
})
