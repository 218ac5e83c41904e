import { join } from 'node:path'
import { startIsomq } from '../support/isomq.ts'
import type { Exit, Process } from '../support/process.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import type { History } from './history.ts'

/** The broker that is killed and started again, always on the same directory. */
export class Victim {
  readonly #history: History
  readonly #flags: readonly string[]
  readonly #cwd = temporaryDirectory()
  #process: Process | undefined
  #port: number | undefined

  constructor(history: History, durability: string) {
    this.#history = history
    const data = join(this.#cwd, 'data')
    const where = ['--mqtt', '127.0.0.1:0', '--ws', 'off', '--data', data, '--log-level', 'info']
    this.#flags = ['serve', ...where, '--set', `storage.durability=${durability}`]
  }

  /** Where it listens, while it does. */
  get port(): number | undefined {
    return this.#port
  }

  /** Starts it; it takes its time to listen. */
  start(): void {
    this.#history.add('BROKER', 'starts')
    this.#process = startIsomq(this.#flags, { cwd: this.#cwd })
  }

  /** Resolves when it listens. */
  async ready(): Promise<void> {
    const [, port] = await this.#process!.until('stdout', /ready\n {2}mqtt:\/\/\S+:(\d+)/)
    this.#port = Number(port)
    this.#history.add('BROKER', `listens: ${this.#recovery()}`)
  }

  /** Kills it at once. Resolves when it is dead. */
  async kill(why: string): Promise<void> {
    this.#process?.kill('SIGKILL')
    this.#port = undefined
    this.#history.kill(why)
    this.#judge(await this.#process!.exit())
  }

  /** Lets it end in order. */
  async stop(): Promise<void> {
    this.#process!.kill('SIGTERM')
    this.#port = undefined
    this.#history.add('BROKER', 'is asked to end')
    const exit = await this.#process!.exit()
    if (exit.code !== 0) this.#history.violation('BROKER', `ended with ${exit.code}: ${exit.stderr.slice(-2000)}`)
    this.#judge(exit)
  }

  #recovery(): string {
    return /recovered from storage.*/.exec(this.#process!.stderr)?.[0] ?? 'nothing recovered'
  }

  /** A broker that is well has no errors to tell of, and does not end by itself. */
  #judge({ stderr, code }: Exit): void {
    const errors = stderr.split('\n').filter((line) => / (ERROR|FATAL) /.test(line))
    if (errors.length > 0) this.#history.violation('BROKER', `logged ${errors.join('\n')}`)
    else if (code !== null && code !== 0)
      this.#history.violation('BROKER', `ended with ${code}: ${stderr.slice(-2000)}`)
  }
}
