import type { Clock } from '@isomq/kernel'

/** What may pass in each span of time. */
export interface ThrottleOptions {
  readonly clock: Clock
  readonly count: number
  /** Milliseconds. */
  readonly span: number
  /** Told at the end of a span how many calls did not pass, if any. */
  readonly suppressed: (calls: number) => void
}

/** A function that says whether one more call may pass: the first `count` of each span do. Keeps a timer only while calls come. */
export function throttle(options: ThrottleOptions): () => boolean {
  let calls = 0
  const end = (): void => {
    const rest = calls - options.count
    calls = 0
    if (rest > 0) options.suppressed(rest)
  }
  return () => {
    calls += 1
    if (calls === 1) options.clock.timer(options.span, end)
    return calls <= options.count
  }
}
