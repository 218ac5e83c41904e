import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Qos, Sharing } from '../src/index.ts'
import { type Client, rig, type Rig } from './rig.ts'

const all: Sharing[] = ['round-robin', 'random', 'sticky', 'hash-client', 'hash-topic', 'least-inflight']
const hashing = ['hash-client', 'hash-topic'] as const
const ids = ['a', 'b', 'c']

async function join(r: Rig, id: string, credit = 10, qos: Qos = 2): Promise<Client> {
  const client = await r.open(id, { credit })
  await client.subscribe('t/+', { group: 'g', qos })
  return client
}

/** A key is a topic or a publisher, whatever the strategy hashes. */
function publish(r: Rig, key: number, text: string, qos: Qos = 1): Promise<unknown> {
  return r.publish(`t/${key}`, text, { qos, publisher: `p${key}` })
}

/** Keys that these members get, by member: found out by trying. */
async function keysOf(sharing: Sharing, members: readonly string[] = ids): Promise<Map<string, number[]>> {
  const r = await rig({ sharing })
  const found = new Map<string, number[]>(members.map((id) => [id, []]))
  for (const id of members) await join(r, id, 100)
  for (let key = 0; key < 40; key++) await publish(r, key, String(key))
  for (const { id, outbound } of r.broker.sessions)
    for (const { message } of outbound.inflight) found.get(id)!.push(Number(message!.topic.slice(2)))
  return found
}

type Operation =
  | { readonly do: 'publish'; readonly key: number }
  | { readonly do: 'ack'; readonly member: number; readonly nth: number }
  | { readonly do: 'come' | 'leave'; readonly member: number }
  | { readonly do: 'load'; readonly member: number; readonly load: 0 | 1 | 2 }

const member = fc.nat({ max: ids.length - 1 })
const work: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('publish' as const), key: fc.nat({ max: 4 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('ack' as const), member, nth: fc.nat({ max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('load' as const), member, load: fc.constantFrom(0 as const, 1, 2) }),
  },
)
const comings: fc.Arbitrary<Operation> = fc.record({ do: fc.constantFrom('come' as const, 'leave'), member })

/** Members that keep count of what they have, and of what nobody may have. */
class Share {
  readonly faults: string[] = []
  readonly acked: Map<string, string> = new Map()
  published = 0
  /** What each member has and has not acknowledged, text and tag, in the order it came. */
  readonly held: Map<string, { text: string; tag: number }[]> = new Map(ids.map((id) => [id, []]))
  /** First deliveries as they came: member and text. */
  readonly log: { readonly id: string; readonly key: number; readonly text: string }[] = []
  readonly #clients = new Map<string, Client>()
  readonly #r: Rig

  constructor(r: Rig) {
    this.#r = r
  }

