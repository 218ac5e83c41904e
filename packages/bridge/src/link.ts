import type { Broker, Connection, Host, Session, Timer } from '@isomq/kernel'
import type { IConnackPacket, IConnectPacket, ISubscription, Packet } from 'mqtt-packet'
import type { Echoes } from './echoes.ts'
import { Incoming } from './incoming.ts'
import type { Login } from './options.ts'
import { Outgoing } from './outgoing.ts'
import { bufferOf } from './packet-message.ts'
import type { BridgeEvents } from './state.ts'
import type { TopicRule } from './topic-rule.ts'
import { Turns } from './turns.ts'
import { PacketPipe } from './wire/packet-pipe.ts'
import { describeReason, Refused } from './wire/reasons.ts'

/** A way to say who we are: `bridge` sets the bit by which brokers of 3.1.1 know a bridge, and keep from it what it has sent itself. */
export interface Dialect {
  readonly version: 4 | 5
  readonly bridge: boolean
}

/** What a link is to know of the bridge whose connection it is. */
export interface LinkContext {
  readonly broker: Broker
  /** What is passed on. */
  readonly out: readonly TopicRule[]
  readonly in: readonly TopicRule[]
  /** Client id at the other broker, and name of the link among the hops of a message. */
  readonly clientId: string
  readonly keepAlive: number
  readonly connectTimeout: number
  readonly ttl: number
  readonly deadLetter: string
  /** What is expected back, where the other broker cannot be asked not to send it back. */
  readonly echoes: Echoes
  /** What the other broker is owed, and what it has begun to send. */
  session(): Session
  /** Makes it this consumer's. */
  attach(consumer: Outgoing, link: Link): Session
  tell<K extends keyof BridgeEvents>(name: K, event: BridgeEvents[K]): void
  /** Something that was owed is settled, one way or the other. */
  settled(): void
}

/** The other broker does not speak this dialect. */
export class Unspoken extends Error {}

const forever = 0xffffffff
/** Messages of QoS 1 and 2 that the other broker may send without having been told that we have them. */
const receiveMaximum = 256

/** One connection to the other broker. */
export class Link {
  readonly context: LinkContext
  readonly dialect: Dialect
  readonly pipe: PacketPipe
  /** What is answered in the order in which it came. */
  readonly turns: Turns = new Turns()
  readonly outgoing: Outgoing
  readonly incoming: Incoming
  readonly peer: Connection['peer']
  connack: IConnackPacket = { cmd: 'connack', sessionPresent: false }
  /** Since something of ours was acknowledged: it is of use. */
  worked = false
  readonly #host: Host
  #expected: { readonly cmd: Packet['cmd']; readonly take: (packet: Packet) => void } | undefined
  #pulse: Timer | undefined
  #pongOwed = false

  constructor(connection: Connection, context: LinkContext, dialect: Dialect) {
    this.context = context
    this.dialect = dialect
    this.peer = connection.peer
    this.#host = context.broker.host
    this.outgoing = new Outgoing(this)
    this.incoming = new Incoming(this)
    this.pipe = new PacketPipe(connection, {
      version: dialect.version,
      onPacket: (packet) => this.#receive(packet),
      onDrain: () => this.outgoing.drained(),
      onRead: () => this.incoming.read(),
    })
    void this.pipe.closed.then(() => {
      this.#pulse?.cancel()
      this.turns.end()
      this.outgoing.stop()
    })
  }

  /** Resolves when it has ended; with the reason, if not in order. */
  get closed(): Promise<Error | undefined> {
    return this.pipe.closed
  }

  /** Logs in, subscribes, and begins to send. Rejects with `Unspoken` where another dialect may do; the connection is closed then. */
  async open(login: Login): Promise<void> {
    const session = this.context.session()
    try {
      await this.#connect(login)
      // [MQTT-3.2.2-5]: there is nothing left of what it had begun to send: the same ids may mean something else now. What we
      // have begun to send is ours, and is sent again.
      if (!this.connack.sessionPresent) session.inbound.clear()
      await session.committing
      await this.#subscribe(session)
      this.outgoing.start()
    } catch (error) {
      this.close(error as Error)
      throw error
    }
  }

  /** Takes leave where there is no error. Idempotent. */
  close(error?: Error): void {
    if (error === undefined) this.send({ cmd: 'disconnect' })
    this.pipe.close(error)
  }

  /** Sends what is small and cannot fail for its own sake. */
  send(packet: Packet): void {
    try {
      this.pipe.write(packet)
    } catch (error) {
      this.pipe.close(error as Error)
    }
  }

