import { connect as dial, type Socket } from 'node:net'
import { Packets, type RawPacket, Type } from '../support/raw.ts'
import type { History } from './history.ts'
import type { Random } from './random.ts'
import { connect, farewell, type Version, type WillFields } from './wire.ts'

/** What the clients of a run know of it. */
export interface Surroundings {
  readonly history: History
  readonly random: Random
  /** Where the broker listens; undefined while there is none. */
  readonly port: number | undefined
  /** An acknowledgement has arrived: a moment that a broker may be killed at. */
  acknowledged(): void
}

/** Who a client is. */
export interface Identity {
  readonly id: string
  readonly version: Version
  readonly clean?: boolean
  readonly will?: WillFields
}

/** A client with a session that must outlive every connection. Comes back by itself while it is awake. */
export abstract class Client {
  protected readonly around: Surroundings
  protected readonly who: Identity
  #socket: Socket | undefined
  #timer: NodeJS.Timeout | undefined
  #awake = false
  /** True once the broker has said that it has the session. */
  #known = false
  /** True after CONNACK. */
  #ready = false
  /** Connections so far. */
  protected connections = 0

  constructor(around: Surroundings, who: Identity) {
    this.around = around
    this.who = who
  }

  get id(): string {
    return this.who.id
  }

  get ready(): boolean {
    return this.#ready
  }

  get connected(): number {
    return this.connections
  }

  /** Connects, and again whenever the connection is lost. */
  wake(): void {
    if (this.#awake) return
    this.#awake = true
    this.#dial()
  }

  /** Ends the connection, politely or not, and stays away. */
  sleep(politely: boolean): void {
    this.#awake = false
    clearTimeout(this.#timer)
    this.note(politely ? 'leaves' : 'hangs up')
    if (politely && this.#ready) this.#socket?.end(farewell)
    else this.#socket?.destroy()
    this.#over()
  }

  /** Loses the connection and comes back. */
  drop(): void {
    this.note('loses its connection')
    this.#socket?.destroy()
  }

  protected send(...frames: readonly Buffer[]): void {
    this.#socket?.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames))
  }

  protected note(what: string): number {
    return this.around.history.add(this.id, what)
  }

  protected wrong(what: string, key?: string): void {
    this.around.history.violation(this.id, what, key)
  }

  /** CONNACK came. */
  protected abstract begin(): void
  /** Another packet came. */
  protected abstract packet(packet: RawPacket): void
  /** The connection is over. */
  protected abstract over(): void

  #dial(): void {
    const { port } = this.around
    if (port === undefined) return this.#later()
    const socket = dial({ host: '127.0.0.1', port })
    this.#socket = socket
    socket.setNoDelay(true)
    const packets = new Packets()
    let taken = 0
    socket.on('error', () => undefined)
    socket.once('connect', () => {
      this.connections++
      this.note('CONNECT')
      this.connecting()
      socket.write(connect(this.id, this.who.version, this.who.clean ?? false, this.who.will))
    })
    socket.on('data', (chunk: Buffer) => {
      packets.push(chunk)
      for (const { all } = packets.inbox; taken < all.length; taken++) {
        if (this.#socket === socket) this.#take(all[taken]!)
      }
    })
    socket.once('close', () => {
      if (this.#socket !== socket) return
      this.#over()
      this.#later()
    })
  }

  /** CONNECT is about to be sent. */
  protected connecting(): void {}

  #later(): void {
    if (this.#awake) this.#timer = setTimeout(() => this.#dial(), this.around.random.int(5, 60))
  }

  #over(): void {
    this.#socket = undefined
    if (!this.#ready) return
    this.#ready = false
    this.over()
  }

  #take(packet: RawPacket): void {
    if (packet.type === Type.disconnect) return void this.note(`DISCONNECT ${packet.body.toString('hex')}`)
    if (packet.type !== Type.connack) return this.packet(packet)
    const [present, code] = [(packet.body[0] ?? 0) & 1, packet.body[1] ?? 0]
    this.note(`CONNACK present=${present} code=${code}`)
    if (code !== 0) return void this.note('is refused')
    if (this.#known && present === 0 && this.who.clean !== true) this.wrong('lost its session')
    this.#known = true
    this.#ready = true
    this.begin()
    this.around.acknowledged()
  }
}
