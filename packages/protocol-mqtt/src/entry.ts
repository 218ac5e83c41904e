import { BrokerError, type ErrorCode, type Principal, type Session } from '@isomq/kernel'
import { Authentication, type Outcome } from './authentication.ts'
import { autoSubscribe } from './auto-subscribe.ts'
import { type Auth, type Connect, type Packet, PacketType, type ProtocolVersion } from './codec/packet.ts'
import { ReasonCode } from './codec/reason-code.ts'
import type { Door } from './door.ts'
import {
  authenticate,
  credentialsOf,
  judgeConnect,
  type Login,
  redirectWill,
  refusalOf,
  welcome,
} from './handle-connect.ts'
import { codeOf, connackCodes, reasonCodes, refusalCode } from './reason-codes.ts'

/** Who a client has proven to be: the user name of its exchange, and what the guard made of it. */
interface Proven {
  readonly username: string
  readonly principal: Principal
}

/**
 * One client's way in: its CONNECT is judged, an exchange of AUTH packets held where it asks for one, the guard asked, the
 * session opened, and CONNACK says how it went. Later the client may prove anew who it is.
 */
export class Entry {
  /** Largest packet the client takes [MQTT-3.1.2-24]. */
  largest: number = Infinity
  /** True: the client's packets are for its session. */
  open: boolean = false
  /** True once the CONNACK is out that lets the client in. */
  welcomed: boolean = false
  readonly #door: Door
  #login: Login | undefined
  #proven: Proven | undefined
  /** The exchange under way. */
  #authentication: Authentication | undefined

  constructor(door: Door) {
    this.#door = door
  }

  /** A packet of a client that is not in yet. */
  handle(packet: Packet): void | Promise<void> {
    switch (packet.type) {
      case PacketType.Connect:
        return this.#connect(packet)
      case PacketType.Auth:
        return this.#auth(packet)
      case PacketType.Disconnect:
        return this.#door.leave(true, undefined)
      default:
        this.#door.fail(ReasonCode.ProtocolError, 'not logged in') // [MQTT-3.1.2-30]
    }
  }

  /** AUTH of a client that is in: it is served on while it proves anew who it is. */
  reauthenticate(auth: Auth): void {
    this.#auth(auth)?.catch((error: unknown) => this.#door.failed(error))
  }

  /**
   * The CONNACK that turns the client away, where its version has one for this reason; undefined: the version is not known.
   * Whoever calls this closes [MQTT-3.2.2-7] [MQTT-4.12.0-4].
   */
  refuse(reason: number, version: ProtocolVersion | undefined): void {
    const reasonCode = refusalCode(version, reason)
    if (reasonCode !== undefined) this.#door.send({ type: PacketType.Connack, sessionPresent: false, reasonCode })
  }

