import { memoryStorage } from '@isomq/storage-memory'
import { fakeHost } from '@isomq/testkit'
import { describe, expect, it } from 'vitest'
import { allowAll, type Guard, Will } from '../src/index.ts'
import { type Client, message, type Rig, rig, type RigOptions } from './rig.ts'

interface Scene {
  readonly r: Rig
  readonly heard: Client
}

async function scene(options: RigOptions = {}): Promise<Scene> {
  const r = await rig(options)
  const heard = await r.open('heard')
  await heard.subscribe('will')
  return { r, heard }
}

function will(delay?: number, expiry?: number): Will {
  return new Will(message('will', 'gone', { publisher: 'a' }), delay, expiry)
}

describe('wills', () => {
  it('is published when the connection is lost, not at a farewell', async () => {
    const { r, heard } = await scene()
    await (await r.open('a', { will: will() })).leave({ forgetWill: true })
    expect(heard.peer.texts).toEqual([])
    await (await r.open('a', { will: will() })).leave()
    expect(heard.peer.texts).toEqual(['gone'])
    await r.host.advance(10_000_000)
    expect(heard.peer.texts).toEqual(['gone'])
  })

  it('waits for its delay, or for the end of the session if that is earlier', async () => {
    const { r, heard } = await scene()
    await (await r.open('a', { expiry: 10_000, will: will(4000) })).leave()
    await r.host.advance(3999)
    expect(heard.peer.texts).toEqual([])
    await r.host.advance(1)
    expect(heard.peer.texts).toEqual(['gone'])
    await (await r.open('b', { expiry: 2000, will: will(4000) })).leave()
    await r.host.advance(1999)
    expect(heard.peer.texts).toHaveLength(1)
    await r.host.advance(1)
    expect(heard.peer.texts).toHaveLength(2)
  })

  it('coming back in time takes it away', async () => {
    const { r, heard } = await scene()
    await (await r.open('a', { will: will(4000) })).leave()
    await r.host.advance(3999)
    await r.open('a')
    await r.host.advance(60_000)
    expect(heard.peer.texts).toEqual([])
  })

  it.each([
    ['at once without a delay', {}, 0, ['gone']],
    ['not with a delay: the session goes on', {}, 1000, []],
    ['with a delay when the session ends', { clean: true }, 1000, ['gone']],
  ] as const)('on a take-over %s', async (_, options, delay, expected) => {
    const { r, heard } = await scene()
    await r.open('a', { will: will(delay) })
    await r.open('a', options)
    await r.host.advance(5000)
    expect(heard.peer.texts).toEqual(expected)
  })

  it('is published when the session is ended, and when the broker stops', async () => {
    const { r, heard } = await scene()
    const { session } = await r.open('a', { will: will(1000) })
    r.broker.sessions.end(session, 'banned')
    await r.host.settle()
    expect(heard.peer.texts).toEqual(['gone'])
    await r.open('b', { will: will() })
    await Promise.all([r.broker.close(), r.host.settle()])
    expect((await (await r.restart()).open('heard')).peer.texts).toEqual(['gone', 'gone'])
  })

  it('of who was connected when the broker crashed is published after the restart, its delay counted from there', async () => {
    const { r } = await scene()
    await r.open('a', { will: will(4000) })
    await r.open('b', { will: will() })
    const again = await r.restart()
    await again.host.settle()
    const heard = await again.open('heard')
    expect(heard.peer.texts).toEqual(['gone'])
    await again.host.advance(3999)
    expect(heard.peer.texts).toHaveLength(1)
    await again.host.advance(1)
    expect(heard.peer.texts).toHaveLength(2)
    expect(await again.keys('wills')).toEqual([])
  })

  it('that ran before the restart is published when it was due', async () => {
    const { r } = await scene()
    await (await r.open('a', { will: will(4000) })).leave()
    await r.host.advance(1000)
    const again = await r.restart()
    const heard = await again.open('heard')
    await again.host.advance(2999)
    expect(heard.peer.texts).toEqual([])
    await again.host.advance(1)
    expect(heard.peer.texts).toEqual(['gone'])
  })

  it('may be published if its author may publish when it is', async () => {
    let allowed = true
    const guard: Guard = { ...allowAll, authorize: (_, action) => action === 'subscribe' || Promise.resolve(allowed) }
    const { r, heard } = await scene({ guard })
    const a = await r.open('a', { will: will() })
    allowed = false
    await a.leave()
    expect(heard.peer.texts).toEqual([])
    allowed = true
    await (await r.open('a', { will: will() })).leave()
    expect(heard.peer.texts).toEqual(['gone'])
  })

  it('a guard that throws is reported, and the will is not published', async () => {
    const guard: Guard = {
      ...allowAll,
      authorize() {
        throw new Error('a guard that throws')
      },
    }
    const { r, heard } = await scene({ guard })
    await (await r.open('a', { will: will() })).leave()
    expect([heard.peer.texts, r.host.reports.map(({ context }) => context)]).toEqual([[], ['publishing a will']])
  })

  it('lives as long as it says, counted from when it is published', async () => {
    const host = fakeHost()
    const { r, heard } = await scene({ host, storage: memoryStorage() })
    await heard.leave()
    await (await r.open('a', { will: will(4000, 1000) })).leave()
    await r.host.advance(4999)
    const again = await r.open('heard')
    expect(again.peer.texts).toEqual(['gone'])
    await again.leave()
    await r.host.advance(1)
    await (await r.open('b', { will: will(0, 1000) })).leave()
    await r.host.advance(1000)
    expect((await r.open('heard')).peer.texts).toEqual(['gone'])
    expect(r.dropped('expired')).toEqual(['will'])
  })
})
