import { readdirSync, readFileSync } from 'node:fs'

/**
 * CPU time of a whole process, user and system, all its threads, in µs. From the `schedstat` of every thread (ns
 * precision), else from `/proc/<pid>/stat` (10 ms precision); null where neither exists.
 */
export function cpuMicros(pid: number): number | null {
  try {
    let nanos = 0
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      nanos += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ', 1)[0])
    }
    return nanos / 1e3
  } catch {
    return ticksMicros(pid)
  }
}

// utime and stime are the 12th and 13th fields behind the command in parentheses, in ticks of 10 ms.
function ticksMicros(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  } catch {
    return null
  }
}

/** Resident memory of a process in bytes, now and at its highest; null where /proc is missing. */
export function memoryBytes(pid: number): { rss: number; peak: number } | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return { rss: kilobytes(status, 'VmRSS') * 1024, peak: kilobytes(status, 'VmHWM') * 1024 }
  } catch {
    return null
  }
}

function kilobytes(status: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
}
