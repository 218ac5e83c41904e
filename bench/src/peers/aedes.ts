import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startAnnounced } from './announced.ts'
import type { Peer } from './peer.ts'

const server = fileURLToPath(new URL('./aedes-server.js', import.meta.url))

/** aedes, the MQTT broker library for Node, in the few lines its documentation gives. */
export const aedes: Peer = {
  name: 'aedes',
  version: () => {
    const manifest = join(dirname(createRequire(import.meta.url).resolve('aedes')), 'package.json')
    return String((JSON.parse(readFileSync(manifest, 'utf8')) as { version: unknown }).version)
  },
  missing: () => undefined,
  start: () => startAnnounced([process.execPath, server], ['tcp', 'websocket']),
}
