import type { Connection } from '@isomq/kernel'
import type { IConnackPacket, IConnectPacket, IPublishPacket, ISubscription, Packet } from 'mqtt-packet'
import { Inbound, type OnMessage } from './inbound.ts'
import { PacketPipe, Refused } from '@isomq/bridge'
import { PendingReplies } from './pending-replies.ts'

/** How a client behaves. */
export interface ClientOptions {
  readonly connect: IConnectPacket
  /** Milliseconds until the broker must have answered CONNECT. */
  readonly connectTimeout: number
  readonly onMessage: OnMessage
  /** Ids of QoS 2 messages that came and are not released yet: keep it from one connection of a session to the next. */
  readonly unreleased: Set<number>
  /** Told each packet that goes out or comes in. */
  readonly trace?: ((direction: 'sent' | 'received', packet: Packet) => void) | undefined
}

/** Milliseconds for the last bytes to leave. */
const leaveTimeout = 5000

/** A message to publish. */
export type Outgoing = Pick<IPublishPacket, 'topic' | 'payload' | 'qos' | 'retain' | 'properties'>

/**
 * Logs in over a connection. Rejects with `Refused` when the broker says no, with another error when the connection
 * fails; the connection is closed then.
 */
export async function openClient(connection: Connection, options: ClientOptions): Promise<MqttClient> {
  const client = new MqttClient(connection, options)
  try {
    await client.login()
  } catch (error) {
    client.close()
    throw error
  }
  return client
}

/** One MQTT connection, seen from the client. Ends with the connection; a new one needs a new client. */
export class MqttClient {
  readonly #pipe: PacketPipe
  readonly #options: ClientOptions
  readonly #replies: PendingReplies = new PendingReplies()
  readonly #inbound: Inbound
  #connack: IConnackPacket = { cmd: 'connack', sessionPresent: false }
  #gotConnack: (packet: IConnackPacket) => void = () => undefined
  #pinger: NodeJS.Timeout | undefined
  #pongOwed = false

