import { PacketType, type Publish } from '../../src/codec/packet.ts'
import { ackPacket, text } from '../harness.ts'
import type { Client } from './client.ts'
import type { Link } from './link.ts'
import type { World } from './world.ts'

/** The subscribing side of a client, as MQTT would have it: it knows what it has of QoS 2, and answers what it reads. */
export class Receiver {
  readonly #world: World
  readonly #client: Client
  /** QoS 2 messages by packet identifier that are not released. */
  readonly #held = new Map<number, string>()

  constructor(world: World, client: Client) {
    this.#world = world
    this.#client = client
  }

  /** Nothing is known any more of earlier deliveries. */
  forget(): void {
    this.#held.clear()
  }

  publish(link: Link, packet: Publish): void {
    const { packetId: id, qos } = packet
    const key = text(packet)
    if (qos < 2) this.#receive(key, qos)
    if (qos === 1) link.pubacks.push(id)
    if (qos < 2) return
    const held = this.#held.get(id)
    if (held === undefined) this.#receive(key, qos)
    else if (held !== key) this.#fault(`#${id} is ${held} and comes as ${key}`)
    this.#held.set(id, key)
    link.pubrecs.push(id)
  }

  release(link: Link, id: number): void {
    this.#held.delete(id)
    link.pubcomps.push(id)
  }

  /** Writes the next PUBACK; with `refuse` (MQTT 5.0) one that fails. */
  acknowledge(link: Link, refuse: boolean): boolean {
    const id = link.pubacks.shift()
    if (id !== undefined) this.#finish(link, id, { type: PacketType.Puback, refuse })
    return id !== undefined
  }

  /** Writes the next PUBREC; with `refuse` (MQTT 5.0) one that fails. */
  accept(link: Link, refuse: boolean): boolean {
    const id = link.pubrecs.shift()
    if (id === undefined) return false
    const delivery = this.#client.session.deliveries.get(id)
    if (refuse && this.#client.version === 5 && delivery?.phase === 'sent') {
      this.#held.delete(id)
      // What it refused it does not have; if the broker never hears so, it comes as something new.
      const due = this.#client.targetOf(this.#world.sent.get(delivery.key)!.topic).dues.get(delivery.key)
      if (due !== undefined) due.twos--
      this.#finish(link, id, { type: PacketType.Pubrec, refuse })
      return true
    }
    this.#pubrec(link, id)
    return true
  }

  /** MQTT 3.1.1 does not forbid to ask again for a PUBREL. */
  acceptAgain(link: Link): void {
    for (const [id, delivery] of this.#client.session.deliveries)
      if (this.#client.version < 5 && delivery.phase === 'received' && this.#held.has(id) && link.recs.has(id))
        return this.#pubrec(link, id)
  }

  /** Writes one of the PUBCOMP that are owed: nothing says in which order. */
  complete(link: Link, at: number): boolean {
    const [id] = link.pubcomps.splice(at % Math.max(1, link.pubcomps.length), 1)
    if (id !== undefined) this.#finish(link, id, { type: PacketType.Pubcomp, refuse: false })
    return id !== undefined
  }

  #pubrec(link: Link, id: number): void {
    const delivery = this.#client.session.deliveries.get(id)
    if (delivery?.phase === 'sent') delivery.phase = 'received'
    link.recs.set(id, (link.recs.get(id) ?? 0) + 1)
    link.write(ackPacket(PacketType.Pubrec, id))
  }

  /** Nothing more is to be said to this delivery. */
  #finish(link: Link, id: number, { type, refuse }: { type: 4 | 5 | 7; refuse: boolean }): void {
    const delivery = this.#client.session.deliveries.get(id)
    if (delivery !== undefined) {
      delivery.phase = 'done'
      delivery.link = link
      delivery.refused = refuse && this.#client.version === 5
    }
    link.outstanding.delete(id)
    link.releasing.delete(id)
    link.write(ackPacket(type, id, refuse && this.#client.version === 5 ? 0x83 : 0))
  }

  #receive(key: string, qos: number): void {
    const { sent: all } = this.#world
    const sent = all.get(key)!
    const { session } = this.#client
    const target = this.#client.targetOf(sent.topic)
    const due = target.dues.get(key)
    if (due === undefined) return
    due.received++
    if (qos === 2) due.twos++
    if (due.exempt) return
    if (due.twos > 1 && sent.qos === 2) this.#fault(`${key} came twice`)
    if (due.received > 1 || sent.unordered || target !== session) return
    // Sent again after it subscribed, it is first seen behind what was sent once.
    if (sent.attempts > 1 && !due.must) return
    // It has expired, and was published again.
    if (sent.attempts > 1 && sent.expiry !== undefined) return
    const line = `${sent.publisher} ${sent.topic} ${sent.qos} ${qos}`
    const newest = session.newest.get(line) ?? 0
    if (sent.n < newest) this.#fault(`${key} came after ${newest}`)
    session.newest.set(line, Math.max(newest, sent.n))
  }

  #fault(what: string): void {
    this.#world.fault(`${this.#client.id}: ${what}`)
  }
}
