import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'

const alive = new Set<ChildProcess>()

/** A broker may write all it has when it ends, as mosquitto does: cut short, it has lost everything. */
const FAREWELL_MS = 60_000

/** Where a child may run: brokers have one core to themselves, the load has all others. */
export type Seat = 'broker' | 'load'

/** The full path of a program on PATH (or in the sbin directories that users' paths lack), or undefined. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

/** Starts a child on its core or cores. It is ended with this process, however that ends short of SIGKILL. */
export function start(seat: Seat, command: readonly string[], stdio: StdioOptions): ChildProcess {
  const [program = '', ...rest] = [...pin(seat), ...command]
  const child = spawn(program, rest, { stdio })
  alive.add(child)
  child.once('exit', () => alive.delete(child))
  return child
}

/** Ends a child, by force if it does not go in time, and resolves when it is gone. */
export function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const force = setTimeout(() => child.kill('SIGKILL'), FAREWELL_MS)
    child.once('exit', () => {
      clearTimeout(force)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

/** Makes sure that no child outlives this process: on exit, on Ctrl-C, when asked to end. */
export function endChildrenOnExit(): void {
  process.on('exit', () => {
    for (const child of alive) child.kill('SIGKILL')
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
}

/** How children are placed on cores, in words. */
export function placement(): string {
  const [broker, load] = seats()
  return broker === undefined ? 'no pinning' : `broker on core ${broker}, load on ${load}`
}

function pin(seat: Seat): string[] {
  const [broker, load] = seats()
  if (broker === undefined || load === undefined) return []
  return ['taskset', '-c', seat === 'broker' ? broker : load]
}

function seats(): [broker?: string, load?: string] {
  if (process.platform !== 'linux' || findProgram('taskset') === undefined) return []
  const cores = allowedCores()
  const [first] = cores
  return first === undefined || cores.length < 2 ? [] : [String(first), cores.slice(1).join(',')]
}

function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  if (list === undefined) return Array.from({ length: availableParallelism() }, (_, index) => index)
  return list.split(',').flatMap((range) => {
    const [from = 0, to = from] = range.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
