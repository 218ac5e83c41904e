import { isFilter, isTopic } from '@isomq/kernel'

/** A filter of SUBSCRIBE or UNSUBSCRIBE, with what stood before it taken off. */
export interface ParsedFilter {
  readonly filter: string
  /** The group that `$share/group/` names. */
  readonly group?: string | undefined
  /** True behind `$exclusive/`. The filter is a topic then. */
  readonly exclusive?: boolean | undefined
}

/** The group of all who subscribe by `$queue/`. To `$share/$queue/…` it is a name like any other: both mean the same. */
const queue = '$queue'

/**
 * Takes `$share/group/`, `$queue/` or `$exclusive/` off; undefined when what is left is not a filter (a topic, behind
 * `$exclusive/`) or begins with another of the three, which could mean nothing [MQTT-4.7.1-1] [MQTT-4.7.1-2] [MQTT-4.8.2-1]
 * [MQTT-4.8.2-2].
 */
export function parseFilter(text: string): ParsedFilter | undefined {
  const end = text.indexOf('/')
  const rest = text.slice(end + 1)
  switch (text.slice(0, Math.max(end, 0))) {
    case '$share':
      return parseShare(rest)
    case queue:
      return isPlain(rest) ? { filter: rest, group: queue } : undefined
    case '$exclusive':
      return isPlain(rest) && isTopic(rest) ? { filter: rest, exclusive: true } : undefined
    default:
      return isPlain(text) ? { filter: text } : undefined
  }
}

function parseShare(text: string): ParsedFilter | undefined {
  const end = text.indexOf('/')
  const group = text.slice(0, end)
  const filter = text.slice(end + 1)
  return end < 1 || /[+#]/.test(group) || !isPlain(filter) ? undefined : { filter, group }
}

/** A filter that means itself. */
function isPlain(filter: string): boolean {
  return isFilter(filter) && !/^\$(share|queue|exclusive)(\/|$)/.test(filter)
}
