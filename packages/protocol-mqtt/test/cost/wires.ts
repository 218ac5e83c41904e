import { type Broker, type BrokerOptions, type Connection, type ConnectionReader, createBroker } from '@isomq/kernel'
import { memoryStorage } from '@isomq/storage-memory'
import { fakeHost, type FakeHost } from '@isomq/testkit'
import { Decoder } from '../../src/codec/decoder.ts'
import { encode } from '../../src/codec/encoder.ts'
import { type OutgoingPacket, PacketType } from '../../src/codec/packet.ts'
import { mqtt } from '../../src/mqtt.ts'
import { ackPacket, connectPacket, publishPacket, request } from '../harness.ts'

const version = 4

/** The broker's end of a connection: what is sent is counted and lies there, what comes in is fed by the test. */
export class Wire implements Connection {
  readonly peer = { transport: 'memory', secure: true }
  readonly bufferedAmount = 0
  sent: Uint8Array[] = []
  #reader: ConnectionReader | undefined

  start(reader: ConnectionReader): void {
    this.#reader = reader
  }

  send(bytes: Uint8Array): boolean {
    this.sent.push(bytes)
    return true
  }

  pause(): void {}

  resume(): void {}

  close(): void {}

  /** The client has sent this. */
  feed(bytes: Uint8Array): void {
    this.#reader!.data(bytes)
  }

  /** One chunk with the PUBACKs of everything that was sent. */
  pubacks(): Uint8Array {
    const decoder = new Decoder({ role: 'client', maxPacketSize: 2 ** 28, version })
    for (const bytes of this.sent) decoder.push(bytes)
    const acks: OutgoingPacket[] = []
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next())
      if (packet.type === PacketType.Publish) acks.push(ackPacket(PacketType.Puback, packet.packetId))
    return chunk(acks)
  }
}

/** Lets a client come in. Resolves with its wire when it has its answers. */
export type Dialler = (clientId: string, ...packets: OutgoingPacket[]) => Promise<Wire>

/** A broker, one client that publishes, and some that have subscribed. */
export interface Wires {
  readonly broker: Broker
  readonly host: FakeHost
  readonly publisher: Wire
  readonly subscribers: readonly Wire[]
  readonly dial: Dialler
}

/** All clients speak MQTT 3.1.1. */
export async function wires(
  subscribers: number,
  subscribe: { readonly filter: string; readonly qos: 0 | 1; readonly durable?: boolean },
  options: Partial<BrokerOptions> = {},
): Promise<Wires> {
  const host = fakeHost()
  const broker = await createBroker({ storage: memoryStorage(), ...options, host })
  const protocol = mqtt()
  const dial: Dialler = async (clientId, ...packets) => {
    const wire = new Wire()
    protocol.serve(wire, broker)
    const cleanStart = subscribe.durable !== true
    wire.feed(encode(connectPacket({ version, clientId, cleanStart }), version))
    await host.settle()
    for (const packet of packets) wire.feed(encode(packet, version))
    await host.settle()
    wire.sent = []
    return wire
  }
  const { filter, qos } = subscribe
  const filters = [request(filter, { qos })]
  const all: Wire[] = []
  for (let i = 0; i < subscribers; i++)
    all.push(await dial(`s${i}`, { type: PacketType.Subscribe, packetId: 1, filters }))
  return { broker, host, publisher: await dial('p'), subscribers: all, dial }
}

/** Many PUBLISH frames in one chunk. */
export function publishes(count: number, topicOf: (index: number) => string, qos: 0 | 1): Uint8Array {
  const payload = 'sixty-four bytes, more or less, as most messages of sensors have'
  return chunk(
    Array.from({ length: count }, (_, i) =>
      publishPacket(topicOf(i), payload, { qos, packetId: qos === 0 ? 0 : i + 1 }),
    ),
  )
}

function chunk(packets: readonly OutgoingPacket[]): Uint8Array {
  return Buffer.concat(packets.map((packet) => encode(packet, version)))
}
