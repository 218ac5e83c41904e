const minute = 60_000
const spans = [1, 5, 15] as const

/** How fast a total grows: its growth per minute, as a moving average over 1, 5 and 15 minutes. */
export interface LoadAverage {
  /** The averages by the names that topics give them. */
  readonly values: ReadonlyMap<string, number>
  /** Takes in that the total stands here now, so many milliseconds after the last time. */
  update(total: number, elapsed: number): void
}

/**
 * Averages that begin at 0. Each update weighs what was before by `exp(-elapsed / span)`, as mosquitto does, so that they
 * do not depend on how often they are updated while the growth is steady.
 */
export function loadAverage(): LoadAverage {
  const values = new Map(spans.map((span) => [`${span}min`, 0]))
  let before = 0
  return {
    values,
    update(total, elapsed) {
      const rate = ((total - before) * minute) / elapsed
      before = total
      for (const span of spans) {
        const name = `${span}min`
        const past = Math.exp(-elapsed / (span * minute))
        values.set(name, rate + past * (values.get(name)! - rate))
      }
    },
  }
}
