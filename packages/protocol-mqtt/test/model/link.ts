import type { Connection } from '@isomq/kernel'
import { linkConnections } from '@isomq/transport-memory'
import { Decoder } from '../../src/codec/decoder.ts'
import { encode } from '../../src/codec/encoder.ts'
import { type OutgoingPacket, type Packet, PacketType, type Publish } from '../../src/codec/packet.ts'
import type { Client } from './client.ts'
import type { World } from './world.ts'

/** One connection of a client. What the broker sends is seen the moment it is sent, and read when the client reads. */
export class Link {
  readonly client: Client
  readonly life: number
  readonly clean: boolean
  readonly receiveMaximum: number
  readonly inbox: Packet[] = []
  /** Neither end has closed it. */
  open = true
  /** The client has read its CONNACK. */
  welcomed = false
  /** The broker has sent it. */
  answered = false
  resumed = false
  /** The youngest delivery that was begun on this connection, or begun again. */
  newest = 0
  /** Deliveries on this connection that the client has not answered to the end. */
  readonly outstanding: Set<number> = new Set()
  /** Those of which a PUBREL came and no PUBCOMP was written yet. */
  readonly releasing: Set<number> = new Set()
  /** Answers owed by the client, in order. */
  readonly pubacks: number[] = []
  readonly pubrecs: number[] = []
  readonly pubrels: number[] = []
  readonly pubcomps: number[] = []
  /** How often the client has written PUBREC, and the broker PUBREL. */
  readonly recs: Map<number, number> = new Map()
  readonly rels: Map<number, number> = new Map()
  /** Topics by alias, towards the client and from it. */
  readonly aliases: Map<number, string> = new Map()
  readonly ownAliases: Map<string, number> = new Map()
  readonly #near: Connection
  readonly #world: World

  constructor(world: World, client: Client, options: { clean: boolean; receiveMaximum: number }) {
    this.#world = world
    this.client = client
    this.life = world.life
    this.clean = options.clean
    this.receiveMaximum = options.receiveMaximum
    const [near, far] = linkConnections({ highWaterMark: 256 })
    const decoder = new Decoder({ role: 'client', maxPacketSize: 2 ** 20, version: client.version })
    const { send } = far
    far.send = (bytes) => {
      decoder.push(bytes)
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) this.#sent(packet)
      return send.call(far, bytes)
    }
    this.#near = near
    world.serve(far)
    near.start({ data: () => {}, drain: () => {}, close: () => this.#closed() })
  }

  get usable(): boolean {
    return this.open && this.welcomed
  }

  write(packet: OutgoingPacket): void {
    if (this.open) this.#near.send(encode(packet, this.client.version))
    this.#world.note(`${this.client.id} > ${brief(packet)}`)
  }

  drop(): void {
    this.#near.close(new Error('cut'))
    this.#end()
  }

  hangUp(): void {
    this.#near.close()
    this.#end()
  }

  pause(on: boolean): void {
    if (on) this.#near.pause()
    else this.#near.resume()
  }

  #sent(packet: Packet): void {
    if (this.life !== this.#world.life) return
    this.#world.note(`${this.client.id} < ${brief(packet)}`)
    if (!this.answered && packet.type !== PacketType.Connack)
      this.#world.fault(`${this.client.id}: ${brief(packet)} before CONNACK`)
    this.client.wire(this, packet)
    if (this.open) this.inbox.push(packet)
  }

  #closed(): void {
    if (this.open && this.life === this.#world.life) this.client.cutOff(this)
    this.#end()
  }

  #end(): void {
    if (!this.open) return
    this.open = false
    if (this.life === this.#world.life) this.client.lostLink(this)
  }
}

/** A packet in a few characters. */
function brief(packet: Packet | OutgoingPacket): string {
  const name = Object.entries(PacketType).find(([, type]) => type === packet.type)![0]
  const id = 'packetId' in packet && packet.packetId !== 0 ? ` #${packet.packetId}` : ''
  const code = 'reasonCode' in packet && packet.reasonCode !== 0 ? ` 0x${packet.reasonCode.toString(16)}` : ''
  if (packet.type === PacketType.Connack) return `${name} ${packet.sessionPresent ? 'present' : 'new'}${code}`
  if (packet.type !== PacketType.Publish) return `${name}${id}${code}`
  const { qos, dup, topic, payload } = packet as Publish
  return `${name}${id} ${new TextDecoder().decode(payload)} on ${topic} QoS ${qos}${dup ? ' DUP' : ''}`
}
