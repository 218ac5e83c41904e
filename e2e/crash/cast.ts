import { Audience } from './audience.ts'
import type { Surroundings } from './client.ts'
import type { Ledger } from './ledger.ts'
import { Listener, type Wish } from './listener.ts'
import { Mortal } from './mortal.ts'
import { Speaker, type Subject } from './speaker.ts'
import type { Version } from './wire.ts'

/** Topics with a retained message. */
export const retainedTopics: readonly string[] = ['ret/0', 'ret/1', 'ret/2']

const plain: readonly Subject[] = ['t/a', 't/b', 't/c'].map((topic) => ({ topic }))
const late: Subject = { topic: 'late/x', delay: 1 }
// One QoS for each: a message of QoS 1 that is sent again comes behind one of QoS 2 that is known already.
const retained: readonly Subject[] = retainedTopics.map((topic, i) => ({ topic, retain: true, qos: i === 1 ? 2 : 1 }))

/** Everybody who takes part in a run. */
export interface Cast {
  readonly speakers: readonly Speaker[]
  readonly listeners: readonly Listener[]
  readonly audiences: readonly Audience[]
  /** Those who sleep now and then. */
  readonly sleepers: readonly Listener[]
  /** The one that unsubscribes and subscribes again. */
  readonly toggler: Listener
  /** One more who dies with a will. */
  mortal(): Mortal
}

/** Puts them together: publishers and subscribers of both versions, awake and asleep, alone and in a group. */
export function createCast(around: Surroundings, ledger: Ledger): Cast {
  const audiences: Audience[] = []
  const audience = (name: string, { filters, qos }: Wish, shared: boolean): Audience => {
    const made = new Audience(name, filters, { qos, shared }, { history: around.history, ledger })
    audiences.push(made)
    return made
  }
  const listener = (id: string, version: Version, wish: Wish): Listener =>
    new Listener(around, { id, version }, wish, audience(id, wish, false))
  const speaker = (id: string, version: Version, subjects: readonly Subject[]): Speaker =>
    new Speaker(around, { id, version }, ledger, subjects)

  const everything: Wish = { filters: ['#'], qos: 2 }
  const awake = listener('awake-1', 5, { filters: ['t/#', 'will/+'], qos: 1 })
  const exact = listener('awake-2', 4, { filters: ['t/+', 'late/x', 'will/#'], qos: 2 })
  const toggler = listener('toggler', 5, { filters: ['t/a'], qos: 2 })
  const sleepers = [listener('sleeper-1', 4, { filters: ['+/x', 't/b'], qos: 1 }), listener('sleeper-2', 5, everything)]
  const group = audience('group', { filters: ['t/#'], qos: 2 }, true)
  const members = ([5, 4, 5] as const).map(
    (version, i) => new Listener(around, { id: `member-${i}`, version }, { filters: ['$share/g/t/#'], qos: 2 }, group),
  )
  let mortals = 0
  return {
    audiences,
    speakers: [
      speaker('one', 5, [...plain, ...plain, late]),
      speaker('two', 4, [...plain, late]),
      speaker('three', 5, [...plain, ...retained]),
      speaker('four', 4, plain),
    ],
    listeners: [awake, exact, toggler, ...sleepers, ...members],
    sleepers: [...sleepers, members[2]!],
    toggler,
    mortal: () => new Mortal(around, ledger, ++mortals),
  }
}
