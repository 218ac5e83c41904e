import { isFilter, type Qos } from '@isomq/kernel'

/** One rule. The first that fits says what may be done; where none does, the answer is that of the list. */
export interface AclRule {
  readonly effect: 'allow' | 'deny'
  /** User names it is for; `*` is everybody who has one, the empty text those who have none. Default: all. */
  readonly users?: readonly string[] | undefined
  /** Client ids it is for. Default: all. */
  readonly clients?: readonly string[] | undefined
  /** What is published to: filters in which `%u` and `%c` stand for the client's user name and id. */
  readonly publish?: readonly string[] | undefined
  /** What is received from, and may be subscribed to. */
  readonly subscribe?: readonly string[] | undefined
  /** With `allow`: the highest QoS. Default 2. */
  readonly qos?: Qos | undefined
  /** With `allow`: whether messages may be retained. Default true. */
  readonly retain?: boolean | undefined
}

/** What is wrong with a rule, and at which key; undefined when nothing is. */
export function ruleFault(rule: AclRule): { readonly key: string; readonly message: string } | undefined {
  const { publish = [], subscribe = [] } = rule
  if (publish.length === 0 && subscribe.length === 0)
    return { key: 'publish', message: 'or subscribe must be there, and have a filter' }
  for (const [key, filters] of [
    ['publish', publish],
    ['subscribe', subscribe],
  ] as const)
    for (const filter of filters)
      if (!isFilter(fill(filter, 'a', 'a'))) return { key, message: `(${filter}) is no topic filter` }
  if (rule.effect === 'deny' && (rule.qos !== undefined || rule.retain !== undefined))
    return { key: rule.qos === undefined ? 'retain' : 'qos', message: 'is for rules that allow' }
  return undefined
}

/** A filter with the client's names in it. */
export function fill(filter: string, username: string, clientId: string): string {
  return filter.replaceAll(/%[uc]/g, (place) => (place === '%u' ? username : clientId))
}
