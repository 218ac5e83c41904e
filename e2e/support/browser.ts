import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { expect, test as base } from 'playwright/test'
import { startBroker, type Broker } from './broker.ts'
import { chromiumMissing } from './chromium.ts'
import { Scope } from './scope.ts'

/** What a test in a browser is given besides its page. */
interface Fixtures {
  /** The origin of a web site whose only page has MQTT.js as `mqtt`. */
  readonly site: string
  /** Starts a broker, which must live through the test, end in order and log no fault. */
  readonly serve: (flags?: readonly string[]) => Promise<Broker>
}

/** Tests in a browser. */
export const test = base.extend<Fixtures>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads from it which fixtures are wanted
  site: async ({}, use) => {
    const script = readFileSync(createRequire(import.meta.url).resolve('mqtt/dist/mqtt.min'))
    const server = createServer(({ url }, response) => {
      if (url === '/mqtt.js') response.setHeader('Content-Type', 'text/javascript').end(script)
      else response.setHeader('Content-Type', 'text/html').end('<!doctype html><script src="/mqtt.js"></script>')
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    await use(`http://127.0.0.1:${(server.address() as { port: number }).port}`)
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  },
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads from it which fixtures are wanted
  serve: async ({}, use) => {
    const scope = new Scope()
    const brokers: Broker[] = []
    await use(async (flags = []) => {
      const broker = await startBroker(flags, scope)
      brokers.push(broker)
      return broker
    })
    try {
      for (const broker of brokers) {
        const { code, stderr } = await broker.stop()
        expect(stderr.split('\n').filter((line) => / (ERROR|FATAL) /.test(line))).toEqual([])
        expect(code).toBe(0)
      }
    } finally {
      await scope.end()
    }
  },
})

/** Skips the tests of a file where there is no Chromium, with the reason; with CI or ISOMQ_REQUIRE_PEERS=1 they fail instead. */
export function needsChromium(): void {
  const required = Boolean(process.env['CI']) || process.env['ISOMQ_REQUIRE_PEERS'] === '1'
  const reason = chromiumMissing()
  test.skip(reason !== undefined && !required, reason ?? '')
}
