import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system in memory that is easily full. */
export interface TinyDisk {
  readonly path: string
  /** Takes all space there is. */
  fill(): void
  /** Gives it back. */
  drain(): void
  unmount(): void
}

/** Mounts a file system of so many MiB; undefined where that is not allowed. */
export function tinyDisk(mebibytes: number): TinyDisk | undefined {
  const path = mkdtempSync(join(tmpdir(), 'isomq-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'isomq-test', path], { stdio: 'ignore' })
  } catch {
    rmdirSync(path)
    return undefined
  }
  const ballast = join(path, '.ballast')
  return {
    path,
    fill() {
      const { bavail, bsize } = statfsSync(path)
      writeFileSync(ballast, Buffer.alloc(bavail * bsize))
    },
    drain: () => rmSync(ballast, { force: true }),
    unmount() {
      execFileSync('umount', [path])
      rmdirSync(path)
    },
  }
}

/** Why tests that need such a disk are left out; undefined where they run. */
export const noTinyDisk: string | undefined = probe()

function probe(): string | undefined {
  const disk = tinyDisk(1)
  disk?.unmount()
  return disk === undefined ? 'a file system cannot be mounted here: that takes root on Linux' : undefined
}
