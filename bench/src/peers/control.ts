import { fileURLToPath } from 'node:url'
import { startAnnounced } from './announced.ts'
import type { Peer } from './peer.ts'

const server = fileURLToPath(new URL('./relay-server.js', import.meta.url))

/** The floor: what `node:net` alone costs when bytes are copied without being looked at. */
export const control: Peer = {
  name: 'control',
  version: () => process.version,
  missing: () => undefined,
  start: () => startAnnounced([process.execPath, server], ['relay']),
}
