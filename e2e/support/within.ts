/** Milliseconds in which things happen even on a machine that has much else to do. */
export const patience = 30_000

/** The promise's outcome, or a rejection that says what did not happen in time. */
export async function within<T>(
  promise: Promise<T>,
  what: string | (() => string),
  milliseconds = patience,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const expire = (): void =>
      reject(new Error(`not within ${milliseconds} ms: ${typeof what === 'string' ? what : what()}`))
    timer = setTimeout(expire, milliseconds)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves once this is true. For facts that announce themselves by no event, such as those of /proc: it looks again and again. */
export async function eventually(fact: () => boolean, what: () => string, milliseconds = patience): Promise<void> {
  const end = Date.now() + milliseconds
  while (!fact()) {
    if (Date.now() > end) throw new Error(`not within ${milliseconds} ms: ${what()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
