import type { Link } from './link.ts'
import { Sub, Target, type Wish, wishOf } from './ledger.ts'

/** A delivery as the wire shows it. */
export interface Delivery {
  readonly key: string
  readonly qos: number
  /** Its place among all deliveries of all brokers, and the broker that began it. */
  readonly n: number
  readonly life: number
  /** `received`: the client has written PUBREC; `released`: the broker PUBREL; `done`: the client has nothing to add. */
  phase: 'sent' | 'received' | 'released' | 'done'
  /** The last connection a packet of it was on. */
  link: Link
  /** True: the client's last word was a refusal. */
  refused: boolean
  /** True: the broker has surely heard the client's last word. */
  confirmed: boolean
}

/** A session of the broker as it can be known from outside. */
export class SessionView extends Target {
  readonly subs: Map<string, Sub> = new Map()
  readonly deliveries: Map<number, Delivery> = new Map()
  /** Newest message seen, by publisher, topic and QoS. */
  readonly newest: Map<string, number> = new Map()
  /** True: it may be gone, or may come back as it was earlier: nothing is asserted of what it is owed until that is known. */
  shaken = false
  /** True: a subscription has changed while there were messages. */
  changed = false
  /** True: it has been shaken, and has come back. What the wire showed before says nothing of it. */
  doubtful = false

  sub(filter: string): Sub {
    let sub = this.subs.get(filter)
    if (sub === undefined) this.subs.set(filter, (sub = new Sub()))
    return sub
  }

  wish(topic: string): Wish {
    return wishOf(this.subs, topic)
  }

  /** It is not known any more whether this session lives. */
  shake(): void {
    this.shaken = true
    this.doubtful = true
    for (const due of this.dues.values()) {
      due.exempt = true
      due.must = false
    }
    for (const sub of this.subs.values()) if (sub.certainty === 'yes') sub.certainty = 'maybe'
  }
}
