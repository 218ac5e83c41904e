import { failingStorage, slowStorage, delayOn, fakeHost } from '@isomq/testkit'
import { memoryStorage } from '@isomq/storage-memory'
import { describe, expect, it } from 'vitest'
import {
  allowAll,
  type BanRequest,
  type BanTarget,
  BrokerError,
  type Credentials,
  type Guard,
  Will,
} from '../src/index.ts'
import { message, rig, type Rig } from './rig.ts'

const hour = 3_600_000

function credentials(clientId: string, username?: string, address?: string): Credentials {
  return { clientId, username, peer: { transport: 'test', secure: false, address } }
}

function peerAt(address: string): { readonly peer: Credentials['peer'] } {
  return { peer: { transport: 'test', secure: false, address } }
}

/** Whether the guard lets these in, or what it says instead. */
async function knock({ broker }: Rig, who: Credentials): Promise<string> {
  try {
    await broker.guard.authenticate(who)
    return 'in'
  } catch (error) {
    return (error as BrokerError).code
  }
}

/** Bans and waits until that is durable. */
async function ban(r: Rig, request: BanRequest): Promise<void> {
  const added = r.broker.bans.add(request)
  await r.host.settle()
  await added
}

/** Takes a ban back and waits until that is durable. */
async function unban(r: Rig, target: BanTarget): Promise<boolean> {
  const removed = r.broker.bans.remove(target)
  await r.host.settle()
  return removed
}

