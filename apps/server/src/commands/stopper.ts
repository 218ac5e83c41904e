/** Ends a command that goes on until something says that it is enough. */
export interface Stopper {
  /** Ends the command with this exit code; the first call counts. */
  readonly done: (code: number) => void
  readonly stopped: () => boolean
  /** Resolves when the command is to end. */
  readonly code: Promise<number>
}

/** Exit code of `-W`. */
const timedOut = 27

/** SIGINT, SIGTERM and a reader of stdout that went away end the command too; so does `-W` seconds, with a line on stderr unless quiet. */
export function stopper({ W, quiet }: { readonly W?: number; readonly quiet?: boolean }): Stopper {
  let stopped = false
  let resolve: ((code: number) => void) | undefined
  const code = new Promise<number>((each) => (resolve = each))
  const done = (value: number): void => {
    stopped = true
    resolve?.(value)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done(0))
  process.stdout.on('error', () => done(0))
  if (W !== undefined) {
    const expire = (): void => {
      if (quiet !== true && !stopped) process.stderr.write('Timed out\n')
      done(timedOut)
    }
    setTimeout(expire, W * 1000).unref()
  }
  return { done, stopped: () => stopped, code }
}
