import { readFile } from 'node:fs/promises'
import { getHeapStatistics } from 'node:v8'
import { createBroker, defaultLimits, type Host, type Limits, type Storage } from '@isomq/kernel'
import { defaultMqttOptions, mqtt, type MqttOptions, sysTopics } from '@isomq/protocol-mqtt'
import { memoryStorage } from '@isomq/storage-memory'
import { openAccess } from './access/open-access.ts'
import { openBridges, tellBridges } from './bridges.ts'
import { brokerLog } from './broker-log.ts'
import type { AdminOptions } from '@isomq/admin'
import { type Config, listenerNames } from './config/types.ts'
import { openListeners } from './listeners.ts'
import type { Log } from './log.ts'
import { nodeClock, nodeHost } from './node-host.ts'
import { watchTlsFiles } from './config/tls-files.ts'
import { throttle } from './throttle.ts'
import { UserError } from './user-error.ts'
import { version } from './version.ts'
import { openAdminApi } from './web/admin-api.ts'
import { statusAnswers } from './web/status.ts'

/** A broker that accepts connections. */
export interface Server {
  /** What clients dial, one for each listener. */
  readonly urls: readonly string[]
  /** Of the first administrator, who was made at this start; undefined where there was one. */
  readonly firstPassword: string | undefined
  /** Reads anew what can change while it runs: TLS files, passwords, rules. Rejects with a UserError where one is of no use; what was in force stays. */
  reload(): Promise<void>
  /** Stops accepting, ends every connection, writes what is unwritten, releases the storage. Idempotent. */
  stop(): Promise<void>
}

/** Puts storage, broker, protocol and listeners together. Throws a UserError for what the user can mend; nothing stays open then. */
export async function startServer(config: Config, log: Log): Promise<Server> {
  const report = faultLog(log)
  const host = nodeHost(report)
  const access = await openAccess(config, host)
  const metricsToken = await readToken(config.metrics.tokenFile)
  const storage = await openStorage(config, report)
  const broker = await createBroker({
    storage,
    host,
    guard: access.guard,
    observer: brokerLog(host.clock, log),
    limits: kernelLimits(config),
    memory: memoryInUse,
    history: config.history.filters.length > 0 ? config.history : undefined,
    sharing: config.sharing,
    flapping: config.flapping.enabled ? config.flapping : undefined,
    slowSubscriptions: config.slowSubscriptions.enabled ? config.slowSubscriptions : undefined,
  })
  const protocol = mqtt({ ...mqttOptions(config), authenticators: access.authenticators })
  const stopSys = sysTopics(broker, protocol.counters, { ...config.sys, version, memory: memoryInUse })
  const bridges = openBridges(broker, config.bridges, log)
  const stopBridgeTopics = tellBridges(broker, bridges)
  let isStopping = false
  let firstPassword: string | undefined
  const facts = { broker, version, bridges: () => bridges }
  const status = statusAnswers({ ...facts, mqtt: protocol.counters, stopping: () => isStopping, metricsToken })
  const isServed = config.listeners.http !== false || config.listeners.https !== false
  const api =
    isServed && config.admin.enabled ? await openAdminApi({ ...facts, ...adminFacts(config) }, storage) : undefined
  const close = async (): Promise<void> => {
    stopSys()
    stopBridgeTopics()
    api?.close()
    await Promise.all(bridges.map((bridge) => bridge.close()))
    await broker.close()
    await storage.close()
    access.close()
  }
  if (config.sites.length > 0 && config.listeners.http === false && config.listeners.https === false)
    log.warn({ sites: config.sites.map(({ path }) => path) }, 'not served: there is neither --http nor --https')
  try {
    const listeners = await openListeners(config, {
      accept: (connection) => protocol.serve(connection, broker),
      report: host.report,
      answers: (path) => status(path) ?? api?.answers(path),
    })
    if (api?.firstPassword !== undefined) firstPassword = api.firstPassword
    const reload = async (): Promise<void> => {
      const results = await Promise.allSettled([listeners.reload(), access.reload(broker)])
      const lines = results.flatMap((each) => (each.status === 'rejected' ? linesOf(each.reason) : []))
      if (lines.length > 0) throw new UserError(lines)
    }
    const unwatch = watchTlsFiles(config, () => void reloadAndLog({ reload }, log))
    let stopped: Promise<void> | undefined
    const stop = async (): Promise<void> => {
      isStopping = true
      unwatch()
      await listeners.close()
      await close()
    }
    return {
      urls: listeners.open.flatMap(({ address }) => urlsOf(address, config)),
      firstPassword,
      reload,
      stop: () => (stopped ??= stop()),
    }
  } catch (error) {
    await close()
    throw error
  }
}

