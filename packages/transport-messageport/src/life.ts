const prefix = 'isomq:life:'

/** As long as it lasts others can tell that we do: a lock, which the platform frees when a page or worker is gone, and not while it is frozen. */
export interface Life {
  readonly name: string
  end(): void
}

/** Undefined where there are no locks. Never rejects. */
export function beginLife(): Promise<Life | undefined> {
  const { locks } = globalThis.navigator ?? {}
  if (locks === undefined) return Promise.resolve(undefined)
  const name = prefix + crypto.randomUUID()
  return new Promise((resolve) => {
    const hold = (): Promise<void> => new Promise((end) => resolve({ name, end }))
    // Of a page that has no right to any.
    locks.request(name, hold).catch(() => resolve(undefined))
  })
}

/** Calls back when that life is over. Returns how to stop looking. Other names than those of lives are nobody's. */
export function watchLife(name: unknown, over: () => void): () => void {
  const { locks } = globalThis.navigator ?? {}
  if (locks === undefined || typeof name !== 'string' || !name.startsWith(prefix)) return () => undefined
  const looking = new AbortController()
  const ended = (): void => {
    if (!looking.signal.aborted) over()
  }
  locks.request(name, { signal: looking.signal }, ended).catch(() => undefined)
  return () => looking.abort()
}
