import type { Connection } from '@isomq/kernel'
import { generate, type Packet, parser } from 'mqtt-packet'

/** The other broker in the hands of a test: it says what the test makes it say. */
export interface FarBroker {
  /** What came, oldest first. */
  readonly packets: Packet[]
  /** Answers each packet, or not. */
  answer: (packet: Received, say: Say) => void
  readonly serve: (connection: Connection) => void
  /** Says this, unasked. */
  say: Say
  /** Says what is no packet. */
  sayBytes(bytes: Uint8Array): void
  /** Packets of one kind that came. */
  of<C extends Packet['cmd']>(cmd: C): Extract<Packet, { cmd: C }>[]
}

/** A packet that came: `bridgeMode` is what the types of mqtt-packet leave out. */
export type Received = Packet & { readonly bridgeMode?: boolean }

/** Sends packets, of which a test says what matters. */
type Say = (...packets: readonly { readonly cmd: Packet['cmd']; readonly [key: string]: unknown }[]) => void

/** One that lets everybody in, grants everything, and acknowledges everything. */
export function farBroker(version: 4 | 5 = 5): FarBroker {
  let send: (bytes: Uint8Array) => void = () => undefined
  const say: Say = (...packets) => {
    for (const packet of packets) send(generate(packet as never, { protocolVersion: version }))
  }
  const broker: FarBroker = {
    packets: [],
    answer: agree,
    say,
    sayBytes: (bytes) => send(bytes),
    of: (cmd) => broker.packets.filter((packet) => packet.cmd === cmd) as never,
    serve(connection) {
      send = (bytes) => connection.send(bytes)
      const read = parser({ protocolVersion: version })
      read.on('packet', (packet) => {
        broker.packets.push(packet)
        broker.answer(packet, say)
      })
      connection.start({ data: (bytes) => read.parse(Buffer.from(bytes)), drain() {}, close() {} })
    },
  }
  return broker
}

/** What a broker that has no objections answers. */
export function agree(packet: Packet, say: Say): void {
  const { messageId } = packet
  if (packet.cmd === 'connect') say({ cmd: 'connack', sessionPresent: false, reasonCode: 0, returnCode: 0 })
  else if (packet.cmd === 'subscribe')
    say({ cmd: 'suback', messageId, granted: packet.subscriptions.map(({ qos }) => qos) })
  else if (packet.cmd === 'publish' && packet.qos > 0) say({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId })
  else if (packet.cmd === 'pubrel') say({ cmd: 'pubcomp', messageId })
  else if (packet.cmd === 'pubrec') say({ cmd: 'pubrel', messageId })
  else if (packet.cmd === 'pingreq') say({ cmd: 'pingresp' })
}
