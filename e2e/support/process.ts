import { spawn, type ChildProcess } from 'node:child_process'
import { eachTest, type Scope } from './scope.ts'
import { patience, within } from './within.ts'

/** How a process ended, and all it wrote. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** The same as `stdout`, as bytes. */
  readonly bytes: Buffer
}

/** How to start a process. */
export interface StartOptions {
  readonly stdin?: string | Uint8Array
  /** True: stdin stays open for `write`. */
  readonly typing?: boolean
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Where it ends at the latest. Default: after this test. */
  readonly scope?: Scope
}

/** A process of its own, with what it wrote so far. */
export class Process {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #stdout: Buffer[] = []
  #stderr = ''
  #looks = new Set<() => void>()
  /** Resolves when it has ended and everything it wrote is here. */
  readonly ended: Promise<Exit>

  constructor(command: string, args: readonly string[], options: StartOptions = {}) {
    const { cwd, env = process.env, stdin, typing = false } = options
    this.#name = [command, ...args].join(' ').slice(0, 300)
    this.#child = spawn(command, [...args], { cwd, env, stdio: 'pipe' })
    this.#child.stdin?.on('error', () => undefined)
    if (!typing) this.#child.stdin?.end(stdin ?? '')
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout.push(chunk)
      this.#look()
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString()
      this.#look()
    })
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject)
      this.#child.once('close', (code, signal) => {
        const bytes = Buffer.concat(this.#stdout)
        resolve({ code, signal, bytes, stdout: bytes.toString(), stderr: this.#stderr })
      })
    })
    this.ended.catch(() => undefined)
    const scope = options.scope ?? eachTest
    scope.add(() => this.end())
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** All it wrote to stdout so far. */
  get stdout(): string {
    return Buffer.concat(this.#stdout).toString()
  }

  /** All it wrote to stderr so far. */
  get stderr(): string {
    return this.#stderr
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resolves with the match once the stream shows it; rejects when the process ends without. */
  async until(stream: 'stdout' | 'stderr', pattern: RegExp, milliseconds: number = patience): Promise<RegExpExecArray> {
    let look: () => void = () => undefined
    const seen = new Promise<RegExpExecArray>((resolve) => {
      look = () => {
        const match = pattern.exec(this[stream])
        if (match !== null) resolve(match)
      }
    })
    this.#looks.add(look)
    look()
    const ended = this.ended.then(() => {
      look()
      return undefined
    })
    const told = (): string =>
      `${pattern} on ${stream} of ${this.#name}\n${this.stdout.slice(-2000)}\n${this.stderr.slice(-2000)}`
    try {
      const match = await within(Promise.race([seen, ended]), told, milliseconds)
      if (match === undefined) throw new Error(`ended without ${told()}`)
      return match
    } finally {
      this.#looks.delete(look)
    }
  }

  /** Writes to its stdin. */
  write(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** Reads no more of what it writes: its pipes break. */
  closeOutput(): void {
    this.#child.stdout?.destroy()
    this.#child.stderr?.destroy()
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** How it ended; rejects when it does not end in time. */
  exit(milliseconds: number = patience): Promise<Exit> {
    const told = (): string => `the end of ${this.#name}\n${this.stdout.slice(-2000)}\n${this.stderr.slice(-2000)}`
    return within(this.ended, told, milliseconds)
  }

  /** Kills it where it still runs. */
  async end(): Promise<void> {
    if (this.running) this.kill('SIGKILL')
    await this.ended.catch(() => undefined)
  }

  #look(): void {
    for (const look of this.#looks) look()
  }
}

/** Starts a command. */
export function start(command: string, args: readonly string[], options: StartOptions = {}): Process {
  return new Process(command, args, options)
}

/** Runs a command to its end. */
function run(command: string, args: readonly string[], options: StartOptions = {}): Promise<Exit> {
  return start(command, args, options).exit()
}

/** Runs a command that must succeed, and gives what it wrote to stdout. */
export async function succeed(command: string, args: readonly string[], options: StartOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options)
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}: ${stderr}${stdout}`)
  return stdout
}
