/** Where a value came from. */
export interface Source {
  readonly kind: 'default' | 'file' | 'env' | 'flag'
  /** The file's name, the environment variable, the flag as it was given; empty for defaults. */
  readonly name: string
  /** Line in the file, from 1, where it is known. */
  readonly line?: number | undefined
}

/** A value for one key, or for a section that is switched off as a whole. */
export interface Assignment {
  readonly path: string
  readonly value: unknown
  readonly source: Source
  /** Where a part of it was written, by the part's path. */
  readonly locate?: ((path: string) => Source) | undefined
}

/** Something wrong with the configuration. */
export interface Problem {
  readonly source?: Source | undefined
  readonly path?: string | undefined
  readonly message: string
}

/** What one place gave. */
export interface Layer {
  readonly assignments: readonly Assignment[]
  readonly problems: readonly Problem[]
}

/** `isomq.config.yaml:3`, `ISOMQ_LOG__LEVEL`, `--ws`, `default`. */
export function describeSource(source: Source): string {
  if (source.kind === 'default') return 'default'
  return source.line === undefined ? source.name : `${source.name}:${source.line}`
}

/** One line: where, which key, what is wrong. */
export function describeProblem(problem: Problem): string {
  const where =
    problem.source === undefined || problem.source.kind === 'default' ? [] : [describeSource(problem.source)]
  const path = problem.path === undefined || problem.path === '' ? [] : [problem.path]
  return [...where, [...path, problem.message].join(' ')].join(': ')
}
