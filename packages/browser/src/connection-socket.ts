import { type Connection, encodeUtf8 } from '@isomq/kernel'
import { closeEvent, type Handler, Handlers } from './events.ts'

/** Where the connection of a socket comes from, which speaks one of these WebSocket subprotocols. */
export type Dial = () => Connection | Promise<Connection>

/** Subprotocols of MQTT over WebSocket: the registered one [MQTT-6.0.0-3], and that of early Paho. */
const subprotocols: ReadonlySet<string> = new Set(['mqtt', 'mqttv3.1'])

const normal = 1000
const unsupported = 1003
const nothingSaid = 1005
const abnormal = 1006

/**
 * A Connection in the shape of a WebSocket, for programs that know nothing else: what they would be told by the
 * platform's own they are told by this one, in the same order. Its peer reads MQTT.
 */
export class ConnectionSocket extends EventTarget implements WebSocket {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSING = 2
  static readonly CLOSED = 3
  readonly CONNECTING = 0
  readonly OPEN = 1
  readonly CLOSING = 2
  readonly CLOSED = 3
  readonly url: string
  readonly extensions = ''
  binaryType: BinaryType = 'blob'
  readonly #handlers = new Handlers(this)
  #protocol = ''
  #readyState: 0 | 1 | 2 | 3 = 0
  #connection: Connection | undefined
  /** Blobs whose bytes are awaited, and what came after them. */
  #unread: Promise<void> | undefined
  #unreadBytes = 0
  /** Bytes sent after the end: they count for ever. */
  #lostBytes = 0
  /** With what this end has closed, or the peer is said to. */
  #end: { readonly code: number; readonly reason: string } | undefined

  /** Throws DOMException `SyntaxError` for a subprotocol that is asked for twice, as the platform does. */
  constructor(url: string | URL, protocols: string | readonly string[], dial: Dial) {
    super()
    this.url = String(url)
    const asked = typeof protocols === 'string' ? [protocols] : protocols
    if (new Set(asked).size < asked.length) throw new DOMException('a subprotocol is given twice', 'SyntaxError')
    const spoken = asked.find((protocol) => subprotocols.has(protocol))
    if (asked.length > 0 && spoken === undefined) queueMicrotask(() => this.#fail())
    // Whoever makes a socket adds listeners before anything happens to it.
    else
      void Promise.resolve()
        .then(dial)
        .then(
          (connection) => this.#open(connection, spoken ?? ''),
          () => this.#fail(),
        )
  }

  get protocol(): string {
    return this.#protocol
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.#readyState
  }

  get bufferedAmount(): number {
    return (this.#connection?.bufferedAmount ?? 0) + this.#unreadBytes + this.#lostBytes
  }

  get onopen(): Handler<Event> {
    return this.#handlers.get('open')
  }

  set onopen(handler: Handler<Event>) {
    this.#handlers.set('open', handler)
  }

  get onmessage(): Handler<MessageEvent> {
    return this.#handlers.get('message')
  }

  set onmessage(handler: Handler<MessageEvent>) {
    this.#handlers.set('message', handler)
  }

  get onerror(): Handler<Event> {
    return this.#handlers.get('error')
  }

  set onerror(handler: Handler<Event>) {
    this.#handlers.set('error', handler)
  }

  get onclose(): Handler<CloseEvent> {
    return this.#handlers.get('close')
  }

  set onclose(handler: Handler<CloseEvent>) {
    this.#handlers.set('close', handler)
  }

  /** Bytes are copied: the caller may change them. Throws DOMException `InvalidStateError` before it is open. */
  send(data: string | ArrayBufferLike | Blob | ArrayBufferView): void {
    if (this.#readyState === 0) throw new DOMException('the socket is not open yet', 'InvalidStateError')
    if (this.#readyState > 1) {
      this.#lostBytes += sizeOf(data)
      return
    }
    // [MQTT-6.0.0-1]: MQTT goes in binary messages; whoever sends text is cut off, as over the network.
    if (typeof data === 'string') this.#cut(unsupported, 'MQTT is sent in binary messages')
    else if (data instanceof Blob) this.#await(data.size, data.arrayBuffer())
    else if (this.#unread !== undefined) this.#await(data.byteLength, Promise.resolve(copy(data).buffer))
    else this.#connection!.send(copy(data))
  }

  /** Throws DOMException `InvalidAccessError` for a code that is not 1000 or 3000 to 4999, `SyntaxError` for a reason of more than 123 bytes. */
  close(code?: number, reason: string = ''): void {
    if (code !== undefined && code !== normal && !(code >= 3000 && code <= 4999))
      throw new DOMException('the code must be 1000, or 3000 to 4999', 'InvalidAccessError')
    if (encodeUtf8(reason).length > 123) throw new DOMException('the reason is longer than 123 bytes', 'SyntaxError')
    if (this.#readyState > 1) return
    const wasOpen = this.#readyState === 1
    this.#readyState = 2
    if (!wasOpen) return queueMicrotask(() => this.#fail())
    this.#end ??= { code: code ?? nothingSaid, reason }
    const end = (): void => this.#connection?.close()
    if (this.#unread === undefined) end()
    else void this.#unread.then(end)
  }

  #open(connection: Connection, protocol: string): void {
    // It was closed before it was open.
    if (this.#readyState !== 0) return connection.close()
    this.#connection = connection
    this.#protocol = protocol
    this.#readyState = 1
    this.dispatchEvent(new Event('open'))
    connection.start({
      data: (bytes) => this.#receive(bytes),
      drain() {},
      close: (error) => this.#close(error),
    })
  }

  #receive(bytes: Uint8Array): void {
    if (this.#readyState !== 1) return
    const { buffer } = copy(bytes)
    const data: unknown = this.binaryType === 'arraybuffer' ? buffer : new Blob([buffer])
    this.dispatchEvent(new MessageEvent('message', { data, origin: originOf(this.url) }))
  }

  #await(size: number, bytes: Promise<ArrayBuffer>): void {
    this.#unreadBytes += size
    const sent = Promise.allSettled([bytes, this.#unread]).then(([read]) => {
      this.#unreadBytes -= size
      if (read.status === 'rejected') this.#cut(abnormal, '')
      else this.#connection?.send(new Uint8Array(read.value))
      if (this.#unread === sent) this.#unread = undefined
    })
    this.#unread = sent
  }

  #cut(code: number, reason: string): void {
    this.#end ??= { code, reason }
    this.#connection?.close(new Error(reason))
  }

  /** It never was open. */
  #fail(): void {
    if (this.#readyState === 3) return
    this.#end = undefined
    this.#close(new Error('there is no connection'))
  }

  #close(error: Error | undefined): void {
    this.#readyState = 3
    this.#connection = undefined
    const { code, reason } = this.#end ?? { code: error === undefined ? normal : abnormal, reason: '' }
    const wasClean = code !== abnormal
    if (!wasClean) this.dispatchEvent(new Event('error'))
    this.dispatchEvent(closeEvent({ code, reason, wasClean }))
  }
}

function copy(data: ArrayBufferLike | ArrayBufferView): Uint8Array<ArrayBuffer> {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data)
  return Uint8Array.from(bytes)
}

function sizeOf(data: string | ArrayBufferLike | Blob | ArrayBufferView): number {
  if (typeof data === 'string') return encodeUtf8(data).length
  return data instanceof Blob ? data.size : data.byteLength
}

function originOf(url: string): string {
  try {
    return new URL(url).origin
  } catch {
    return ''
  }
}
