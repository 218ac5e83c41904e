import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startAnnounced } from './announced.ts'
import type { Peer } from './peer.ts'

const program = fileURLToPath(new URL('../../../apps/server/bin/isomq.js', import.meta.url))
const manifest = fileURLToPath(new URL('../../../apps/server/package.json', import.meta.url))

/** How isomq is started. All limits are the defaults, but that of waiting messages, as with mosquitto. */
const ARGUMENTS = ['serve', '--mqtt', '127.0.0.1:0', '--ws', '127.0.0.1:0', '--set', 'limits.maxQueued=unlimited']

/** Options for the broker's own Node, such as `--cpu-prof`; blanks separate them. */
const NODE_ARGUMENTS = (process.env['BENCH_NODE_ARGS'] ?? '').split(' ').filter((argument) => argument !== '')

/** The broker of this repository, as its users start it. */
export const isomq: Peer = {
  name: 'isomq',
  version: () => String((JSON.parse(readFileSync(manifest, 'utf8')) as { version: unknown }).version),
  missing: () => (existsSync(program) ? undefined : 'not built: apps/server/bin/isomq.js is missing'),
  start: (data) => {
    const storage = data === undefined ? ['--memory'] : ['--data', data]
    return startAnnounced(
      [process.execPath, ...NODE_ARGUMENTS, program, ...ARGUMENTS, ...storage],
      ['tcp', 'websocket'],
    )
  },
}
