import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BrowserContext, expect, type Locator, type Page } from 'playwright/test'
import { build } from 'vite'
import { type Broker, startBroker } from './support/broker.ts'
import { needsChromium, test } from './support/browser.ts'
import { freePorts } from './support/mosquitto.ts'
import { Scope } from './support/scope.ts'

// The demo, as it is built and served: by the broker itself, on the port that its pages connect to.

needsChromium()

let folder: string
test.beforeAll(async () => {
  test.setTimeout(120_000)
  folder = mkdtempSync(join(tmpdir(), 'isomq-demo-'))
  const configFile = fileURLToPath(new URL('../apps/offline-demo/vite.config.ts', import.meta.url))
  await build({ configFile, logLevel: 'error', build: { outDir: join(folder, 'dist') } })
})
test.afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Served {
  readonly url: string
  readonly up: () => Promise<Broker>
}

/** A place where the demo can be served again and again, by one server after the other. */
async function place(scope: Scope): Promise<Served> {
  const [port = 0] = await freePorts(1)
  const data = ['--data', join(folder, `data-${port}`)]
  const flags = [...data, '--http', `127.0.0.1:${port}`, '--site', `/demo=${join(folder, 'dist')}`]
  return { url: `http://127.0.0.1:${port}/demo/`, up: () => startBroker(flags, scope) }
}

const pill = (page: Page): Locator => page.getByRole('status')
const tick = (page: Page, text: string | RegExp): Locator => page.getByRole('checkbox', { name: text })
const row = (page: Page, text: string): Locator =>
  page.locator('.item', { has: page.getByRole('checkbox', { name: text }) })

async function add(page: Page, text: string): Promise<void> {
  await page.getByLabel('New item').fill(text)
  await page.getByLabel('New item').press('Enter')
  await expect(tick(page, text)).toBeVisible()
}

/** Opens the app on a device, and waits until it is linked, sent and kept for later. */
async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  await expect(pill(page)).toContainText('everything is sent', { timeout: 20_000 })
  await page.evaluate(() => navigator.serviceWorker.ready)
  return page
}

const faults: string[] = []
function watch(context: BrowserContext): BrowserContext {
  context.on('weberror', (error) => faults.push(String(error.error())))
  context.on('console', (message) => {
    // The browser says itself that a server is away.
    if (message.type() === 'error' && !/ERR_|WebSocket connection/.test(message.text())) faults.push(message.text())
  })
  return context
}

test.beforeEach(() => void faults.splice(0))
test.afterEach(() => expect(faults).toEqual([]))

test('two devices see each other’s work at once', async ({ browser }) => {
  const scope = new Scope()
  try {
    const { url, up } = await place(scope)
    await up()
    const [one, two] = [watch(await browser.newContext()), watch(await browser.newContext())]
    const [a, b] = [await open(one, url), await open(two, url)]
    // Both have begun with the same sample, which is there once.
    await expect(tick(a, /Read the water meter/)).toHaveCount(1)
    await expect(tick(b, /Read the water meter/)).toHaveCount(1)
    await expect(a.locator('.people li')).toHaveCount(2)

    await row(a, 'Read the water meter behind pump house B').locator('.tick').click()
    await expect(tick(b, /Read the water meter/)).toBeChecked()
    await add(b, 'Bring the spare hose')
    await expect(tick(a, 'Bring the spare hose')).toBeVisible()
    await row(a, 'Bring the spare hose').getByLabel('Item').fill('Bring both hoses')
    await row(a, 'Bring the spare hose').getByLabel('Item').press('Enter')
    await expect(tick(b, 'Bring both hoses')).toBeVisible()
    await row(b, 'Bring both hoses').getByRole('button', { name: 'Remove' }).click()
    await expect(tick(a, 'Bring both hoses')).toHaveCount(0)
    await a.getByRole('button', { name: 'New list' }).click()
    await a.getByLabel('Name of the list').fill('Tomorrow')
    await a.getByLabel('Name of the list').press('Enter')
    await expect(b.getByRole('button', { name: 'Tomorrow' })).toBeVisible()

    await two.close()
    await one.close()
  } finally {
    await scope.end()
  }
})

