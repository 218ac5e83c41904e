import type { Host } from '@isomq/kernel'
import { fakeClock, type FakeClock } from './fake-clock.ts'

// Nothing in the language tells when the microtask queue is empty. A chain of promises longer than this between two
// visible effects does not occur; a chain that is merely long gets another round for every task it defers.
const microtasks = 128

/** A host whose time, turns and chance are in the hand of the test. */
export interface FakeHost extends Host {
  readonly clock: FakeClock
  /** What was reported, in order. */
  readonly reports: { readonly error: unknown; readonly context: string }[]
  /** Runs the tasks deferred so far, in call order. What they defer waits for the next turn. */
  turn(): void
  /** Runs microtasks and turns until nothing more happens by itself. Time stands still. */
  settle(): Promise<void>
  /** Lets this much time pass and settles after each timer that falls due, and at the end. */
  advance(milliseconds: number): Promise<void>
}

/** A FakeHost on a clock of its own or on the one given. Ids are `id` and a counter, 22 characters. */
export function fakeHost(clock: FakeClock = fakeClock()): FakeHost {
  let deferred: (() => void)[] = []
  let ids = 0
  const reports: { readonly error: unknown; readonly context: string }[] = []

  const turn = (): void => {
    const tasks = deferred
    deferred = []
    for (const [index, task] of tasks.entries()) {
      try {
        task()
      } catch (error) {
        // The test sees the error; the tasks behind it are not lost to a later turn.
        deferred = [...tasks.slice(index + 1), ...deferred]
        throw error
      }
    }
  }

  const settle = async (): Promise<void> => {
    do {
      turn()
      for (let i = 0; i < microtasks && deferred.length === 0; i++) await Promise.resolve()
    } while (deferred.length > 0)
  }

  return {
    clock,
    reports,
    defer(task) {
      deferred.push(task)
    },
    randomId: () => `id${String(++ids).padStart(20, '0')}`,
    report(error, context) {
      reports.push({ error, context })
    },
    turn,
    settle,
    async advance(milliseconds) {
      const until = clock.now() + milliseconds
      await settle()
      for (let due = clock.next(); due !== undefined && due <= until; due = clock.next()) {
        clock.advance(Math.max(0, due - clock.now()))
        await settle()
      }
      clock.advance(Math.max(0, until - clock.now()))
      await settle()
    },
  }
}
