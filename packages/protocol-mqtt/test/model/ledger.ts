import { matches } from '@isomq/kernel'

/** What is known from outside: a request under way leaves it open. */
export type Certainty = 'yes' | 'maybe' | 'no'

/** A message as its publisher knows it. Its payload is its key. */
export interface Sent {
  readonly key: string
  readonly publisher: string
  readonly n: number
  readonly qos: 0 | 1 | 2
  readonly topic: string
  /** Milliseconds, as its publisher asked. */
  readonly expiry: number | undefined
  /** How often it was written. */
  attempts: number
  writtenAt: number
  /** When its publisher was told that the broker has it. */
  acceptedAt: number | undefined
  refused: boolean
  /** Younger ones may come before it: the broker lost it without its publisher hearing so. */
  unordered: boolean
}

/** What one subscriber, or one group, is owed of one message. */
export class Due {
  /** True: it has to arrive. */
  must = false
  /** True: nothing is asserted of it. */
  exempt = false
  /** The broker was killed while this may have been under way: it may be marked as repeated though it was never seen. */
  suspect = false
  /** The receiver refused it, and the broker has heard so. */
  discarded = false
  /** QoS it may be granted with. */
  readonly qos = new Set<number>()
  /** How often it was sent for the first time. */
  firsts = 0
  /** How often it was read as something new. */
  received = 0
  /** The same at QoS 2. */
  twos = 0
}

/** One filter of one session. */
export class Sub {
  certainty: Certainty = 'no'
  readonly qos = new Set<number>()
  /** The latest request about it: the answer to that one tells how things are. */
  latest = 0
}

/** What a subscriber or group is subscribed to, for one topic. */
export interface Wish {
  readonly certainty: Certainty
  readonly qos: ReadonlySet<number>
}

/** The wish of several subscriptions of one session together: no QoS below the highest that is certain. */
export function wishOf(subs: Iterable<readonly [string, Sub]>, topic: string): Wish {
  let certainty: Certainty = 'no'
  let floor = 0
  const qos = new Set<number>()
  for (const [filter, sub] of subs) {
    if (sub.certainty === 'no' || !matches(filter, topic)) continue
    if (certainty !== 'yes') certainty = sub.certainty
    if (sub.certainty === 'yes') floor = Math.max(floor, Math.min(...sub.qos))
    for (const each of sub.qos) qos.add(each)
  }
  return { certainty, qos: new Set([...qos].filter((each) => each >= floor)) }
}

/** Somebody messages are owed to: a session, or a group. */
export abstract class Target {
  readonly dues: Map<string, Due> = new Map()

  abstract wish(topic: string): Wish

  /** A message is written (again): whether it is for this target now. */
  witness(sent: Sent, shaken: boolean): void {
    const { certainty, qos } = this.wish(sent.topic)
    let due = this.dues.get(sent.key)
    if (certainty === 'no') {
      if (due !== undefined) due.must = false
      return
    }
    if (due === undefined) this.dues.set(sent.key, (due = new Due()))
    for (const each of qos) due.qos.add(each)
    const isOwed = certainty === 'yes' && sent.qos > 0 && !due.qos.has(0)
    due.must = isOwed && (sent.attempts === 1 || due.must)
    if (shaken) due.exempt = true
  }

  /** Subscriptions have changed: what is owed may come with another QoS, or not at all. */
  revise(topicOf: (key: string) => string): void {
    for (const [key, due] of this.dues) {
      const { certainty, qos } = this.wish(topicOf(key))
      for (const each of qos) due.qos.add(each)
      if (due.received === 0 && (certainty !== 'yes' || due.qos.has(0))) due.must = false
    }
  }
}