test('without server and network: it opens, keeps what is done, says what waits, and sends it when all is back', async ({
  browser,
}) => {
  test.setTimeout(120_000)
  const scope = new Scope()
  try {
    const { url, up } = await place(scope)
    let server = await up()
    const [one, two] = [watch(await browser.newContext()), watch(await browser.newContext())]
    const [a, b] = [await open(one, url), await open(two, url)]
    await server.stop()
    await one.setOffline(true)
    await expect(pill(a)).toContainText('Offline')

    await row(a, 'Sign in at the gate and collect a radio').locator('.tick').click()
    await add(a, 'Found offline')
    await expect(pill(a)).toContainText('2 changes waiting')
    await expect(row(a, 'Found offline').getByText('waits to be sent')).toBeVisible()

    // Without a network, from nothing but what the device has kept.
    await a.reload()
    await expect(tick(a, 'Found offline')).toBeVisible()
    await expect(tick(a, /Sign in at the gate/)).toBeChecked()
    await expect(pill(a)).toContainText('2 changes waiting')
    await expect(row(a, 'Found offline').getByText('waits to be sent')).toBeVisible()

    // Another tab of the same device sees it all, and what happens now.
    const tab = await one.newPage()
    await tab.goto(url)
    await expect(tick(tab, 'Found offline')).toBeVisible()
    await row(tab, 'Found offline').locator('.tick').click()
    await expect(tick(a, 'Found offline')).toBeChecked()

    // The other device says something of the same entry meanwhile: of another thing, and of the same thing.
    const meter = 'Read the water meter behind pump house B'
    await row(a, meter).locator('.tick').click()
    await row(b, meter).getByLabel('Note').fill('17 342 m³')
    await row(b, meter).getByLabel('Note').press('Enter')
    await row(b, 'Sign in at the gate and collect a radio').getByLabel('Item').fill('Sign in')
    await row(b, 'Sign in at the gate and collect a radio').getByLabel('Item').press('Enter')
    await expect(pill(b)).toContainText('2 changes waiting')

    server = await up()
    await one.setOffline(false)
    for (const page of [a, b, tab]) {
      await expect(pill(page)).toContainText('everything is sent', { timeout: 30_000 })
      await expect(page.getByText('waits to be sent')).toHaveCount(0)
      await expect(tick(page, 'Found offline')).toBeChecked()
      await expect(tick(page, meter)).toBeChecked()
      await expect(row(page, meter).getByLabel('Note')).toHaveValue('17 342 m³')
      await expect(tick(page, 'Sign in')).toBeChecked()
    }
    // The server has it as well: a third device begins with it.
    const third = watch(await browser.newContext())
    const c = await open(third, url)
    await expect(tick(c, 'Found offline')).toBeChecked()
    await expect(row(c, meter).getByLabel('Note')).toHaveValue('17 342 m³')
    for (const context of [one, two, third]) await context.close()
    await server.stop()
  } finally {
    await scope.end()
  }
})

test('it can be installed, and says what it is to those who do not see it', async ({ browser }) => {
  const scope = new Scope()
  try {
    const { url, up } = await place(scope)
    await up()
    const context = watch(await browser.newContext())
    const page = await open(context, url)
    const session = await context.newCDPSession(page)
    const { manifest, errors } = (await session.send('Page.getAppManifest')) as unknown as {
      manifest?: { startUrl?: string }
      errors: readonly unknown[]
    }
    expect(errors).toEqual([])
    expect(manifest?.startUrl ?? url).toBe(url)
    const { installabilityErrors } = await session.send('Page.getInstallabilityErrors')
    // Contexts of tests are incognito ones.
    expect(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito')).toEqual([])
    await expect(page.getByRole('main')).toMatchAriaSnapshot(`
      - main:
        - heading "Site inspection" [level=1]:
          - textbox "Name of the list": Site inspection
        - paragraph:
          - strong: "0"
          - text: of 8 done
        - progressbar "Done"
        - group "Show":
          - button "All" [pressed]
          - button "Open"
          - button "Done"
        - list:
          - listitem:
            - checkbox "Sign in at the gate and collect a radio"
            - textbox "Item": Sign in at the gate and collect a radio
            - button "Add a note to Sign in at the gate and collect a radio"
            - button "Remove Sign in at the gate and collect a radio"
        - textbox "New item"
        - button "Add"
    `)
    // By the keyboard alone.
    await page.getByRole('checkbox').first().focus()
    await page.keyboard.press('Space')
    await expect(tick(page, /Sign in at the gate/)).toBeChecked()
    await context.close()
  } finally {
    await scope.end()
  }
})
