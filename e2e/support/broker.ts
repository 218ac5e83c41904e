import { afterAll, beforeAll, expect } from 'vitest'
import { plainEnv, startIsomq } from './isomq.ts'
import type { Exit, Process } from './process.ts'
import { eachTest, Scope } from './scope.ts'
import { temporaryDirectory } from './temporary.ts'

/** A broker in a process of its own. */
export interface Broker {
  readonly process: Process
  /** Port of the MQTT listener. */
  readonly port: number
  /** What the broker printed, by scheme. */
  readonly urls: Readonly<Record<string, string>>
  /** Resolves once this client has subscribed to anything. Needs the log level trace. */
  subscribed(clientId: string): Promise<void>
  /** Resolves once the broker has noticed that this client is gone. Needs the log level debug. */
  gone(clientId: string, milliseconds?: number): Promise<void>
  /** SIGTERM, and the end that follows. */
  stop(): Promise<Exit>
}

/** Starts a broker on free ports. What it keeps is in memory unless the flags name a directory. */
export async function startBroker(
  flags: readonly string[] = [],
  scope: Scope = eachTest,
  env: Readonly<Record<string, string>> = {},
): Promise<Broker> {
  const where = ['--mqtt', '127.0.0.1:0', '--ws', '127.0.0.1:0', ...(flags.includes('--data') ? [] : ['--memory'])]
  const args = ['serve', ...where, '--log-level', 'trace', ...flags]
  const process = startIsomq(args, { cwd: temporaryDirectory(scope), scope, env: plainEnv(env) })
  const [, lines = ''] = await process.until('stdout', /^isomq \S+ ready\n((?: {2}\S+\n)+)/)
  const urls = Object.fromEntries(
    lines
      .trim()
      .split(/\s+/)
      .map((url) => [url.slice(0, url.indexOf(':')), url]),
  )
  const noticed = async (what: string, clientId: string, milliseconds?: number): Promise<void> => {
    await process.until(
      'stderr',
      new RegExp(`${what} client="?${clientId.replaceAll(/[^\w-]/g, '\\$&')}"? `),
      milliseconds,
    )
  }
  return {
    process,
    urls,
    port: Number(new URL(urls['mqtt'] ?? 'mqtt://none:0').port),
    subscribed: (clientId) => noticed('subscribed', clientId),
    gone: (clientId, milliseconds) => noticed('client disconnected', clientId, milliseconds),
    stop: () => {
      process.kill('SIGTERM')
      return process.exit()
    },
  }
}

/** A broker for all tests of a block. It must live through them, end in order and log no fault. */
export function sharedBroker(flags: readonly string[] = []): Broker {
  const scope = new Scope()
  let broker: Broker | undefined
  beforeAll(async () => {
    broker = await startBroker(flags, scope)
  })
  afterAll(async () => {
    try {
      const { code, stderr } = (await broker?.stop()) ?? { code: -1, stderr: '' }
      expect(stderr.split('\n').filter((line) => / (ERROR|FATAL) /.test(line))).toEqual([])
      expect(code).toBe(0)
    } finally {
      await scope.end()
    }
  })
  const now = (): Broker => {
    if (broker === undefined) throw new Error('the broker runs only while tests do')
    return broker
  }
  return {
    get process() {
      return now().process
    },
    get port() {
      return now().port
    },
    get urls() {
      return now().urls
    },
    subscribed: (clientId) => now().subscribed(clientId),
    gone: (clientId, milliseconds) => now().gone(clientId, milliseconds),
    stop: () => now().stop(),
  }
}