  async #connect(connect: Connect): Promise<void> {
    const door = this.#door
    const { broker, peer } = door
    this.largest = connect.properties?.maximumPacketSize ?? Infinity
    const { refusal } = door.place
    if (refusal !== undefined) return door.fail(connackCodes[refusal], 'too many connections')
    const login = judgeConnect(connect, broker, door.options)
    if ('reason' in login) return door.fail(login.reason, login.detail)
    this.#login = login
    if (login.authenticator !== undefined) return this.#prove(connect.properties?.authenticationData)
    const principal = await authenticate(login, broker, peer)
    if (door.closed) return
    if ('reason' in principal) return door.fail(principal.reason, principal.detail)
    return this.#admit(login, principal, undefined)
  }

  /** The promise is fulfilled when the answer is out. */
  #auth(auth: Auth): Promise<void> | undefined {
    const fault = this.#faultOf(auth)
    if (fault === undefined) return this.#prove(auth.properties?.authenticationData)
    this.#door.fail(ReasonCode.ProtocolError, fault)
    return undefined
  }

  /** Why this AUTH may not come, if it may not. */
  #faultOf({ reasonCode, properties }: Auth): string | undefined {
    const method = this.#login?.authenticator?.method
    // [MQTT-4.12.0-7]
    if (method === undefined) return 'AUTH without an authentication method'
    // [MQTT-4.12.0-5] [MQTT-4.12.1-1]
    if (properties?.authenticationMethod !== method) return 'AUTH with another method than CONNECT'
    // [MQTT-4.12.0-3]; one exchange at a time.
    const inTurn =
      reasonCode === ReasonCode.ReAuthenticate
        ? this.welcomed && this.#authentication === undefined
        : this.#authentication?.listening === true
    return inTurn ? undefined : 'AUTH out of turn'
  }

  async #prove(data: Uint8Array | undefined): Promise<void> {
    const { broker, peer } = this.#door
    const login = this.#login!
    this.#authentication ??= new Authentication(broker, login.authenticator!, {
      credentials: credentialsOf(login, peer),
      knock: !this.welcomed,
    })
    const outcome = await this.#authentication.respond(data)
    if (this.#door.closed) return
    if (outcome.type === 'challenge') return this.#say(ReasonCode.ContinueAuthentication, outcome.data) // [MQTT-4.12.0-2]
    this.#authentication = undefined
    if (outcome.type === 'refused') return this.#turnAway(outcome.code)
    return this.#accept(login, outcome)
  }

  #accept(login: Login, outcome: Extract<Outcome, { type: 'accepted' }>): void | Promise<void> {
    const { principal, data } = outcome
    const before = this.#proven
    this.#proven = outcome
    if (before === undefined) return this.#admit(login, principal, data)
    // Whoever is in stays who it is.
    if (!isSame(before, outcome)) return this.#turnAway('not-authenticated')
    if (this.welcomed) this.#door.renew(principal)
    this.#say(ReasonCode.Success, data)
  }

  #say(reasonCode: number, authenticationData: Uint8Array | undefined): void {
    // [MQTT-4.12.0-5]
    const authenticationMethod = this.#login!.authenticator!.method
    this.#door.send({ type: PacketType.Auth, reasonCode, properties: { authenticationMethod, authenticationData } })
  }

  /** [MQTT-4.12.0-4] [MQTT-4.12.1-2] */
  #turnAway(code: ErrorCode): void {
    this.#door.fail((this.welcomed ? reasonCodes : connackCodes)[code], code)
  }

  /** Opens the session of a client that may come in. */
  async #admit(login: Login, principal: Principal, proof: Uint8Array | undefined): Promise<void> {
    const door = this.#door
    const { broker, options, peer, rewrite } = door
    const settled = await redirectWill(login, { broker, principal, rewrite })
    if (door.closed) return
    if ('reason' in settled) return door.fail(settled.reason, settled.detail)
    const subscribe = await autoSubscribe({ broker, options, principal, peer })
    if (!door.closed) this.#open(settled, principal, { proof, subscribe })
  }

  #open(
    login: Login,
    principal: Principal,
    { proof, subscribe }: { proof: Uint8Array | undefined; subscribe: (session: Session) => void },
  ): void {
    const door = this.#door
    const { sessions } = door.broker
    const { clientId: id, connect, expiry, will } = login
    const outgoing = door.makeOutgoing(login)
    let opened: { session: Session; resumed: boolean }
    try {
      const { peer } = door
      // The kernel finds, drops or begins the session of this id, and keeps the will with it: [MQTT-3.1.2-4] [MQTT-3.1.2-5]
      // [MQTT-3.1.2-6] [MQTT-3.1.2-7] [MQTT-3.1.2-23] [MQTT-3.1.3-2] [MQTT-3.1.3-9] [MQTT-3.1.4-4] [MQTT-4.1.0-1].
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
    this.open = login.authenticator === undefined
    const send = (): void => {
      this.open = true
      this.welcomed = true
      // [MQTT-3.1.4-5] [MQTT-3.2.0-2] [MQTT-3.2.2-2] [MQTT-3.2.2-3]. [MQTT-3.2.0-1]: deliveries begin behind the CONNACK, and
      // what was under way goes out first [MQTT-4.4.0-1]. MQTT 3.1 knows no session present flag.
      door.send(welcome(login, door.options, resumed && connect.version > 3, proof))
      if (!door.closed) session.outbound.start(outgoing)
    }
    door.replies.push(this.open ? session.committing : this.#quiet(session.committing), send, (error) => {
      // Where there is no room for it, what is known of the session stays as it was: its client must be able to take what
      // takes the room. Only a will would be lost.
      if (resumed && will === undefined && error.code === 'quota-exceeded' && !door.closed) return send()
      sessions.leave(session, outgoing, { forgetWill: true, reason: error.code })
      const { reason, detail } = refusalOf(error.code)
      door.fail(reason, detail)
    })
  }

  /** After an exchange nothing may come before CONNACK [MQTT-3.1.2-30]: what is here by the end of this turn came too early. */
  async #quiet(committing: Promise<void> | undefined): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#door.broker.host.defer(resolve))
    await Promise.all([turn, committing])
  }
}

function isSame(a: Proven, b: Proven): boolean {
  const [one, other] = [a.principal, b.principal]
  return a.username === b.username && one.clientId === other.clientId && one.username === other.username
}
