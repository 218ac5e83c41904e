/** How long and how hard a run is. */
export interface CrashOptions {
  /** Where all chance comes from. */
  readonly seed: number
  /** How often the broker is killed. */
  readonly kills: number
  /** No kill after so many seconds, whatever `kills` says. */
  readonly seconds: number
}

type Durability = 'flush' | 'os'

const { env } = process

/** The levels of durability to run with: ISOMQ_CRASH_DURABILITY, or both. */
export const durabilities: readonly Durability[] =
  env['ISOMQ_CRASH_DURABILITY'] === 'flush' || env['ISOMQ_CRASH_DURABILITY'] === 'os'
    ? [env['ISOMQ_CRASH_DURABILITY']]
    : ['flush', 'os']

/** What the environment asks for, which `pnpm test:crash` sets. A short run with a new seed unless it says otherwise. */
export const crashOptions: CrashOptions = {
  seed: Number(env['ISOMQ_CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31)),
  kills: Number(env['ISOMQ_CRASH_KILLS'] ?? 6),
  seconds: Number(env['ISOMQ_CRASH_SECONDS'] ?? 8),
}

/** The command that runs the same plan again. Between processes nothing is exact: it may take a few tries. */
export function replay({ seed, kills, seconds }: CrashOptions, durability: string): string {
  return `pnpm test:crash --seed ${seed} --kills ${kills} --seconds ${seconds} --durability ${durability}`
}
