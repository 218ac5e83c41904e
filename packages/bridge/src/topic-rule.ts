import { BrokerError, isFilter, isTopic, matches, type Qos } from '@isomq/kernel'

/** What is passed on, and under which names: `pattern direction qos local-prefix remote-prefix` in mosquitto's words. */
export interface TopicRule {
  readonly direction: 'in' | 'out' | 'both'
  readonly qos: Qos
  /** What is passed on is called here, and what over there: the prefix of that side, and the pattern. */
  readonly local: Side
  readonly remote: Side
}

interface Side {
  readonly prefix: string
  readonly filter: string
}

const directions = ['in', 'out', 'both'] as const
const levels = /^[012]$/

/**
 * Reads `chat/# both 1 "" room7/`: a filter, then `out` (unless said), `in` or `both`, the QoS (0 unless said), and what is
 * put before it here and over there. Words may stand in double quotes. Throws BrokerError `invalid-filter` that says what is wrong.
 */
export function parseRule(text: string): TopicRule {
  const words = wordsOf(text)
  if (words === undefined) refuse(text, 'has a quotation mark without its partner')
  if (words.length < 1 || words.length > 5)
    refuse(text, 'must be a filter, then direction, QoS, local prefix and remote prefix as far as they are needed')
  const [pattern = '', given = 'out', level = '0', localPrefix = '', remotePrefix = ''] = words
  const direction = directions.find((each) => each === given)
  if (direction === undefined) refuse(text, `has the direction ${given}, which must be in, out or both`)
  if (!levels.test(level)) refuse(text, `has the QoS ${level}, which must be 0, 1 or 2`)
  const [local, remote] = [sideOf(text, localPrefix, pattern), sideOf(text, remotePrefix, pattern)]
  return { direction, qos: Number(level) as Qos, local, remote }
}

/** The name on the side `to` of a topic that has matched on the side `from`. */
export function rename(topic: string, from: Side, to: Side): string {
  return from.prefix === to.prefix ? topic : to.prefix + topic.slice(from.prefix.length)
}

/** The first of these rules that passes on what is called so on this side. */
export function ruleFor(rules: readonly TopicRule[], side: 'local' | 'remote', topic: string): TopicRule | undefined {
  return rules.find((rule) => matches(rule[side].filter, topic))
}

function sideOf(text: string, prefix: string, pattern: string): Side {
  const filter = prefix + pattern
  if (prefix !== '' && !isTopic(prefix)) refuse(text, `has the prefix ${prefix}, which must have no wildcards`)
  if (!isFilter(filter)) refuse(text, `means ${JSON.stringify(filter)}, which is no topic filter`)
  if (/^\$(share|queue|exclusive)\//.test(filter)) refuse(text, 'cannot share a subscription with others')
  return { prefix, filter }
}

/** Words between white space or double quotes; undefined where a quote does not end. */
function wordsOf(text: string): string[] | undefined {
  const word = /(?<=^|\s)(?:"([^"]*)"|([^\s"]+))(?=\s|$)/g
  const words = Array.from(text.matchAll(word), ([, quoted, plain]) => quoted ?? plain ?? '')
  return text.replaceAll(word, '').trim() === '' ? words : undefined
}

function refuse(text: string, why: string): never {
  throw new BrokerError('invalid-filter', `the topic ${JSON.stringify(text)} ${why}`)
}
