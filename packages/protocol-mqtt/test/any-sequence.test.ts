import { memoryStorage } from '@isomq/storage-memory'
import { delayOn, failingStorage, fakeHost, slowStorage } from '@isomq/testkit'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { type OutgoingPacket, PacketType, type ProtocolVersion } from '../src/codec/packet.ts'
import {
  ackPacket,
  type Bench,
  bench,
  connectPacket,
  guardOf,
  publishPacket,
  request,
  type TestClient,
} from './harness.ts'

interface World {
  readonly b: Bench
  readonly disk: { slow: boolean; broken: boolean }
  /** The last connection of each of three peers. */
  readonly peers: (TestClient | undefined)[]
  readonly all: TestClient[]
}

type Act = (world: World) => void | Promise<void>

interface Step {
  readonly act: Act
  readonly [fc.toStringMethod]: () => string
}

/** A step that a counterexample shows by what it was made of. */
function step(of: unknown, act: Act): Step {
  return { act, [fc.toStringMethod]: () => fc.stringify(of) }
}

const version = fc.constantFrom<ProtocolVersion>(3, 4, 5)
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
const packetId = fc.integer({ min: 1, max: 4 })
const topic = fc.constantFrom('a', 'a', 'a/b', '$SYS/x', 'later', 'later', 'never', 'a/b/c/d/e')
const filter = fc.constantFrom('a', 'a/#', '#', '$share/g/a', '$share/g/a/+', 'later', 'never', 'a#', '$share/x')

const packet: fc.Arbitrary<OutgoingPacket> = fc.oneof(
  fc
    .record({ topic, qos, packetId, retain: fc.boolean(), dup: fc.boolean(), size: fc.constantFrom(0, 10, 5000) })
    .map(({ size, packetId: id, ...rest }) =>
      publishPacket(rest.topic, 'x'.repeat(size), { ...rest, packetId: rest.qos === 0 ? 0 : id }),
    ),
  fc
    .record({ filter, qos, packetId, retainHandling: fc.constantFrom(0 as const, 1 as const, 2 as const) })
    .map((s): OutgoingPacket => ({
      type: PacketType.Subscribe,
      packetId: s.packetId,
      filters: [request(s.filter, { qos: s.qos, retainHandling: s.retainHandling })],
    })),
  fc
    .record({ filter, packetId })
    .map((u): OutgoingPacket => ({ type: PacketType.Unsubscribe, packetId: u.packetId, filters: [u.filter] })),
  fc
    .record({ type: fc.constantFrom(4 as const, 5 as const, 6 as const, 7 as const), packetId })
    .map((a) => ackPacket(a.type, a.packetId)),
  fc.constant<OutgoingPacket>({ type: PacketType.Pingreq }),
  fc.constantFrom(0, 4).map((reasonCode): OutgoingPacket => ({ type: PacketType.Disconnect, reasonCode })),
)

const peer = fc.nat(2)

function onPeer(of: number, what: unknown, act: (client: TestClient, b: Bench) => void | Promise<void>): Step {
  return step([of, what], ({ b, peers }) => {
    const client = peers[of]
    return client === undefined ? undefined : act(client, b)
  })
}

interface Login {
  readonly peer: number
  readonly version: ProtocolVersion
  readonly id: string
  readonly cleanStart: boolean
  readonly expiry: number
  readonly delay: number | undefined
  readonly keepAlive: number
  readonly receiveMaximum: number
  readonly topicAliasMaximum: number
  readonly pipelined: OutgoingPacket[]
}

const connect = fc
  .record<Login>({
    peer,
    version,
    id: fc.constantFrom('x', 'y'),
    cleanStart: fc.boolean(),
    expiry: fc.constantFrom(0, 5, 50),
    delay: fc.constantFrom(undefined, 0, 10),
    keepAlive: fc.constantFrom(0, 3),
    receiveMaximum: fc.constantFrom(1, 10),
    topicAliasMaximum: fc.constantFrom(0, 2),
    pipelined: fc.array(packet, { maxLength: 3 }),
  })
  .map((c) => step(c, (w) => login(w, c)))