function adminFacts(config: Config): Pick<AdminOptions, 'listeners' | 'node' | 'origins'> {
  const listeners = listenerNames.flatMap((name) => {
    const settings = config.listeners[name]
    if (settings === false) return []
    return [{ id: `${name}:default`, type: name, address: `${settings.host}:${settings.port}` }]
  })
  return { node: config.sys.node, origins: config.admin.origins, listeners: () => listeners }
}

async function readToken(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  const token = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UserError(`metrics.tokenFile: ${error.message}`)
  })
  if (token.trim().length < 16) throw new UserError(`metrics.tokenFile: ${file} must have at least 16 characters`)
  return token.trim()
}

/** Reloads, and logs how it went. Never rejects. */
export async function reloadAndLog({ reload }: Pick<Server, 'reload'>, log: Log): Promise<void> {
  try {
    await reload()
    log.info('reloaded')
  } catch (error) {
    log.error({ faults: linesOf(error) }, 'not reloaded: what was in force stays')
  }
}

function linesOf(error: unknown): readonly string[] {
  return error instanceof UserError ? error.lines : [String(error)]
}

/** What is reached at a listener: itself, and the sites on it. */
function urlsOf(address: string, { sites }: Config): string[] {
  if (!address.startsWith('http')) return [address]
  return [address, ...sites.filter(({ path }) => path !== '/').map(({ path }) => new URL(`${path}/`, address).href)]
}

/** A fault that comes with every message must not fill the disk with stacks. */
function faultLog(log: Log): (error: unknown, context: string) => void {
  const suppressed = (faults: number): void => log.error({ faults }, 'more faults, not logged one by one')
  const passes = throttle({ clock: nodeClock, count: 10, span: 10_000, suppressed })
  return (error, context) => {
    if (passes()) log.error({ err: error, context }, 'fault')
  }
}

/** Bytes of the JavaScript heap, and of what its objects hold outside it. */
function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

// A storage is loaded when it is chosen: what is not used costs no memory, and no time at start.
async function openStorage(config: Config, report: Host['report']): Promise<Storage> {
  switch (config.storage.type) {
    case 'memory':
      return memoryStorage()
    case 'lmdb':
      return await openLmdb(config.storage, report)
  }
}

async function openLmdb(storage: Config['storage'], report: Host['report']): Promise<Storage> {
  const { path, durability, maxBytes } = storage
  const { lmdbStorage } = await import('@isomq/storage-lmdb')
  try {
    return lmdbStorage({ path, durability, maxBytes, damaged: (error) => report(error, 'reading the storage') })
  } catch (error) {
    const { cause } = error as Error
    switch ((cause as NodeJS.ErrnoException | undefined)?.code) {
      case 'EEXIST':
      case 'ENOTDIR':
        throw new UserError(`storage.path: ${path} cannot be a directory: there is a file in the way`)
      case 'EACCES':
      case 'EROFS':
        throw new UserError(`storage.path: ${path} may not be written`)
      default:
        throw new UserError(`storage: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
}

function kernelLimits({ limits }: Config): Limits {
  const names = Object.keys(defaultLimits) as (keyof Limits)[]
  const all = Object.fromEntries(names.map((name) => [name, limits[name]])) as unknown as Limits
  // What V8 may have is where it would end the process.
  const most = getHeapStatistics().heap_size_limit * 0.85
  return { ...all, memory: Math.min(all.memory, most) }
}

function mqttOptions({ limits, rewrite, autoSubscribe }: Config): Omit<MqttOptions, 'authenticators'> {
  const { rewrite: _, autoSubscribe: __, authenticators: ___, ...bounds } = defaultMqttOptions
  const names = Object.keys(bounds) as (keyof typeof bounds)[]
  const options = Object.fromEntries(names.map((name) => [name, limits[name]])) as unknown as typeof bounds
  return { ...options, rewrite, autoSubscribe, maxKeepAlive: Math.floor(limits.maxKeepAlive / 1000) }
}
