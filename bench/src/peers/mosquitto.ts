import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { end, findProgram, start } from '../children.ts'
import { sleep, within } from '../deadline.ts'
import type { Target } from '../load/plan.ts'
import type { Peer, RunningPeer } from './peer.ts'

const START_MS = 60_000

/** Eclipse Mosquitto, from the system. Limits that could drop or throttle the load are lifted; nothing is logged. */
export const mosquitto: Peer = {
  name: 'mosquitto',
  version: () => /version (\S+)/.exec(helpText())?.[1] ?? 'unknown',
  missing: () => (findProgram('mosquitto') === undefined ? 'mosquitto is not installed' : undefined),
  start: async (data) => {
    try {
      return await startWith(true, data)
    } catch {
      return startWith(false, data) // a build without WebSocket refuses the listener
    }
  },
}

function helpText(): string {
  try {
    return execFileSync(findProgram('mosquitto') ?? 'mosquitto', ['-h'], { encoding: 'utf8' })
  } catch (error) {
    return String((error as { stdout?: unknown }).stdout) // 2.0 exits with 1 after its help
  }
}

async function startWith(webSocket: boolean, data: string | undefined): Promise<RunningPeer> {
  const [tcpPort, wsPort] = await freePorts()
  const folder = mkdtempSync(join(tmpdir(), 'isomq-bench-'))
  const file = join(folder, 'mosquitto.conf')
  writeFileSync(file, configuration(tcpPort, webSocket ? wsPort : undefined, data))
  const child = start('broker', [findProgram('mosquitto') ?? 'mosquitto', '-c', file], 'ignore')
  const tcp: Target = { kind: 'tcp', host: '127.0.0.1', port: tcpPort, path: '/' }
  const ws: Target = { kind: 'websocket', host: '127.0.0.1', port: wsPort, path: '/mqtt' }
  try {
    const ended = new Promise<never>((_resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`it ended with code ${code}`)))
    })
    ended.catch(() => {})
    await within(START_MS, 'the start', Promise.race([ended, accepting(tcpPort)]))
    return { pid: child.pid ?? 0, targets: webSocket ? [tcp, ws] : [tcp], stop: () => end(child) }
  } catch (error) {
    await end(child)
    throw error
  } finally {
    rmSync(folder, { recursive: true, force: true }) // read once, at the start
  }
}

function configuration(tcpPort: number, wsPort: number | undefined, data: string | undefined): string {
  const lines = [
    'log_type none',
    ...(data === undefined ? ['persistence false'] : ['persistence true', `persistence_location ${data}/`]),
    ...(process.getuid?.() === 0 ? ['user root'] : []), // the directory is ours
    'max_queued_messages 0',
    'max_inflight_messages 0',
    'set_tcp_nodelay true',
    `listener ${tcpPort} 127.0.0.1`,
    'allow_anonymous true',
  ]
  if (wsPort !== undefined) lines.push(`listener ${wsPort} 127.0.0.1`, 'protocol websockets')
  return `${lines.join('\n')}\n`
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return [ports[0] ?? 0, ports[1] ?? 0]
}

// Resolves when a connection is accepted.
async function accepting(port: number): Promise<void> {
  for (;;) {
    const accepted = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (accepted) return
    await sleep(20)
  }
}