describe('a ban', () => {
  const cases: readonly (readonly [ban: BanRequest, covered: Credentials, not: Credentials])[] = [
    [{ kind: 'clientId', value: 'eve' }, credentials('eve'), credentials('eve2', 'eve')],
    [{ kind: 'clientId', value: '*' }, credentials('*'), credentials('eve')],
    [{ kind: 'clientId', value: 'bot-?', match: 'glob' }, credentials('bot-1'), credentials('bot-10', 'bot-1')],
    [{ kind: 'username', value: 'eve' }, credentials('c', 'eve'), credentials('eve', 'Eve')],
    [{ kind: 'username', value: '*', match: 'glob' }, credentials('c', ''), credentials('c')],
    [
      { kind: 'address', value: '10.0.0.1' },
      credentials('c', undefined, '10.0.0.1'),
      credentials('c', undefined, '10.0.0.10'),
    ],
    [{ kind: 'address', value: '10.0.0.1' }, credentials('c', undefined, '::ffff:10.0.0.1'), credentials('10.0.0.1')],
    [
      { kind: 'address', value: '::ffff:10.0.0.1' },
      credentials('c', undefined, '10.0.0.1'),
      credentials('c', undefined, '::10.0.0.1'),
    ],
    [
      { kind: 'address', value: '10.0.0.0/8' },
      credentials('c', undefined, '10.255.0.1'),
      credentials('c', undefined, '11.0.0.1'),
    ],
    [{ kind: 'address', value: '::/0' }, credentials('c', undefined, '::1'), credentials('c', undefined, '1.2.3.4')],
    [
      { kind: 'address', value: '2001:db8::/32' },
      credentials('c', undefined, '2001:db8:9::1'),
      credentials('c', undefined, '2001:db9::1'),
    ],
    [
      { kind: 'address', value: '2001:DB8:*', match: 'glob' },
      credentials('c', undefined, '2001:db8::1'),
      credentials('c', undefined, '2001:db80::1'),
    ],
    [
      { kind: 'address', value: '192.168.*', match: 'glob' },
      credentials('c', undefined, '::ffff:192.168.1.1'),
      credentials('c', undefined, '192.16.8.1'),
    ],
  ]
  for (const [request, covered, not] of cases) {
    it(`by ${request.kind} ${request.match ?? 'exact'} ${request.value} covers whom it should`, async () => {
      const r = await rig()
      for (const kind of ['clientId', 'username', 'address'] as const)
        await ban(r, { kind, value: 'nobody', match: 'glob' })
      await ban(r, request)
      expect([await knock(r, covered), await knock(r, not)]).toEqual(['banned', 'in'])
      expect(await unban(r, request)).toBe(true)
      expect([await knock(r, covered), r.broker.bans.size, (await r.keys('bans')).length]).toEqual(['in', 3, 3])
      expect(await unban(r, request)).toBe(false)
    })
  }

  it('comes before the guard is asked who somebody is', async () => {
    let asked = 0
    const guard: Guard = {
      ...allowAll,
      authenticate(who) {
        asked++
        return allowAll.authenticate(who)
      },
    }
    const r = await rig({ guard })
    await ban(r, { kind: 'clientId', value: 'eve' })
    expect([await knock(r, credentials('eve')), asked]).toEqual(['banned', 0])
    expect([await knock(r, credentials('bob')), asked]).toEqual(['in', 1])
  })

  it('covers a name that only authentication has found out', async () => {
    const guard: Guard = { ...allowAll, authenticate: ({ clientId }) => Promise.resolve({ clientId, username: 'eve' }) }
    const r = await rig({ guard })
    await ban(r, { kind: 'username', value: 'eve' })
    expect(await knock(r, credentials('c', 'bob'))).toBe('in')
    await expect(r.open('c', { principal: { clientId: 'c', username: 'eve' } })).rejects.toMatchObject({
      code: 'banned',
    })
    expect([r.broker.sessions.size, r.host.reports]).toEqual([0, []])
  })

  it('that comes during authentication is in time, and takes no session over', async () => {
    const r = await rig()
    const before = await r.open('c', { principal: { clientId: 'c', username: 'bob' }, ...peerAt('10.0.0.1') })
    await ban(r, { kind: 'address', value: '10.0.0.2' })
    await expect(r.open('c', peerAt('10.0.0.2'))).rejects.toMatchObject({ code: 'banned' })
    expect([before.session.consumer === before.peer, before.peer.ended]).toEqual([true, []])
  })

  it.each<[BanRequest]>([
    [{ kind: 'clientId', value: 'eve' }],
    [{ kind: 'clientId', value: 'e*', match: 'glob' }],
    [{ kind: 'username', value: 'evelyn' }],
    [{ kind: 'address', value: '10.0.0.0/24' }],
  ])('disconnects whom it covers at once, and keeps the session: %o', async (request) => {
    const r = await rig()
    const eve = await r.open('eve', { principal: { clientId: 'eve', username: 'evelyn' }, ...peerAt('10.0.0.1') })
    const bob = await r.open('bob', { principal: { clientId: 'bob', username: 'robert' }, ...peerAt('10.0.1.1') })
    await eve.subscribe('t')
    const added = r.broker.bans.add(request)
    expect([eve.peer.ended, bob.peer.ended, r.broker.sessions.connected]).toEqual([['banned'], [], 1])
    await r.host.settle()
    await added
    await r.publish('t', 'kept')
    await unban(r, request)
    const again = await r.open('eve')
    expect([again.resumed, again.peer.texts]).toEqual([true, ['kept']])
    expect(r.events.filter((e) => e.type === 'disconnected')).toEqual([
      { type: 'disconnected', session: 'eve', reason: 'banned' },
    ])
  })

  it('ends the sessions too when asked, also of those who are away', async () => {
    const r = await rig()
    const here = await r.open('eve-here')
    const away = await r.open('eve-away')
    const bob = await r.open('bob')
    await away.leave()
    await ban(r, { kind: 'clientId', value: 'eve-*', match: 'glob', endSessions: true })
    expect([here.peer.ended, bob.peer.ended]).toEqual([['banned'], []])
    expect(Array.from(r.broker.sessions, (session) => session.id)).toEqual(['bob'])
    expect(await r.keys('sessions')).toEqual(['bob'])
  })

  it('leaves the sessions of those who are away alone unless asked', async () => {
    const r = await rig()
    await (await r.open('eve')).leave()
    await ban(r, { kind: 'clientId', value: 'eve' })
    expect(r.broker.sessions.size).toBe(1)
  })

  it('publishes the will of whom it disconnects, unless the guard says no', async () => {
    const guard: Guard = { ...allowAll, authorize: (principal) => principal.clientId !== 'mallory' }
    const r = await rig({ guard })
    const watcher = await r.open('watcher')
    await watcher.subscribe('#')
    for (const id of ['eve', 'mallory']) await r.open(id, { will: new Will(message('will', id, { publisher: id })) })
    for (const value of ['eve', 'mallory']) await ban(r, { kind: 'clientId', value })
    expect(watcher.peer.texts).toEqual(['eve'])
  })

  it('is replaced by a later one of the same target, with its end', async () => {
    const r = await rig()
    const until = r.host.clock.now() + 1000
    await ban(r, { kind: 'address', value: '10.0.0.1', until })
    await ban(r, { kind: 'address', value: '::ffff:10.0.0.1/128', reason: 'again' })
    const at = r.host.clock.now()
    await r.host.advance(2000)
    expect(Array.from(r.broker.bans)).toEqual([
      { kind: 'address', match: 'exact', value: '10.0.0.1', reason: 'again', at, until: Infinity },
    ])
    expect(r.broker.bans.size).toBe(1)
  })

  it.each<[string, BanRequest]>([
    ['an empty name', { kind: 'clientId', value: '' }],
    ['U+0000', { kind: 'username', value: 'a\0b' }],
    ['no address', { kind: 'address', value: 'example.com' }],
    ['a long pattern', { kind: 'clientId', value: '*'.repeat(257), match: 'glob' }],
    ['an end that is past', { kind: 'clientId', value: 'eve', until: 5 }],
    ['an end that is no time', { kind: 'clientId', value: 'eve', until: NaN }],
  ])('of %s is none', async (_, request) => {
    const r = await rig()
    await expect(r.broker.bans.add(request)).rejects.toThrow(RangeError)
    expect([r.broker.bans.size, r.events]).toEqual([0, []])
  })
})

