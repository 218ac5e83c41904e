import { describe, expect, it } from 'vitest'
import type { FlappingOptions } from '../src/index.ts'
import { Flapping } from '../src/flapping.ts'
import { rig, type Rig } from './rig.ts'

const minute = 60_000

/** Logs in, stays for no time, and says how that went. */
async function visit(r: Rig, id: string): Promise<string> {
  try {
    await (await r.open(id)).leave()
    return 'in'
  } catch (error) {
    return (error as { code: string }).code
  }
}

async function visits(r: Rig, id: string, count: number): Promise<string[]> {
  const outcomes: string[] = []
  for (let i = 0; i < count; i++) outcomes.push(await visit(r, id))
  return outcomes
}

const fifteen = Array<string>(15).fill('in')

describe('a client that comes and goes', () => {
  it('is banned with its sixteenth login of a minute, for five minutes', async () => {
    const r = await rig({ flapping: {} })
    expect(await visits(r, 'c', 17)).toEqual([...fifteen, 'banned', 'banned'])
    expect(await visit(r, 'other')).toBe('in')
    const now = r.host.clock.now()
    expect(Array.from(r.broker.bans)).toEqual([
      { kind: 'clientId', match: 'exact', value: 'c', reason: 'flapping', at: now, until: now + 5 * minute },
    ])
    expect(await r.keys('bans')).toEqual(['clientId exact c'])
    await r.host.advance(5 * minute - 1)
    expect(await visit(r, 'c')).toBe('banned')
    await r.host.advance(1)
    expect(await visits(r, 'c', 16)).toEqual([...fifteen, 'banned'])
  })

  it('is left alone unless that is asked for', async () => {
    const r = await rig()
    expect(await visits(r, 'c', 16)).toEqual([...fifteen, 'in'])
  })

  it('is judged by any minute, not by those of the clock', async () => {
    const r = await rig({ flapping: {} })
    await visits(r, 'c', 1)
    await r.host.advance(minute - 1)
    expect(await visits(r, 'c', 14)).toEqual(fifteen.slice(1))
    await r.host.advance(1)
    expect(await visit(r, 'c')).toBe('in')
    await r.host.advance(minute - 2)
    expect(await visit(r, 'c')).toBe('banned')
  })

  it('that fights another one for the session is disconnected, and so is the other', async () => {
    const r = await rig({ flapping: { maxConnects: 2 } })
    const [first, second] = [await r.open('c'), await r.open('c')]
    await expect(r.open('c')).rejects.toMatchObject({ code: 'banned' })
    expect([first.peer.ended, second.peer.ended, r.broker.sessions.connected]).toEqual([
      ['session-taken-over'],
      ['banned'],
      0,
    ])
  })

  it('is refused also where the ban list is full', async () => {
    const r = await rig({ flapping: { maxConnects: 1 }, limits: { bans: 1 } })
    const added = r.broker.bans.add({ kind: 'clientId', value: 'eve' })
    await r.host.settle()
    await added
    expect([await visits(r, 'c', 3), r.broker.bans.size]).toEqual([['in', 'banned', 'banned'], 1])
  })

  it('whose logins fail gets nobody banned', async () => {
    const r = await rig({ flapping: { maxConnects: 1 }, limits: { sessions: 1 } })
    await visit(r, 'c')
    expect(await visits(r, 'victim', 3)).toEqual(['quota-exceeded', 'quota-exceeded', 'quota-exceeded'])
    expect(r.broker.bans.size).toBe(0)
  })
})

describe('what is remembered of logins', () => {
  const options: FlappingOptions = { maxConnects: 2, window: minute, banFor: minute }

  it('is bounded in number, the oldest first', () => {
    const flapping = new Flapping(options)
    flapping.count('c', 0)
    flapping.count('c', 0)
    for (let i = 0; i < 65_534; i++) flapping.count(`other ${i}`, 1)
    expect(flapping.count('c', 1)).toBe(false)
    expect(flapping.count('c', 1)).toBe(false)
    expect(flapping.count('c', 1)).toBe(true)
  })

  it('is bounded in length too, but for the login that comes', () => {
    const flapping = new Flapping({ ...options, maxConnects: 1 })
    flapping.count('c', 0)
    for (let i = 0; i < 128; i++) flapping.count(String(i).padStart(65_535, 'x'), 1)
    expect(flapping.count('c', 1)).toBe(true)
    for (let i = 0; i < 129; i++) flapping.count(String(i).padStart(65_535, 'y'), 1)
    expect(flapping.count('c', 1)).toBe(false)
    const giant = 'z'.repeat(9 * 1024 * 1024)
    expect([flapping.count(giant, 1), flapping.count('c', 1), flapping.count('c', 1)]).toEqual([false, false, true])
  })
})
