import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

/** A web site whose page is a `BenchPage`. */
export interface BenchSite {
  readonly origin: string
  close(): void
}

/** Builds and serves it, on a free loopback port. */
export async function serveBenchPage(): Promise<BenchSite> {
  const folder = mkdtempSync(join(tmpdir(), 'isomq-bench-'))
  const root = fileURLToPath(new URL('../../src/browser', import.meta.url))
  for (const entry of ['page', 'worker'])
    await build({
      configFile: false,
      logLevel: 'error',
      root,
      resolve: { conditions: ['isomq-source', 'browser', 'module', 'import', 'default'] },
      build: {
        outDir: folder,
        emptyOutDir: false,
        modulePreload: false,
        target: 'es2022',
        rollupOptions: { input: join(root, `${entry}.ts`), output: { entryFileNames: `${entry}.js`, format: 'es' } },
      },
    })
  writeFileSync(join(folder, 'mqtt.js'), readFileSync(createRequire(import.meta.url).resolve('mqtt/dist/mqtt.min')))
  const html = '<!doctype html><script src="/mqtt.js"></script><script type="module" src="/page.js"></script>'
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost')
    if (pathname === '/') return response.setHeader('Content-Type', 'text/html').end(html)
    try {
      return response.setHeader('Content-Type', 'text/javascript').end(readFileSync(join(folder, pathname)))
    } catch {
      return response.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections()
      server.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
