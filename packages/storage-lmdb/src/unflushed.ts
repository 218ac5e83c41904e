import { BrokerError } from '@isomq/kernel'
import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { bootId } from './boot-id.ts'
import { readIfThere } from './read-if-there.ts'

/**
 * To be called before a directory's database is opened. Throws BrokerError `storage-failed` when the machine has gone
 * down since something was written to it that had not been flushed: LMDB may not survive looking at what is left.
 */
export function checkFlushed(path: string): void {
  const mark = join(path, 'isomq.unflushed')
  const boot = readIfThere(mark)?.trim()
  if (boot === undefined) return
  if (boot !== bootId()) {
    throw new BrokerError(
      'storage-failed',
      `${path} was written with durability os, and the machine went down before all of it was on the disk: it may be ` +
        `damaged. Remove data.mdb and isomq.unflushed to begin anew, or isomq.unflushed alone to risk it`,
    )
  }
  // Only the process has died: the system still has everything.
  flush(path)
  rmSync(mark, { force: true })
}

/** From now on the directory's database is written without being flushed. The returned function is to be called when it is closed. */
export function markUnflushed(path: string): () => void {
  const mark = join(path, 'isomq.unflushed')
  const file = openSync(mark, 'w', 0o600)
  writeSync(file, `${bootId()}\n`)
  fsyncSync(file)
  closeSync(file)
  flushDirectory(path)
  return () => {
    flush(path)
    rmSync(mark, { force: true })
  }
}

function flush(path: string): void {
  let file: number
  try {
    file = openSync(join(path, 'data.mdb'), 'r+')
  } catch {
    // Nothing was written.
    return
  }
  fdatasyncSync(file)
  closeSync(file)
}

/** Makes the names in a directory durable, where the system can. */
function flushDirectory(path: string): void {
  try {
    const directory = openSync(path, 'r')
    fsyncSync(directory)
    closeSync(directory)
  } catch {
    // Windows opens no directories.
  }
}
