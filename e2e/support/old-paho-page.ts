/** A message that came. */
export interface Heard {
  readonly topic: string
  readonly text: string
  readonly qos: number
  readonly retain: boolean
}

const utf8 = new TextEncoder()
const u16 = (number: number): number[] => [number >> 8, number & 255]
const field = (text: string): number[] => [...u16(utf8.encode(text).length), ...utf8.encode(text)]

/**
 * Speaks in a page as the old Paho for browsers (mqttws31.js) does: MQTT 3.1 only, subprotocol `mqttv3.1`, one packet a
 * frame, the page's own WebSocket and nothing else. The original cannot be used here for its licence.
 */
export class OldPahoPage {
  readonly heard: Heard[] = []
  readonly #socket: WebSocket
  readonly #waiting: { readonly type: number; readonly resolve: (body: Uint8Array) => void }[] = []
  #lastId = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => this.#receive(new Uint8Array(data as ArrayBuffer)))
  }

  /** Opens the WebSocket and logs in. Rejects with the return code. */
  static async connect(url: string, clientId: string, will?: { topic: string; payload: string }): Promise<OldPahoPage> {
    const socket = new WebSocket(url, ['mqttv3.1'])
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', () => reject(new Error('the WebSocket did not open')))
    })
    if (socket.protocol !== 'mqttv3.1') throw new Error(`subprotocol ${socket.protocol}`)
    const client = new OldPahoPage(socket)
    const flags = will === undefined ? 0x02 : 0x0e
    const texts = [clientId, ...(will === undefined ? [] : [will.topic, will.payload])]
    const head = [...field('MQIsdp'), 3, flags, ...u16(60)]
    const [, code] = await client.#ask(0x20, client.#frame(0x10, [...head, ...texts.flatMap(field)]))
    if (code !== 0) throw new Error(`return code ${code}`)
    return client
  }

  /** Resolves with the granted QoS. */
  async subscribe(filter: string, qos: number): Promise<number> {
    const [, , granted] = await this.#ask(0x90, this.#frame(0x82, [...u16(++this.#lastId), ...field(filter), qos]))
    return granted!
  }

  /** Resolves when the message is with the broker. */
  async publish(topic: string, payload: string, { qos = 0, retain = false } = {}): Promise<void> {
    const id = qos === 0 ? [] : u16(++this.#lastId)
    const packet = this.#frame(0x30 | (qos << 1) | Number(retain), [...field(topic), ...id, ...utf8.encode(payload)])
    if (qos === 0) this.#socket.send(packet)
    else await this.#ask(qos === 1 ? 0x40 : 0x70, packet)
  }

  #receive(packet: Uint8Array<ArrayBuffer>): void {
    const type = packet[0]! & 0xf0
    // The remaining length has so many bytes.
    const start = 2 + packet.subarray(1).findIndex((byte) => byte < 128)
    const body = packet.subarray(start)
    if (type === 0x50) return this.#socket.send(this.#frame(0x62, Array.from(body.subarray(0, 2))))
    if (type === 0x60) return this.#socket.send(this.#frame(0x70, Array.from(body.subarray(0, 2))))
    if (type !== 0x30) {
      const place = this.#waiting.findIndex((each) => each.type === type)
      if (place >= 0) this.#waiting.splice(place, 1)[0]!.resolve(body)
      return
    }
    const end = 2 + (body[0]! << 8) + body[1]!
    const qos = (packet[0]! >> 1) & 3
    const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
    const text = decode(body.subarray(qos === 0 ? end : end + 2))
    this.heard.push({ topic: decode(body.subarray(2, end)), text, qos, retain: (packet[0]! & 1) === 1 })
    if (qos > 0) this.#socket.send(this.#frame(qos === 1 ? 0x40 : 0x50, Array.from(body.subarray(end, end + 2))))
  }

  #ask(type: number, packet: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    this.#socket.send(packet)
    return new Promise((resolve) => this.#waiting.push({ type, resolve }))
  }

  #frame(first: number, body: readonly number[]): Uint8Array<ArrayBuffer> {
    const length = body.length < 128 ? [body.length] : [128 | (body.length & 127), body.length >> 7]
    return Uint8Array.from([first, ...length, ...body])
  }
}
