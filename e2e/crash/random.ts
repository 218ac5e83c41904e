/** Chance that can be had again: the same seed gives the same numbers. */
export interface Random {
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number
  /** True so many times out of a hundred. */
  percent(chance: number): boolean
  pick<T>(choices: readonly T[]): T
}

/** Chance from a seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  return {
    int,
    percent: (chance) => next() * 100 < chance,
    pick: <T>(choices: readonly T[]): T => choices[int(0, choices.length - 1)] as T,
  }
}
