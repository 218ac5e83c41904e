import type { History } from './history.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { Publish, Qos } from './wire.ts'

/** A span in which a subscription held, by the history's time. */
export interface Span {
  readonly asked: number
  /** From here on everything that is published is owed. */
  granted: number | undefined
  ended: number | undefined
  /** From here on nothing may come. */
  endGranted: number | undefined
}

/** Where one copy of each message goes: a session, or a group of them. Judges everything that arrives as it arrives. */
export class Audience {
  readonly spans: Span[] = []
  readonly #history: History
  readonly #ledger: Ledger
  readonly #filters: readonly string[]
  readonly #qos: Qos
  readonly #shared: boolean
  readonly #received = new Map<Entry, number>()
  readonly #latest = new Map<string, Entry>()
  readonly name: string
  arrivals = 0
  repeats = 0

  // oxlint-disable-next-line max-params -- what it is, and the two books it writes in
  constructor(
    name: string,
    filters: readonly string[],
    options: { readonly qos: Qos; readonly shared: boolean },
    books: { readonly history: History; readonly ledger: Ledger },
  ) {
    this.name = name
    this.#filters = filters
    this.#qos = options.qos
    this.#shared = options.shared
    this.#history = books.history
    this.#ledger = books.ledger
  }

  /** A message arrived, not being a repetition that QoS 2 rules out. `here` counts its arrivals over this connection. */
  take(who: string, packet: Publish, here: number): void {
    const { topic, qos, dup } = packet
    const wrong = (what: string): void => this.#history.violation(who, `${what} ${packet.payload.slice(0, 40)}`, key)
    const entry = this.#ledger.find(packet.payload)
    const key = entry?.key
    this.arrivals++
    if (entry === undefined) return wrong('got a message that nobody sent')
    if (entry.topic !== topic) return wrong(`got on topic ${topic}`)
    if (qos !== Math.min(entry.qos, this.#qos)) wrong(`got at QoS ${qos} a message of QoS ${entry.qos}`)
    if (!this.spans.some((span) => isWithin(entry, span))) wrong('got a message of a time when it was not subscribed')
    const before = this.#received.get(entry) ?? 0
    this.#received.set(entry, before + 1)
    if (before === 0) return this.#first(who, entry)
    this.repeats++
    if (qos === 2) wrong(`got for the ${before + 1}. time at QoS 2`)
    else if (here > entry.sends) wrong(`got ${here} times over one connection what was sent ${entry.sends} times`)
    else if (!dup && entry.sends === 1 && !this.#shared) wrong('got again without DUP')
  }

  /** What is owed and has not arrived. */
  missing(): Entry[] {
    return Array.from(this.#ledger).filter((entry) => !this.#received.has(entry) && this.#owed(entry))
  }

  #owed(entry: Entry): boolean {
    const { acked, first } = entry
    if (acked === undefined || !this.#filters.some((filter) => matches(filter, entry.topic))) return false
    return this.spans.some(
      ({ granted, ended }) => granted !== undefined && first >= granted && (ended === undefined || acked < ended),
    )
  }

  /** First deliveries come in the order of their publisher, topic and QoS. Members of a group race each other. */
  #first(who: string, entry: Entry): void {
    if (this.#shared) return
    // Its first copy was stored before there was this subscription, perhaps: the second is in its own place.
    if (entry.sends > 1 && entry.first < (this.spans.at(-1)?.granted ?? Infinity)) return
    const stream = `${entry.publisher} ${entry.topic} ${entry.qos}`
    const latest = this.#latest.get(stream)
    if (latest !== undefined && latest.n > entry.n)
      this.#history.violation(who, `got ${entry.key} after ${latest.key}`, entry.key)
    this.#latest.set(stream, entry)
  }
}

function isWithin({ acked, first }: Entry, span: Span): boolean {
  const tooOld = acked !== undefined && acked < span.asked
  return !tooOld && (span.endGranted === undefined || first < span.endGranted)
}

/** Whether a filter covers a topic. Written for this purpose: what judges the broker shares nothing with it. */
function matches(filter: string, topic: string): boolean {
  const [levels, names] = [filter.split('/'), topic.split('/')]
  if (levels.at(-1) !== '#' && levels.length !== names.length) return false
  return levels.every((level, i) => level === '#' || (i < names.length && (level === '+' || level === names[i])))
}