  /** Use `openClient`. */
  constructor(connection: Connection, options: ClientOptions) {
    this.#options = options
    const version = options.connect.protocolVersion ?? 5
    this.#pipe = new PacketPipe(connection, {
      version,
      onPacket: (packet) => this.#receive(packet),
      trace: options.trace,
    })
    this.#inbound = new Inbound(this.#pipe, options.unreleased, options.onMessage)
  }

  /** Settles when the connection has ended: undefined when in order, else why. */
  get closed(): Promise<Error | undefined> {
    return this.#pipe.closed
  }

  /** What the broker said to CONNECT. */
  get connack(): IConnackPacket {
    return this.#connack
  }

  /** Sends CONNECT and waits for the answer. Once, by `openClient`. */
  async login(): Promise<void> {
    void this.closed.then((error) => this.#end(error))
    const answered = new Promise<IConnackPacket>((resolve) => (this.#gotConnack = resolve))
    const timer = setTimeout(
      () => this.#pipe.close(new Error('the broker did not answer in time')),
      this.#options.connectTimeout,
    )
    await this.#pipe.send(this.#options.connect)
    const answer = await Promise.race([answered, this.closed])
    clearTimeout(timer)
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error('the broker closed the connection')
    this.#connack = answer
    const code = answer.reasonCode ?? answer.returnCode ?? 0
    if (code !== 0) throw new Refused('Connection refused', code, answer.properties?.reasonString)
    this.#pipe.maximum = answer.properties?.maximumPacketSize ?? Infinity
    if (!answer.sessionPresent) this.#options.unreleased.clear()
    const keepalive = answer.properties?.serverKeepAlive ?? this.#options.connect.keepalive ?? 0
    if (keepalive > 0) this.#pinger = setInterval(() => this.#ping(keepalive), keepalive * 1000)
  }

  /** QoS 1 and 2 messages the broker takes unacknowledged. */
  get receiveMaximum(): number {
    return this.#connack.properties?.receiveMaximum ?? 65535
  }

  /** Resolves when the broker is responsible (QoS 1 and 2), or the message left (QoS 0). Rejects with `Refused`, or when the connection ends. */
  async publish(message: Outgoing): Promise<void> {
    const { retainAvailable, maximumQoS = 2 } = this.#connack.properties ?? {}
    if (message.retain && retainAvailable === false) throw new Error('the broker does not keep retained messages')
    if (message.qos > maximumQoS) throw new Error(`the broker takes no more than QoS ${maximumQoS}`)
    if (message.qos === 0) return this.#send({ cmd: 'publish', dup: false, ...message })
    const { id, reply } = this.#replies.open()
    try {
      await this.#send({ cmd: 'publish', dup: false, messageId: id, ...message })
      const first = await reply(message.qos === 1 ? 'puback' : 'pubrec')
      this.#demand(first, 'Publish refused')
      if (message.qos === 1) return
      await this.#send({ cmd: 'pubrel', messageId: id })
      this.#demand(await reply('pubcomp'), 'Publish refused')
    } finally {
      this.#replies.release(id)
    }
  }

  /** Resolves with the granted QoS of each subscription, or a code of 0x80 and above where it was refused. */
  async subscribe(subscriptions: ISubscription[], properties?: object): Promise<readonly number[]> {
    const answer = await this.#request({ cmd: 'subscribe', subscriptions, ...(properties && { properties }) }, 'suback')
    return answer.cmd === 'suback' ? (answer.granted as number[]) : []
  }

  /** Resolves when the broker has answered, with its code for each filter where the protocol has one. */
  async unsubscribe(unsubscriptions: string[], properties?: object): Promise<readonly number[]> {
    const answer = await this.#request(
      { cmd: 'unsubscribe', unsubscriptions, ...(properties && { properties }) },
      'unsuback',
    )
    return answer.cmd === 'unsuback' ? (answer.granted ?? []) : []
  }

  /** Takes leave, so that the broker sends no will; resolves when the connection has ended. Never rejects. */
  async disconnect(properties?: object): Promise<void> {
    this.#pipe.send({ cmd: 'disconnect', ...(properties && { properties }) }).catch(() => undefined)
    this.close()
    const timer = setTimeout(() => this.close(new Error('the connection did not close in time')), leaveTimeout)
    await this.closed
    clearTimeout(timer)
  }

  /** Ends the connection without taking leave: flushed first, or at once with an error. */
  close(error?: Error): void {
    this.#pipe.close(error)
  }

  async #request(packet: Packet, expected: Packet['cmd']): Promise<Packet> {
    const { id, reply } = this.#replies.open()
    try {
      await this.#send({ ...packet, messageId: id })
      return await reply(expected)
    } finally {
      this.#replies.release(id)
    }
  }

  #send(packet: Packet): Promise<void> {
    return this.#pipe.send(packet)
  }

  #demand(packet: Packet, what: string): void {
    if ('reasonCode' in packet && (packet.reasonCode ?? 0) >= 0x80) {
      throw new Refused(what, packet.reasonCode ?? 0, packet.properties?.reasonString)
    }
  }

  #receive(packet: Packet): void {
    if (packet.cmd === 'connack') return this.#gotConnack(packet)
    if (packet.cmd === 'pingresp') {
      this.#pongOwed = false
    } else if (packet.cmd === 'publish' || packet.cmd === 'pubrel') {
      this.#inbound.receive(packet)
    } else if (packet.cmd === 'disconnect') {
      this.#pipe.close(
        new Refused('Disconnected by the broker', packet.reasonCode ?? 0, packet.properties?.reasonString),
      )
    } else {
      this.#replies.receive(packet)
    }
  }

  #ping(keepalive: number): void {
    if (this.#pongOwed) return this.#pipe.close(new Error(`the broker has not answered for ${keepalive} seconds`))
    this.#pongOwed = true
    this.#pipe.send({ cmd: 'pingreq' }).catch(() => undefined)
  }

  #end(error: Error | undefined): void {
    clearInterval(this.#pinger)
    this.#replies.fail(error ?? new Error('the broker closed the connection'))
  }
}
