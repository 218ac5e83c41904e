import type { PeerInfo } from './connection.ts'
import type { Consumer } from './consumer.ts'
import type { Core } from './core.ts'
import { BrokerError, type ErrorCode } from './errors.ts'
import { Group } from './group.ts'
import type { Principal } from './guard.ts'
import { isOwnSession } from './own-session.ts'
import { joinKey } from './rows.ts'
import { Session } from './session.ts'
import type { Will } from './will.ts'

/** How a connection wants to use a session. */
export interface OpenOptions {
  /** At least one character, no U+0000. */
  readonly id: string
  readonly principal: Principal
  readonly peer: PeerInfo
  readonly consumer: Consumer
  /** True: what was there under this id ends first. */
  readonly clean: boolean
  /** How long the session outlives the connection, milliseconds. */
  readonly expiry: number
  readonly will?: Will | undefined
}

/** How a connection leaves its session. */
export interface LeaveOptions {
  /** True: the will is dropped. */
  readonly forgetWill: boolean
  /** A new expiry, milliseconds. A session that was to end with its connection ends whatever is said here. */
  readonly expiry?: number | undefined
  readonly reason: ErrorCode | 'closed' | 'lost'
}

/** All sessions of a broker, by id. */
export interface Sessions extends Iterable<Session> {
  readonly size: number
  /** Sessions in use by a connection. */
  readonly connected: number
  get(id: string): Session | undefined
  /**
   * Makes the session of this id the connection's, taking it from any other, whose consumer is ended with
   * `session-taken-over`. Deliveries begin with `outbound.start`: a new session with which that never happened ends with
   * its connection. Throws BrokerError `banned`, `quota-exceeded` or `shutting-down`.
   */
  open(options: OpenOptions): { readonly session: Session; readonly resumed: boolean }
  /** The connection is over. Does nothing when the session is no longer this consumer's. */
  leave(session: Session, consumer: Consumer, options: LeaveOptions): void
  /** Its client, who stays who it is, has proven anew that it is so. */
  renew(session: Session, principal: Principal): void
  /** Ends the connection of a session with this reason; the session lives on if it is durable. Nothing where there is none. */
  cutOff(session: Session, reason: ErrorCode): void
  /** Ends the session, connected (its consumer is ended with this reason) or not. */
  end(session: Session, reason: ErrorCode): void
}

/** The sessions and groups of one broker. */
export class SessionTable implements Sessions {
  readonly #core: Core
  readonly #sessions = new Map<string, Session>()
  readonly #groups = new Map<string, Group>()
  /** Sessions that have ended, by id, while the storage still has them. */
  readonly #ending = new Map<string, Session>()
  #connected = 0
  #closed = false

  constructor(core: Core) {
    this.#core = core
  }

  get size(): number {
    return this.#sessions.size
  }

  get connected(): number {
    return this.#connected
  }

  get groups(): ReadonlyMap<string, Group> {
    return this.#groups
  }

