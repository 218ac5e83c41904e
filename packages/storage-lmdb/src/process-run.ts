import { bootId } from './boot-id.ts'
import { readIfThere } from './read-if-there.ts'

/**
 * What tells this run of a process from any other under the same number, before or after: its number, when it began in the
 * system's own count, and which boot of the system that counts from. Only the number where the system does not tell (it has
 * no /proc).
 */
export function runOf(pid: number): string {
  const start = statOf(pid)?.[19]
  return start === undefined ? String(pid) : `${pid} ${start} ${bootId()}`
}

/** Whether the process of this run is still there. One that has ended and was not yet waited for is not. */
export function isRunning(run: string): boolean {
  const pid = Number(run.split(' ', 1)[0])
  if (!isAlive(pid)) return false
  const state = statOf(pid)?.[0]
  return state !== 'Z' && state !== 'X' && runOf(pid) === run
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

/** Fields of /proc/<pid>/stat behind the name of the program, which may contain anything: the state, and 19 later the start. */
function statOf(pid: number): string[] | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}