describe('the end of a ban', () => {
  it('lets in again, and takes its row away', async () => {
    const r = await rig()
    const until = r.host.clock.now() + hour
    await ban(r, { kind: 'clientId', value: 'eve', until, reason: 'pest' })
    expect(await r.keys('bans')).toEqual(['clientId exact eve'])
    await r.host.advance(hour - 1)
    expect(await knock(r, credentials('eve'))).toBe('banned')
    await r.host.advance(1)
    expect([await knock(r, credentials('eve')), r.broker.bans.size, await r.keys('bans')]).toEqual(['in', 0, []])
    expect(r.events.map(({ type }) => type)).toEqual(['banned', 'unbanned'])
  })

  it('is kept to the millisecond where its timer is late', async () => {
    const r = await rig()
    await ban(r, { kind: 'clientId', value: 'eve', until: r.host.clock.now() + hour })
    await ban(r, { kind: 'clientId', value: 'e*', match: 'glob', until: r.host.clock.now() + hour })
    await ban(r, { kind: 'address', value: '10.0.0.1', until: r.host.clock.now() + hour })
    const now = r.host.clock.now() + hour
    r.host.clock.now = () => now
    expect(await knock(r, credentials('eve', undefined, '10.0.0.1'))).toBe('in')
    expect(Array.from(r.broker.bans)).toEqual([])
  })

  it('further away than a timer reaches comes in its time', async () => {
    const r = await rig()
    const year = 365 * 24 * hour
    await ban(r, { kind: 'clientId', value: 'eve', until: r.host.clock.now() + year })
    await r.host.advance(year - 1)
    expect(r.broker.bans.size).toBe(1)
    await r.host.advance(1)
    expect(r.broker.bans.size).toBe(0)
  })
})

