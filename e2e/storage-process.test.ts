import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lmdbStorage } from '@isomq/storage-lmdb'
import { describe, expect, test } from 'vitest'
import { isomq, startIsomq } from './support/isomq.ts'
import { eachTest } from './support/scope.ts'
import { temporaryDirectory } from './support/temporary.ts'

const program = new URL('support/programs/commit.mjs', import.meta.url).pathname

/** Why calls of the system cannot be watched; undefined where they can. */
const noStrace = ((): string | undefined => {
  try {
    execFileSync('strace', ['-f', '-qq', '-o', '/dev/null', 'true'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'strace is not installed, or may not trace'
  }
})()

interface Run {
  readonly child: ChildProcess
  readonly lines: string[]
  /** Resolves once a line has come for which this is true. */
  until(test: (line: string) => boolean): Promise<void>
  readonly exit: Promise<number | null>
}

function run(command: string, args: readonly string[]): Run {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    // One thread does what is to be counted.
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  })
  eachTest.add(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  const waiting = new Set<() => void>()
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    for (const each of waiting) each()
  })
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve))
  const until = (test: (line: string) => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!lines.some(test)) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      void exit.then(() => reject(new Error(`ended before that:\n${lines.join('\n')}`)))
      look()
    })
  return { child, lines, until, exit }
}

describe.each(['flush', 'os'] as const)('a process that commits, durability %s', (durability) => {
  test('killed again and again, keeps every commit that was resolved, and nothing by halves', async () => {
    const path = join(temporaryDirectory(), 'data')
    const kept: string[] = []
    for (const last of [0, 7, 20, 3]) {
      const { child, lines, until, exit } = run(process.execPath, [program, path, durability, '1000000'])
      await until((line) => line === `kept ${last}`)
      child.kill('SIGKILL')
      await exit
      const resolved = lines.filter((line) => line.startsWith('kept')).map((line) => `${child.pid} ${line.slice(5)}`)
      kept.push(...resolved)
    }
    const storage = lmdbStorage({ path, durability })
    const rows: [key: string, value: number][] = []
    for await (const [key, value] of storage.table('table').scan(''))
      rows.push([key, Number(new TextDecoder().decode(value))])
    const keys = new Set(rows.map(([key]) => key))
    expect(kept.filter((key) => !keys.has(key))).toEqual([])
    // One more may be there of each run: it was written, and its process died before it could say so.
    expect(rows.length - kept.length).toBeLessThanOrEqual(4)
    const { records } = await storage.log('log').read(0, { limit: 1_000_000 })
    expect(records.map(({ offset }) => offset)).toEqual(records.map((_, i) => i))
    expect(records).toHaveLength(2 * rows.length)
    await storage.close()
  })
})

