import { BrokerError } from '@isomq/kernel'
import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRunning, runOf } from './process-run.ts'

/** Marks are files of these names: the number grows whenever one is made beside another. */
const markName = /^isomq-(\d{1,9})\.pid$/

/** Whether a file of this name belongs to the lock. */
export function isLockFile(name: string): boolean {
  return name.startsWith('isomq-') && (markName.test(name) || name.endsWith('.new'))
}

interface Mark {
  readonly file: string
  readonly number: number
  /** What it says of the process that made it. */
  readonly run: string
}

/**
 * Marks a directory as this process's own until the returned function is called. The mark of a process that has died is
 * no obstacle. Throws BrokerError `unavailable` when a living one holds it.
 *
 * A mark appears with its content, for it is linked to its name, and that fails when the name is taken. Whoever finds only
 * dead marks takes the number behind the highest, so of those that start at once one gets it. Whoever has been slow, and
 * has made a mark beside one that came meanwhile, sees that when he looks again.
 */
export function lockDirectory(path: string): () => void {
  const run = runOf(process.pid)
  const draft = join(path, `isomq-${process.pid}-${Date.now()}.new`)
  writeFileSync(draft, `${run}\n`, { flag: 'wx', mode: 0o600 })
  try {
    for (;;) {
      const marks = marksIn(path)
      refuseIfHeld(path, marks)
      const own = join(path, `isomq-${Math.max(0, ...marks.map((mark) => mark.number)) + 1}.pid`)
      if (!link(draft, own)) continue
      const release = (): void => rmSync(own, { force: true })
      const others = marksIn(path).filter((mark) => mark.file !== own)
      try {
        refuseIfHeld(path, others)
      } catch (error) {
        release()
        throw error
      }
      for (const { file } of others) rmSync(file, { force: true })
      return release
    }
  } finally {
    rmSync(draft, { force: true })
  }
}

function refuseIfHeld(path: string, marks: readonly Mark[]): void {
  for (const { run, file } of marks) {
    if (!isRunning(run)) continue
    const [pid = '', start = ''] = run.split(' ')
    // Where the system does not tell when a process began, another one may have got the number.
    const doubt = start === '' ? `; if that is no broker, remove ${file}` : ''
    throw new BrokerError('unavailable', `${path} is in use by another broker, process ${pid}${doubt}`)
  }
}

function marksIn(path: string): Mark[] {
  return readdirSync(path).flatMap((name) => {
    const number = markName.exec(name)?.[1]
    if (number === undefined) return []
    const file = join(path, name)
    try {
      return [{ file, number: Number(number), run: readFileSync(file, 'utf8').trim() }]
    } catch (error) {
      // Its owner has just removed it.
      if (codeOf(error) === 'ENOENT') return []
      throw error
    }
  })
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
