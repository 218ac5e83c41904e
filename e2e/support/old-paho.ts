import { WebSocket } from 'ws'
import { Inbox } from './inbox.ts'
import { field, frame, Packets, Type } from './raw.ts'
import { eachTest } from './scope.ts'
import { within } from './within.ts'

/** A message that came. */
interface Received {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: number
  readonly retain: boolean
}

/** What an old client says about itself. */
interface Options {
  readonly clean?: boolean
  readonly keepAlive?: number
  readonly will?: {
    readonly topic: string
    readonly payload: string
    readonly qos: 0 | 1 | 2
    readonly retain: boolean
  }
  readonly user?: readonly [name: string, password: string]
}

const u16 = (number: number): Buffer => Buffer.from([number >> 8, number & 255])

/**
 * Speaks as the old Paho for browsers (mqttws31.js) does: MQTT 3.1 only, subprotocol `mqttv3.1`, one packet a frame,
 * acknowledgements at once. The original cannot be used here for its licence.
 */
export class OldPaho {
  readonly #socket: WebSocket
  readonly #packets = new Packets()
  #lastId = 0
  readonly messages: Inbox<Received> = new Inbox()
  /** Everything but PUBLISH and the packets that the flows of QoS 1 and 2 answer by themselves. */
  readonly answers: Inbox<{ readonly type: number; readonly body: Buffer }> = new Inbox()

  constructor(url: string) {
    this.#socket = new WebSocket(url, ['mqttv3.1'])
    this.#socket.on('error', () => undefined)
    this.#socket.on('message', (data, isBinary) => {
      if (!isBinary) throw new Error('a text frame came')
      this.#packets.push(data as Buffer)
      for (const packet of this.#packets.inbox.all.slice(this.#seen)) this.#receive(packet)
      this.#seen = this.#packets.inbox.all.length
    })
    eachTest.add(() => this.#socket.terminate())
  }
  #seen = 0

  /** Opens the WebSocket and logs in; gives the return code. */
  async connect(clientId: string, { clean = true, keepAlive = 60, will, user }: Options = {}): Promise<number> {
    const opened = new Promise((resolve, reject) => this.#socket.once('open', resolve).once('error', reject))
    await within(opened, 'the WebSocket to open')
    if (this.#socket.protocol !== 'mqttv3.1') throw new Error(`subprotocol ${this.#socket.protocol}`)
    const flags =
      (clean ? 0x02 : 0) |
      (will === undefined ? 0 : 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0)) |
      (user === undefined ? 0 : 0xc0)
    const texts = [clientId, ...(will === undefined ? [] : [will.topic, will.payload]), ...(user ?? [])]
    const head = Buffer.concat([field('MQIsdp'), Buffer.from([3, flags]), u16(keepAlive)])
    const { body } = await this.#ask(Type.connack, frame(0x10, head, ...texts.map(field)))
    return body[1] ?? -1
  }

  /** Subscribes to one filter; gives the granted QoS. */
  async subscribe(filter: string, qos: 0 | 1 | 2): Promise<number> {
    const { body } = await this.#ask(Type.suback, frame(0x82, u16(this.#nextId()), field(filter), Buffer.from([qos])))
    return body[2] ?? -1
  }

  /** Unsubscribes from one filter. */
  async unsubscribe(filter: string): Promise<void> {
    await this.#ask(11, frame(0xa2, u16(this.#nextId()), field(filter)))
  }

  /** Resolves when the message is with the broker. */
  async publish(topic: string, payload: string | Buffer, { qos = 0, retain = false } = {}): Promise<void> {
    const id = qos === 0 ? [] : [u16(this.#nextId())]
    const packet = frame(0x30 | (qos << 1) | Number(retain), field(topic), ...id, Buffer.from(payload))
    if (qos === 0) this.#send(packet)
    else await this.#ask(qos === 1 ? Type.puback : Type.pubcomp, packet)
  }

  async ping(): Promise<void> {
    await this.#ask(Type.pingresp, Buffer.from([0xc0, 0]))
  }

  /** Takes leave; or, like a page that is closed, does not. */
  async close(politely: boolean): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.once('close', resolve))
    if (politely) this.#send(Buffer.from([0xe0, 0]))
    this.#socket.close()
    await within(closed, 'the WebSocket to close')
  }

  #receive({ type, flags, body }: { readonly type: number; readonly flags: number; readonly body: Buffer }): void {
    if (type === Type.pubrec) return this.#send(frame(0x62, body.subarray(0, 2)))
    if (type === Type.pubrel) return this.#send(frame(0x70, body.subarray(0, 2)))
    if (type !== Type.publish) return this.answers.put({ type, body })
    const end = 2 + body.readUInt16BE(0)
    const qos = (flags >> 1) & 3
    const payload = body.subarray(qos === 0 ? end : end + 2)
    this.messages.put({ topic: body.subarray(2, end).toString(), payload, qos, retain: (flags & 1) === 1 })
    if (qos > 0) this.#send(frame(qos === 1 ? 0x40 : 0x50, body.subarray(end, end + 2)))
  }

  async #ask(type: number, packet: Buffer): Promise<{ readonly body: Buffer }> {
    this.#send(packet)
    const answer = await this.answers.next()
    if (answer.type !== type) throw new Error(`packet type ${type} was expected, ${answer.type} came`)
    return answer
  }

  #nextId(): number {
    return (this.#lastId = (this.#lastId % 65_535) + 1)
  }

  #send(packet: Buffer): void {
    // A browser sends the ArrayBuffer of this one packet.
    this.#socket.send(Uint8Array.from(packet).buffer)
  }
}