function login({ b, peers, all }: World, c: Login): void {
  const client = b.dial(c.version)
  peers[c.peer] = client
  all.push(client)
  const payload = Uint8Array.of(1)
  const will =
    c.delay === undefined
      ? undefined
      : { topic: 'a', payload, qos: 1 as const, retain: true, properties: { willDelayInterval: c.delay } }
  const { cleanStart, keepAlive, receiveMaximum, topicAliasMaximum } = c
  const properties = { sessionExpiryInterval: c.expiry, receiveMaximum, topicAliasMaximum }
  client.write(
    connectPacket({ version: c.version, clientId: c.id, cleanStart, keepAlive, will, properties }),
    ...c.pipelined,
  )
}

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: connect },
  {
    weight: 12,
    arbitrary: fc
      .tuple(peer, fc.array(packet, { minLength: 1, maxLength: 5 }), fc.boolean())
      .map(([of, packets, settle]) =>
        onPeer(of, packets, (client, b) => {
          client.write(...packets)
          return settle ? b.host.settle() : undefined
        }),
      ),
  },
  { weight: 4, arbitrary: fc.constant(step('settle', ({ b }) => b.host.settle())) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(1, 100, 4000).map((ms) => step({ ms }, ({ b }) => b.host.advance(ms))),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(peer, fc.uint8Array({ minLength: 1, maxLength: 8 }))
      .map(([of, bytes]) => onPeer(of, bytes, (client) => client.raw(...bytes))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(peer, fc.constantFrom('drop' as const, 'hangUp' as const, 'pause' as const, 'resume' as const))
      .map(([of, how]) => onPeer(of, how, (client) => client[how]())),
  },
  { weight: 4, arbitrary: peer.map((of) => onPeer(of, 'acknowledge', acknowledge)) },
  {
    weight: 2,
    arbitrary: fc.record({ slow: fc.boolean(), broken: fc.boolean() }).map((state) =>
      step(state, ({ disk }) => {
        Object.assign(disk, state)
      }),
    ),
  },
)

/** What a peer was sent it acknowledges, as a real one would. */
function acknowledge(client: TestClient): void {
  for (const p of client.received.splice(0)) {
    if (p.type === PacketType.Publish && p.qos > 0)
      client.write(ackPacket(p.qos === 1 ? PacketType.Puback : PacketType.Pubrec, p.packetId))
    else if (p.type === PacketType.Pubrel) client.write(ackPacket(PacketType.Pubcomp, p.packetId))
  }
}

async function world(): Promise<World> {
  const disk = { slow: false, broken: false }
  const host = fakeHost()
  const later = delayOn(host.clock, 70)
  const failing = failingStorage(memoryStorage(), { failCommit: () => (disk.broken ? 'storage-failed' : undefined) })
  const storage = slowStorage(failing, () => (disk.slow ? later() : Promise.resolve()))
  const guard = guardOf({
    authorize: (_, __, name) =>
      name === 'later' ? new Promise((resolve) => host.clock.timer(30, () => resolve(true))) : name !== 'never',
  })
  const mqtt = { maxPacketSize: 4000, receiveMaximum: 3, unsentPause: 1000, unsentLimit: 4000, stallTimeout: 5000 }
  const limits = { topicLevels: 4, subscriptions: 3, retained: 2 }
  const b = await bench({ host, storage, guard, mqtt, limits, link: { highWaterMark: 500 } })
  return { b, disk, peers: [undefined, undefined, undefined], all: [] }
}

it('any sequence of packets, faults and ends leaves the broker whole: nothing is reported, nobody is left behind', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 40 }), async (steps) => {
      const w = await world()
      const { b, disk } = w
      for (const { act } of steps) await act(w)
      // A client that has done none of this is served as ever.
      disk.broken = false
      disk.slow = false
      await b.host.advance(1000)
      const well = await b.connect({ clientId: 'well', properties: { sessionExpiryInterval: 1 }, cleanStart: false })
      expect(await well.subscribe('a', { qos: 2, retainHandling: 2 })).toBe(2)
      await well.publish('a', 'still here', { qos: 2, packetId: 9 })
      expect(well.received.some((p) => p.type === PacketType.Pubrec && p.reasonCode === 0)).toBe(true)
      expect(well.received.some((p) => p.type === PacketType.Publish && p.topic === 'a')).toBe(true)
      await well.disconnect()
      for (const client of w.all) await client.drop()
      await b.host.advance(100_000)
      const left = Array.from(b.broker.sessions, ({ expiry }) => expiry)
      expect([b.broker.sessions.connected, left.filter((expiry) => expiry !== Infinity)]).toEqual([0, []])
      expect(b.takeReports()).toEqual([])
      expect(b.broker.backlog).toBe(0)
    }),
    { numRuns: 300 },
  )
})
