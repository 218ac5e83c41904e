/** Delays between attempts, milliseconds: doubled from 1 s to 30 s, each a random part of it so that many clients do not come at once. */
export interface Backoff {
  next(): number
  /** The attempt succeeded: begin anew. */
  reset(): void
}

/** A new series of delays. */
export function backoff(random: () => number = Math.random): Backoff {
  const [first, longest] = [1000, 30_000]
  let ceiling = first
  return {
    next: () => {
      const delay = ceiling * (0.5 + random() / 2)
      ceiling = Math.min(ceiling * 2, longest)
      return Math.round(delay)
    },
    reset: () => {
      ceiling = first
    },
  }
}