describe('the ban list', () => {
  it('is there again after a restart, but for what has ended', async () => {
    const r = await rig()
    await ban(r, { kind: 'clientId', value: 'for ever', reason: 'why' })
    await ban(r, { kind: 'address', value: '2001:db8::/32' })
    await ban(r, { kind: 'username', value: 'u*', match: 'glob', until: r.host.clock.now() + hour })
    await ban(r, { kind: 'clientId', value: 'short', until: r.host.clock.now() + 1000 })
    const listed = Array.from(r.broker.bans)
    const sort = (bans: Iterable<{ readonly value: string }>) =>
      Array.from(bans).sort((a, b) => (a.value < b.value ? -1 : 1))
    let later = await r.restart()
    expect(sort(later.broker.bans)).toEqual(sort(listed))
    expect(await knock(later, credentials('c', 'uwe'))).toBe('banned')
    expect(await knock(later, credentials('c', undefined, '2001:db8::7'))).toBe('banned')
    r.host.clock.advance(1000)
    later = await r.restart()
    expect([later.broker.bans.size, await knock(later, credentials('short'))]).toEqual([4, 'in'])
    await later.host.advance(0)
    expect(sort(later.broker.bans)).toEqual(sort(listed.filter(({ value }) => value !== 'short')))
    expect((await later.keys('bans')).length).toBe(3)
    await later.host.advance(hour)
    expect(await knock(later, credentials('c', 'uwe'))).toBe('in')
  })

  it('does not say that a ban or its end is made before it is durable', async () => {
    const host = fakeHost()
    let slow = false
    const storage = slowStorage(memoryStorage(), () => (slow ? delayOn(host.clock, 50)() : Promise.resolve()))
    const r = await rig({ host, storage })
    slow = true
    const said: unknown[] = []
    void r.broker.bans.add({ kind: 'clientId', value: 'eve' }).then(({ value }) => said.push(value))
    await host.advance(49)
    expect([said, await knock(r, credentials('eve'))]).toEqual([[], 'banned'])
    await host.advance(1)
    expect(said).toEqual(['eve'])
    void r.broker.bans.remove({ kind: 'clientId', value: 'eve' }).then((was) => said.push(was))
    await host.advance(49)
    expect([said, await knock(r, credentials('eve'))]).toEqual([['eve'], 'in'])
    await host.advance(1)
    expect(said).toEqual(['eve', true])
  })

  it('holds what the disk would not take, says so, and writes it when it does', async () => {
    let full = false
    const storage = failingStorage(memoryStorage(), { failCommit: () => (full ? 'storage-failed' : undefined) })
    const r = await rig({ storage })
    const eve = await r.open('eve')
    full = true
    const added = r.broker.bans.add({ kind: 'clientId', value: 'eve' }).catch((error: unknown) => error)
    await r.host.settle()
    expect(await added).toMatchObject({ code: 'storage-failed' })
    expect([eve.peer.ended, await knock(r, credentials('eve')), await r.keys('bans')]).toEqual([
      ['banned'],
      'banned',
      [],
    ])
    full = false
    await r.host.advance(1000)
    expect(await r.keys('bans')).toEqual(['clientId exact eve'])
  })

  it('is bounded: the ban that ends first gives way, for ever stays', async () => {
    const r = await rig({ limits: { bans: 3 } })
    const now = r.host.clock.now()
    const values = () => Array.from(r.broker.bans, ({ value }) => value)
    await ban(r, { kind: 'clientId', value: 'ever' })
    await ban(r, { kind: 'clientId', value: 'late', until: now + 2 * hour })
    await ban(r, { kind: 'clientId', value: 'soon', until: now + hour })
    await expect(r.broker.bans.add({ kind: 'clientId', value: 'sooner', until: now + 1000 })).rejects.toMatchObject({
      code: 'quota-exceeded',
    })
    expect(values()).toEqual(['ever', 'late', 'soon'])
    await ban(r, { kind: 'clientId', value: 'soon', until: now + hour + 1 })
    await ban(r, { kind: 'clientId', value: 'also ever' })
    expect(values()).toEqual(['ever', 'late', 'also ever'])
    await ban(r, { kind: 'clientId', value: 'third' })
    await expect(r.broker.bans.add({ kind: 'clientId', value: 'fourth' })).rejects.toThrow('no more bans are kept')
    expect([values(), (await r.keys('bans')).length]).toEqual([['ever', 'also ever', 'third'], 3])
  })
})
