import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Broker } from './broker.ts'
import { start, succeed, type Process, type StartOptions } from './process.ts'
import { eachTest, type Scope } from './scope.ts'
import { temporaryDirectory } from './temporary.ts'
import { unique } from './unique.ts'

/** Names of MQTT versions as mosquitto's clients take them. */
export const versions = ['mqttv31', 'mqttv311', 'mqttv5'] as const

/** Publishes with mosquitto_pub, which must succeed. */
export async function mosquittoPub(port: number, args: readonly string[], options: StartOptions = {}): Promise<void> {
  await succeed('mosquitto_pub', ['-h', '127.0.0.1', '-p', String(port), ...args], options)
}

/** Runs mosquitto_sub to its end, which must be success. */
export function mosquittoSub(port: number, args: readonly string[]): Promise<string> {
  return succeed('mosquitto_sub', ['-h', '127.0.0.1', '-p', String(port), ...args])
}

/** Starts mosquitto_sub; resolves once the broker has its subscription. */
export async function startMosquittoSub(broker: Broker, args: readonly string[], id = unique('ms')): Promise<Process> {
  const process = start('mosquitto_sub', ['-h', '127.0.0.1', '-p', String(broker.port), '-i', id, ...args])
  await broker.subscribed(id)
  return process
}

/** Ports nobody listens on at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** A mosquitto broker: its ports, and its log. */
export interface Mosquitto {
  readonly process: Process
  readonly port: number
  readonly webSocketPort: number
}

/** Starts a mosquitto that lets anyone in from this machine; `more` are further lines of its configuration, `own` is the port that it is to have. */
export async function startMosquitto(
  scope: Scope = eachTest,
  more: readonly string[] = [],
  own?: number,
): Promise<Mosquitto> {
  const [free = 0, webSocketPort = 0] = await freePorts(2)
  const port = own ?? free
  const file = join(temporaryDirectory(scope), 'mosquitto.conf')
  const lines = [
    `listener ${port} 127.0.0.1`,
    `listener ${webSocketPort} 127.0.0.1`,
    'protocol websockets',
    'allow_anonymous true',
    ...(more.includes('persistence true') ? [] : ['persistence false']),
    'log_dest stderr',
    'log_type all',
    ...more,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o644 })
  const process = start('mosquitto', ['-c', file], { scope })
  await process.until('stderr', /mosquitto version \S+ running/)
  return { process, port, webSocketPort }
}
