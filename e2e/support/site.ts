import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'

/** A web site on this machine. */
export interface Site {
  readonly origin: string
  close(): Promise<void>
}

const types: Readonly<Record<string, string>> = { js: 'text/javascript', html: 'text/html' }

/** Serves the files of a folder; `/` is `index.html`. */
export async function serveFolder(folder: string): Promise<Site> {
  const server = createServer(({ url = '/' }, response) => {
    const { pathname } = new URL(url, 'http://localhost')
    const path = pathname === '/' ? '/index.html' : pathname
    try {
      const content = readFileSync(join(folder, path))
      response.setHeader('Content-Type', types[path.split('.').at(-1)!] ?? 'application/octet-stream').end(content)
    } catch {
      response.writeHead(404).end()
    }
  }).listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  return {
    origin: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
