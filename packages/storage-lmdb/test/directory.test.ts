import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open } from 'lmdb'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { lockDirectory } from '../src/directory-lock.ts'
import { lmdbStorage } from '../src/index.ts'
import { isRunning, runOf } from '../src/process-run.ts'

const root = mkdtempSync(join(tmpdir(), 'isomq-directory-'))
const releases: (() => void)[] = []
afterEach(() => releases.splice(0).forEach((release) => release()))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let folders = 0
function folder(): string {
  const path = join(root, String(++folders))
  mkdirSync(path)
  return path
}

function lock(path: string): void {
  releases.push(lockDirectory(path))
}

const marks = (path: string): string[] => readdirSync(path).filter((name) => name.startsWith('isomq-'))
const linuxOnly = process.platform !== 'linux'

describe('the mark of a broker on its directory', () => {
  it('keeps others out, and goes with it', () => {
    const path = folder()
    const release = lockDirectory(path)
    expect(() => lockDirectory(path)).toThrow(`${path} is in use by another broker, process ${process.pid}`)
    expect(statSync(join(path, marks(path)[0]!)).mode & 0o077).toBe(0)
    release()
    expect(marks(path)).toEqual([])
    lock(path)
    expect(marks(path)).toEqual(['isomq-1.pid'])
  })

  it.each([
    ['of a process that is gone', () => '999999999 1 x'],
    ['that is empty', () => ''],
    ['that is damaged', () => 'no process'],
    ['of a run before this boot', () => runOf(process.pid).replace(/\S+$/, 'another-boot')],
    [
      'of an earlier process of our own number, as in containers',
      () => `${process.pid} 1 ${runOf(process.pid).split(' ')[2]}`,
    ],
  ])('is no obstacle when it is one %s', (_, run) => {
    const path = folder()
    writeFileSync(join(path, 'isomq-7.pid'), run())
    lock(path)
    expect(marks(path)).toEqual(['isomq-8.pid'])
  })

  it.skipIf(linuxOnly)('of a process that was killed and that nobody has waited for is none (Linux only)', async () => {
    const path = folder()
    // The shell never waits for its child, which stays a zombie as long as the shell lives.
    const shell = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const pid = Number(await new Promise((resolve) => shell.stdout.once('data', (text) => resolve(String(text)))))
      const run = runOf(pid)
      writeFileSync(join(path, 'isomq-1.pid'), run)
      expect(isRunning(run)).toBe(true)
      expect(() => lockDirectory(path)).toThrow(`process ${pid}`)
      process.kill(pid, 'SIGKILL')
      while (!/^\S+ \((sh|sleep)\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')))
        await new Promise((resolve) => setImmediate(resolve))
      lock(path)
    } finally {
      shell.kill('SIGKILL')
    }
  })

  it('where the system does not tell when processes began, it keeps others out and says how to get in', () => {
    const path = folder()
    const file = join(path, 'isomq-1.pid')
    writeFileSync(file, String(process.pid))
    if (runOf(process.pid) === String(process.pid))
      expect(() => lockDirectory(path)).toThrow(`process ${process.pid}; if that is no broker, remove ${file}`)
    // Where it does, such a mark is of another system.
    else lock(path)
  })
})

describe('a directory that is not ours', () => {
  it('is refused when there is something else in it, and left as it is', () => {
    const path = folder()
    writeFileSync(join(path, 'letters.txt'), '')
    expect(() => lmdbStorage({ path })).toThrow(
      /is not empty and not a directory of isomq: there is letters\.txt in it/,
    )
    expect(readdirSync(path)).toEqual(['letters.txt'])
  })

  it('is taken when there is only what file systems put there', async () => {
    const path = folder()
    mkdirSync(join(path, 'lost+found'))
    writeFileSync(join(path, '.gitkeep'), '')
    await lmdbStorage({ path }).close()
  })

  it('is refused when there is a database of another program in it', async () => {
    const path = folder()
    const other = open({ path, noSubdir: false })
    await other.put('a', 'b')
    await other.close()
    expect(() => lmdbStorage({ path })).toThrow(`${path} has a database of another program in it`)
    expect(marks(path)).toEqual([])
  })

  it('is refused when its database was damaged beyond recognition', () => {
    const path = folder()
    writeFileSync(join(path, 'data.mdb'), Buffer.alloc(65_536, 'x'))
    expect(() => lmdbStorage({ path })).toThrow('data.mdb is no database, or was damaged')
    expect(marks(path)).toEqual([])
  })

  it('is refused when it was written by a newer program', async () => {
    const path = folder()
    await lmdbStorage({ path }).close()
    const newer = open<Buffer, Buffer>({ path, noSubdir: false, encoding: 'binary', keyEncoding: 'binary' })
    await newer.put(Buffer.from([0x01]), Buffer.from([3]))
    await newer.close()
    expect(() => lmdbStorage({ path })).toThrow(`${path} was written in format 3; this program knows formats up to 2`)
    expect(marks(path)).toEqual([])
  })
})
