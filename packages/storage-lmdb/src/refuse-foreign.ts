import { BrokerError } from '@isomq/kernel'
import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { isLockFile } from './directory-lock.ts'

/** Where LMDB keeps everything. */
const dataFile = 'data.mdb'
const ours = new Set([dataFile, 'lock.mdb', 'isomq.unflushed', 'lost+found'])
/** What LMDB writes 24 bytes behind the beginning of its file, in the order of the machine's bytes. */
const magic = 0xbeefc0de
const magicAt = 24

/**
 * A directory that is somebody else's stays his: throws BrokerError `storage-failed` when there is anything else in it.
 * What begins with a dot, and what a fresh file system has, does no harm.
 */
export function refuseForeign(path: string): void {
  const names = readdirSync(path)
  if (names.includes(dataFile)) return
  const foreign = names.find((name) => !name.startsWith('.') && !ours.has(name) && !isLockFile(name))
  if (foreign === undefined) return
  throw new BrokerError(
    'storage-failed',
    `${path} is not empty and not a directory of isomq: there is ${foreign} in it`,
  )
}

/** Throws BrokerError `storage-failed` when the directory's database is none: LMDB would crash the process over it. */
export function refuseGarbage(path: string): void {
  const file = join(path, dataFile)
  if (!existsSync(file)) return
  const head = Buffer.alloc(magicAt + 4)
  const handle = openSync(file, 'r')
  let length: number
  try {
    length = readSync(handle, head, 0, head.length, 0)
  } finally {
    closeSync(handle)
  }
  // A crash may have come before anything was written.
  if (length === 0) return
  if (length === head.length && [head.readUInt32LE(magicAt), head.readUInt32BE(magicAt)].includes(magic)) return
  throw new BrokerError('storage-failed', `${file} is no database, or was damaged`)
}