  async come(id: string): Promise<void> {
    if (this.#clients.has(id)) return
    const client = await this.#r.open(id, { credit: 2, load: 2 })
    this.#clients.set(id, client)
    const { deliver } = client.peer
    client.peer.deliver = (...call) => {
      const sent = deliver.apply(client.peer, call)
      const { text, topic, tag, redelivered } = client.peer.received.at(-1)!
      if (redelivered) this.faults.push(`${text} came to ${id} as a repetition`)
      if (this.acked.has(text)) this.faults.push(`${text} came to ${id} although ${this.acked.get(text)} has it`)
      for (const [other, held] of this.held)
        if (held.some((each) => each.text === text)) this.faults.push(`${text} came to ${id} and ${other}`)
      this.held.get(id)!.push({ text, tag })
      this.log.push({ id, key: Number(topic.slice(2)), text })
      return sent
    }
    await this.load(id, 0)
    await client.subscribe('t/+', { group: 'g' })
  }

  async leave(id: string): Promise<void> {
    this.held.set(id, [])
    await this.#clients.get(id)?.leave()
    this.#clients.delete(id)
  }

  async load(id: string, load: 0 | 1 | 2): Promise<void> {
    const client = this.#clients.get(id)
    if (client === undefined) return
    client.peer.load = load
    client.session.outbound.pump()
    await this.#r.host.settle()
  }

  async ack(id: string, nth: number): Promise<void> {
    const [done] = this.held.get(id)!.splice(nth, 1)
    if (done === undefined) return
    this.acked.set(done.text, id)
    this.#clients.get(id)!.session.outbound.ack(done.tag)
    await this.#r.host.settle()
  }

  async run(op: Operation): Promise<void> {
    if (op.do === 'publish') return void (await publish(this.#r, op.key, String(this.published++)))
    const id = ids[op.member]!
    if (op.do === 'ack') return this.ack(id, op.nth)
    if (op.do === 'load') return this.load(id, op.load)
    return this[op.do](id)
  }

  /** Everybody is there and acknowledges everything. */
  async drain(): Promise<void> {
    for (const id of ids) await this.come(id)
    for (const id of ids) await this.load(id, 0)
    for (let before = -1; before < this.acked.size;) {
      before = this.acked.size
      for (const id of ids) while (this.held.get(id)!.length > 0) await this.ack(id, 0)
      await this.#r.host.advance(1000)
    }
  }
}

describe.each(all)('%s', (sharing) => {
  it('each message of QoS 1 goes to one member, and none is lost, whoever comes and goes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(work, comings), { maxLength: 60, size: 'max' }), async (operations) => {
        const r = await rig({ sharing, limits: { inflight: 3 } })
        const share = new Share(r)
        // One that is not there from the start, and so away.
        for (const id of ids) await share.come(id)
        await share.leave('c')
        for (const each of operations) await share.run(each)
        await share.drain()
        expect(share.faults).toEqual([])
        expect(new Set(share.acked.keys())).toEqual(
          new Set(Array.from({ length: share.published }, (_, i) => String(i))),
        )
        expect(await r.keys('inflight')).toEqual([])
        expect(r.events.filter((event) => event.type === 'dropped')).toEqual([])
      }),
      { numRuns: Number(process.env['RUNS'] ?? 60) },
    )
  }, 60_000)
})

