import type { AdminOptions } from '../options.ts'
import type { Watch } from '../watch.ts'

/** What routes are made of. */
export interface Parts extends AdminOptions {
  readonly watch: Watch
}
