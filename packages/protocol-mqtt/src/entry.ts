import { type Broker, BrokerError, type PeerInfo, type Place, type Principal, type Session } from '@isomq/kernel'
import { autoSubscribe } from './auto-subscribe.ts'
import { type Connect, type ControlPacket, type Packet, PacketType, type ProtocolVersion } from './codec/packet.ts'
import { ReasonCode } from './codec/reason-code.ts'
import { authenticate, judgeConnect, type Login, redirectWill, refusalOf, welcome } from './handle-connect.ts'
import type { MqttOptions } from './options.ts'
import type { Outgoing } from './outgoing.ts'
import { codeOf, connackCodes, refusalCode, returnCode3 } from './reason-codes.ts'
import type { Replies } from './replies.ts'
import type { Rewrite } from './rewrite.ts'

/** What a client's way in needs of its connection. */
export interface Door {
  readonly broker: Broker
  readonly options: MqttOptions
  readonly peer: PeerInfo
  readonly place: Place
  readonly replies: Replies
  readonly rewrite: Rewrite | undefined
  /** The connection is over. To be asked after every wait. */
  readonly closed: boolean
  send(packet: ControlPacket): void
  /** Says why and closes. */
  fail(reason: number, detail: string): void
  /** The delivering side for a client that asked for this. */
  makeOutgoing(login: Login): Outgoing
  /** The client has its session; packets behind its CONNECT are for it. */
  enter(entered: Entered): void
}

/** A client that was let in. */
export interface Entered {
  readonly login: Login
  readonly principal: Principal
  readonly session: Session
  /** True: the session was there before. */
  readonly resumed: boolean
  readonly outgoing: Outgoing
}

/** One client's way in: its CONNECT is judged, the guard asked, the session opened, and CONNACK says how it went. */
export class Entry {
  /** Largest packet the client takes [MQTT-3.1.2-24]. */
  largest: number = Infinity
  /** True once the CONNACK is out that lets the client in. */
  welcomed: boolean = false
  readonly #door: Door

  constructor(door: Door) {
    this.#door = door
  }

  /** A packet of a client that has no session yet. */
  handle(packet: Packet): void | Promise<void> {
    if (packet.type === PacketType.Connect) return this.#connect(packet)
    this.#door.fail(ReasonCode.ProtocolError, 'not logged in')
  }

  /** The CONNACK that turns the client away, where its version has one for this reason; undefined: the version is not known. */
  refuse(reason: number, version: ProtocolVersion | undefined): void {
    const refusal = { type: PacketType.Connack, sessionPresent: false }
    if (version === 5) this.#door.send({ ...refusal, reasonCode: refusalCode(reason) })
    else if (version !== undefined && reason !== ReasonCode.MalformedPacket && reason !== ReasonCode.ProtocolError)
      this.#door.send({ ...refusal, reasonCode: returnCode3(reason) })
    // [MQTT-3.1.2-2 of 3.1.1]; whoever speaks a version we do not know is likeliest to understand the oldest answer.
    else if (reason === ReasonCode.UnsupportedProtocolVersion) this.#door.send({ ...refusal, reasonCode: 1 })
  }

  async #connect(connect: Connect): Promise<void> {
    const door = this.#door
    this.largest = connect.properties?.maximumPacketSize ?? Infinity
    const { refusal } = door.place
    if (refusal !== undefined) return door.fail(connackCodes[refusal], 'too many connections')
    const login = judgeConnect(connect, door.broker, door.options)
    if ('reason' in login) return door.fail(login.reason, login.detail)
    const principal = await authenticate(login, door.broker, door.peer)
    if (door.closed) return
    if ('reason' in principal) return door.fail(principal.reason, principal.detail)
    const settled = await redirectWill(login, { broker: door.broker, principal, rewrite: door.rewrite })
    if (door.closed) return
    if ('reason' in settled) return door.fail(settled.reason, settled.detail)
    const { broker, options, peer } = door
    const subscribe = await autoSubscribe({ broker, options, principal, peer })
    if (door.closed) return
    this.#open(settled, principal, subscribe)
  }

  #open(login: Login, principal: Principal, subscribe: (session: Session) => void): void {
    const door = this.#door
    const { sessions } = door.broker
    const { clientId: id, connect, expiry, will } = login
    const outgoing = door.makeOutgoing(login)
    let opened: { session: Session; resumed: boolean }
    try {
      const { peer } = door
      opened = sessions.open({ id, principal, peer, consumer: outgoing, clean: connect.cleanStart, expiry, will })
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error
      const { reason, detail } = refusalOf(codeOf(error))
      return door.fail(reason, detail)
    }
    const { session, resumed } = opened
    // Whoever watches sessions open may have ended this one.
    if (door.closed) return sessions.leave(session, outgoing, { forgetWill: false, reason: 'lost' })
    door.enter({ login, principal, session, resumed, outgoing })
    subscribe(session)
    const send = (): void => {
      this.welcomed = true
      // [MQTT-3.2.0-1]: deliveries begin behind the CONNACK. MQTT 3.1 knows no session present flag.
      door.send(welcome(login, door.options, resumed && connect.version > 3))
      if (!door.closed) session.outbound.start(outgoing)
    }
    door.replies.push(session.committing, send, (error) => {
      sessions.leave(session, outgoing, { forgetWill: true, reason: error.code })
      const { reason, detail } = refusalOf(error.code)
      door.fail(reason, detail)
    })
  }
}