describe.each(hashing)('%s', (sharing) => {
  it('one key goes to one member, in order, as long as the same members are there', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(work, { maxLength: 80, size: 'max' }), async (operations) => {
        const r = await rig({ sharing, limits: { inflight: 2 } })
        const share = new Share(r)
        for (const id of ids) await share.come(id)
        for (const each of operations) await share.run(each)
        await share.drain()
        for (let key = 0; key < 5; key++) {
          const got = share.log.filter((each) => each.key === key)
          expect(new Set(got.map((each) => each.id)).size).toBeLessThan(2)
          const numbers = got.map((each) => Number(each.text))
          expect(numbers).toEqual([...numbers].sort((x, y) => x - y))
        }
        expect(share.faults).toEqual([])
        expect(share.log).toHaveLength(share.published)
      }),
      { numRuns: Number(process.env['RUNS'] ?? 60) },
    )
  }, 60_000)

  it('a member that is full keeps its keys, and the others do not wait for it', async () => {
    const keys = await keysOf(sharing)
    const [mine, theirs] = [keys.get('a')![0]!, keys.get('b')![0]!]
    const r = await rig({ sharing })
    const [a, b] = [await join(r, 'a', 1), await join(r, 'b'), await join(r, 'c')]
    for (const text of ['1', '2', '3']) {
      await publish(r, mine, `a${text}`)
      await publish(r, theirs, `b${text}`)
    }
    expect([a.peer.texts, b.peer.texts]).toEqual([['a1'], ['b1', 'b2', 'b3']])
    a.session.outbound.ack(a.peer.received[0]!.tag)
    expect(a.peer.texts).toEqual(['a1', 'a2'])
    a.session.outbound.ack(a.peer.received[1]!.tag)
    expect(a.peer.texts).toEqual(['a1', 'a2', 'a3'])
  })

  it('but when too many wait for it the line stands still, so that memory is bounded; nothing is lost', async () => {
    const keys = await keysOf(sharing, ['a', 'b'])
    const [mine, theirs] = [keys.get('a')![0]!, keys.get('b')![0]!]
    const r = await rig({ sharing, limits: { inflight: 2 } })
    const [a, b] = [await join(r, 'a', 1), await join(r, 'b')]
    // One is under way, four (two for each member) are put aside, the sixth blocks the line.
    for (let i = 0; i < 6; i++) await publish(r, mine, `a${i}`)
    await publish(r, theirs, 'b')
    expect([a.peer.texts, b.peer.texts]).toEqual([['a0'], []])
    a.session.outbound.ack(a.peer.received[0]!.tag)
    expect([a.peer.texts, b.peer.texts]).toEqual([['a0', 'a1'], ['b']])
    for (let i = 1; i < 6; i++) a.session.outbound.ack(a.peer.received[i]!.tag)
    expect(a.peer.texts).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5'])
  })

  it.each([1, 2] as const)('what waited for a member that goes away goes to another, in order, QoS %i', async (qos) => {
    const keys = await keysOf(sharing, ['a', 'b'])
    const mine = keys.get('a')![0]!
    const r = await rig({ sharing })
    const [a, b] = [await join(r, 'a', 1), await join(r, 'b')]
    for (const text of ['1', '2', '3']) await publish(r, mine, text, qos)
    expect([a.peer.texts, b.peer.texts]).toEqual([['1'], []])
    await a.leave()
    // What has begun at QoS 2 stays where it was.
    expect(b.peer.received.map((d) => [d.text, d.redelivered])).toEqual(
      (qos === 1 ? ['1', '2', '3'] : ['2', '3']).map((text) => [text, false]),
    )
  })

  it('a key comes back to its member when that one does', async () => {
    const keys = await keysOf(sharing, ['a', 'b'])
    const mine = keys.get('a')![0]!
    const r = await rig({ sharing })
    const [a, b] = [await join(r, 'a'), await join(r, 'b')]
    await a.leave()
    await publish(r, mine, '1')
    const again = await r.open('a')
    await publish(r, mine, '2')
    expect([b.peer.texts, again.peer.texts]).toEqual([['1'], ['2']])
  })

  it('what waited for a full member is there once after a crash, and before what is younger', async () => {
    const keys = await keysOf(sharing, ['a', 'b'])
    const [mine, theirs] = [keys.get('a')![0]!, keys.get('b')![0]!]
    const r = await rig({ sharing })
    const [a, b] = [await join(r, 'a', 1), await join(r, 'b')]
    for (const text of ['1', '2', '3']) {
      await publish(r, mine, `a${text}`, 2)
      await publish(r, theirs, `b${text}`, 2)
    }
    for (const { tag } of b.peer.received.slice()) {
      b.session.outbound.accept(tag)
      b.session.outbound.complete(tag)
    }
    await r.host.advance(1000)
    const again = await r.restart()
    await publish(again, mine, 'a4', 2)
    expect((await again.open('b')).peer.texts.sort()).toEqual(['a2', 'a3', 'a4'])
    expect((await again.open('a')).peer.texts).toEqual(['a1'])
    expect([a.peer.texts, b.peer.texts]).toEqual([['a1'], ['b1', 'b2', 'b3']])
  })

  it('QoS 0 for a member whose socket is full is dropped, not given to another', async () => {
    const keys = await keysOf(sharing, ['a', 'b'])
    const mine = keys.get('a')![0]!
    const r = await rig({ sharing })
    const [a, b] = [await join(r, 'a'), await join(r, 'b')]
    a.peer.load = 2
    await publish(r, mine, 'x', 0)
    await r.host.settle()
    expect([a.peer.texts, b.peer.texts, r.dropped('slow-consumer')]).toEqual([[], [], [`t/${mine}`]])
  })

  it('publishers wait for the member that is full, not for another', async () => {
    const keys = await keysOf(sharing, ['a', 'b'])
    const mine = keys.get('b')![0]!
    const r = await rig({ sharing })
    await join(r, 'a')
    const b = await join(r, 'b', 1)
    for (const text of ['1', '2']) await publish(r, mine, text)
    let resumed = 0
    expect(r.broker.pressure.hold(() => resumed++)).toBe(true)
    b.session.outbound.ack(b.peer.received[0]!.tag)
    expect(resumed).toBe(1)
  })
})
