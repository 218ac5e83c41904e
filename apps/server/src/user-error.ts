/** Something the user can mend: shown as one line each after `isomq: `, without a stack; the command then exits with this code. */
export class UserError extends Error {
  override readonly name: string = 'UserError'
  readonly lines: readonly string[]
  readonly exitCode: number
  constructor(lines: string | readonly string[], exitCode: number = 1) {
    const all = typeof lines === 'string' ? [lines] : lines
    super(all.join('\n'))
    this.lines = all
    this.exitCode = exitCode
  }
}
