import { connect, type Socket } from 'node:net'
import { connectPacket, subscribePacket } from './packets.ts'
import { PacketReader, type PacketHandler } from './packet-reader.ts'
import type { QoS, Target } from './plan.ts'
import { WsReader, wsFrame } from './ws-frames.ts'

// One buffer for all sockets of the process: every chunk is used up before the next read.
const shared = Buffer.allocUnsafeSlow(256 * 1024)

/** What a link reports. `end`: a chunk has been handled, now is the time to write. */
export interface LinkHandler extends PacketHandler {
  /** True: the session is to outlive the connection. */
  readonly kept?: boolean
  /** Topic of the client's will. */
  readonly will?: string
  end(): void
}

/** One client's connection to a broker, after its handshake. */
export class Link {
  readonly #socket: Socket
  readonly #webSocket: boolean
  #sink: (chunk: Buffer) => void = () => {}
  #control: ((header: number, value: number, body: Buffer) => void) | undefined

  private constructor(target: Target) {
    this.#webSocket = target.kind === 'websocket'
    const callback = (size: number): boolean => {
      this.#sink(shared.subarray(0, size))
      return true
    }
    this.#socket = connect({
      host: target.host,
      port: target.port,
      noDelay: true,
      onread: { buffer: shared, callback },
    })
  }

  /**
   * Connects and shakes hands. `hello` is the client id, or the one line of the relay's protocol.
   * Rejects when refused; a connection that ends later throws out of the event loop and so ends the process.
   */
  static async open(target: Target, hello: string, payload: number, handler: LinkHandler): Promise<Link> {
    const link = new Link(target)
    await link.#connected()
    if (target.kind === 'relay') await link.#exchange(Buffer.from(`${hello}\n`), 'k')
    if (target.kind === 'websocket') await link.#exchange(upgrade(target), '\r\n\r\n')
    link.#read(payload, handler)
    if (target.kind !== 'relay') await link.#connect(hello, handler)
    return link
  }

  /** Subscribes and resolves when every filter is granted. Only one at a time. */
  async subscribe(filters: readonly string[], qos: QoS): Promise<void> {
    const granted = this.#answer(0x90)
    this.send(subscribePacket(filters, qos))
    const codes = (await granted).subarray(2)
    if (codes.length !== filters.length || codes.some((code) => code > 2)) throw new Error('a subscription was refused')
  }

  /** Sends MQTT packets, in one frame if this is a WebSocket. The bytes are given away. */
  send(packets: Buffer): void {
    this.#socket.write(this.#webSocket ? wsFrame(packets) : packets)
  }

  /** Sends bytes that are framed already. */
  sendRaw(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  /** Says farewell and closes. */
  leave(): void {
    this.#socket.removeListener('end', ended)
    this.#socket.end(Uint8Array.of(0xe0, 0))
  }

  /** Is gone without a word. */
  drop(): void {
    this.#socket.removeListener('end', ended)
    this.#socket.removeListener('error', ended)
    this.#socket.on('error', () => {})
    this.#socket.destroy()
  }

  #connected(): Promise<void> {
    const socket = this.#socket
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.removeListener('error', reject)
        socket.on('error', ended)
        socket.on('end', ended)
        resolve()
      })
    })
  }

  // Sends bytes and waits for an answer that ends like this. Nothing but the answer may come.
  #exchange(question: Buffer, answerEnd: string): Promise<void> {
    let answer = ''
    return new Promise((resolve, reject) => {
      this.#sink = (chunk) => {
        answer += chunk.toString('latin1')
        if (!answer.endsWith(answerEnd)) return
        if (answer === answerEnd || answer.startsWith('HTTP/1.1 101')) resolve()
        else reject(new Error(`unexpected answer: ${answer.slice(0, 80)}`))
      }
      this.#socket.write(question)
    })
  }

  #read(payload: number, handler: LinkHandler): void {
    const reader = new PacketReader(
      {
        publish: handler.publish.bind(handler),
        control: (header, value, body) => (this.#control ?? handler.control.bind(handler))(header, value, body),
      },
      payload,
    )
    const frames = this.#webSocket ? new WsReader((bytes) => reader.push(bytes)) : reader
    this.#sink = (chunk) => {
      frames.push(chunk)
      handler.end()
    }
  }

  async #connect(clientId: string, { kept = false, will }: LinkHandler): Promise<void> {
    const answer = this.#answer(0x20)
    this.send(connectPacket(clientId, kept, will))
    const code = (await answer)[1]
    if (code !== 0) throw new Error(`the broker refused a connection with code ${code}`)
  }

  #answer(expected: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#control = (header, _value, body) => {
        this.#control = undefined
        if (header === expected) resolve(Buffer.from(body))
        else reject(new Error(`expected packet 0x${expected.toString(16)}, got 0x${header.toString(16)}`))
      }
    })
  }
}

function ended(error?: Error): never {
  throw error ?? new Error('the broker closed a connection')
}

function upgrade(target: Target): Buffer {
  const lines = [
    `GET ${target.path} HTTP/1.1`,
    `Host: ${target.host}:${target.port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: aXNvbXEgYmVuY2htYXJrIQ==',
    'Sec-WebSocket-Protocol: mqtt',
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
}
