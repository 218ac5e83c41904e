import type { Client } from './client.ts'
import { type Certainty, type Sub, Target, type Wish } from './ledger.ts'

/** The group that shares a filter, as it can be known from outside: its members and what they are owed together. */
export class GroupView extends Target {
  readonly filter: string
  readonly #members: readonly Client[]

  constructor(filter: string, members: readonly Client[]) {
    super()
    this.filter = filter
    this.#members = members
  }

  wish(_topic: string): Wish {
    let certainty: Certainty = 'no'
    const qos = new Set<number>()
    for (const { member, sub } of this.#subs()) {
      // Only a durable member keeps what nobody can take.
      if (sub.certainty === 'yes' && member.durable && !member.session.shaken) certainty = 'yes'
      else if (certainty === 'no') certainty = 'maybe'
      for (const each of sub.qos) qos.add(each)
    }
    return { certainty, qos }
  }

  /** A member leaves, or its session ends: what it has begun at QoS 2 is for nobody else, and the last one takes all with it. */
  leaves(member: Client, ends: boolean): void {
    const sub = member.session.subs.get(this.filter)
    if (sub === undefined || sub.certainty === 'no') return
    // A crash may have come between the choice of this member and its PUBLISH.
    if (ends) for (const due of this.dues.values()) if (due.suspect) due.must = false
    if (ends)
      for (const { key, qos, phase } of member.session.deliveries.values()) {
        const due = this.dues.get(key)
        if (due !== undefined && qos === 2 && phase !== 'done') due.must = false
      }
    const stays = this.#subs().some(
      (m) => m.member !== member && m.sub.certainty === 'yes' && m.member.durable && !m.member.session.shaken,
    )
    if (!stays) for (const due of this.dues.values()) due.must = false
  }

  #subs(): { member: Client; sub: Sub }[] {
    return this.#members.flatMap((member) => {
      const sub = member.session.subs.get(this.filter)
      return sub === undefined || sub.certainty === 'no' ? [] : [{ member, sub }]
    })
  }
}
