import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IConnectPacket } from 'mqtt-packet'
import { afterEach, vi } from 'vitest'
import { dial } from '../src/client/dial.ts'
import { openClient, type MqttClient } from '../src/client/mqtt-client.ts'
import { readTarget } from '../src/client/target.ts'
import { createLog } from '../src/log.ts'
import { startServer, type Server } from '../src/server.ts'
import { load } from './config-dir.ts'

// What keeps passwords safe takes its time, and more on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** To be done after the test, last first. */
export function afterwards(cleanup: () => unknown): void {
  cleanups.push(cleanup)
}

/** A folder with these files, gone after the test. */
export function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'isomq-access-'))
  afterwards(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** A server with these keys, and what it logs. */
export interface Running {
  readonly server: Server
  readonly lines: readonly string[]
  readonly url: string
  readonly wsUrl: string
}

export async function start(keys: Readonly<Record<string, unknown>>): Promise<Running> {
  const lines: string[] = []
  const set = Object.entries(keys).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const flags = { mqtt: '127.0.0.1:0', ws: '127.0.0.1:0', memory: !('storage.type' in keys), logLevel: 'debug', set }
  const { config } = await load({ flags })
  const server = await startServer(
    config,
    createLog(config.log, (line) => lines.push(line)),
  )
  afterwards(() => server.stop())
  return { server, lines, url: server.urls[0]!, wsUrl: server.urls[1]! }
}

/** A client, and what it has heard: `topic text`, with `(retained)` where it was. */
export interface Heard {
  readonly client: MqttClient
  readonly heard: string[]
}

/** Logs in. Rejects where it is refused. */
export async function connect(
  url: string,
  how: Partial<IConnectPacket> & { readonly clientId: string },
): Promise<Heard> {
  const heard: string[] = []
  const version = how.protocolVersion ?? 5
  const base = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: version, clean: true, keepalive: 60 } as const
  const client = await openClient(await dial(readTarget({ url }), {}, version as 4 | 5), {
    connect: { ...base, ...how },
    connectTimeout: 5000,
    unreleased: new Set(),
    onMessage: ({ topic, payload, retain }) => {
      heard.push(`${topic} ${payload.toString()}${retain ? ' (retained)' : ''}`)
      return true
    },
  })
  afterwards(() => client.close())
  return { client, heard }
}

/** How a login ends: `in`, or what the client is told. */
export async function outcome(
  url: string,
  how: Partial<IConnectPacket> & { readonly clientId: string },
): Promise<string> {
  return connect(url, how).then(
    ({ client }) => {
      client.close()
      return 'in'
    },
    (error: unknown) => (error as Error).message.replace(/^.*refused[^:]*: /, ''),
  )
}
