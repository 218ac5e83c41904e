import { type Broker, type BrokerOptions, createBroker, type PeerInfo, type Storage } from '@isomq/kernel'
import { memoryStorage } from '@isomq/storage-memory'
import { fakeHost, type FakeHost } from '@isomq/testkit'
import { linkConnections } from '@isomq/transport-memory'
import { Decoder } from '../src/codec/decoder.ts'
import { encode } from '../src/codec/encoder.ts'
import {
  type Connack,
  type Connect,
  type FilterRequest,
  type OutgoingPacket,
  type Packet,
  PacketType,
  type ProtocolVersion,
  Publish,
} from '../src/codec/packet.ts'
import type { PublishProperties } from '../src/codec/packet-properties.ts'
import { mqtt } from '../src/mqtt.ts'
import type { MqttOptions } from '../src/options.ts'

/** A broker in this process whose time and turns the test controls, and clients that speak packets to it. */
export interface Bench {
  readonly broker: Broker
  readonly host: FakeHost
  readonly storage: Storage
  /** A connection over which nothing was sent yet. */
  dial(version?: ProtocolVersion, peer?: Partial<PeerInfo>): TestClient
  /** A connection whose CONNECT was accepted. */
  connect(connect?: Partial<Connect>): Promise<TestClient & { readonly connack: Connack }>
  /** Stops the broker without a word, as a crash would, and starts another on the same storage. */
  restart(): Promise<Bench>
}

export interface BenchOptions extends Partial<Omit<BrokerOptions, 'host'>> {
  readonly mqtt?: Partial<MqttOptions>
  readonly host?: FakeHost
}

/** Starts a bench. */
export async function bench(options: BenchOptions = {}): Promise<Bench> {
  const host = options.host ?? fakeHost()
  const storage = options.storage ?? memoryStorage()
  const broker = await createBroker({ ...options, storage, host })
  const protocol = mqtt(options.mqtt)
  const dial = (version: ProtocolVersion = 5, peer: Partial<PeerInfo> = {}): TestClient => {
    const [near, far] = linkConnections({ peer })
    protocol.serve(far, broker)
    return testClient(near, version, host)
  }
  return {
    broker,
    host,
    storage,
    dial,
    async connect(connect = {}) {
      const client = dial(connect.version)
      const connack = await client.login(connect)
      return Object.assign(client, { connack })
    },
    restart: () => bench({ ...options, storage, host }),
  }
}

/** The client's end of a connection. What the broker sends is decoded and kept in order. */
export interface TestClient {
  /** Everything received and not yet taken. */
  readonly received: Packet[]
  readonly closed: boolean
  /** Sends packets and lets the broker work until it is quiet. */
  send(...packets: OutgoingPacket[]): Promise<void>
  /** The same with bytes as they are. */
  raw(...bytes: number[]): Promise<void>
  login(connect?: Partial<Connect>): Promise<Connack>
  /** Takes the next packet; throws when there is none or it is another. */
  expect<T extends Packet['type']>(type: T): Packet & { type: T }
  /** Throws unless everything received was taken. */
  expectNothing(): void
  subscribe(
    filter: string,
    options?: Partial<FilterRequest> & { identifier?: number; packetId?: number },
  ): Promise<number>
  publish(topic: string, payload: string, options?: PublishOptions): Promise<void>
  /** Cuts the connection without a farewell. */
  drop(): Promise<void>
  pause(): void
  resume(): Promise<void>
}

export interface PublishOptions {
  readonly qos?: 0 | 1 | 2
  readonly retain?: boolean
  readonly dup?: boolean
  readonly packetId?: number
  readonly properties?: PublishProperties
}

/** The payload of a PUBLISH as text. */
export function text(packet: Publish): string {
  return new TextDecoder().decode(packet.payload)
}

function testClient(
  connection: ReturnType<typeof linkConnections>[0],
  version: ProtocolVersion,
  host: FakeHost,
): TestClient {
  const decoder = new Decoder({ role: 'client', maxPacketSize: 2 ** 28, version })
  const received: Packet[] = []
  let closed = false
  let lastId = 0
  connection.start({
    data(bytes) {
      decoder.push(bytes)
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) received.push(packet)
    },
    drain() {},
    close() {
      closed = true
    },
  })
  const client: TestClient = {
    received,
    get closed() {
      return closed
    },
    async send(...packets) {
      for (const packet of packets) connection.send(encode(packet, version))
      await host.settle()
    },
    async raw(...bytes) {
      connection.send(Uint8Array.from(bytes))
      await host.settle()
    },
    async login(connect = {}) {
      const defaults = { version, cleanStart: true, keepAlive: 0, clientId: version === 3 ? 'c3' : '' }
      await client.send({ type: PacketType.Connect, ...defaults, ...connect })
      return client.expect(PacketType.Connack)
    },
    expect<T extends Packet['type']>(type: T): Packet & { type: T } {
      const packet = received.shift()
      if (packet?.type !== type)
        throw new Error(`expected packet type ${type}, got ${JSON.stringify(packet)}${closed ? ' and the end' : ''}`)
      return packet as Packet & { type: T }
    },
    expectNothing() {
      if (received.length > 0) throw new Error(`expected nothing, got ${JSON.stringify(received)}`)
    },
    async subscribe(filter, options = {}) {
      const { identifier, packetId = ++lastId, ...rest } = options
      const request = {
        filter,
        qos: 0 as const,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0 as const,
        ...rest,
      }
      const properties = identifier === undefined ? undefined : { subscriptionIdentifier: identifier }
      await client.send({ type: PacketType.Subscribe, packetId, filters: [request], properties })
      const at = received.findIndex((p) => p.type === PacketType.Suback)
      const [suback] = received.splice(at, 1)
      if (suback?.type !== PacketType.Suback || suback.packetId !== packetId)
        throw new Error(`expected SUBACK, got ${JSON.stringify(suback)}`)
      return suback.reasonCodes[0]!
    },
    async publish(topic, payload, options = {}) {
      const { qos = 0, retain = false, dup = false, properties } = options
      const packetId = options.packetId ?? (qos > 0 ? ++lastId : 0)
      const bytes = new TextEncoder().encode(payload)
      await client.send({ type: PacketType.Publish, topic, payload: bytes, qos, retain, dup, packetId, properties })
    },
    async drop() {
      connection.close(new Error('cut'))
      await host.settle()
    },
    pause: () => connection.pause(),
    async resume() {
      connection.resume()
      await host.settle()
    },
  }
  return client
}