  [Symbol.iterator](): IterableIterator<Session> {
    return this.#sessions.values()
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id)
  }

  open(options: OpenOptions): { session: Session; resumed: boolean } {
    const { id, consumer, principal, peer, clean } = options
    const { limits, committer, counters, entrance, emit } = this.#core
    if (this.#closed) throw new BrokerError('shutting-down')
    const found = this.#sessions.get(id)
    if (found === undefined && this.size >= limits.sessions) throw new BrokerError('quota-exceeded')
    const own = isOwnSession(id)
    if (!own) entrance.enter(id, principal, peer)
    const old = found?.consumer
    if (found !== undefined && old !== undefined) {
      old.end('session-taken-over')
      this.#disconnect(found, 'session-taken-over')
      if (clean || found.will?.delay === 0) this.#publishWill(found)
    }
    // One that was to end with its connection has ended; and what nobody was told of cannot be resumed: its client would
    // take it for the one it had before.
    if (found !== undefined && (clean || !found.announced || (old !== undefined && !found.durable))) this.#remove(found)
    const resumed = found !== undefined && !found.ended
    const session = resumed ? found : this.restore(id, principal)
    for (const appointment of session.appointments.splice(0)) appointment.cancel()
    const { durable } = session
    const isOther = !isSame(session.principal, principal)
    // What the one before may receive says nothing of this one.
    if (isOther) session.outbound.distrust()
    session.principal = principal
    session.peer = peer
    session.expiry = own ? options.expiry : Math.min(options.expiry, limits.sessionExpiry)
    session.will = options.will
    session.consumer = consumer
    session.disconnectedAt = undefined
    this.#watchLogin(session)
    this.#connected++
    if (this.#connected > counters.connectedMaximum) counters.connectedMaximum = this.#connected
    if (isOther || durable !== session.durable) session.reroute()
    // Also the end of the one before must be durable before anybody is told of this one.
    if (session.durable || this.#ending.has(id)) session.stored = true
    if (session.stored) committer.save(session)
    emit?.({ type: 'connected', session: id, principal, peer, resumed })
    return { session, resumed }
  }

  leave(session: Session, consumer: Consumer, options: LeaveOptions): void {
    if (session.consumer !== consumer) return
    const { expiry } = options
    if (expiry !== undefined && session.durable) session.expiry = Math.min(expiry, this.#core.limits.sessionExpiry)
    if (options.forgetWill) session.will = undefined
    this.#disconnect(session, options.reason)
    const now = this.#core.host.clock.now()
    session.disconnectedAt = now
    if (session.durable) this.#core.committer.save(session)
    if (session.will !== undefined) session.will.due = now + Math.min(session.will.delay, session.expiry)
    if (session.durable && session.announced) this.appoint(session)
    else this.#remove(session)
  }

  renew(session: Session, principal: Principal): void {
    session.principal = principal
    this.#watchLogin(session)
  }

  cutOff(session: Session, reason: ErrorCode): void {
    this.#core.cutOff(session, reason)
  }

  end(session: Session, reason: ErrorCode): void {
    if (session.ended) return
    if (session.consumer !== undefined) {
      session.consumer.end(reason)
      this.#disconnect(session, reason)
    }
    this.#remove(session)
  }

  /** Nobody is let in any more. */
  close(): void {
    this.#closed = true
  }

  /** A session with nothing in it, or as it was when the broker last stopped. */
  restore(id: string, principal: Principal): Session {
    const session = new Session(this.#core, id, principal, this)
    this.#sessions.set(id, session)
    return session
  }

  /** The group of this name and filter. */
  group(filter: string, name: string): Group {
    const key = joinKey(name, filter)
    let group = this.#groups.get(key)
    if (group === undefined) {
      const fresh = new Group(this.#core, name, filter, () => {
        this.#groups.delete(key)
        this.#core.router.remove(filter, fresh)
      })
      this.#groups.set(key, (group = fresh))
      this.#core.router.add(filter, group)
    }
    return group
  }

  /** Sets the times at which a disconnected session's will is published and it ends. */
  appoint(session: Session): void {
    const { schedule, counters } = this.#core
    const { will, disconnectedAt = 0 } = session
    if (will?.due !== undefined) {
      if (will.due <= this.#core.host.clock.now()) this.#publishWill(session)
      else session.appointments.push(schedule.at(will.due, () => this.#publishWill(session)))
    }
    const expire = (): void => {
      counters.sessionsExpired++
      this.#remove(session)
    }
    session.appointments.push(schedule.at(disconnectedAt + session.expiry, expire))
  }

  #watchLogin(session: Session): void {
    session.login?.cancel()
    const { until } = session.principal
    session.login =
      until === undefined
        ? undefined
        : this.#core.schedule.at(until, () => this.#core.cutOff(session, 'not-authorized'))
  }

  #disconnect(session: Session, reason: LeaveOptions['reason']): void {
    session.consumer = undefined
    session.login?.cancel()
    session.login = undefined
    this.#connected--
    session.outbound.stop()
    for (const group of session.groups) group.pumpSoon()
    this.#core.emit?.({ type: 'disconnected', session: session.id, reason })
  }

  #remove(session: Session): void {
    if (session.ended) return
    this.#publishWill(session)
    for (const appointment of session.appointments.splice(0)) appointment.cancel()
    this.#sessions.delete(session.id)
    session.end()
    this.#forget(session)
    this.#core.emit?.({ type: 'session-ended', session: session.id })
  }

  #forget(session: Session): void {
    const { id, stored } = session
    if (!stored) return
    this.#ending.set(id, session)
    this.#core.committer.after(() => {
      if (this.#ending.get(id) === session) this.#ending.delete(id)
    })
  }

  #publishWill(session: Session): void {
    const { will, principal } = session
    if (will === undefined) return
    session.will = undefined
    if (session.durable) this.#core.committer.save(session)
    void this.#sendWill(will, principal)
  }

  // The right to publish is asked for when the will is published: it may have been taken away since the client came.
  async #sendWill(will: Will, principal: Principal): Promise<void> {
    const { guard, host } = this.#core
    try {
      const answer = guard.authorize(principal, 'publish', will.message.topic)
      if (typeof answer === 'boolean' ? !answer : !(await answer)) return
      const { topic, qos, retain } = will.message
      const bounds = guard.bounds?.(principal, 'publish', topic)
      if (bounds !== undefined && (qos > bounds.qos || (retain && !bounds.retain))) return
      await this.#core.publish(will.at(host.clock.now()), principal)
    } catch (error) {
      if (!(error instanceof BrokerError)) host.report(error, 'publishing a will')
    }
  }
}

function isSame(a: Principal, b: Principal): boolean {
  return a.clientId === b.clientId && a.username === b.username
}