describe.skipIf(noStrace !== undefined)(
  `what the system is asked for${noStrace === undefined ? '' : ` (${noStrace})`}`,
  () => {
    /** Runs the program with its calls traced, one of them failing if that is said. What it said and what it asked for, in order. */
    async function traced(durability: string, fault?: string): Promise<{ said: string[]; asked: string[] }> {
      const directory = temporaryDirectory()
      const trace = join(directory, 'trace')
      const inject = fault === undefined ? [] : ['-e', `inject=${fault}`]
      const calls = ['-f', '-qq', '-o', trace, '-e', 'trace=pwrite64,pwritev,writev,fdatasync,write', ...inject]
      const { lines, exit } = run('strace', [
        ...calls,
        process.execPath,
        program,
        join(directory, 'data'),
        durability,
        '8',
      ])
      expect(await exit).toBe(0)
      const asked = readFileSync(trace, 'latin1')
        .split('\n')
        .flatMap((line) => {
          const said = /write\(1, "(\w+ \d+)/.exec(line)?.[1]
          // A line may tell that a call has begun: only what it has answered counts.
          const call = /(pwrite64|pwritev|writev|fdatasync)(?:\(| resumed>).* = -?\d/.exec(line)?.[1]
          return said ?? call ?? []
        })
      return { said: lines, asked }
    }

    test('flush: a commit is resolved after fdatasync and after the page that makes it count', async () => {
      const { asked } = await traced('flush')
      for (let i = 0; i < 8; i++) {
        const calls = asked.slice(asked.indexOf(`begin ${i}`), asked.indexOf(`kept ${i}`))
        expect(calls.join(' ')).toMatch(/^begin \d (pwrite64 |pwritev |writev )+fdatasync pwrite64$/)
      }
    })

    test('os: a commit is resolved when it is written, and the disk is waited for at the end only', async () => {
      const { asked } = await traced('os')
      expect(asked.slice(asked.indexOf('begin 0'), asked.indexOf('kept 7'))).not.toContain('fdatasync')
      expect(asked.slice(asked.indexOf('kept 7'))).toContain('fdatasync')
      for (let i = 0; i < 8; i++)
        expect(asked.slice(asked.indexOf(`begin ${i}`), asked.indexOf(`kept ${i}`))).toContain('pwrite64')
    })

    // Pages, fdatasync, and the page that makes a commit count, wherever the number hits.
    test.each([
      ...[4, 7].map((n) => `fdatasync:error=EIO:when=${n}`),
      ...[8, 9, 10, 11, 12].map((n) => `pwrite64:error=EIO:when=${n}`),
      ...[9, 10].map((n) => `pwrite64:error=ENOSPC:when=${n}`),
    ])('%s: that commit is refused and leaves nothing behind, the next one is kept', async (fault) => {
      const { said } = await traced('flush', fault)
      const numbers = (word: string): number[] =>
        said.flatMap((line) => (line.startsWith(`${word} `) ? [Number(line.split(' ')[1])] : []))
      const [refused] = numbers('refused')
      expect(said).toContain(`refused ${refused} ${fault.includes('ENOSPC') ? 'quota-exceeded' : 'storage-failed'}`)
      expect(numbers('refused')).toHaveLength(1)
      expect(numbers('kept')).toEqual([0, 1, 2, 3, 4, 5, 6, 7].filter((i) => i !== refused))
      expect(said).toContain(`records ${Array.from({ length: 14 }, (_, i) => i).join()}`)
      expect(said).toContain(`rows ${numbers('kept').join()}`)
    })
  },
)

test('of brokers that start at the same instant one gets the directory, also over the mark of a dead one', async () => {
  const data = join(temporaryDirectory(), 'data')
  const args = ['serve', '--mqtt', '127.0.0.1:0', '--ws', 'off', '--data', data]
  for (let round = 0; round < 3; round++) {
    const rivals = [1, 2, 3, 4].map(() => startIsomq(args))
    const winners = await Promise.all(
      rivals.map(async (rival) => {
        const lost = rival.exit().then(({ code, stderr }) => {
          expect([code, stderr]).toEqual([
            1,
            expect.stringMatching(/^isomq: storage: \S+ is in use by another broker, process \d+\n$/),
          ])
          return undefined
        })
        return await Promise.race([lost, rival.until('stdout', /ready/).then(() => rival)])
      }),
    )
    expect(winners.filter((each) => each !== undefined)).toHaveLength(1)
    // The next round finds its mark.
    for (const rival of winners) {
      rival?.kill('SIGKILL')
      await rival?.exit()
    }
  }
}, 120_000)

test('without flags it keeps everything in ./data', async () => {
  const cwd = temporaryDirectory()
  const broker = startIsomq(['--mqtt', '127.0.0.1:0', '--ws', 'off'], { cwd })
  await broker.until('stderr', new RegExp(`started .*storage=${join(cwd, 'data')}`))
  await broker.until('stdout', /ready/)
  broker.kill('SIGTERM')
  expect((await broker.exit()).code).toBe(0)
  await lmdbStorage({ path: join(cwd, 'data') }).close()
})

test('where ./data cannot be made it says so in one line, exit code 1', async () => {
  expect(await isomq(['--mqtt', '127.0.0.1:0', '--ws', 'off'], { cwd: '/proc/self' })).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^isomq: storage: ENOENT: no such file or directory, mkdir '[^\n]*data'\n$/),
  })
})
