import { BrokerError } from '@isomq/kernel'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Marks a directory as this process's own until the returned function is called. The mark of a process that has died is
 * no obstacle. Throws BrokerError `unavailable` when a living one holds it.
 */
export function lockDirectory(path: string): () => void {
  const file = join(path, 'isomq.pid')
  const mine = `${process.pid} ${startOf(process.pid)}\n`
  for (;;) {
    try {
      writeFileSync(file, mine, { flag: 'wx', mode: 0o600 })
      return () => rmSync(file, { force: true })
    } catch (error) {
      if (!isTaken(error)) throw error
    }
    const [pid = '', start = ''] = holder(file)
    if (isAlive(Number(pid)) && startOf(Number(pid)) === start) {
      throw new BrokerError('unavailable', `${path} is in use by another broker, process ${pid}`)
    }
    rmSync(file, { force: true })
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}

function holder(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split(' ')
  } catch {
    return []
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is alive too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** When a process began, in the system's own count: after a reboot the same number may be another process. Empty where the system does not tell. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
