import type { Core } from './core.ts'
import type { Message, Offset } from './message.ts'

const retryAfter = 1000

/**
 * Reads records that are owed but not in memory. `fetched` gets what there is of them; when the log cannot be read that
 * is told, and nothing is lost: it is called with undefined a second later, to begin again.
 */
export function fetchRecords(
  core: Core,
  wanted: readonly Offset[],
  fetched: (found: ReadonlyMap<Offset, Message | undefined> | undefined) => void,
): void {
  core.log.get(wanted).then(
    (records) => {
      core.health.worked('read')
      fetched(new Map(wanted.map((offset, i) => [offset, records[i]?.message])))
    },
    (error: unknown) => {
      core.health.failed('read', error)
      core.host.clock.timer(retryAfter, () => fetched(undefined))
    },
  )
}
