import { connect, type Socket } from 'node:net'
import { Inbox } from './inbox.ts'
import { eachTest, type Scope } from './scope.ts'
import { within } from './within.ts'

/** Control packet types. */
export const Type = {
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  suback: 9,
  pingresp: 13,
  disconnect: 14,
} as const

/** A control packet, taken apart no further than its fixed header. */
export interface RawPacket {
  readonly type: number
  readonly flags: number
  readonly body: Buffer
}

/** A text or bytes with their length before them. */
export function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes])
}

/** A control packet from its first byte and its body. */
export function frame(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let rest = body.length
  do {
    length.push((rest & 127) | (rest > 127 ? 128 : 0))
    rest >>= 7
  } while (rest > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

/** CONNECT for a clean session. `properties` are the bytes of MQTT 5 properties. */
export function connectFrame(clientId: string, version: 3 | 4 | 5 = 5, properties: readonly number[] = []): Buffer {
  const head = Buffer.concat([field(version === 3 ? 'MQIsdp' : 'MQTT'), Buffer.from([version, 2, 0, 0])])
  return frame(0x10, head, Buffer.from(version === 5 ? [properties.length, ...properties] : []), field(clientId))
}

/** SUBSCRIBE to one filter, packet id 1. */
export function subscribeFrame(filter: string, qos: number, version: 3 | 4 | 5 = 5): Buffer {
  return frame(0x82, Buffer.from(version === 5 ? [0, 1, 0] : [0, 1]), field(filter), Buffer.from([qos]))
}

/** PUBLISH of MQTT 5 without properties. */
export function publishFrame(
  topic: string,
  payload: Buffer | string,
  { qos = 0, id = 0 }: { qos?: number; id?: number } = {},
): Buffer {
  const packetId = Buffer.from(qos === 0 ? [] : [id >> 8, id & 255])
  return frame(0x30 | (qos << 1), field(topic), packetId, Buffer.from([0]), Buffer.from(payload))
}

/** PINGREQ: its answer comes behind all that was asked before. */
export const pingFrame: Buffer = Buffer.from([0xc0, 0])

/** Takes bytes apart into packets, however they are cut. */
export class Packets {
  readonly inbox: Inbox<RawPacket> = new Inbox()
  #rest: Buffer = Buffer.alloc(0)

  /** More bytes came. */
  push(chunk: Buffer): void {
    let bytes = Buffer.concat([this.#rest, chunk])
    for (;;) {
      let [length, at] = [0, 1]
      while (at < bytes.length && at < 5) {
        const byte = bytes[at] ?? 0
        length |= (byte & 127) << (7 * (at - 1))
        at += 1
        if (byte < 128) break
      }
      if (at < 2 || (bytes[at - 1] ?? 128) >= 128 || bytes.length < at + length) break
      this.inbox.put({ type: (bytes[0] ?? 0) >> 4, flags: (bytes[0] ?? 0) & 15, body: bytes.subarray(at, at + length) })
      bytes = bytes.subarray(at + length)
    }
    this.#rest = bytes
  }
}

/** A TCP connection on which a test says what it likes. */
export class RawClient {
  readonly socket: Socket
  readonly #packets = new Packets()
  /** Resolves when the connection is over, whoever ended it and how. */
  readonly closed: Promise<void>

  constructor(port: number, scope: Scope = eachTest) {
    this.socket = connect({ host: '127.0.0.1', port })
    this.socket.setNoDelay(true)
    this.socket.on('error', () => undefined)
    this.socket.on('data', (chunk: Buffer) => this.#packets.push(chunk))
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.inbox.fail(new Error('the connection closed'))
        resolve()
      })
    })
    scope.add(() => this.socket.destroy())
  }

  /** What came. */
  get inbox(): Inbox<RawPacket> {
    return this.#packets.inbox
  }

  send(...frames: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(frames))
  }

  /** Sends these and takes the answer, which must be of this type. */
  async ask(type: number, ...frames: readonly Uint8Array[]): Promise<RawPacket> {
    this.send(...frames)
    const answer = await this.inbox.next()
    if (answer.type !== type)
      throw new Error(`packet type ${type} was expected, ${answer.type} came: ${answer.body.toString('hex')}`)
    return answer
  }

  /** Resolves when the broker has closed the connection. */
  untilClosed(milliseconds?: number): Promise<void> {
    return within(this.closed, 'the broker to close the connection', milliseconds)
  }
}
