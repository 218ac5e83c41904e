/** A pending timer. */
export interface Timer {
  cancel(): void
}

/** The time. Milliseconds throughout. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls back once after at least this many milliseconds, unless cancelled. */
  timer(milliseconds: number, callback: () => void): Timer
}

/** What the kernel needs from the world around it: nothing else reaches it. */
export interface Host {
  readonly clock: Clock
  /** Runs the task at the end of this turn of the event loop, after all input that is already there was read. In call order. */
  defer(task: () => void): void
  /** At least 20 characters of `0-9A-Za-z`, never given twice, not guessable. */
  randomId(): string
  /** A fault that is a bug of ours or of an extension. Never throws. */
  report(error: unknown, context: string): void
}
