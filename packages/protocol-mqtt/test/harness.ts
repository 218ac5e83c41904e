import {
  allowAll,
  type Broker,
  type BrokerOptions,
  createBroker,
  type Guard,
  type PeerInfo,
  type Storage,
} from '@isomq/kernel'
import { memoryStorage } from '@isomq/storage-memory'
import { fakeHost, type FakeHost } from '@isomq/testkit'
import { linkConnections, type LinkOptions } from '@isomq/transport-memory'
import { afterEach, expect } from 'vitest'
import { Decoder } from '../src/codec/decoder.ts'
import { encode } from '../src/codec/encoder.ts'
import {
  type Ack,
  type AckType,
  type Connack,
  type Connect,
  type FilterRequest,
  type OutgoingPacket,
  type Packet,
  PacketType,
  type ProtocolVersion,
  Publish,
} from '../src/codec/packet.ts'
import type { DisconnectProperties, PublishProperties } from '../src/codec/packet-properties.ts'
import { mqtt } from '../src/mqtt.ts'
import type { MqttCounters } from '../src/mqtt-counters.ts'
import type { MqttOptions } from '../src/options.ts'

/** A broker in this process whose time and turns the test controls, and clients that speak packets to it. */
export interface Bench {
  readonly broker: Broker
  readonly host: FakeHost
  readonly storage: Storage
  readonly counters: MqttCounters
  /** A connection over which nothing was sent yet. */
  dial(version?: ProtocolVersion, peer?: Partial<PeerInfo>): TestClient
  /** A connection whose CONNECT was accepted. */
  connect(connect?: Partial<Connect>): Promise<TestClient & { readonly connack: Connack }>
  /** Stops the broker without a word, as a crash would, and starts another on the same storage. */
  restart(): Promise<Bench>
  /** Takes the contexts of all faults reported so far. What a test leaves here fails it. */
  takeReports(): string[]
}

export interface BenchOptions extends Partial<Omit<BrokerOptions, 'host'>> {
  readonly mqtt?: Partial<MqttOptions>
  readonly host?: FakeHost
  readonly link?: LinkOptions
}

const opened: Bench[] = []

// A fault that was reported is a bug, whatever the test was about.
afterEach(() => {
  for (const { takeReports } of opened.splice(0)) expect(takeReports()).toEqual([])
})

/** A guard that allows all but what is said. */
export function guardOf(guard: Partial<Guard>): Guard {
  return { ...allowAll, ...guard }
}

/** Starts a bench. */
export async function bench(options: BenchOptions = {}): Promise<Bench> {
  const host = options.host ?? fakeHost()
  const storage = options.storage ?? memoryStorage()
  const broker = await createBroker({ ...options, storage, host })
  const protocol = mqtt(options.mqtt)
  const dial = (version: ProtocolVersion = 5, peer: Partial<PeerInfo> = {}): TestClient => {
    const [near, far] = linkConnections({ ...options.link, peer })
    protocol.serve(far, broker)
    return testClient(near, version, { host, unread: () => far.bufferedAmount })
  }
  let seen = 0
  const made: Bench = {
    broker,
    host,
    storage,
    counters: protocol.counters,
    dial,
    async connect(connect = {}) {
      const client = dial(connect.version)
      const connack = await client.login(connect)
      return Object.assign(client, { connack })
    },
    restart: () => bench({ ...options, storage, host }),
    takeReports() {
      const fresh = host.reports.slice(seen).map(({ error, context }) => `${context}: ${String(error)}`)
      seen = host.reports.length
      return fresh
    },
  }
  opened.push(made)
  return made
}

/** The client's end of a connection. What the broker sends is decoded and kept in order. */
export interface TestClient {
  /** Everything received and not yet taken. */
  readonly received: Packet[]
  /** The bytes received, one array for each `send` of the broker. */
  readonly chunks: Uint8Array[]
  readonly closed: boolean
  /** Bytes the broker has sent and this client has not read. */
  readonly unread: number
  /** Sends packets and lets the broker work until it is quiet. */
  send(...packets: OutgoingPacket[]): Promise<void>
  /** Sends packets in one chunk; the broker gets no time yet. */
  write(...packets: OutgoingPacket[]): void
  /** The same with bytes as they are. */
  raw(...bytes: number[]): Promise<void>
  /** The same with as many as one likes: in a worker a call cannot have 65,535 arguments. */
  rawBytes(bytes: Uint8Array): Promise<void>
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
  /** Sends PUBACK, PUBREC, PUBREL or PUBCOMP. */
  ack(type: AckType, packetId: number, reasonCode?: number): Promise<void>
  disconnect(reasonCode?: number, properties?: DisconnectProperties): Promise<void>
  /** Takes a PUBLISH of this payload and acknowledges it to the end. */
  take(payload: string): Promise<Publish>
  /** Cuts the connection without a farewell. */
  drop(): Promise<void>
  /** Ends the connection in order, without DISCONNECT. */
  hangUp(): Promise<void>
  pause(): void
  resume(): Promise<void>
  /** Reads this many chunks of what lies ready, and no more. */
  sip(chunks: number): Promise<void>
}

export interface PublishOptions {
  readonly qos?: 0 | 1 | 2
  readonly retain?: boolean
  readonly dup?: boolean
  readonly packetId?: number
  readonly properties?: PublishProperties | undefined
}

/** Where calls wait until the test lets the first of them go on, or fail. */
export interface Gate {
  readonly waiting: number
  wait(): Promise<void>
  open(error?: Error): void
}

