import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { setting } from './harness.ts'

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      at: fc.constantFrom('near', 'far'),
      qos: fc.constantFrom(1, 2),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), turns: fc.integer({ min: 0, max: 6 }) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'cut' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), at: fc.constantFrom('near', 'far') }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('network' as const), online: fc.boolean() }) },
)

/** Lets a little happen, and stops in the middle of it. */
async function some(host: { turn(): void }, turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) {
    host.turn()
    for (let n = 0; n < 7; n++) await Promise.resolve()
  }
}

const runs = Number(process.env['ISOMQ_MODEL_RUNS'] ?? 300)

it('whatever is cut or crashes: QoS 1 arrives at least once, QoS 2 exactly once, in order, both ways', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const s = await setting({ topics: ['up/# out 2', 'down/# in 2'] })
      const accepted = { near: [] as string[], far: [] as string[] }
      // Live taps see each message when it is published for good, also after a crash: it is in the log once.
      const arrived = { far: s.listen('far', 'up/#'), near: s.listen('near', 'down/#') }
      let count = 0
      for (const one of steps) {
        if (one.do === 'publish') {
          const at = one.at as 'near' | 'far'
          const topic = at === 'near' ? `up/${one.qos}` : `down/${one.qos}`
          const text = String(++count)
          await s.publish(at, topic, text, { qos: one.qos as 1 | 2 })
          accepted[at].push(`${topic} ${text}`)
        } else if (one.do === 'wait') await some(s.host, one.turns)
        else if (one.do === 'cut') s.cut()
        else if (one.do === 'crash') await s.crash(one.at as 'near' | 'far')
        else {
          s.online = one.online
          if (!one.online) s.cut()
        }
      }
      s.online = true
      await s.host.advance(300_000)
      expect(s.bridge.state).toMatchObject({ status: 'connected', lagMessages: 0 })
      for (const [from, to] of [
        ['near', 'far'],
        ['far', 'near'],
      ] as const)
        for (const qos of [1, 2]) {
          const sent = accepted[from].filter((line) => line.startsWith(from === 'near' ? `up/${qos}` : `down/${qos}`))
          const got = arrived[to].filter((line) => line.includes(`/${qos} `))
          if (qos === 2) expect(got).toEqual(sent)
          else expect(Array.from(new Set(got))).toEqual(sent)
        }
      await s.bridge.close()
    }),
    { numRuns: runs },
  )
}, 120_000)
