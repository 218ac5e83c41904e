import type { PeerInfo } from '@isomq/kernel'
import type { Server, Socket } from 'node:net'
import { originOf } from './preamble.ts'

interface Arrival {
  at: number
  readonly socket: Socket
  readonly timer: NodeJS.Timeout | undefined
  readonly forget: () => void
}

/**
 * When each socket of a server was accepted, and how long it may take from there to its upgrade. Under TLS the upgrade
 * comes on another object than the one accepted; the remote end tells which belongs to which.
 */
export class Arrivals {
  readonly #server: Server
  readonly #milliseconds: number | undefined
  readonly #open = new Map<string, Arrival>()
  readonly #begin = (socket: Socket): void => this.#note(socket)

  /** Without `milliseconds` sockets may take any time: they may be here for something else. */
  constructor(server: Server, milliseconds: number | undefined) {
    this.#server = server
    this.#milliseconds = milliseconds
    server.on('connection', this.#begin)
  }

  /** The socket was upgraded. When was it accepted, milliseconds since the epoch, and whom does it come from, if a proxy said? */
  finish(socket: Socket): Pick<PeerInfo, 'acceptedAt' | 'address' | 'port'> {
    const end = remoteEnd(socket)
    const begun = this.#open.get(end)
    if (begun === undefined) return { acceptedAt: Date.now() }
    begun.socket.off('close', begun.forget)
    begun.forget()
    return { acceptedAt: begun.at, ...originOf(begun.socket) }
  }

  /** The socket was used for something else and stays open: a login on it counts from here. */
  renew(socket: Socket): void {
    const begun = this.#open.get(remoteEnd(socket))
    if (begun !== undefined) begun.at = Date.now()
  }

  /** Notes no more, and with `destroy` ends what has not been upgraded. */
  stop(destroy: boolean): void {
    this.#server.off('connection', this.#begin)
    for (const { socket, timer } of this.#open.values()) {
      clearTimeout(timer)
      if (destroy) socket.destroy()
    }
    this.#open.clear()
  }

  #note(socket: Socket): void {
    const end = remoteEnd(socket)
    const timer =
      this.#milliseconds === undefined ? undefined : setTimeout(() => socket.destroy(), this.#milliseconds).unref()
    const forget = (): void => {
      clearTimeout(timer)
      if (this.#open.get(end)?.socket === socket) this.#open.delete(end)
    }
    this.#open.set(end, { at: Date.now(), socket, timer, forget })
    socket.on('close', forget)
  }
}

function remoteEnd(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}
