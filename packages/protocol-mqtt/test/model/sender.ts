import { type Ack, PacketType } from '../../src/codec/packet.ts'
import { ackPacket, publishPacket } from '../harness.ts'
import type { Client } from './client.ts'
import type { Sent } from './ledger.ts'
import type { Link } from './link.ts'
import type { World } from './world.ts'

interface Out {
  readonly sent: Sent
  readonly id: number
  /** `accepted`: PUBREC was read; `released`: PUBREL was written. */
  phase: 'sent' | 'accepted' | 'released'
}

export interface Wanted {
  readonly topic: string
  readonly qos: 0 | 1 | 2
  /** Seconds. */
  readonly expiry?: number | undefined
  readonly alias?: boolean
}

/** The publishing side of a client, as MQTT would have it: what is not acknowledged it sends again when it comes back. */
export class Sender {
  readonly #world: World
  readonly #client: Client
  #outbox: Out[] = []
  /** Answers that are still to come on this connection because something was sent twice: their identifiers rest. */
  readonly #spare = new Map<number, number>()
  #next = 1
  #lastId = 0

  constructor(world: World, client: Client) {
    this.#world = world
    this.#client = client
  }

  get idle(): boolean {
    return this.#outbox.length === 0
  }

  publish({ topic, qos, expiry, alias }: Wanted): void {
    const { link, version, id: publisher } = this.#client
    if (!link?.usable || (qos > 0 && this.#outbox.length >= this.#world.receiveMaximum)) return
    const n = this.#next++
    const isTimed = version === 5 && expiry !== undefined
    const fresh = { attempts: 0, writtenAt: 0, acceptedAt: undefined, refused: false, unordered: false }
    const expires = isTimed ? expiry * 1000 : undefined
    const sent: Sent = { key: `${publisher}${n}`, publisher, n, qos, topic, expiry: expires, ...fresh }
    this.#world.sent.set(sent.key, sent)
    let id = 0
    if (qos > 0) {
      id = (this.#lastId % 5) + 1
      while (this.#outbox.some((out) => out.id === id) || this.#spare.has(id)) id++
      this.#lastId = id
      this.#outbox.push({ sent, id, phase: 'sent' })
    }
    this.#write(sent, id, alias === true)
  }

  /** The session is there: what is not acknowledged is sent again, in order. */
  resume(): void {
    this.#spare.clear()
    for (const out of this.#outbox) {
      if (out.phase === 'sent') this.#write(out.sent, out.id)
      else this.#release(out)
    }
  }

  /** The session is not there: nothing of it is known to anybody. */
  forget(): void {
    this.#spare.clear()
    for (const { sent, phase } of this.#outbox) if (phase === 'sent') this.#world.disown(sent)
    this.#outbox = []
  }

  /** MQTT 3.1.1 lets a client send again at other times too. */
  repeat(at: number): void {
    const { link, version } = this.#client
    const out = this.#outbox[at % this.#outbox.length]
    if (!link?.usable || version === 5 || out === undefined || out.phase === 'accepted') return
    this.#spare.set(out.id, (this.#spare.get(out.id) ?? 0) + 1)
    if (out.phase === 'sent') this.#write(out.sent, out.id)
    else link.write(ackPacket(PacketType.Pubrel, out.id))
  }

  /** PUBACK, PUBREC or PUBCOMP. */
  read(link: Link, { type, packetId: id, reasonCode }: Ack): void {
    const out = this.#outbox.find((each) => each.id === id)
    if (this.#answers(link, out, { type, reasonCode })) return
    const spare = this.#spare.get(id) ?? 0
    if (spare === 0) this.#world.fault(`${this.#client.id}: an answer (${type}) to nothing, #${id}`)
    else if (spare === 1) this.#spare.delete(id)
    else this.#spare.set(id, spare - 1)
  }

  #answers(link: Link, out: Out | undefined, { type, reasonCode }: { type: number; reasonCode: number }): boolean {
    if (out === undefined) return false
    const { sent, phase, id } = out
    if (type === PacketType.Pubcomp) {
      if (phase !== 'released') return false
      if (reasonCode !== 0) this.#world.fault(`${this.#client.id}: PUBCOMP #${id} with ${reasonCode}`)
      this.#done(out)
      return true
    }
    if (phase !== 'sent' || (sent.qos === 1) !== (type === PacketType.Puback)) return false
    if (reasonCode >= 0x80) {
      sent.refused = true
      this.#world.disown(sent)
      this.#done(out)
      return true
    }
    sent.acceptedAt ??= this.#world.now
    if (type === PacketType.Puback) this.#done(out)
    else {
      out.phase = 'accepted'
      link.pubrels.push(id)
    }
    return true
  }

  /** Writes the next PUBREL that is owed. */
  release(link: Link): boolean {
    const id = link.pubrels.shift()
    const out = this.#outbox.find((each) => each.id === id)
    if (out?.phase === 'accepted') this.#release(out)
    return id !== undefined
  }

  #release(out: Out): void {
    out.phase = 'released'
    this.#client.link?.write(ackPacket(PacketType.Pubrel, out.id))
  }

  #write(sent: Sent, packetId: number, alias: boolean = false): void {
    const link = this.#client.link!
    const { topic, qos, key, expiry } = sent
    const dup = sent.attempts > 0
    this.#world.witness(sent)
    const known = link.ownAliases.get(topic)
    const isFree = known !== undefined || link.ownAliases.size < this.#world.aliases
    const isAliased = alias && this.#client.version === 5 && isFree
    const topicAlias = isAliased ? (known ?? link.ownAliases.size + 1) : undefined
    if (topicAlias !== undefined) link.ownAliases.set(topic, topicAlias)
    const properties = { topicAlias, messageExpiryInterval: expiry === undefined ? undefined : expiry / 1000 }
    const name = isAliased && known !== undefined ? '' : topic
    link.write(publishPacket(name, key, { qos, packetId, dup, properties }))
  }

  #done(out: Out): void {
    this.#outbox = this.#outbox.filter((other) => other !== out)
  }

  /** The disk failed: what is under way may be lost, and come again behind younger ones. */
  unsettle(): void {
    for (const { sent } of this.#outbox) sent.unordered = true
  }
}