/** A gate that is shut. */
export function gate(): Gate {
  const waiters: ((error: Error | undefined) => void)[] = []
  return {
    get waiting() {
      return waiters.length
    },
    wait: () =>
      new Promise((resolve, reject) => {
        waiters.push((error) => (error === undefined ? resolve() : reject(error)))
      }),
    open: (error) => waiters.shift()?.(error),
  }
}

/** A CONNECT with defaults. */
export function connectPacket(connect: Partial<Connect> = {}): Connect {
  const { version = 5 } = connect
  const clientId = version === 3 ? 'c3' : ''
  return { type: PacketType.Connect, version, cleanStart: true, keepAlive: 0, clientId, ...connect }
}

/** A PUBLISH with defaults: QoS 0, or the next best packet identifier. */
export function publishPacket(
  topic: string,
  payload: string,
  options: PublishOptions = {},
): OutgoingPacket & { type: typeof PacketType.Publish } {
  const { qos = 0, retain = false, dup = false, packetId = qos === 0 ? 0 : 1, properties } = options
  const bytes = new TextEncoder().encode(payload)
  return { type: PacketType.Publish, topic, payload: bytes, qos, retain, dup, packetId, properties }
}

/** One line of a SUBSCRIBE with defaults. */
export function request(filter: string, options: Partial<FilterRequest> = {}): FilterRequest {
  return { filter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0, ...options }
}

/** A PUBACK, PUBREC, PUBREL or PUBCOMP. */
export function ackPacket(type: AckType, packetId: number, reasonCode: number = 0): OutgoingPacket {
  return { type, packetId, reasonCode } as Ack<typeof PacketType.Puback>
}

/** The payload of a PUBLISH as text. */
export function text(packet: Publish): string {
  return new TextDecoder().decode(packet.payload)
}

function testClient(
  connection: ReturnType<typeof linkConnections>[0],
  version: ProtocolVersion,
  { host, unread }: { host: FakeHost; unread: () => number },
): TestClient {
  const decoder = new Decoder({ role: 'client', maxPacketSize: 2 ** 28, version })
  const received: Packet[] = []
  const chunks: Uint8Array[] = []
  let closed = false
  let sips = Infinity
  let fault: unknown
  let lastId = 0
  connection.start({
    data(bytes) {
      chunks.push(bytes.slice())
      if (--sips === 0) connection.pause()
      decoder.push(bytes)
      try {
        for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) received.push(packet)
      } catch (error) {
        fault = error
      }
    },
    drain() {},
    close() {
      closed = true
    },
  })
  const client: TestClient = {
    received,
    chunks,
    get closed() {
      return closed
    },
    get unread() {
      return unread()
    },
    async send(...packets) {
      for (const packet of packets) connection.send(encode(packet, version))
      await host.settle()
    },
    write(...packets) {
      connection.send(Uint8Array.from(packets.flatMap((packet) => Array.from(encode(packet, version)))))
    },
    raw: (...bytes) => client.rawBytes(Uint8Array.from(bytes)),
    async rawBytes(bytes) {
      connection.send(Uint8Array.from(bytes))
      await host.settle()
    },
    async login(connect = {}) {
      await client.send(connectPacket({ version, ...connect }))
      return client.expect(PacketType.Connack)
    },
    expect<T extends Packet['type']>(type: T): Packet & { type: T } {
      if (fault !== undefined) throw fault
      const packet = received.shift()
      if (packet?.type !== type)
        throw new Error(`expected packet type ${type}, got ${JSON.stringify(packet)}${closed ? ' and the end' : ''}`)
      return packet as Packet & { type: T }
    },
    expectNothing() {
      if (fault !== undefined) throw fault
      if (received.length > 0) throw new Error(`expected nothing, got ${JSON.stringify(received)}`)
    },
    async subscribe(filter, options = {}) {
      const { identifier, packetId = ++lastId, ...rest } = options
      const properties = identifier === undefined ? undefined : { subscriptionIdentifier: identifier }
      await client.send({ type: PacketType.Subscribe, packetId, filters: [request(filter, rest)], properties })
      const at = received.findIndex((p) => p.type === PacketType.Suback)
      const [suback] = received.splice(at, 1)
      if (suback?.type !== PacketType.Suback || suback.packetId !== packetId)
        throw new Error(`expected SUBACK, got ${JSON.stringify(suback)}`)
      return suback.reasonCodes[0]!
    },
    async publish(topic, payload, options = {}) {
      const packetId = options.packetId ?? ((options.qos ?? 0) > 0 ? ++lastId : 0)
      await client.send(publishPacket(topic, payload, { ...options, packetId }))
    },
    ack: (type, packetId, reasonCode) => client.send(ackPacket(type, packetId, reasonCode)),
    disconnect: (reasonCode = 0, properties = undefined) =>
      client.send({ type: PacketType.Disconnect, reasonCode, properties }),
    async take(payload) {
      const got = client.expect(PacketType.Publish)
      expect(text(got)).toBe(payload)
      const { qos, packetId } = got
      if (qos === 1) await client.ack(PacketType.Puback, packetId)
      if (qos < 2) return got
      await client.ack(PacketType.Pubrec, packetId)
      expect(client.expect(PacketType.Pubrel).packetId).toBe(packetId)
      await client.ack(PacketType.Pubcomp, packetId)
      return got
    },
    async drop() {
      connection.close(new Error('cut'))
      await host.settle()
    },
    async hangUp() {
      connection.close()
      await host.settle()
    },
    pause: () => connection.pause(),
    async sip(count) {
      sips = count
      connection.resume()
      await host.settle()
    },
    async resume() {
      sips = Infinity
      connection.resume()
      await host.settle()
    },
  }
  return client
}