  async #connect(login: Login): Promise<void> {
    const { version, bridge } = this.dialect
    this.send({ ...this.#packet(login), ...(bridge && { bridgeMode: true }) })
    const answer = await this.#answer('connack').catch((error: unknown) => {
      // What some do to a version that they have not heard of.
      throw bridge ? new Unspoken('the broker lets no bridge in', { cause: error }) : error
    })
    if (answer.cmd !== 'connack') return
    this.connack = answer
    const code = answer.reasonCode ?? answer.returnCode ?? 0
    if (code === 0x84 || code === 1) throw new Unspoken(`the broker does not speak this MQTT: ${describeReason(code)}`)
    if (code !== 0) throw new Refused('the broker lets us not in', code, answer.properties?.reasonString)
    const { maximumPacketSize = Infinity, serverKeepAlive } = answer.properties ?? {}
    this.pipe.maximum = maximumPacketSize
    const keepAlive = serverKeepAlive === undefined ? this.context.keepAlive : serverKeepAlive * 1000
    if (version === 5 || keepAlive > 0) this.#beat(keepAlive)
  }

  #packet({ username, password }: Login): IConnectPacket {
    const { clientId, keepAlive } = this.context
    const { version } = this.dialect
    const secret = typeof password === 'string' || password === undefined ? password : bufferOf(password)
    return {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clean: false,
      clientId,
      // The beat comes once in this time: it must not be late for the other broker's own count, half as long again.
      keepalive: Math.ceil(keepAlive / 1000),
      ...(username !== undefined && { username }),
      ...(secret !== undefined && { password: secret as Buffer }),
      ...(version === 5 && { properties: { sessionExpiryInterval: forever, receiveMaximum } }),
    }
  }

  async #subscribe(session: Session): Promise<void> {
    // One for each filter: a later one would take the place of an earlier.
    const byFilter = new Map<string, ISubscription>()
    for (const { qos, remote } of this.context.in) {
      const known = byFilter.get(remote.filter)
      const most = Math.max(qos, known?.qos ?? 0) as 0 | 1 | 2
      // Nothing that we have published comes back, retained messages keep their mark and come once.
      const more = this.dialect.version === 5 && { nl: true, rap: true, rh: 1 }
      byFilter.set(remote.filter, { topic: remote.filter, qos: most, ...more })
    }
    const subscriptions = Array.from(byFilter.values())
    if (subscriptions.length === 0) return
    const messageId = freeId(session)
    this.send({ cmd: 'subscribe', messageId, subscriptions })
    const answer = await this.#answer('suback')
    if (answer.cmd !== 'suback') return
    for (const [i, granted] of answer.granted.entries()) {
      const code = Number(granted)
      const filter = subscriptions[i]?.topic ?? ''
      if (code >= 0x80) this.context.tell('refused', { filter, reason: describeReason(code) })
    }
  }

  /** The next packet of this kind. Rejects when the connection ends before it comes, or it takes too long. */
  async #answer(cmd: Packet['cmd']): Promise<Packet> {
    const late = new Error('the broker did not answer in time')
    const timer = this.#host.clock.timer(this.context.connectTimeout, () => this.pipe.close(late))
    const answered = new Promise<Packet>((resolve) => (this.#expected = { cmd, take: resolve }))
    const answer = await Promise.race([answered, this.closed])
    timer.cancel()
    this.#expected = undefined
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error('the broker closed the connection')
    return answer
  }

  #receive(packet: Packet): void {
    if (packet.cmd === this.#expected?.cmd) return this.#expected.take(packet)
    switch (packet.cmd) {
      case 'publish':
        return this.incoming.publish(packet)
      case 'pubrel':
        return this.incoming.release(packet.messageId ?? 0)
      case 'puback':
      case 'pubrec':
      case 'pubcomp':
        return this.outgoing.acknowledged(packet)
      case 'pingresp':
        this.#pongOwed = false
        return
      case 'disconnect':
        return this.close(
          new Refused('the broker has ended the connection', packet.reasonCode ?? 0, packet.properties?.reasonString),
        )
      default:
        return this.close(new Error(`the broker sent a ${packet.cmd} out of place`))
    }
  }

  #beat(interval: number): void {
    if (interval === 0) return
    this.#pulse = this.#host.clock.timer(interval, () => {
      if (this.#pongOwed) return this.close(new Error(`the broker has not answered for ${interval / 1000} seconds`))
      this.#pongOwed = true
      this.send({ cmd: 'pingreq' })
      this.#beat(interval)
    })
  }
}

/** A packet id that nothing of what is to be sent again has. */
function freeId(session: Session): number {
  const { inflight } = session.outbound
  let id = 65535
  while (inflight.indexOfTag(id) >= 0) id--
  return id
}
