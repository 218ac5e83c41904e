import type { Message } from './message.ts'

/** How a group divides its messages among its members. */
export type Sharing = 'round-robin' | 'random' | 'sticky' | 'hash-client' | 'hash-topic' | 'least-inflight'

/** A member of a group as a strategy sees it. */
export interface Candidate {
  /** Follows from the session's id alone (`hashOf`). */
  readonly hash: number
  /** Deliveries under way to it. */
  readonly inflight: number
}

/** Whether a member may be chosen for this message. */
export type Fits<M extends Candidate> = (member: M, message: Message) => boolean

/**
 * The place of the member that gets a message, or -1 when none fits. `last` is the place of the choice before, or -1; it
 * may be that of a member that has left, one less.
 */
export type Chooser = <M extends Candidate>(
  members: readonly M[],
  last: number,
  fits: Fits<M>,
  message: Message,
) => number

/** A way to share. Kept by a broker, used by all of its groups; it remembers nothing of them. */
export interface Strategy {
  readonly choose: Chooser
  /**
   * True: the choice is for one member alone, and while that one is connected messages wait for it, so that they stay in
   * order. False: whoever can take a message now is as good as any other.
   */
  readonly patient: boolean
}

/** The strategy of this name. `seed`, any integer, is the chance it is given. */
export function strategyOf(sharing: Sharing, seed: number): Strategy {
  switch (sharing) {
    case 'round-robin':
      return { choose: nextInTurn, patient: false }
    case 'random':
      return { choose: randomly(chanceFrom(seed)), patient: false }
    case 'sticky':
      return { choose: sameAgain, patient: false }
    case 'hash-client':
      return { choose: byHash((message) => message.publisher), patient: true }
    case 'hash-topic':
      return { choose: byHash((message) => message.topic), patient: true }
    case 'least-inflight':
      return { choose: leastBusy, patient: false }
  }
}

/** The one behind the last, passing over those that do not fit. */
const nextInTurn: Chooser = (members, last, fits, message) => firstFrom(members, last + 1, fits, message)

/** The last one as long as it fits, then the next, which is the last one from now on. */
const sameAgain: Chooser = (members, last, fits, message) => firstFrom(members, Math.max(last, 0), fits, message)

/** The one that has fewest under way; among equals, in turn. */
const leastBusy: Chooser = (members, last, fits, message) => {
  let best = -1
  for (let i = 1; i <= members.length; i++) {
    const place = (last + i) % members.length
    const member = members[place]!
    if (best >= 0 && member.inflight >= members[best]!.inflight) continue
    if (fits(member, message)) best = place
  }
  return best
}

/** Any one that fits, each as likely as the others. `chance` gives an integer from 0 up to below its argument. */
function randomly(chance: (below: number) => number): Chooser {
  return (members, _, fits, message) => {
    const first = chance(members.length)
    const lucky = members[first]
    if (lucky === undefined || fits(lucky, message)) return lucky === undefined ? -1 : first
    // Not simply the next: it would get what is meant for two.
    let chosen = -1
    let count = 0
    for (let place = 0; place < members.length; place++)
      if (place !== first && fits(members[place]!, message) && chance(++count) === 0) chosen = place
    return chosen
  }
}

/**
 * Messages with one key go to one member. Each key has an order of its own in which it prefers the members (rendezvous
 * hashing): when one leaves only its keys move, to as many others as there are, and they move back when it returns.
 */
function byHash(keyOf: (message: Message) => string): Chooser {
  return (members, _, fits, message) => {
    const key = hashOf(keyOf(message))
    let best = -1
    let most = -1
    for (let place = 0; place < members.length; place++) {
      const weight = mix(key ^ members[place]!.hash)
      if (weight <= most || !fits(members[place]!, message)) continue
      best = place
      most = weight
    }
    return best
  }
}

function firstFrom<M extends Candidate>(members: readonly M[], start: number, fits: Fits<M>, message: Message): number {
  for (let i = 0; i < members.length; i++) {
    const place = (start + i) % members.length
    if (fits(members[place]!, message)) return place
  }
  return -1
}

/** 32 bits that follow from a text: FNV-1a, the same on every machine and after every restart. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

/** Spreads what differs in one bit over all 32 (the last step of MurmurHash3). From 0 on. */
function mix(bits: number): number {
  let hash = bits
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Integers from 0 up to below the argument (which is at least 1), by chance as far as anybody needs here. */
function chanceFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x9e3779b9) | 0
    return Math.floor((mix(state) / 2 ** 32) * below)
  }
}
