import { describe, expect, it } from 'vitest'
import { allowAll, type Guard, type Principal } from '../src/index.ts'
import { Rights } from '../src/rights.ts'

const ann: Principal = { clientId: 'ann' }
const bob: Principal = { clientId: 'bob' }

interface Asked {
  readonly guard: Guard
  readonly rights: Rights
  /** What the guard was asked. */
  readonly questions: string[]
  /** A new policy. */
  change(): void
}

function asking(authorize: (who: string, topic: string) => boolean | Promise<boolean>): Asked {
  let version = 0
  const questions: string[] = []
  const guard: Guard = {
    ...allowAll,
    authorize({ clientId }, action, topic) {
      questions.push(`${clientId} ${action} ${topic}`)
      return authorize(clientId, topic)
    },
    get version() {
      return version
    },
  }
  return { guard, rights: new Rights(guard), questions, change: () => version++ }
}

describe('Rights', () => {
  it('asks once for each principal and topic, whatever the answer', () => {
    const { rights, questions } = asking((who, topic) => who === 'ann' && topic === 'a')
    for (let round = 0; round < 3; round++) {
      expect([rights.mayPublish(ann, 'a'), rights.mayPublish(ann, 'b'), rights.mayPublish(bob, 'a')]).toEqual([
        true,
        false,
        false,
      ])
      expect(rights.mayPublish(bob, 'a')).toBe(false)
    }
    expect(questions).toEqual(['ann publish a', 'ann publish b', 'bob publish a'])
    expect(rights.size).toBe(3)
  })

  it('tells principals apart that have the same name', () => {
    const { rights, questions } = asking(() => true)
    rights.mayPublish(ann, 'a')
    rights.mayPublish({ ...ann }, 'a')
    expect(questions).toHaveLength(2)
  })

  it('answers at once what it had to think about before', async () => {
    const { rights, questions } = asking((_, topic) => Promise.resolve(topic === 'a'))
    expect(await rights.mayPublish(ann, 'a')).toBe(true)
    expect(await rights.mayPublish(ann, 'b')).toBe(false)
    expect([rights.mayPublish(ann, 'a'), rights.mayPublish(ann, 'b'), questions.length]).toEqual([true, false, 2])
  })

  it('forgets everything when the policy changes, also the answer that was given last', () => {
    let allowed = true
    const { rights, change } = asking(() => allowed)
    expect([rights.mayPublish(ann, 'a'), rights.mayPublish(bob, 'b')]).toEqual([true, true])
    allowed = false
    expect([rights.mayPublish(ann, 'a'), rights.mayPublish(bob, 'b')]).toEqual([true, true])
    change()
    expect([rights.mayPublish(bob, 'b'), rights.mayPublish(ann, 'a')]).toEqual([false, false])
  })

  it('does not keep an answer that comes after the policy has changed', async () => {
    const answers: ((yes: boolean) => void)[] = []
    const { rights, questions, change } = asking(() => new Promise((resolve) => answers.push(resolve)))
    const first = rights.mayPublish(ann, 'a')
    change()
    answers[0]!(true)
    expect(await first).toBe(true)
    expect(rights.size).toBe(0)
    const second = rights.mayPublish(ann, 'a')
    answers[1]!(false)
    expect([await second, rights.mayPublish(ann, 'a'), questions.length]).toEqual([false, false, 2])
  })

  it('keeps nothing of a guard that fails', async () => {
    let broken = true
    const { rights } = asking((_, topic) => {
      if (!broken) return true
      if (topic === 'throws') throw new Error('broken')
      return Promise.reject(new Error('broken'))
    })
    expect(() => rights.mayPublish(ann, 'throws')).toThrow('broken')
    await expect(rights.mayPublish(ann, 'rejects')).rejects.toThrow('broken')
    broken = false
    expect([rights.mayPublish(ann, 'throws'), rights.mayPublish(ann, 'rejects')]).toEqual([true, true])
  })

  it('is bounded', () => {
    const { rights } = asking(() => true)
    let largest = 0
    for (let i = 0; i < 200_000; i++) {
      rights.mayPublish(i % 2 === 0 ? ann : bob, `t/${i}`)
      largest = Math.max(largest, rights.size)
    }
    expect(largest).toBe(65_536)
  })
})
