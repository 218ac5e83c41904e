import type { Connection, ConnectionReader } from '@isomq/kernel'
import { generate, parser, type Packet } from 'mqtt-packet'

/** The other end of a client's connection: notes what comes and answers as a test says. */
export class ScriptedBroker {
  readonly received: Packet[] = []
  readonly connection: Connection
  closedWith: Error | undefined
  closed = false
  /** False answers `send` with false until it is set again and `drain` called. */
  roomy = true
  readonly #version: number
  #reader: ConnectionReader | undefined
  #waiting: { cmd: Packet['cmd']; resolve: (packet: Packet) => void }[] = []

  constructor(version: 3 | 4 | 5 = 5, answer: (packet: Packet, broker: ScriptedBroker) => void = () => undefined) {
    this.#version = version
    const parse = parser({ protocolVersion: version })
    parse.on('packet', (packet) => {
      this.received.push(packet)
      const waiting = this.#waiting.findIndex((each) => each.cmd === packet.cmd)
      if (waiting >= 0) this.#waiting.splice(waiting, 1)[0]?.resolve(packet)
      answer(packet, this)
    })
    this.connection = {
      peer: { transport: 'memory', secure: true },
      bufferedAmount: 0,
      start: (reader) => (this.#reader = reader),
      send: (bytes) => {
        queueMicrotask(() => parse.parse(Buffer.from(bytes)))
        return this.roomy
      },
      pause: () => undefined,
      resume: () => undefined,
      close: (error) => this.end(error),
    }
  }

  /** The next packet of this kind. */
  next(cmd: Packet['cmd']): Promise<Packet> {
    return new Promise((resolve) => this.#waiting.push({ cmd, resolve }))
  }

  send(packet: Packet): void {
    this.bytes(generate(packet, { protocolVersion: this.#version }))
  }

  bytes(bytes: Uint8Array): void {
    this.#reader?.data(bytes)
  }

  drain(): void {
    this.roomy = true
    this.#reader?.drain()
  }

  end(error?: Error): void {
    if (this.closed) return
    this.closed = true
    this.closedWith = error
    queueMicrotask(() => this.#reader?.close(error))
  }
}

/** Lets everybody in, and acknowledges everything. */
export function friendly(packet: Packet, broker: ScriptedBroker): void {
  const messageId = packet.messageId ?? 0
  if (packet.cmd === 'connect') broker.send({ cmd: 'connack', sessionPresent: false, reasonCode: 0, returnCode: 0 })
  if (packet.cmd === 'publish' && packet.qos === 1) broker.send({ cmd: 'puback', messageId, reasonCode: 0 })
  if (packet.cmd === 'publish' && packet.qos === 2) broker.send({ cmd: 'pubrec', messageId, reasonCode: 0 })
  if (packet.cmd === 'pubrel') broker.send({ cmd: 'pubcomp', messageId, reasonCode: 0 })
  if (packet.cmd === 'subscribe')
    broker.send({ cmd: 'suback', messageId, granted: packet.subscriptions.map((each) => each.qos) })
  if (packet.cmd === 'unsubscribe')
    broker.send({ cmd: 'unsuback', messageId, granted: packet.unsubscriptions.map(() => 0) })
  if (packet.cmd === 'pingreq') broker.send({ cmd: 'pingresp' })
}
