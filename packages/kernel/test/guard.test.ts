import { describe, expect, it } from 'vitest'
import { allowAll, type Guard } from '../src/index.ts'
import { rig } from './rig.ts'

describe('what a session may receive', () => {
  it('is asked for live and retained messages, and again when the policy changes', async () => {
    const policy = { version: 0, secret: true }
    const receives: Guard['receives'] = (_, topic) => !(policy.secret && topic === 'secret')
    const guard: Guard = {
      ...allowAll,
      receives,
      get version() {
        return policy.version
      },
    }
    const r = await rig({ guard })
    await r.publish('secret', 'retained', { retain: true })
    const a = await r.open('a')
    await a.subscribe('#')
    await r.publish('secret', 'live')
    await r.publish('open', 'open')
    policy.secret = false
    await r.publish('secret', 'an answer that is kept')
    policy.version++
    await r.publish('secret', 'allowed')
    expect(a.peer.texts).toEqual(['open', 'allowed'])
  })

  it('is what the user of this connection may, not the one before, also of what waits', async () => {
    const guard: Guard = { ...allowAll, receives: ({ username }) => username !== 'mallory' }
    const r = await rig({ guard })
    await r.publish('t', 'retained', { retain: true, qos: 0 })
    const alice = { clientId: 'a', username: 'alice' }
    const a = await r.open('a', { principal: alice })
    a.session.subscribe('t', { qos: 1 })
    await r.publish('t', 'for alice')
    const mallory = await r.open('a', { principal: { clientId: 'a', username: 'mallory' } })
    await r.publish('t', 'for nobody')
    expect([mallory.resumed, mallory.peer.texts]).toEqual([true, []])
    const again = await r.open('a', { principal: alice })
    await r.publish('t', 'for alice again')
    expect(again.peer.texts).toEqual(['for alice again'])
  })

  it('a guard that throws keeps the message from that one alone', async () => {
    const guard: Guard = {
      ...allowAll,
      receives({ clientId }) {
        if (clientId === 'odd') throw new Error('a guard that throws')
        return true
      },
    }
    const r = await rig({ guard })
    const [odd, even] = [await r.open('odd'), await r.open('even')]
    for (const each of [odd, even]) await each.subscribe('t')
    expect(await r.publish('t')).toBe('kept')
    expect([odd.peer.texts, even.peer.texts]).toEqual([[], ['t']])
    expect(r.host.reports.map(({ context }) => context)).toEqual(['asking the guard'])
  })
})
