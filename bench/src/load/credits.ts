import { connect, createServer, type Socket } from 'node:net'

const RECORD_BYTES = 8

/** The subscriber process's end of the control channel: tells publishers how much has arrived everywhere. */
export class CreditSender {
  readonly #queue: Map<number, number> = new Map()
  #socket: Socket | undefined
  #scheduled = false

  /** Listens on a free loopback port for the one publisher process and resolves to the port. */
  listen(): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.#socket = socket
      server.close()
    })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        if (typeof address === 'object' && address !== null) resolve(address.port)
      })
    })
  }

  /** Every subscriber of the publisher has its first `arrived` messages. Leaves with the other credits of this turn. */
  grant(publisher: number, arrived: number): void {
    this.#queue.set(publisher, arrived)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    const bytes = Buffer.allocUnsafe(this.#queue.size * RECORD_BYTES)
    let at = 0
    for (const [publisher, arrived] of this.#queue) {
      bytes.writeUInt32LE(publisher, at)
      bytes.writeUInt32LE(arrived, at + 4)
      at += RECORD_BYTES
    }
    this.#queue.clear()
    this.#socket?.write(bytes)
  }
}

/** The publisher process's end: calls back for every credit. Resolves once connected. */
export function receiveCredits(port: number, credit: (publisher: number, arrived: number) => void): Promise<void> {
  let rest = Buffer.alloc(0)
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  socket.on('data', (chunk) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    for (; at + RECORD_BYTES <= bytes.length; at += RECORD_BYTES) {
      credit(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4))
    }
    rest = Buffer.from(bytes.subarray(at))
  })
  return new Promise((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
}
